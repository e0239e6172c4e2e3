//! Reads unified diffs: of `diff -u`, `diff -ruN` and git, and what models write in their manner.
//!
//! A line that stands where a hunk's line could be belongs to one, or the patch is refused: nothing of it is passed over
//! in silence. Only what stands before the first file and between files is (a letter's text, `Only in`, `index`), and
//! what stands outside a chat's fences. A diff that was cut off is refused wherever something in it tells.

use super::{
    git_head::Head,
    names::name,
    section::{Hunk, Kind, Line, Manner, Misread, Section},
    stray::{STRAY, is_stray},
};

/// What a unified diff says. Every line of it ends; `was_open` says that the last one did not before.
///
/// # Errors
/// Where it cannot be read.
pub(crate) fn parse(text: &str, was_open: bool) -> Result<Vec<Section>, Misread> {
    let mut reader = Reader { lines: text.split_inclusive('\n').collect(), at: 0, was_open, is_fenced: false };
    let mut sections = Vec::new();
    while let Some(line) = reader.line() {
        if line.starts_with("diff --git ") {
            sections.push(reader.git_section()?);
        } else if reader.is_head() {
            sections.push(reader.plain_section()?);
        } else if line.starts_with("@@") {
            let what = "a hunk without a file: name it above, as `--- a/NAME` and `+++ b/NAME`";
            return Err(Misread::at(reader.at, what));
        } else if is_binary(line) {
            return Err(binary(reader.at));
        } else if reader.is_cut_head() {
            return Err(Misread::at(reader.at, CUT_HEAD));
        } else {
            reader.is_talk()?;
            reader.is_fenced ^= is_fence(line);
            reader.at += 1;
        }
    }
    Ok(sections)
}

const CUT_HEAD: &str = "the diff is cut off, or a head above counts its lines wrong: no hunk of a file follows. Send it \
    whole, or correct the counts";

struct Reader<'a> {
    lines: Vec<&'a str>,
    at: usize,
    /// Whether the last line had no end.
    was_open: bool,
    /// Whether a chat's fence is open.
    is_fenced: bool,
}

