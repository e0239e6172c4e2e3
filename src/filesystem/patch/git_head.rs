//! What git says of a file before its names: modes, renames, digests.

use super::{
    names::{name, quoted},
    section::{Kind, Section},
};

/// The digests of an empty file, by SHA-1 and by SHA-256.
const EMPTY: [&str; 2] =
    ["e69de29bb2d1d6434b8b29ae775ad8c2e48c5391", "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813"];

/// The modes that git writes: of files, of executable ones, of old repositories' files, of links and of repositories.
const MODES: [&str; 5] = ["100644", "100755", "100664", "120000", "160000"];

/// Git shortens a digest to no fewer digits.
const MIN_DIGEST: usize = 7;

/// The lines between `diff --git` and the names.
#[derive(Debug)]
pub(super) struct Head<'a> {
    /// Both names, as they stand in the first line.
    names: &'a str,
    /// The file is made; it is deleted.
    made: bool,
    gone: bool,
    /// It is named what it had been, and what it becomes.
    from: bool,
    to: bool,
    old_mode: bool,
    new_mode: bool,
    /// Its digests before and afterwards.
    index: Option<(&'a str, &'a str)>,
    /// Whether all of it is as in the file that it comes from.
    is_same: Option<bool>,
}

impl<'a> Head<'a> {
    /// Begins with the line `diff --git`.
    pub(crate) fn of(line: &'a str, section: &mut Section) -> Self {
        let names = line.strip_prefix("diff --git ").unwrap_or(line).trim_end_matches(['\n', '\r']);
        (section.old, section.new) = both(names).map_or((None, None), |(old, new)| (Some(old), Some(new)));
        let (made, gone, from, to, old_mode, new_mode) = (false, false, false, false, false, false);
        Self { names, made, gone, from, to, old_mode, new_mode, index: None, is_same: None }
    }

    /// Reads a line; false for one that belongs to something else.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(&mut self, line: &'a str, section: &mut Section) -> Result<bool, &'static str> {
        let line = line.trim_end_matches(['\n', '\r']);
        let Some((key, value)) = extended(line) else { return Ok(false) };
        match key {
            "rename from " | "copy from " => (section.old, self.from) = (name(value).0, true),
            "rename to " => (section.new, section.kind, self.to) = (name(value).0, Kind::Rename, true),
            "copy to " => (section.new, section.kind, self.to) = (name(value).0, Kind::Copy, true),
            "new file mode " => self.made = true,
            "deleted file mode " => self.gone = true,
            "old mode " => self.old_mode = true,
            "new mode " => self.new_mode = true,
            "similarity index " => self.is_same = Some(value.trim() == "100%"),
            "dissimilarity index " => self.is_same = Some(false),
            _ => {
                let digests = value.split_whitespace().next().unwrap_or_default();
                let digests = digests.split_once("..");
                self.index =
                    Some(digests.ok_or("two digests stand here, with .. between: the diff seems to be cut off")?);
            }
        }
        // Where the mode stays, it stands behind the digests.
        section.is_link |= matches!(value.split_whitespace().last(), Some("120000" | "160000"));
        if key.ends_with("mode ") {
            if !MODES.contains(&value.trim()) {
                return Err(
                    "the mode is none that git writes (100644, 100755, 120000): the diff is cut off, or the mode \
                     is wrong",
                );
            }
            section.executable = mode(value, key);
        }
        Ok(true)
    }

    /// Whether a program wrote the digests.
    pub(crate) fn is_indexed(&self) -> bool {
        self.index.is_some()
    }

    /// Whether this can be all that is said of a file: no hunk follows. `is_last` means that nothing else does, and
    /// `was_open` that the last line had no end.
    ///
    /// # Errors
    /// What is missing.
    pub(crate) fn stands_alone(&self, is_last: bool, was_open: bool, section: &Section) -> Result<(), &'static str> {
        let moves = self.from && self.to;
        let is_empty = |digest: &str| digest.len() >= MIN_DIGEST && EMPTY.iter().any(|empty| empty.starts_with(digest));
        let same = match self.index {
            Some((old, new)) => (self.made && is_empty(new)) || (self.gone && is_empty(old)) || old == new,
            // Git says it of every new file.
            None => !(self.made && is_last),
        };
        let target = section.new.as_deref().filter(|_| self.to && was_open);
        match () {
            () if self.from != self.to || self.old_mode != self.new_mode => {
                Err("the diff is cut off: what the file is and what it becomes stand in two lines")
            }
            () if target.is_some_and(|new| !is_named(self.names, new)) => {
                Err("the diff is cut off, or the new name is not the one in the line `diff --git`")
            }
            () if self.is_same == Some(false) || (self.is_same.is_some() && !moves) => {
                Err("the diff is cut off: what changes in the file is missing")
            }
            () if !same && self.made => Err("the diff is cut off: the lines of a new file are missing. For an empty \
                 file, say `index 0000000..e69de29` below its mode"),
            () if !same => Err("the diff is cut off: the lines that change are missing"),
            () if moves || self.made || self.gone || self.new_mode => Ok(()),
            () => Err("two names and no hunk: the lines to change are missing"),
        }
    }

    /// Takes the name of what is not there: before, or afterwards.
    pub(crate) fn name_absent(&self, section: &mut Section) {
        section.old = section.old.take().filter(|_| !self.made);
        section.new = section.new.take().filter(|_| !self.gone);
    }
}

/// Whether the line `diff --git` ends with this name.
fn is_named(names: &str, new: &str) -> bool {
    names.contains('"') || names.strip_suffix(new).is_some_and(|rest| rest.ends_with(['/', ' ']))
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

/// Both names of git's head, which are the same but for their first folders where no other line names them.
fn both(text: &str) -> Option<(String, String)> {
    if let Some((old, rest)) = text.strip_prefix('"').and_then(quoted) {
        let rest = rest.trim_start();
        return Some((old, rest.strip_prefix('"').and_then(quoted).map_or(rest.to_owned(), |(new, _)| new)));
    }
    let (old, new) = (text.get(..text.len() / 2)?, text.get(text.len() / 2..)?.strip_prefix(' ')?);
    Some((old.to_owned(), new.to_owned()))
}
