//! Where a text that was not found probably was meant to be, and what differs there.

use similar::TextDiff;

/// Longer files are not compared letter by letter: only lines that are alike are looked for.
const MAX_COMPARED: usize = 5_000;

/// As many lines of the file are shown.
const MAX_SHOWN: usize = 30;

/// A sentence with the lines of `text` that are nearest to `old`. `before` lines precede `text` in its file.
pub fn describe(text: &str, old: &str, before: u64) -> String {
    let wanted: Vec<&str> = old.lines().collect();
    let lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return "There is no text there".to_owned();
    }
    let Some(start) = alike(&lines, &wanted).or_else(|| similar(&lines, &wanted)) else {
        return "Nothing in it is near: read the file again".to_owned();
    };
    let found = &lines[start..lines.len().min(start + wanted.len().clamp(1, MAX_SHOWN))];
    let first = before + start as u64 + 1;
    let last = first + found.len() as u64 - 1;
    format!(
        "Nearest are lines {first} to {last}, which differ in {}:\n{}",
        difference(found, &wanted),
        found.join("\n")
    )
}

/// The place where most lines are the same but for white space, quotes and case.
fn alike(lines: &[&str], wanted: &[&str]) -> Option<usize> {
    let plain: Vec<String> = lines.iter().map(|line| plain(line)).collect();
    let sought: Vec<String> = wanted.iter().map(|line| self::plain(line)).collect();
    let score = |start: usize| {
        let pairs = sought.iter().zip(&plain[start..]);
        pairs.filter(|(sought, line)| sought == line && !line.is_empty()).count()
    };
    let scored = (0..plain.len()).map(|start| (score(start), start));
    let (best, start) = scored.max_by_key(|(score, start)| (*score, std::cmp::Reverse(*start)))?;
    (best > 0).then_some(start)
}

/// The line that is most similar to the first one that says something.
fn similar(lines: &[&str], wanted: &[&str]) -> Option<usize> {
    let (offset, sought) = wanted.iter().enumerate().find(|(_, line)| !line.trim().is_empty())?;
    let ratio = |line: &str| TextDiff::from_chars(line.trim(), sought.trim()).ratio();
    let lines = lines.iter().take(MAX_COMPARED).enumerate().filter(|(_, line)| line.len() < 500);
    let (best, place) =
        lines.map(|(place, line)| (ratio(line), place)).max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best > 0.4).then(|| place.saturating_sub(offset))
}

fn difference(found: &[&str], wanted: &[&str]) -> &'static str {
    let (found, wanted) = (found.join("\n"), wanted.join("\n"));
    let same = |change: fn(&str) -> String| change(&found) == change(&wanted);
    match () {
        () if found == wanted => "line ends or the end of the last line",
        () if same(without_space) => "white space",
        () if same(with_plain_quotes) => "quotes or dashes",
        () if same(str::to_lowercase) => "upper and lower case",
        () if same(plain) => "white space, quotes and case",
        () => "their text",
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

fn plain(text: &str) -> String {
    without_space(&with_plain_quotes(text)).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_named() {
        let text = "fn main() {\n\tlet a = \"x\";\n}\n";
        let near = |old: &str| describe(text, old, 10);
        assert!(near("    let a = \"x\";").starts_with("Nearest are lines 12 to 12, which differ in white space"));
        assert!(near("\tlet a = “x”;").contains("differ in quotes"));
        assert!(near("\tLET a = \"x\";").contains("differ in upper and lower case"));
        assert!(near("\tlet a = \"xyz\";").contains("differ in their text:\n\tlet a"));
        assert!(near("nothing alike whatsoever").starts_with("Nothing in it is near"));
    }
}
