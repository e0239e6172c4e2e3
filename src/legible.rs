//! Texts of programs and callers in front of a person, who must see what is there, and whose terminal they must not steer.

/// Characters that are not seen, beside controls: they join, separate, tag, or turn the direction of writing, or they are
/// letters without a shape (Unicode 16: general category Cf, `Default_Ignorable_Code_Point`, line separators, and blanks that
/// count as letters or symbols).
const UNSEEN: [(char, char); 26] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether a character is not seen as what it is: it steers a terminal, or has no shape of its own.
fn is_unseen(c: char) -> bool {
    match c {
        ' '..='~' => false,
        c if c.is_control() => true,
        c => {
            let after = UNSEEN.partition_point(|(first, _)| *first <= c);
            after > 0 && c <= UNSEEN[after - 1].1
        }
    }
}

/// A text in one line, in which what is not seen is written out as `\u{202e}`; a long one is cut.
pub(crate) fn plain(text: &str, max: usize) -> String {
    // So much is shown, and no more is looked at.
    let mut shown = String::new();
    for c in text.chars().take(max + 1) {
        push(&mut shown, if matches!(c, '\n' | '\t') { ' ' } else { c });
    }
    if shown.chars().count() <= max {
        return shown;
    }
    shown.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}

/// A text with all that is in it: what is not seen is written out as `\u{1b}`. Lines stay lines.
pub(crate) fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push(c),
            c => push(&mut shown, c),
        }
    }
    shown
}

fn push(shown: &mut String, c: char) {
    if is_unseen(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
}

#[cfg(test)]
mod tests {
    use super::{UNSEEN, escaped, plain};

    #[test]
    fn a_text_cannot_steer_the_terminal_and_is_cut_with_a_mark() {
        assert_eq!(plain("a\x1b[2Jb\u{9b}c\u{202e}d\ne", 60), "a\\u{1b}[2Jb\\u{9b}c\\u{202e}d e");
        assert_eq!(plain("ééééé", 4), "ééé…");
        assert_eq!(plain("é\u{202e}", 4), "é\\u…");
    }

    #[test]
    fn what_would_steer_is_seen_where_everything_counts() {
        assert_eq!(escaped("a\x1b[2J\r\u{202e}é\nb"), "a\\u{1b}[2J\\u{d}\\u{202e}é\nb");
    }

    #[test]
    fn what_has_no_shape_is_written_out_and_what_has_one_is_not() {
        assert!(UNSEEN.is_sorted() && UNSEEN.iter().all(|(first, last)| first <= last));
        for c in [
            '\0',
            '\t',
            '\r',
            '\u{7f}',
            '\u{85}',
            '\u{ad}',
            '\u{200b}',
            '\u{200d}',
            '\u{200f}',
            '\u{202a}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{2028}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{fffb}',
            '\u{e0001}',
            '\u{e007f}',
            '\u{e0100}',
            '\u{110bd}',
            '\u{13430}',
            '\u{1d173}',
        ] {
            assert_eq!(escaped(&format!("a{c}b")), format!("a{}b", c.escape_unicode()), "{c:?}");
        }
        let seen = "aé ñ\u{a0}中한א؀\u{1d400}🙂\\".replace('\u{600}', "ا");
        assert_eq!(escaped(&seen), seen);
    }
}
