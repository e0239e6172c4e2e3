//! What a part of a patch does to which files, checked before anything is changed.

use super::{
    PatchFiles, PatchedFile,
    hunks::{self, Patched},
    section::{Kind, Line, Manner, Section},
};
use crate::{
    error::{Error, Result},
    filesystem::{
        Files,
        basis::Basis,
        diff::Diffs,
        encoding::{self, Codec},
        go_on,
        read::bytes_of,
        undo::{Edit, State},
        write::{may_be_written, may_go, replaced},
    },
    policy::SafePath,
};
use tokio_util::sync::CancellationToken;

/// The byte order mark that a text in UTF-8 may begin with.
const MARK: char = '\u{feff}';

/// A part of the patch, ready to be made.
pub(super) struct Planned {
    pub edits: Vec<Edit>,
    pub shown: PatchedFile,
}

/// What a part of the patch does, by the names of the files.
pub(super) struct Act {
    pub old: Option<String>,
    pub new: Option<String>,
    kind: &'static str,
}

impl Act {
    /// The file's name, as it will be.
    fn name(&self) -> &str {
        self.new.as_deref().or(self.old.as_deref()).unwrap_or_default()
    }
}

impl PatchFiles {
    /// What a part does. `diff -N` names a file that was not there, or will not be, with the time 0.
    pub(super) fn act(&self, files: &Files, section: &Section) -> Act {
        let leading = self.strip.unwrap_or_else(|| usize::from(is_prefixed(section)));
        let stripped = |name: &Option<String>| name.as_ref().map(|name| without_folders(name, leading));
        let (old, new) = (stripped(&section.old), stripped(&section.new));
        let (Some(original), Some(modified)) = (&old, &new) else {
            let kind = if old.is_none() { "created" } else { "deleted" };
            return Act { old, new, kind };
        };
        match section.kind {
            Kind::Rename => return Act { old, new, kind: "renamed" },
            Kind::Copy => return Act { old, new, kind: "copied" },
            Kind::Change => {}
        }
        // With `diff -u old new` both names are of one file: the first that is there.
        let is_there = |name: &str| self.resolve(files, name).is_ok_and(|path| path.found().is_some());
        let one = if is_there(original) || !is_there(modified) { original } else { modified };
        match () {
            () if section.ends_absent => Act { old: Some(one.clone()), new: None, kind: "deleted" },
            () if !is_there(one) && begins_with_nothing(section) => Act { old: None, new, kind: "created" },
            () => Act { old: Some(one.clone()), new: Some(one.clone()), kind: "modified" },
        }
    }

    /// Puts a part of the patch into its file's text.
    pub(super) fn plan(
        &self,
        files: &Files,
        section: &Section,
        act: Act,
        diffs: &mut Diffs,
        cancelled: &CancellationToken,
    ) -> Result<Planned> {
        let name = act.name();
        if section.is_link {
            return Err(Error::Unusable(format!("{name} is no file but a link in the diff: patch files only")));
        }
        let resolved = |name: &Option<String>| name.as_ref().map(|name| self.resolve(files, name)).transpose();
        let (source, target) = (resolved(&act.old)?, resolved(&act.new)?);
        let read = source.as_ref().map(|path| read(files, path, name)).transpose()?;
        let (bytes, basis) = read.unzip();
        let bytes = bytes.unwrap_or_default();
        let codec = self.encoding.as_deref().map_or_else(|| Ok(Codec::of(&bytes)), Codec::by_name)?;
        let before = match section.hunks.is_empty() && act.kind != "deleted" {
            // Only its name or its mode changes.
            true => String::new(),
            false => codec.decode(bytes.clone()).map_err(|error| about(name, &error))?,
        };
        let patched = match section.goes_whole() {
            true => Patched { text: String::new(), lines: vec![] },
            false => {
                let misfit = |what| go_on(cancelled).err().unwrap_or(Error::Conflict(format!("{name}: {what}")));
                self.patched(&bytes, &before, section, cancelled).map_err(misfit)?
            }
        };
        let mut edits = Vec::new();
        if let Some(target) = &target {
            may_be_written(target, self.force)?;
            if act.kind != "modified" && target.found().is_some() {
                return Err(Error::Conflict(format!("{name} is there already, and the diff would make it")));
            }
            let after = match section.hunks.is_empty() {
                true => bytes,
                false => codec.encode_over(&bytes, &patched.text).map_err(|error| about(name, &error))?,
            };
            let edit = with_mode(files, target, source.as_ref(), after, section.executable);
            edits.push(edit.made_from(basis.clone().filter(|_| act.kind == "modified")));
        } else if !patched.text.is_empty() {
            let what = "the diff deletes it, and it holds more than the diff takes away. Read it again";
            return Err(Error::Conflict(format!("{name}: {what}")));
        }
        if matches!(act.kind, "deleted" | "renamed")
            && let Some(source) = &source
        {
            may_go(source, self.force, "change")?;
            edits.push(Edit::removal(source).made_from(basis));
        }
        diffs.add(&before, &patched.text, name);
        let shown =
            PatchedFile { path: name.to_owned(), kind: act.kind, hunks: section.hunks.len(), lines: patched.lines };
        Ok(Planned { edits, shown })
    }

