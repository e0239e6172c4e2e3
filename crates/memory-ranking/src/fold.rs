//! Text to words: folding of case, accents, ligatures and apostrophes, and segmentation.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_segmentation::UnicodeSegmentation;

/// French elided articles and conjunctions, as they stand before an apostrophe ("l'eau", "qu'elle").
const ELISIONS: [&str; 14] =
    ["l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", "quelqu"];

/// English contracted endings, as they stand behind an apostrophe ("it's", "they'll", "don't").
const CONTRACTIONS: [&str; 6] = ["s", "t", "ll", "re", "ve", "m"];

/// Lower case, compatibility-decomposed (NFKD) without marks, ligatures opened, apostrophes made one.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for decomposed in text.nfkd().filter(|&char| !is_combining_mark(char)) {
        for char in decomposed.to_lowercase() {
            push_folded(&mut folded, char);
        }
    }
    folded
}

fn push_folded(folded: &mut String, char: char) {
    match char {
        'œ' => folded.push_str("oe"),
        'æ' => folded.push_str("ae"),
        'ß' => folded.push_str("ss"),
        'ø' => folded.push('o'),
        'ł' => folded.push('l'),
        'đ' | 'ð' => folded.push('d'),
        'ı' => folded.push('i'),
        '’' | '‘' | 'ʼ' | '‛' | '′' | '´' | '`' => folded.push('\''),
        // Lower-casing 'İ' leaves a mark behind that NFKD had not shown.
        other if is_combining_mark(other) || other == '\u{ad}' => {}
        other => folded.push(other),
    }
}

/// Calls `each` with every word of already folded text, in order: runs of letters and digits, less
/// elisions and contractions. Scripts without spaces are cut by the Unicode rules (UAX 29).
pub(crate) fn words<'text>(folded: &'text str, mut each: impl FnMut(&'text str)) {
    for run in folded.split(|char: char| !char.is_alphanumeric() && char != '\'') {
        if run.is_ascii() {
            unelided(run, &mut each);
        } else {
            run.unicode_words().for_each(|word| unelided(word, &mut each));
        }
    }
}

/// Splits one run at its apostrophes and drops the parts that carry no meaning of their own.
fn unelided<'text>(run: &'text str, each: &mut impl FnMut(&'text str)) {
    let run = run.trim_matches('\'');
    let Some((first, rest)) = run.split_once('\'') else {
        if !run.is_empty() {
            each(run);
        }
        return;
    };
    let rest = rest.trim_start_matches('\'');
    if !ELISIONS.contains(&first) {
        // "don't" is "do": the n belongs to the ending.
        let stem = if rest == "t" { first.strip_suffix('n').unwrap_or(first) } else { first };
        each(stem);
    }
    if !CONTRACTIONS.contains(&rest) && rest != "d" {
        unelided(rest, each);
    }
}