impl<'a> Reader<'a> {
    fn line(&self) -> Option<&'a str> {
        self.peek(0)
    }

    fn peek(&self, ahead: usize) -> Option<&'a str> {
        self.lines.get(self.at + ahead).copied()
    }

    /// Whether the two names of a file are here.
    fn is_head(&self) -> bool {
        let starts = |ahead, sign| self.peek(ahead).is_some_and(|line: &str| line.starts_with(sign));
        starts(0, "--- ") && starts(1, "+++ ")
    }

    /// Whether what is left is the beginning of a file's head: it was cut off there.
    fn is_cut_head(&self) -> bool {
        let begins = |line: &str, head: &str| self.was_open && head.starts_with(line.trim_end_matches(['\n', '\r']));
        match self.lines[self.at..] {
            [only] => only.starts_with("--- ") || only.starts_with("diff ") || begins(only, "--- "),
            [old, new] => old.starts_with("--- ") && begins(new, "+++ "),
            _ => false,
        }
    }

    /// What is passed over must be talk.
    fn is_talk(&self) -> Result<(), Misread> {
        match is_stray(self.lines[self.at], self.peek(1)) {
            true => Err(Misread::at(self.at, STRAY)),
            false => Ok(()),
        }
    }

    fn plain_section(&mut self) -> Result<Section, Misread> {
        let mut section = Section::default();
        let start = self.at;
        let is_counted = self.names(&mut section);
        section.hunks = self.hunks(is_counted)?;
        if section.hunks.is_empty() {
            return Err(Misread::at(start, "two names and no hunk: the lines to change are missing"));
        }
        Ok(section)
    }

    /// Reads the two names. Whether times stand behind them: then a program wrote the diff, and counted right.
    fn names(&mut self, section: &mut Section) -> bool {
        let (old, old_stamp) = name(&self.lines[self.at][4..]);
        let (new, stamp) = name(&self.lines[self.at + 1][4..]);
        self.at += 2;
        (section.old, section.new) = (old, new);
        section.ends_absent = stamp.starts_with("1970-01-01 ") || stamp.starts_with("1969-12-31 ");
        !old_stamp.is_empty() && !stamp.is_empty()
    }

    /// A file of git: what happens to it stands before its names, and where no text changes there are no others.
    fn git_section(&mut self) -> Result<Section, Misread> {
        let (start, mut section) = (self.at, Section { manner: Manner::Git, ..Section::default() });
        let mut head = Head::of(self.lines[start], &mut section);
        self.at += 1;
        while let Some(line) = self.line().filter(|line| !self.is_head() && !line.starts_with("@@")) {
            if is_binary(line) {
                return Err(binary(self.at));
            }
            if !head.read(line, &mut section).map_err(|what| Misread::at(self.at, what))? {
                break;
            }
            self.at += 1;
        }
        if self.is_head() {
            let (old, new) = (section.old.take(), section.new.take());
            self.names(&mut section);
            if section.kind != Kind::Change {
                (section.old, section.new) = (old, new);
            }
        }
        let is_last = self.lines[self.at..].iter().all(|line| line.trim().is_empty());
        section.hunks = self.hunks(head.is_indexed())?;
        if section.hunks.is_empty() {
            head.stands_alone(is_last, is_last && self.was_open, &section).map_err(|what| Misread::at(start, what))?;
        }
        head.name_absent(&mut section);
        match section {
            Section { old: None, new: None, .. } => Err(Misread::at(start, "the file's name cannot be read")),
            section => Ok(section),
        }
    }

    /// The hunks of a file, up to the next file or its end.
    fn hunks(&mut self, is_counted: bool) -> Result<Vec<Hunk>, Misread> {
        let mut hunks = Vec::new();
        while let Some(line) = self.line().filter(|line| !self.is_head() && !self.is_signature() && !ends_file(line)) {
            match line.trim() {
                // What was left out, and what is around a diff in a chat.
                "" | "..." | "…" => self.at += 1,
                _ if is_fence(line) => self.pass_fence(!hunks.is_empty())?,
                _ if line.starts_with("@@@") => {
                    return Err(Misread::at(self.at, "a merge's combined diff: give the diff to one of its parents"));
                }
                _ if line.starts_with("@@") => hunks.push(self.hunk(is_counted)?),
                _ if is_binary(line) => return Err(binary(self.at)),
                _ if self.is_cut_head() => return Err(Misread::at(self.at, CUT_HEAD)),
                _ if Line::of(line).is_some() => {
                    let lines = self.lines_to_the_next();
                    hunks.push(Hunk { lines, ..Hunk::default() });
                }
                _ => {
                    let what = "it belongs to no hunk: context lines begin with a space, new ones with +, old with -";
                    return Err(Misread::at(self.at, what));
                }
            }
        }
        Ok(hunks)
    }

    /// Passes a chat's fence, and after one that closes what is said up to the next.
    fn pass_fence(&mut self, has_hunks: bool) -> Result<(), Misread> {
        let closes = self.is_fenced || (has_hunks && self.lines[self.at].trim() == "```");
        self.at += 1;
        self.is_fenced = !closes;
        if closes {
            let is_said = |reader: &Self, line: &str| !is_fence(line) && !reader.is_head() && !ends_file(line);
            while self.line().is_some_and(|line| is_said(self, line)) {
                self.is_talk()?;
                self.at += 1;
            }
        }
        Ok(())
    }

    fn hunk(&mut self, is_counted: bool) -> Result<Hunk, Misread> {
        let (start, mut hunk, mut counts) = (self.at, Hunk::default(), None);
        while let Some(head) = self.line().filter(|line| line.starts_with("@@")) {
            if let Some(((old, old_count), (_, new_count))) = ranges(head) {
                if self.at > start {
                    break;
                }
                (hunk.start, hunk.expects_nothing) = (Some(old), old_count == 0);
                counts = Some((old_count, new_count));
                self.at += 1;
                break;
            }
            hunk.anchors.extend(anchor(head));
            self.at += 1;
        }
        let counted = counts.map_or(Ok(None), |(old, new)| self.counted(old, new))?;
        hunk.lines = counted.unwrap_or_else(|| self.lines_to_the_next());
        if hunk.lines.is_empty() {
            return Err(Misread::at(start, "a hunk without lines"));
        }
        let is_last = self.lines[self.at..].iter().all(|line| line.trim().is_empty());
        let (old, new) = counts.filter(|_| is_last).unwrap_or_default();
        let (old_here, new_here) = hunk.counts();
        hunk.may_be_cut = old_here < old || new_here < new;
        if hunk.may_be_cut && (self.was_open || is_counted) {
            let what = format!(
                "the diff is cut off: this head counts {old} old and {new} new lines, and {old_here} and {new_here} \
                 follow. Send it whole; where only the counts are wrong, correct them or write a bare @@"
            );
            return Err(Misread::at(start, what));
        }
        Ok(hunk)
    }

    /// The lines of a hunk by its counts; `None` where they are wrong.
    fn counted(&mut self, mut old: usize, mut new: usize) -> Result<Option<Vec<Line>>, Misread> {
        let (start, mut lines) = (self.at, Vec::new());
        while old + new > 0 || self.line().is_some_and(|line| line.starts_with('\\')) {
            let read = self.line().and_then(|line| {
                if line.starts_with('\\') {
                    lines.last_mut().map(Line::end_file)?;
                    return Some(());
                }
                let line = Line::of(line)?;
                old = if matches!(line, Line::Insert(_)) { old } else { old.checked_sub(1)? };
                new = if matches!(line, Line::Delete(_)) { new } else { new.checked_sub(1)? };
                lines.push(line);
                Some(())
            });
            if read.is_none() {
                self.at = start;
                return Ok(None);
            }
            self.at += 1;
        }
        let next = self.line().filter(|line| !self.is_head() && !self.is_signature() && !line.trim().is_empty());
        if next.and_then(Line::of).is_some() {
            if self.is_cut_head() {
                return Err(Misread::at(self.at, CUT_HEAD));
            }
            self.at = start;
            return Ok(None);
        }
        Ok(Some(lines))
    }

    /// The lines of a hunk up to what can be none of them. Empty lines at its end only part it from what follows.
    fn lines_to_the_next(&mut self) -> Vec<Line> {
        let (mut lines, mut sure) = (Vec::new(), (self.at, 0));
        while let Some(line) = self.line().filter(|_| !self.is_head() && !self.is_signature()) {
            match Line::of(line) {
                Some(read) => lines.push(read),
                None if line.starts_with('\\') => {
                    lines.last_mut().map(Line::end_file);
                }
                None => break,
            }
            self.at += 1;
            if !line.trim_end_matches(['\n', '\r']).is_empty() {
                sure = (self.at, lines.len());
            }
        }
        self.at = sure.0;
        lines.truncate(sure.1);
        lines
    }

    /// The end of a mail that git made: a line `-- ` and its version.
    fn is_signature(&self) -> bool {
        let is_end = |line: Option<&str>| line.is_none_or(|line| line.trim().is_empty());
        let is_version = |line: &str| line.starts_with(|first: char| first.is_ascii_digit());
        self.line().is_some_and(|line| line.trim_end_matches(['\n', '\r']) == "-- ")
            && (is_end(self.peek(1)) || (self.peek(1).is_some_and(is_version) && is_end(self.peek(2))))
    }
}

