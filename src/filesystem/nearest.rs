//! Where a text that was not found probably was meant to be, and what differs there.

use similar::TextDiff;
use std::{
    collections::HashSet,
    hash::{BuildHasher, RandomState},
};
use unicode_normalization::UnicodeNormalization;

/// As many lines of the file are shown, and of the text that is sought compared.
const MAX_SHOWN: usize = 30;

/// So many of the lines that share most with the one that is sought are compared letter by letter.
const MAX_COMPARED: usize = 20;

/// Of a longer line its start is compared and shown, in characters.
const MAX_LINE: usize = 500;

/// A sentence with the lines of `text` that are nearest to `old`. `before` lines precede `text` in its file.
pub(crate) fn describe(text: &str, old: &str, before: u64) -> String {
    let wanted: Vec<&str> = old.lines().collect();
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return "There is no text there".to_owned();
    }
    let Some(start) = alike(&lines, &wanted).or_else(|| similar(&lines, &wanted)) else {
        return "Nothing in it is near: read the file again".to_owned();
    };
    let found = &lines[start..lines.len().min(start + wanted.len().max(1))];
    let first = before + start as u64 + 1;
    let shown = &found[..found.len().min(MAX_SHOWN)];
    let last = before + (start + found.len()) as u64;
    let which = match last == first {
        true => format!("Nearest is line {first}, which differs"),
        false => format!("Nearest are lines {first} to {last}, which differ"),
    };
    format!(
        "{which} in {}.{}\n{}",
        difference(found, &wanted, text),
        first_difference(found, &wanted, first),
        shown.join("\n")
    )
}

/// The place where most lines are the same but for white space, quotes and case.
fn alike(lines: &[&str], wanted: &[&str]) -> Option<usize> {
    let state = RandomState::new();
    // Of an empty line nothing is to be learned.
    let mark = |line: &&str| Some(plain(line)).filter(|line| !line.is_empty()).map(|line| state.hash_one(line));
    let there: Vec<Option<u64>> = lines.iter().map(mark).collect();
    let sought: Vec<Option<u64>> = wanted.iter().take(MAX_SHOWN).map(mark).collect();
    let score = |start: usize| {
        let pairs = sought.iter().zip(&there[start..]);
        pairs.filter(|(sought, line)| sought == line && line.is_some()).count()
    };
    let scored = (0..there.len()).map(|start| (score(start), start));
    // Of places that are as good as each other, one where it begins alike.
    let begins = |start: usize| sought.first() == Some(&there[start]);
    let (best, start) = scored.max_by_key(|(score, start)| (*score, begins(*start), std::cmp::Reverse(*start)))?;
    (best > 0).then_some(start)
}

/// The line that is most similar to the first one that says something.
fn similar(lines: &[&str], wanted: &[&str]) -> Option<usize> {
    let (offset, sought) = wanted.iter().enumerate().find(|(_, line)| !line.trim().is_empty())?;
    let sought = start_of(sought.trim());
    let pairs: HashSet<&[u8]> = sought.as_bytes().windows(2).collect();
    let shared = |line: &str| {
        let line = start_of(line.trim()).as_bytes();
        let shared = line.windows(2).filter(|pair| pairs.contains(pair)).count();
        shared * 1000 / (line.len() + pairs.len()).max(1)
    };
    let mut likely: Vec<(usize, usize)> = lines.iter().map(|line| shared(line)).zip(0..).collect();
    likely.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
    let ratio = |place: usize| TextDiff::from_chars(start_of(lines[place].trim()), sought).ratio();
    let compared = likely.into_iter().take(MAX_COMPARED).map(|(_, place)| (ratio(place), place));
    let (best, place) = compared.max_by(|one, other| one.0.total_cmp(&other.0).then(other.1.cmp(&one.1)))?;
    (best > 0.4).then(|| place.saturating_sub(offset))
}

