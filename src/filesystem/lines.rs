//! Which lines of a text a caller asked for.

use std::ops::Range;

/// Lines as a caller names them: counted from 1, negative from the end (-1 is the last), both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lines {
    /// The first one; the text's first when it is not given.
    pub first: Option<i64>,
    /// The last one; the text's last when it is not given.
    pub last: Option<i64>,
}

impl Lines {
    /// Whether a part is asked for.
    pub(crate) fn is_part(self) -> bool {
        self.first.is_some() || self.last.is_some()
    }

    /// The lines that are meant of `total`, counted from 0. Beyond the end there are none; before the start the first
    /// is meant, so that the last 20 of 5 are all 5.
    pub(crate) fn of(self, total: u64) -> Range<u64> {
        let place = |line: i64| match u64::try_from(line) {
            Ok(line) => line.max(1),
            Err(_) => (total + 1).saturating_sub(line.unsigned_abs()),
        };
        let first = self.first.map_or(1, place).max(1);
        let last = self.last.map_or(total, place).min(total);
        if first > last { 0..0 } else { first - 1..last }
    }
}

/// How many lines a text has: a line feed ends one, and what follows the last is one more.
pub(crate) fn count(bytes: &[u8]) -> u64 {
    let ended = memchr::memchr_iter(b'\n', bytes).count() as u64;
    ended + u64::from(bytes.last().is_some_and(|last| *last != b'\n'))
}

/// Where lines stand in a text, with their ends.
pub(crate) fn place(bytes: &[u8], lines: &Range<u64>) -> Range<usize> {
    if lines.is_empty() {
        return 0..0;
    }
    let mut starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', bytes).map(|end| end + 1));
    let nth = |line: u64| usize::try_from(line).unwrap_or(usize::MAX);
    let start = starts.nth(nth(lines.start)).unwrap_or(bytes.len());
    let end = starts.nth(nth(lines.end - lines.start - 1)).unwrap_or(bytes.len());
    start..end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, first: Option<i64>, last: Option<i64>) -> &str {
        let lines = Lines { first, last }.of(count(text.as_bytes()));
        &text[place(text.as_bytes(), &lines)]
    }

    #[test]
    fn lines_are_counted_from_both_ends() {
        let text = "a\nb\r\nc\nd";
        assert_eq!(count(text.as_bytes()), 4);
        assert_eq!((count(b""), count(b"\n"), count(b"a\n")), (0, 1, 1));
        assert_eq!(part(text, Some(2), Some(3)), "b\r\nc\n");
        assert_eq!(part(text, Some(-1), None), "d");
        assert_eq!(part(text, Some(-20), Some(-3)), "a\nb\r\n");
        assert_eq!(part(text, None, Some(1)), "a\n");
        assert_eq!(part(text, Some(9), None), "");
        assert_eq!(part(text, Some(3), Some(2)), "");
        assert_eq!(part(text, Some(0), Some(0)), "a\n");
    }
}