fn ends_file(line: &str) -> bool {
    ["diff ", "Index: ", "Only in ", "From ", "=== ", "====="].iter().any(|start| line.starts_with(start))
}

fn is_binary(line: &str) -> bool {
    line.starts_with("GIT binary patch") || (line.starts_with("Binary files ") && line.trim_end().ends_with(" differ"))
}

fn binary(line: usize) -> Misread {
    Misread::at(line, "a binary file: write it as a whole instead")
}

/// A line that begins or ends a part of a chat.
fn is_fence(line: &str) -> bool {
    line.trim().starts_with("```")
}

type Range = (usize, usize);

/// The lines that `@@ -1,2 +3,4 @@` names: where they start, and how many they are.
fn ranges(head: &str) -> Option<(Range, Range)> {
    let (ranges, _) = head.strip_prefix("@@ -")?.split_once(" @@")?;
    let (old, new) = ranges.split_once(" +")?;
    let range = |text: &str| -> Option<Range> {
        let (start, count) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.trim().parse().ok()?, count.trim().parse().ok()?))
    };
    Some((range(old)?, range(new)?))
}

/// The line that a hunk's head without numbers names.
fn anchor(head: &str) -> Option<String> {
    let text = head.trim().trim_matches('@').trim();
    Some(text.to_owned()).filter(|text| !matches!(text.as_str(), "" | "..." | "…"))
}
