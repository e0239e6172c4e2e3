//! Puts the hunks of a patch into a text.

use super::{
    places::{Lines, without_end},
    section::{Hunk, Line},
};
use crate::filesystem::nearest;
use tokio_util::sync::CancellationToken;

/// So many places are named where lines stand more than once.
const MAX_NAMED: usize = 10;

/// What a patch makes of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Patched {
    /// The new text.
    pub text: String,
    /// For each hunk the line of the new text where it begins, counted from 1.
    pub lines: Vec<usize>,
}

/// The text that a patch makes of `before`.
///
/// A hunk goes where it says, or where all its lines are if that is one place. Line ends other than the file's are no
/// difference; what is added gets the file's.
///
/// # Errors
/// Which hunk does not fit, and what is there instead. Nobody reads it once the call is `cancelled`.
pub(crate) fn apply(before: &str, hunks: &[Hunk], cancelled: &CancellationToken) -> Result<Patched, String> {
    let lines = Lines::of(before);
    let mut patched = Patched { text: String::with_capacity(before.len()), lines: Vec::new() };
    let (mut taken, mut drift, mut written) = (0, 0, 0);
    for (number, hunk) in hunks.iter().enumerate() {
        if cancelled.is_cancelled() {
            return Err("The call is over".to_owned());
        }
        let sought = Sought::of(hunk, &lines, taken, drift);
        let start = sought.place().map_err(|misfit| {
            let misfit = misfit.or_else(|| sought.out_of_reach(number));
            let misfit = misfit.unwrap_or_else(|| nearest::describe(before, &sought.old.concat(), 0));
            format!("hunk {} does not fit. {misfit}", number + 1)
        })?;
        if let Some(said) = sought.said {
            drift = start.cast_signed() - said;
        }
        written += start - taken;
        patched.lines.push(written + 1);
        patched.text.extend(lines.texts[taken..start].iter().copied());
        sought.write(hunk, start, &mut patched.text);
        written += sought.new.len();
        taken = start + sought.old.len();
    }
    patched.text.extend(lines.texts[taken..].iter().copied());
    Ok(patched)
}

/// A hunk and where it may go.
struct Sought<'a> {
    hunk: &'a Hunk,
    lines: &'a Lines<'a>,
    /// What it expects.
    old: Vec<&'a str>,
    /// What it leaves.
    new: Vec<&'a str>,
    /// The first line that no earlier hunk has taken.
    from: usize,
    /// Where it says that it goes, counted from 0.
    said: Option<isize>,
    /// The same, as far as the earlier hunks tell.
    expected: Option<usize>,
    /// It has lines around its changes on one side only, so it was at the start or the end of the file.
    at_start: bool,
    at_end: bool,
    /// It has fewer lines than its head counts, and fewer after its changes than before them.
    is_cut: bool,
}

impl<'a> Sought<'a> {
    fn of(hunk: &'a Hunk, lines: &'a Lines<'a>, from: usize, drift: isize) -> Self {
        let context = |line: &&Line| matches!(line, Line::Context(_));
        let leading = hunk.lines.iter().take_while(context).count();
        let trailing = hunk.lines.iter().rev().take_while(context).count();
        let old = side(hunk, |line| !matches!(line, Line::Insert(_)));
        // Where nothing is expected, the line before is named.
        let is_after = old.is_empty() && hunk.expects_nothing;
        let said = hunk.start.filter(|_| is_after || !old.is_empty());
        let said = said.map(|start| if is_after { start } else { start.saturating_sub(1) }.cast_signed());
        let place = |said: isize| usize::try_from(said + drift).unwrap_or(0).clamp(from, lines.texts.len());
        Self {
            hunk,
            lines,
            new: side(hunk, |line| !matches!(line, Line::Delete(_))),
            from,
            said,
            expected: said.map(place),
            at_start: hunk.start.is_some_and(|start| start <= 1) && leading + trailing > 0,
            at_end: hunk.start.is_some() && trailing == 0 && leading > 0,
            is_cut: hunk.may_be_cut && trailing < leading,
            old,
        }
    }

    /// Where it goes; an error with nothing to say where its lines are nowhere.
    fn place(&self) -> Result<usize, Option<String>> {
        let ends = |place: usize| place + self.old.len() == self.lines.texts.len();
        let place = self.place_of_lines()?;
        match self.is_cut && !ends(place) {
            true => Err(Some(
                "The diff seems to be cut off: its head counts more lines than follow. Send it whole; where only the \
                 counts are wrong, correct them or write a bare @@"
                    .to_owned(),
            )),
            false => Ok(place),
        }
    }

    fn place_of_lines(&self) -> Result<usize, Option<String>> {
        let is_certain = |place: usize| {
            !self.old.is_empty()
                && (!self.at_start || place == 0)
                && (!self.at_end || place + self.old.len() == self.lines.texts.len())
        };
        let said = self.expected.filter(|place| self.lines.are_at(&self.old, *place));
        if let Some(place) = said.filter(|place| is_certain(*place)) {
            return Ok(place);
        }
        let places = match said {
            Some(place) => vec![place],
            None if self.old.is_empty() => self.without_lines()?,
            None => self.places(),
        };
        if self.is_applied(&places) {
            return Err(Some("What it would leave is there: the diff seems to be applied already".to_owned()));
        }
        match places.as_slice() {
            [place] => Ok(*place),
            [] => Err(None),
            all => Err(Some(ambiguous(all))),
        }
    }

