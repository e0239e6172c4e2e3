//! Reads unified diffs: of `diff -u`, `diff -ruN` and git, and what models write in their manner.
//!
//! A line that stands where a hunk's line could be belongs to one, or the patch is refused: nothing of it is passed over
//! in silence. Only what stands before the first file and between files is (a letter's text, `Only in`, `index`).

use super::section::{Hunk, Kind, Line, Manner, Misread, Section};

/// What a unified diff says.
///
/// # Errors
/// Where it cannot be read.
pub fn parse(text: &str) -> Result<Vec<Section>, Misread> {
    let mut reader = Reader { lines: text.split_inclusive('\n').collect(), at: 0 };
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
        } else {
            reader.at += 1;
        }
    }
    Ok(sections)
}

struct Reader<'a> {
    lines: Vec<&'a str>,
    at: usize,
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

    fn plain_section(&mut self) -> Result<Section, Misread> {
        let mut section = Section::default();
        let start = self.at;
        self.names(&mut section);
        section.hunks = self.hunks()?;
        if section.hunks.is_empty() {
            return Err(Misread::at(start, "two names and no hunk: the lines to change are missing"));
        }
        Ok(section)
    }

    fn names(&mut self, section: &mut Section) {
        let (old, _) = name(&self.lines[self.at][4..]);
        let (new, stamp) = name(&self.lines[self.at + 1][4..]);
        self.at += 2;
        (section.old, section.new) = (old, new);
        section.ends_absent = stamp.starts_with("1970-01-01 ") || stamp.starts_with("1969-12-31 ");
    }

    /// A file of git: what happens to it stands before its names, and where no text changes there are no others.
    fn git_section(&mut self) -> Result<Section, Misread> {
        let (start, mut section) = (self.at, Section { manner: Manner::Git, ..Section::default() });
        let both = git_names(self.lines[self.at]["diff --git ".len()..].trim_end_matches(['\n', '\r']));
        (section.old, section.new) = both.map_or((None, None), |(old, new)| (Some(old), Some(new)));
        self.at += 1;
        let (mut made, mut gone, mut says) = (false, false, false);
        while let Some(line) = self.line().filter(|line| !self.is_head() && !line.starts_with("@@")) {
            let line = line.trim_end_matches(['\n', '\r']);
            if is_binary(line) {
                return Err(binary(self.at));
            }
            let Some((key, value)) = extended(line) else { break };
            match key {
                "rename from " | "copy from " => section.old = name(value).0,
                "rename to " => (section.new, section.kind) = (name(value).0, Kind::Rename),
                "copy to " => (section.new, section.kind) = (name(value).0, Kind::Copy),
                "new file mode " => made = true,
                "deleted file mode " => gone = true,
                _ => {}
            }
            // Where the mode stays, it stands behind the digests.
            section.is_link |= matches!(value.split_whitespace().last(), Some("120000" | "160000"));
            if key.ends_with("mode ") {
                section.executable = mode(value, key);
            }
            says |= !matches!(key, "index " | "similarity index " | "dissimilarity index ");
            self.at += 1;
        }
        if self.is_head() {
            let (old, new) = (section.old.take(), section.new.take());
            self.names(&mut section);
            if section.kind != Kind::Change {
                (section.old, section.new) = (old, new);
            }
        }
        section.hunks = self.hunks()?;
        section.old = section.old.filter(|_| !made);
        section.new = section.new.filter(|_| !gone);
        match section {
            Section { old: None, new: None, .. } => Err(Misread::at(start, "the file's name cannot be read")),
            Section { hunks, .. } if hunks.is_empty() && !says => {
                Err(Misread::at(start, "two names and no hunk: the lines to change are missing"))
            }
            section => Ok(section),
        }
    }

    /// The hunks of a file, up to the next file or its end.
    fn hunks(&mut self) -> Result<Vec<Hunk>, Misread> {
        let mut hunks = Vec::new();
        while let Some(line) = self.line().filter(|line| !self.is_head() && !self.is_signature() && !ends_file(line)) {
            match line.trim() {
                // What was left out, and what is around a diff in a chat.
                "" | "..." | "…" => self.at += 1,
                fence if fence.starts_with("```") => self.at += 1,
                _ if line.starts_with("@@@") => {
                    return Err(Misread::at(self.at, "a merge's combined diff: give the diff to one of its parents"));
                }
                _ if line.starts_with("@@") => hunks.push(self.hunk()?),
                _ if is_binary(line) => return Err(binary(self.at)),
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

    fn hunk(&mut self) -> Result<Hunk, Misread> {
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
        let counted = counts.and_then(|(old, new)| self.counted(old, new));
        hunk.lines = counted.unwrap_or_else(|| self.lines_to_the_next());
        match hunk.lines.is_empty() {
            true => Err(Misread::at(start, "a hunk without lines")),
            false => Ok(hunk),
        }
    }

    /// The lines of a hunk by its counts; `None` where they are wrong.
    fn counted(&mut self, mut old: usize, mut new: usize) -> Option<Vec<Line>> {
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
                return None;
            }
            self.at += 1;
        }
        let next = self.line().filter(|line| !self.is_head() && !self.is_signature() && !line.trim().is_empty());
        if next.and_then(Line::of).is_some() {
            self.at = start;
            return None;
        }
        Some(lines)
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

/// A line of git's between a file's head and its names.
fn extended(line: &str) -> Option<(&'static str, &str)> {
    const KEYS: [&str; 11] = [
        "index ",
        "similarity index ",
        "dissimilarity index ",
        "old mode ",
        "new mode ",
        "new file mode ",
        "deleted file mode ",
        "rename from ",
        "rename to ",
        "copy from ",
        "copy to ",
    ];
    KEYS.iter().find_map(|key| Some((*key, line.strip_prefix(key)?)))
}

/// Whether a mode of git's says that the file is executable; what a file becomes counts, not what it was.
fn mode(value: &str, key: &str) -> Option<bool> {
    let counts = !matches!(key, "old mode " | "deleted file mode ");
    counts.then_some(value.trim() == "100755")
}

/// The name after `---` or `+++`, and the time behind it; no name for `/dev/null`.
fn name(text: &str) -> (Option<String>, &str) {
    let text = text.trim_end_matches(['\n', '\r']);
    let (name, stamp) = match text.strip_prefix('"').and_then(quoted) {
        Some((name, rest)) => (name, rest.trim_start_matches('\t')),
        None => text.split_once('\t').map_or((text.to_owned(), ""), |(name, stamp)| (name.to_owned(), stamp)),
    };
    (Some(name).filter(|name| name != "/dev/null"), stamp)
}

/// A name in quotes as C writes them, after the first one, and what follows it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut name, mut bytes) = (Vec::new(), text.bytes().enumerate());
    while let Some((place, byte)) = bytes.next() {
        match byte {
            b'"' => return Some((String::from_utf8(name).ok()?, &text[place + 1..])),
            b'\\' => name.push(match bytes.next()?.1 {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                first @ b'0'..=b'3' => {
                    let mut digit = || bytes.next().map(|(_, byte)| byte.wrapping_sub(b'0')).filter(|digit| *digit < 8);
                    (first - b'0') * 64 + digit()? * 8 + digit()?
                }
                other => other,
            }),
            other => name.push(other),
        }
    }
    None
}

/// Both names of git's head, which are the same but for their first folders where no other line names them.
fn git_names(text: &str) -> Option<(String, String)> {
    if let Some((old, rest)) = text.strip_prefix('"').and_then(quoted) {
        let rest = rest.trim_start();
        return Some((old, rest.strip_prefix('"').and_then(quoted).map_or(rest.to_owned(), |(new, _)| new)));
    }
    let (old, new) = (text.get(..text.len() / 2)?, text.get(text.len() / 2..)?.strip_prefix(' ')?);
    Some((old.to_owned(), new.to_owned()))
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
