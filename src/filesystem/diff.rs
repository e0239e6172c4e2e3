//! What changed in a text, for a person or a patch.

use similar::{Algorithm, TextDiff};
use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

/// After this long a coarser diff is good enough.
const TIMEOUT: Duration = Duration::from_millis(500);

/// The diffs of one answer are cut behind the line that reaches this many bytes: what a model reads at once.
const MAX_DIFF: usize = 64 * 1024;

/// Of a longer line a part is shown, in bytes.
const MAX_LINE: usize = 2048;

/// As much of a long line is shown before what changed in it, in bytes.
const BEFORE: usize = 128;

/// The unified diff from one text to another, with three lines around each change; empty when they are the same. A long
/// one is cut, and says what was left out.
pub(crate) fn unified(before: &str, after: &str, path: &str) -> String {
    let mut diffs = Diffs::default();
    diffs.add(before, after, path);
    diffs.finish()
}

/// The unified diffs of several texts, up to a bound for all.
#[derive(Default)]
pub(crate) struct Diffs {
    text: String,
    lines_left_out: usize,
    bytes_left_out: usize,
}

impl Diffs {
    /// Adds the diff of one text.
    pub(crate) fn add(&mut self, before: &str, after: &str, path: &str) {
        let path = path.trim_start_matches('/');
        let mut diff = TextDiff::configure();
        let diff = diff.algorithm(Algorithm::Myers).deadline(Instant::now() + TIMEOUT).diff_lines(before, after);
        let whole =
            diff.unified_diff().context_radius(3).header(&format!("a/{path}"), &format!("b/{path}")).to_string();
        self.add_lines(&whole);
    }

    /// Adds what is a diff already.
    pub(crate) fn add_lines(&mut self, diff: &str) {
        // What stands between an old last line and a new one parts them.
        let is_note = |line: &&str| line.starts_with('\\');
        let lines: Vec<&str> = diff.split_inclusive('\n').filter(|line| !is_note(line)).collect();
        let mut place = 0;
        for line in diff.split_inclusive('\n') {
            let shown = match line.len() > MAX_LINE {
                true => part(line, counterpart(&lines, place)),
                false => Cow::Borrowed(line),
            };
            place += usize::from(!is_note(&line));
            if self.lines_left_out == 0 && self.text.len() + shown.len() <= MAX_DIFF {
                self.text.push_str(&shown);
            } else {
                self.lines_left_out += 1;
                self.bytes_left_out += line.len();
            }
        }
    }

    /// All of them.
    pub(crate) fn finish(mut self) -> String {
        if self.lines_left_out > 0 {
            let (lines, bytes) = (self.lines_left_out, self.bytes_left_out);
            self.text.push_str(&format!("[… {lines} more lines of the diff, {bytes} bytes, are left out]\n"));
        }
        self.text
    }
}

/// The line on the other side of a change: as many lines from the start of the new ones as this is of the old ones.
fn counterpart<'a>(lines: &[&'a str], place: usize) -> &'a str {
    let run = |sign: char, from: usize| lines[from..].iter().take_while(|line| line.starts_with(sign)).count();
    let starts = |sign: char| lines[..place].iter().rev().take_while(|line| line.starts_with(sign)).count();
    let other = match lines[place].as_bytes().first() {
        Some(b'-') => Some(place + run('-', place) + starts('-'))
            .filter(|other| lines.get(*other).is_some_and(|line| line.starts_with('+'))),
        Some(b'+') => {
            let first = place - starts('+');
            let old = lines[..first].iter().rev().take_while(|line| line.starts_with('-')).count();
            (first - old + starts('+') < first).then_some(first - old + starts('+'))
        }
        _ => None,
    };
    other.map_or("", |other| lines[other])
}

/// The part of a long line where it begins to differ from its counterpart.
fn part<'a>(line: &'a str, other: &str) -> Cow<'a, str> {
    let body = line.trim_end_matches(['\n', '\r']);
    let same = body.bytes().skip(1).zip(other.bytes().skip(1)).take_while(|(one, other)| one == other).count();
    let from = if other.is_empty() { 1 } else { body.floor_char_boundary((1 + same).saturating_sub(BEFORE).max(1)) };
    let to = body.floor_char_boundary((from + MAX_LINE).min(body.len()));
    let left_out = |bytes: usize| match bytes {
        0 => String::new(),
        _ => format!("[… {bytes} bytes left out]"),
    };
    let (before, after) = (left_out(from - 1), left_out(body.len() - to));
    format!("{}{before}{}{after}\n", &body[..1], &body[from..to]).into()
}

#[cfg(test)]
mod tests {
    use super::{MAX_DIFF, unified};

    #[test]
    fn of_long_lines_the_part_that_changed_is_shown() {
        let (left, right) = ("a".repeat(4_000_000), "é".repeat(2_000_000));
        let text = |token: &str| format!("{left}{token}{right}");
        let diff = unified(&text("OLD"), &text("NEW"), "f");
        assert!(diff.len() < 10_000, "{} bytes", diff.len());
        assert!(diff.contains("aOLDé") && diff.contains("aNEWé") && diff.contains("bytes left out"), "{diff}");
    }

    #[test]
    fn a_long_diff_is_cut_and_says_how_much_is_left_out() {
        let text = |word: &str| format!("{word}\n").repeat(100_000);
        let diff = unified(&text("old"), &text("new"), "f");
        assert!(diff.len() < MAX_DIFF + 100 && diff.ends_with("are left out]\n"), "{}", &diff[diff.len() - 100..]);
        assert!(!unified("a\n", "b\n", "f").contains("left out"));
    }
}