    /// Where a hunk that expects no lines may go.
    fn without_lines(&self) -> Result<Vec<usize>, Option<String>> {
        let anchored = self.anchored();
        match () {
            () if self.expected.is_some() => Ok(self.expected.into_iter().collect()),
            () if self.lines.texts.is_empty() => Ok(vec![0]),
            () if !anchored.is_empty() => Ok(anchored),
            () if self.hunk.appends && self.hunk.anchors.is_empty() => Ok(vec![self.lines.texts.len()]),
            () => Err(Some("It only adds lines and does not say where: give a line before or after them".to_owned())),
        }
    }

    /// Every place where all its lines are. Where several are, its anchors choose.
    fn places(&self) -> Vec<usize> {
        let Some(last) = self.lines.texts.len().checked_sub(self.old.len()) else { return vec![] };
        let from = if self.hunk.at_end { last.max(self.from) } else { self.from };
        let all = self.lines.find(&self.old, from..self.lines.texts.len());
        if all.len() < 2 {
            return all;
        }
        let next = |anchor: usize| all.get(all.partition_point(|place| *place < anchor)).copied();
        let mut chosen: Vec<usize> = self.anchored().into_iter().filter_map(next).collect();
        chosen.dedup();
        if chosen.is_empty() { all } else { chosen }
    }

    /// Why its lines are where it may not go. `before` hunks precede it.
    fn out_of_reach(&self, before: usize) -> Option<String> {
        let all = self.lines.find(&self.old, 0..self.lines.texts.len());
        let place = *all.last()?;
        let line = place + 1;
        Some(match place < self.from {
            true if place + self.old.len() > self.from => format!(
                "Its lines begin at line {line}, and hunk {before} changes lines up to {}: make one hunk of hunks that \
                 overlap",
                self.from
            ),
            true => format!(
                "Its lines are at line {line}, before those of hunk {before}: put the hunks in the order of the file"
            ),
            false => format!("Its lines are at line {line}, and not at the file's end, as the patch says"),
        })
    }

    /// The places right behind its anchors.
    fn anchored(&self) -> Vec<usize> {
        let Some((last, outer)) = self.hunk.anchors.split_last() else { return vec![] };
        let at = |anchor: &str, from: usize| {
            let is_it = |line: &&str| line.trim() == anchor.trim();
            let is_in = |line: &&str| line.contains(anchor.trim());
            let find = |is: &dyn Fn(&&str) -> bool| -> Vec<usize> {
                (from..self.lines.texts.len()).filter(|place| is(&self.lines.texts[*place])).collect()
            };
            Some(find(&is_it)).filter(|found| !found.is_empty()).unwrap_or_else(|| find(&is_in))
        };
        let mut from = self.from;
        for anchor in outer {
            let Some(place) = at(anchor, from).first().copied() else { return vec![] };
            from = place + 1;
        }
        at(last, from).into_iter().map(|place| place + 1).collect()
    }

    /// Whether it stands in the file as it becomes: where its old lines were not found, or beside them, since lines that
    /// a hunk only adds can be there already.
    fn is_applied(&self, places: &[usize]) -> bool {
        let deletes = self.hunk.lines.iter().any(|line| matches!(line, Line::Delete(_)));
        if self.new.is_empty() || self.old == self.new || (deletes && !places.is_empty()) {
            return false;
        }
        let end = self.lines.texts.len();
        let is_within = |from: usize, to: usize| !self.lines.find(&self.new, from..to.min(end)).is_empty();
        let around = |place: usize| is_within((place + 1).saturating_sub(self.new.len()), place + self.new.len());
        match (places.first().copied(), self.expected) {
            (None, None) => is_within(0, end),
            (found, expected) => {
                found.or(expected).is_some_and(around)
                    || expected.is_some_and(|place| self.lines.are_at(&self.new, place))
            }
        }
    }

    /// Writes what becomes of the lines from `start` on.
    fn write(&self, hunk: &Hunk, start: usize, after: &mut String) {
        let lines = &self.lines.texts;
        let is_exact = lines[start..].iter().zip(&self.old).all(|(line, old)| line == old);
        let neighbour = lines.get(start).or(lines.last());
        let is_windows = neighbour.is_some_and(|line| line.ends_with("\r\n"));
        // Lines that stand there exactly so show that the diff's line ends are meant as they are.
        let keeps_ends = is_exact && !(self.old.is_empty() && is_windows);
        let end = if is_windows { "\r\n" } else { "\n" };
        let mut place = start;
        for line in &hunk.lines {
            if matches!(line, Line::Delete(_)) {
                place += 1;
                continue;
            }
            // The last line of the file may have had no end.
            if !after.is_empty() && !after.ends_with('\n') {
                after.push_str(end);
            }
            match line {
                Line::Insert(line) if keeps_ends || !line.ends_with('\n') => after.push_str(line),
                Line::Insert(line) => {
                    after.push_str(without_end(line));
                    after.push_str(end);
                }
                _ => {
                    after.push_str(lines[place]);
                    place += 1;
                }
            }
        }
        let lacks_end = |line: &&str| !line.ends_with('\n');
        let was_open = place > start && place == lines.len() && lines.last().is_some_and(lacks_end);
        if was_open && self.old.last().is_some_and(|line| line.ends_with('\n')) && after.ends_with('\n') {
            after.truncate(without_end(after).len());
        }
    }
}

fn side(hunk: &Hunk, is_on: impl Fn(&Line) -> bool) -> Vec<&str> {
    hunk.lines.iter().filter(|line| is_on(line)).map(Line::text).collect()
}

fn ambiguous(places: &[usize]) -> String {
    let named: Vec<String> = places.iter().take(MAX_NAMED).map(|place| (place + 1).to_string()).collect();
    format!(
        "Its lines are in the file {} times, at lines {}{}: give more of the lines around it, or the right line \
         after @@",
        places.len(),
        named.join(", "),
        if places.len() > MAX_NAMED { ", …" } else { "" }
    )
}