    /// The text that the hunks make. Where nothing tells a file's encoding, a patch with letters beyond ASCII must show
    /// by a line that fits that it is the one that was guessed.
    fn patched(
        &self,
        bytes: &[u8],
        before: &str,
        section: &Section,
        cancelled: &CancellationToken,
    ) -> Result<Patched, String> {
        let is_guessed = self.encoding.is_none() && encoding::is_unknown(bytes);
        let has_letters = |of: fn(&Line) -> bool| {
            let mut lines = section.hunks.iter().flat_map(|hunk| &hunk.lines);
            lines.any(|line| of(line) && !line.text().is_ascii())
        };
        let suggestion = || {
            let name = encoding::suggestion(bytes).unwrap_or_else(|| "gbk".to_owned());
            format!(
                "The file is no UTF-8, and the patch has letters beyond ASCII: say how it is encoded with `encoding`, perhaps \"{name}\""
            )
        };
        // Few who write a patch see the mark before a file's first line. A patch that holds one means it.
        let holds_mark = section.hunks.iter().flat_map(|hunk| &hunk.lines).any(|line| line.text().starts_with(MARK));
        let unmarked = before.strip_prefix(MARK).filter(|_| !holds_mark);
        let applied = hunks::apply(unmarked.unwrap_or(before), &section.hunks, cancelled).map(|mut patched| {
            if unmarked.is_some() && !patched.text.is_empty() {
                patched.text.insert(0, MARK);
            }
            patched
        });
        match applied {
            Err(misfit) if is_guessed && has_letters(|_| true) => Err(format!("{misfit}\n{}", suggestion())),
            Ok(_) if is_guessed && has_letters(is_new) && !has_letters(|line| !is_new(line)) => Err(suggestion()),
            patched => patched,
        }
    }
}

fn is_new(line: &Line) -> bool {
    matches!(line, Line::Insert(_))
}

fn about(name: &str, error: &Error) -> Error {
    let hint = error.hint().map(|hint| format!(". {hint}")).unwrap_or_default();
    Error::Unusable(format!("{name}: {error}{hint}"))
}

/// Whether the names stand below the folders that git puts before them: `a/` and `b/`, or letters that say what is
/// compared (`i/` the index, `w/` the work tree, …).
fn is_prefixed(section: &Section) -> bool {
    let letters: &[&str] = match section.manner {
        // Git writes the names of renames and copies without.
        _ if section.kind != Kind::Change => &[],
        Manner::Git => &["a", "b", "c", "i", "o", "w"],
        Manner::Plain => &["a", "b"],
        Manner::Envelope => &[],
    };
    let letter = |path: &String| {
        let (first, _) = path.split_once('/')?;
        letters.iter().position(|letter| *letter == first)
    };
    match (&section.old, &section.new) {
        (Some(old), Some(new)) => letter(old).zip(letter(new)).is_some_and(|(old, new)| old != new),
        (one, other) => one.iter().chain(other).any(|one| letter(one).is_some()),
    }
}

/// A name less its first folders; the last part stays.
fn without_folders(name: &str, count: usize) -> String {
    let mut rest = name;
    for _ in 0..count {
        match rest.split_once('/') {
            Some((_, inner)) if !inner.is_empty() => rest = inner.trim_start_matches('/'),
            _ => break,
        }
    }
    rest.to_owned()
}

fn begins_with_nothing(section: &Section) -> bool {
    matches!(section.hunks.as_slice(), [hunk] if hunk.expects_nothing && hunk.start == Some(0))
}

fn read(files: &Files, path: &SafePath, name: &str) -> Result<(Vec<u8>, Basis)> {
    match path.found() {
        Some(_) => bytes_of(path, files.max_read),
        None => Err(Error::Conflict(format!("{name} is not there, and the diff would change it"))),
    }
}

fn with_mode(
    files: &Files,
    target: &SafePath,
    source: Option<&SafePath>,
    bytes: Vec<u8>,
    executable: Option<bool>,
) -> Edit {
    let mut edit = replaced(files, target, bytes);
    let inherited = source.and_then(|source| source.found()).filter(|_| target.found().is_none());
    if let State::File { mode: bits, .. } = &mut edit.after {
        if let Some(old) = inherited {
            *bits = old.mode_of_new_content();
        }
        match executable {
            Some(true) => *bits |= (*bits & 0o444) >> 2,
            Some(false) => *bits &= !0o111,
            None => {}
        }
    }
    edit
}
