//! Puts the hunks of a diff into a text.

use crate::filesystem::nearest;
use diffy::{Hunk, Line};

/// Why a diff does not fit, in a sentence.
pub type Misfit = String;

/// The text that a diff makes of `before`.
///
/// A hunk goes where it says, or to the nearest place that has all its lines. Line ends other than the file's are no
/// difference; what is added gets the file's.
///
/// # Errors
/// Which hunk does not fit, and what is there instead.
pub fn apply(before: &str, hunks: &[Hunk<'_, str>]) -> Result<String, Misfit> {
    let lines: Vec<&str> = before.split_inclusive('\n').collect();
    let (mut after, mut taken, mut drift) = (String::with_capacity(before.len()), 0, 0);
    for (number, hunk) in hunks.iter().enumerate() {
        let sought = Sought::of(hunk, &lines, taken, drift);
        let start = sought.place().map_err(|misfit| {
            let misfit = match misfit {
                None => nearest::describe(before, &sought.old.concat(), 0),
                Some(sentence) => sentence.to_owned(),
            };
            format!("hunk {} does not fit. {misfit}", number + 1)
        })?;
        drift = start.cast_signed() - sought.said;
        after.extend(lines[taken..start].iter().copied());
        sought.write(hunk, start, &mut after);
        taken = start + sought.old.len();
    }
    after.extend(lines[taken..].iter().copied());
    Ok(after)
}

/// A hunk and where it may go.
struct Sought<'a> {
    lines: &'a [&'a str],
    /// What it expects.
    old: Vec<&'a str>,
    /// What it leaves.
    new: Vec<&'a str>,
    /// The first line that no earlier hunk has taken.
    from: usize,
    /// Where it says that it goes, counted from 0.
    said: isize,
    /// The same, as far as the earlier hunks tell.
    expected: usize,
    /// It has lines around its changes on one side only, so it was at the start or the end of the file.
    at_start: bool,
    at_end: bool,
}

impl<'a> Sought<'a> {
    fn of(hunk: &'a Hunk<'a, str>, lines: &'a [&'a str], from: usize, drift: isize) -> Self {
        let context = |line: &&Line<'_, str>| matches!(line, Line::Context(_));
        let leading = hunk.lines().iter().take_while(context).count();
        let trailing = hunk.lines().iter().rev().take_while(context).count();
        // Where nothing is expected, the line before is named.
        let start = hunk.old_range().start();
        let said = if hunk.old_range().is_empty() { start } else { start.saturating_sub(1) }.cast_signed();
        Self {
            lines,
            old: side(hunk, |line| !matches!(line, Line::Insert(_))),
            new: side(hunk, |line| !matches!(line, Line::Delete(_))),
            from,
            said,
            expected: usize::try_from(said + drift).unwrap_or(0).clamp(from, lines.len()),
            at_start: start <= 1 && leading + trailing > 0,
            at_end: trailing == 0 && leading > 0,
        }
    }

    /// Where it goes; an error with nothing to say where its lines are nowhere.
    fn place(&self) -> Result<usize, Option<&'static str>> {
        let place = self.nearest();
        let is_certain = |place: usize| {
            place == self.expected
                && !self.old.is_empty()
                && (!self.at_start || place == 0)
                && (!self.at_end || place + self.old.len() == self.lines.len())
        };
        match place {
            Some(place) if is_certain(place) => Ok(place),
            // Lines that a hunk only adds can be there already, beside those that it expects.
            place if self.is_applied(place.unwrap_or(self.expected)) => {
                Err(Some("What it would leave is there: the diff seems to be applied already"))
            }
            place => place.ok_or(None),
        }
    }

    fn nearest(&self) -> Option<usize> {
        let last = self.lines.len().checked_sub(self.old.len())?;
        let distance = |place: &usize| place.abs_diff(self.expected);
        (self.from..=last).filter(|place| self.is_at(&self.old, *place)).min_by_key(distance)
    }

    fn is_applied(&self, place: usize) -> bool {
        let around = ((place + 1).saturating_sub(self.new.len())..=place).chain([self.expected]);
        !self.new.is_empty() && self.old != self.new && { around }.any(|place| self.is_at(&self.new, place))
    }

    fn is_at(&self, wanted: &[&str], place: usize) -> bool {
        let there = self.lines.get(place..place + wanted.len());
        there.is_some_and(|there| there.iter().zip(wanted).all(|(line, wanted)| is_same(line, wanted)))
    }

    /// Writes what becomes of the lines from `start` on.
    fn write(&self, hunk: &Hunk<'_, str>, start: usize, after: &mut String) {
        let is_exact = self.lines[start..].iter().zip(&self.old).all(|(line, old)| line == old);
        let neighbour = self.lines.get(start).or(self.lines.last());
        let is_windows = neighbour.is_some_and(|line| line.ends_with("\r\n"));
        // Lines that stand there exactly so show that the diff's line ends are meant as they are.
        let keeps_ends = is_exact && !(self.old.is_empty() && is_windows);
        let mut place = start;
        for line in hunk.lines() {
            match line {
                Line::Insert(line) if keeps_ends || !line.ends_with('\n') => after.push_str(line),
                Line::Insert(line) => {
                    after.push_str(without_end(line));
                    after.push_str(if is_windows { "\r\n" } else { "\n" });
                }
                Line::Context(_) => {
                    after.push_str(self.lines[place]);
                    place += 1;
                }
                Line::Delete(_) => place += 1,
            }
        }
    }
}

fn side<'a>(hunk: &'a Hunk<'a, str>, is_on: impl Fn(&Line<'a, str>) -> bool) -> Vec<&'a str> {
    let lines = hunk.lines().iter().filter(|line| is_on(line));
    lines
        .map(|line| match line {
            Line::Context(text) | Line::Delete(text) | Line::Insert(text) => *text,
        })
        .collect()
}

fn without_end(line: &str) -> &str {
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}

fn is_same(line: &str, wanted: &str) -> bool {
    line == wanted || (line.ends_with('\n') == wanted.ends_with('\n') && without_end(line) == without_end(wanted))
}
