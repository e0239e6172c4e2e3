//! Output as a person reads it: colours are left out, and what is drawn over (the frames of a progress bar, a line that is
//! written anew) is there once, as a terminal shows it at the end.

use super::plain::without_escapes;
use avt::{ScreenKind, Terminal, observer::Transcript};

/// The widths that the terminal of a program without one may have: it has the longest line on one row, up to a bound.
const WIDTHS: (usize, usize) = (80, 1000);

/// The rows of that terminal: programs draw over as many lines at most.
const ROWS: usize = 50;

/// `text` as a terminal of `size` (columns and rows) would show it, the lines that scrolled away included.
pub(super) fn readable(text: &str, size: Option<(u16, u16)>) -> String {
    if !is_drawn(text) {
        return without_escapes(text.as_bytes());
    }
    let (columns, rows) = size.map_or_else(|| (width(text), ROWS), |(columns, rows)| (columns.into(), rows.into()));
    let Ok(mut terminal) = Terminal::new(columns, rows) else { return without_escapes(text.as_bytes()) };
    if size.is_none() {
        // Without a terminal between, nobody makes a new line begin at the left.
        terminal.feed("\x1b[20h");
    }
    let mut transcript = Transcript::new();
    let mut lines = terminal.feed_with(text, &mut transcript);
    lines.extend(transcript.finish(&terminal));
    if terminal.active_screen_kind() == ScreenKind::Alternate {
        lines.extend(rows_of(&terminal));
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
    }
    let end = if text.ends_with('\n') && !lines.is_empty() { "\n" } else { "" };
    lines.join("\n") + end
}

/// The rows of the screen, from the top.
pub(super) fn rows_of(terminal: &Terminal) -> Vec<String> {
    terminal.screen().visible_lines().map(|line| line.chars().collect::<String>().trim_end().to_owned()).collect()
}

/// Whether the text moves the cursor otherwise than to the next line: only then a terminal has to find out what stays.
fn is_drawn(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr3_iter(b'\r', b'\x08', b'\x1b', bytes).any(|at| match bytes[at] {
        // Of a row of them the first tells for all.
        b'\r' if at > 0 && bytes[at - 1] == b'\r' => false,
        b'\r' => bytes[at..].iter().find(|byte| **byte != b'\r').is_some_and(|next| *next != b'\n'),
        b'\x1b' => moves(&bytes[at + 1..]),
        _ => true,
    })
}

/// Whether an escape sequence, without its first byte, moves the cursor or changes what is there already.
fn moves(sequence: &[u8]) -> bool {
    match sequence.split_first() {
        Some((b'[', rest)) => {
            let end = rest.iter().position(|byte| (0x40..=0x7e).contains(byte));
            let Some((parameters, last)) = end.map(|end| (&rest[..end], rest[end])) else { return false };
            match last {
                // The other screen, by the numbers of xterm's private modes.
                b'h' | b'l' => [&b"?47"[..], b"?1047", b"?1049"].contains(&parameters),
                _ => b"ABCDEFGHJLMPSTXZ@`abdefsu".contains(&last) || last == b'r' && !parameters.starts_with(b"?"),
            }
        }
        Some((next, _)) => b"78cDEM".contains(next),
        None => false,
    }
}

fn width(text: &str) -> usize {
    let longest = text.split(['\n', '\r']).map(|line| line.chars().count()).max().unwrap_or_default();
    longest.clamp(WIDTHS.0, WIDTHS.1)
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn a_million_returns_of_the_carriage_cost_no_more_than_a_million_letters() {
        let began = std::time::Instant::now();
        let letters = readable(&format!("a\r{}\n", "b".repeat(1 << 20)), None);
        let usual = began.elapsed();
        let began = std::time::Instant::now();
        let returns = readable(&format!("a{}\n", "\r".repeat(1 << 20)), None);
        assert!(letters.starts_with('b') && returns.starts_with('a'));
        assert!(began.elapsed() < usual * 20, "{:?}, {usual:?}", began.elapsed());
    }

    #[test]
    fn of_frames_that_overwrite_each_other_the_last_is_left() {
        let long = "x".repeat(300);
        for (text, shown) in [
            ("a\n10%\r50%\r100%\ndone\n", "a\n100%\ndone\n".to_owned()),
            ("one\ntwo\n\x1b[1A\x1b[2Knew\n", "one\nnew\n".to_owned()),
            ("abc\x08\x08X\n", "aXc\n".to_owned()),
            ("\x1b[31mred\x1b[0m\x1b[K\r\nplain\t.\r\n", "red\nplain\t.\n".to_owned()),
            ("\x1b]0;title\x07caf\u{e9} \u{4e2d}\n", "caf\u{e9} \u{4e2d}\n".to_owned()),
            (&format!("{long}1\r{long}2\n"), format!("{long}2\n")),
            ("", String::new()),
            ("no end", "no end".to_owned()),
            ("50%\r100%", "100%".to_owned()),
        ] {
            assert_eq!(readable(text, None), shown, "{text:?}");
        }
        assert_eq!(readable("a\r\nb\r\n\x1b[?1049h\x1b[2;3Hvim", Some((20, 4))), "a\nb\n\n  vim");
        let lines: String = (0..500).map(|line| format!("{line}\r\n")).collect();
        assert_eq!(readable(&format!("0%\r{lines}"), Some((80, 24))).lines().count(), 500);
    }
}