fn start_of(line: &str) -> &str {
    line.char_indices().nth(MAX_LINE).map_or(line, |(end, _)| &line[..end])
}

fn difference(found: &[&str], wanted: &[&str], text: &str) -> String {
    let (found, wanted) = (found.join("\n"), wanted.join("\n"));
    let same = |change: fn(&str) -> String| change(&found) == change(&wanted);
    let what = match () {
        () if found == wanted => return format!("line ends: {}", line_ends(text)),
        () if same(without_space) => "white space",
        () if same(with_plain_quotes) => "quotes or dashes",
        () if same(composed) => "how accents are written (NFC and NFD): copy the file's own characters",
        () if same(str::to_lowercase) => "upper and lower case",
        () if same(plain) => "white space, quotes and case",
        () => "their text",
    };
    what.to_owned()
}

/// How the lines of a text end.
fn line_ends(text: &str) -> &'static str {
    let (all, windows) = (text.matches('\n').count(), text.matches("\r\n").count());
    match () {
        () if windows > 0 && windows < all => "the file has both CRLF and LF",
        () if windows > 0 => "the file's lines end with CRLF",
        () if !text.ends_with('\n') => "the file's last line has no end",
        () => "the file's lines end with LF",
    }
}

/// The first line that is not as it was sought, as a sentence.
fn first_difference(found: &[&str], wanted: &[&str], first: u64) -> String {
    if found.len() < 2 && wanted.len() < 2 {
        return String::new();
    }
    let pairs = wanted.iter().zip(found.iter().map(Some).chain(std::iter::repeat(None)));
    let Some((place, (wanted, line))) = pairs.enumerate().find(|(_, (wanted, line))| Some(*wanted) != *line) else {
        return String::new();
    };
    let number = first + place as u64;
    match line {
        Some(line) => format!(" Line {number} is {:?}, not {:?}.", start_of(line), start_of(wanted)),
        None => format!(" The text ends before line {number}."),
    }
}

fn without_space(text: &str) -> String {
    text.split_whitespace().collect()
}

fn with_plain_quotes(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '‘' | '’' | '‚' | '`' | '´' | '"' | '“' | '”' | '„' | '«' | '»' => '\'',
            '–' | '—' | '−' => '-',
            other => other,
        })
        .collect()
}

fn composed(text: &str) -> String {
    text.nfc().collect()
}

fn plain(text: &str) -> String {
    let text = without_space(text);
    if text.is_ascii() { with_plain_quotes(&text) } else { composed(&with_plain_quotes(&text)) }.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named() {
        let text = "fn main() {\n\tlet a = \"x\";\n}\n";
        let near = |old: &str| describe(text, old, 10);
        assert!(near("    let a = \"x\";").starts_with("Nearest is line 12, which differs in white space"));
        assert!(near("\tlet a = “x”;").contains("differs in quotes"));
        assert!(near("\tLET a = \"x\";").contains("differs in upper and lower case"));
        assert!(near("\tlet a = \"xyz\";").contains("differs in their text.\n\tlet a"));
        assert!(near("nothing alike whatsoever").starts_with("Nothing in it is near"));
        let two = near("fn main() {\n\tlet b = \"x\";");
        assert!(two.contains(r#"Line 12 is "\tlet a = \"x\";", not "\tlet b = \"x\";"."#), "{two}");
        assert!(near("}\n}").contains("The text ends before line 14"));
        assert!(describe("cafe\u{301}\n", "café", 0).contains("NFC and NFD"));
        assert!(describe("a\r\nb\n", "a\nb\r\n", 0).contains("both CRLF and LF"));
    }

    #[test]
    fn the_nearest_line_of_a_long_text_is_found_wherever_it_is() {
        let text: String = (1..=20_000).map(|line| format!("line {line} of the file\n")).collect();
        let near = describe(&text, "lime 17777 of the file", 0);
        assert!(near.starts_with("Nearest is line 17777,"), "{near}");
    }
}
