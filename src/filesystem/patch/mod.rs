//! Applies a unified diff over several files.

mod hunks;

use super::{
    Files,
    edit::COPIES,
    encoding::Codec,
    read::bytes_of,
    undo::{Changed, Edit, Source, State, Who},
    write::{may_be_written, replaced},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
    policy::{
        SafePath,
        paths::{Intent, Named},
    },
};
use diffy::patch_set::{FileMode, FileOperation, FilePatch, ParseOptions, PatchSet};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Apply a unified diff to files.
///
/// As from `diff -u`, `diff -ruN` or `git diff`, over several files: changes, new files, deletions, renames. All of it is
/// applied or nothing; a hunk that does not fit is a conflict that shows what is there. Line ends and encoding are kept.
#[derive(Deserialize, JsonSchema)]
pub struct PatchFiles {
    /// The diff.
    patch: String,
    /// The directory in which the diff's names lie.
    #[serde(default = "here")]
    path: String,
    /// How many leading folders of the diff's names to leave out. Default: 1 where they are git's `a/` and `b/`, else 0.
    strip: Option<usize>,
    /// Whether to only try.
    #[serde(default)]
    dry_run: bool,
    /// A label that groups changes: `filesystem_undo` takes back all of one label.
    session: Option<String>,
}

fn here() -> String {
    ".".to_owned()
}

/// What was patched.
#[derive(Serialize, JsonSchema)]
pub struct PatchOutput {
    /// Always true: a failure is an error.
    success: bool,
    /// The files, in the diff's order.
    files: Vec<PatchedFile>,
    /// Whether this was only a trial.
    dry_run: bool,
    /// The change, for filesystem_undo.
    #[serde(flatten)]
    change: Option<Changed>,
    /// When it was patched.
    timestamp: String,
}

/// A file of a diff.
#[derive(Serialize, JsonSchema)]
pub struct PatchedFile {
    /// Its path.
    path: String,
    /// `created`, `modified`, `deleted`, `renamed` or `copied`.
    kind: &'static str,
    /// How many parts of the diff were applied.
    hunks: usize,
}

impl Capability for PatchFiles {
    const NAME: &'static str = "filesystem_patch";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str =
        r#"{"patch": "--- /dev/null\n+++ b/notes/new.md\n@@ -0,0 +1 @@\n+made by a patch\n"}"#;
    type Service = Files;
    type Output = PatchOutput;

    async fn run(self, files: &Files, context: &Context) -> Result<PatchOutput> {
        let who = Who::of(context, Self::NAME, self.session.as_ref());
        // Before its turn, so that no other change waits for this one's memory.
        let looked = files.look(context, move |files, _| {
            let size = self.size(files);
            Ok((self, size))
        });
        let (this, size) = looked.await?;
        context.holding.more(size.saturating_mul(COPIES)).await?;
        files.change(move |files| this.patch(files, &who)).await
    }
}

/// A part of the diff: what it does to which files.
struct Part {
    edits: Vec<Edit>,
    shown: PatchedFile,
}

/// What a part of the diff does, by the names of the files.
struct Act {
    old: Option<String>,
    new: Option<String>,
    kind: &'static str,
}

impl Act {
    fn new(old: Option<&str>, new: Option<&str>, kind: &'static str) -> Self {
        Self { old: old.map(str::to_owned), new: new.map(str::to_owned), kind }
    }

    /// The file's name, as it will be.
    fn name(&self) -> &str {
        self.new.as_deref().or(self.old.as_deref()).unwrap_or_default()
    }
}

impl PatchFiles {
    /// How many bytes the files have that the diff changes. What is wrong with it is said when it is applied.
    fn size(&self, files: &Files) -> u64 {
        let text = self.text();
        let parts = PatchSet::parse(&text, self.options()).filter_map(Result::ok);
        let old = parts.filter_map(|part| self.act(files, &part, &text).old);
        old.map(|name| files.size_of(&self.named(&name)).min(files.max_read)).sum()
    }

    /// The diff with an end to its last line, and with line feeds where every line ends as on Windows.
    fn text(&self) -> String {
        let ended = format!("{}{}", self.patch, if self.patch.ends_with('\n') { "" } else { "\n" });
        let is_windows = ended.split_inclusive('\n').all(|line| line.ends_with("\r\n"));
        if is_windows { ended.replace("\r\n", "\n") } else { ended }
    }

    fn options(&self) -> ParseOptions {
        if self.is_git() { ParseOptions::gitdiff() } else { ParseOptions::unidiff() }
    }

    fn is_git(&self) -> bool {
        self.patch.contains("diff --git ")
    }

    fn patch(self, files: &Files, who: &Who) -> Result<PatchOutput> {
        let text = self.text();
        let parts = PatchSet::parse(&text, self.options())
            .map(|part| match part {
                Ok(part) => self.part(files, &part, self.act(files, &part, &text)),
                Err(error) => Err(Error::invalid("patch", format!("Input should be a unified diff: {error}"))),
            })
            .collect::<Result<Vec<_>>>()?;
        if parts.is_empty() {
            return Err(Error::invalid("patch", "Input should be a unified diff: no file is named in it"));
        }
        let (mut edits, mut shown) = (Vec::new(), Vec::new());
        for part in parts {
            edits.extend(part.edits);
            shown.push(part.shown);
        }
        let mut places: Vec<_> = edits.iter().map(|edit| &edit.path).collect();
        places.sort();
        if let Some(twice) = places.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(Error::invalid("patch", format!("{} is changed twice: make it one part", twice[0].display())));
        }
        let change = (!self.dry_run).then(|| files.undo.commit(who, edits, None)).transpose()?;
        let timestamp = clock::timestamp();
        Ok(PatchOutput { success: true, files: shown, dry_run: self.dry_run, change, timestamp })
    }

    /// What a part does. `diff -N` names a file that was not there, or will not be, with the time 0.
    fn act(&self, files: &Files, part: &FilePatch<'_, str>, text: &str) -> Act {
        let leading = self.strip.unwrap_or_else(|| usize::from(is_prefixed(part.operation(), self.is_git())));
        let operation = part.operation().strip_prefix(leading);
        match &operation {
            FileOperation::Create(path) => Act::new(None, Some(path), "created"),
            FileOperation::Delete(path) => Act::new(Some(path), None, "deleted"),
            FileOperation::Copy { from, to } => Act::new(Some(from), Some(to), "copied"),
            FileOperation::Rename { from, to } => Act::new(Some(from), Some(to), "renamed"),
            FileOperation::Modify { original, modified } => {
                // With `diff -u old new` both names are of one file: the first that is there.
                let is_there = |name: &str| self.resolve(files, name).is_ok_and(|path| path.found().is_some());
                let one = if is_there(original) || !is_there(modified) { original } else { modified };
                let was_nothing = || part.patch().as_text().is_some_and(|text| begins_with_nothing(text));
                match () {
                    () if names_no_file(text, part.operation()) => Act::new(Some(one), None, "deleted"),
                    () if !is_there(one) && was_nothing() => Act::new(None, Some(modified), "created"),
                    () => Act::new(Some(one), Some(one), "modified"),
                }
            }
        }
    }

    fn part(&self, files: &Files, part: &FilePatch<'_, str>, act: Act) -> Result<Part> {
        let name = act.name();
        let Some(diff) = part.patch().as_text() else {
            return Err(Error::invalid("patch", format!("{name} is binary: write it as a whole instead")));
        };
        if let Some(FileMode::Symlink | FileMode::Gitlink) = part.new_mode().or(part.old_mode()) {
            return Err(Error::Unusable(format!("{name} is no file but a link in the diff: patch files only")));
        }
        let resolved = |name: &Option<String>| name.as_ref().map(|name| self.resolve(files, name)).transpose();
        let (source, target) = (resolved(&act.old)?, resolved(&act.new)?);
        let before = source.as_ref().map_or(Ok(Vec::new()), |path| read(files, path, name))?;
        let codec = Codec::of(&before);
        let misfit = |misfit| Error::Conflict(format!("{name}: {misfit}"));
        let after = hunks::apply(&codec.decode(before.clone())?, diff.hunks()).map_err(misfit)?;
        let mut edits = Vec::new();
        if let Some(target) = &target {
            may_be_written(target)?;
            if act.kind != "modified" && target.found().is_some() {
                return Err(Error::Conflict(format!("{name} is there already, and the diff would make it")));
            }
            let bytes = codec.encode_over(&before, &after)?;
            edits.push(with_mode(files, target, source.as_ref(), bytes, part.new_mode()));
        } else if !after.is_empty() {
            return Err(misfit(
                "the diff deletes it, and it holds more than the diff takes away. Read it again".into(),
            ));
        }
        if matches!(act.kind, "deleted" | "renamed")
            && let Some(source) = &source
        {
            edits.push(Edit { path: source.real().to_owned(), after: State::Absent, source: Source::Nothing });
        }
        let shown = PatchedFile { path: name.to_owned(), kind: act.kind, hunks: diff.hunks().len() };
        Ok(Part { edits, shown })
    }

    fn resolve(&self, files: &Files, name: &str) -> Result<SafePath> {
        files.workspace.resolve(&self.named(name), Named::File, Intent::Write)
    }

    /// A name of the diff as a path.
    fn named(&self, name: &str) -> String {
        if name.starts_with('/') { name.to_owned() } else { format!("{}/{name}", self.path) }
    }
}

/// Whether the names stand below the folders that git puts before them: `a/` and `b/`, or letters that say what is
/// compared (`i/` the index, `w/` the work tree, …).
fn is_prefixed(operation: &FileOperation<'_, str>, is_git: bool) -> bool {
    let letter = |path: &str| {
        let (first, _) = path.split_once('/')?;
        let letters: &[&str] = if is_git { &["a", "b", "c", "i", "o", "w"] } else { &["a", "b"] };
        letters.iter().position(|letter| *letter == first)
    };
    match operation {
        FileOperation::Create(path) | FileOperation::Delete(path) => letter(path).is_some(),
        FileOperation::Modify { original, modified } => {
            letter(original).zip(letter(modified)).is_some_and(|(old, new)| old != new)
        }
        // Git writes these two without.
        FileOperation::Rename { .. } | FileOperation::Copy { .. } => false,
    }
}

fn begins_with_nothing(diff: &diffy::Patch<'_, str>) -> bool {
    matches!(diff.hunks(), [hunk] if hunk.old_range().is_empty() && hunk.old_range().start() == 0)
}

/// Whether the time behind a name in a head of the diff is 0, wherever on earth.
fn names_no_file(text: &str, operation: &FileOperation<'_, str>) -> bool {
    let FileOperation::Modify { modified, .. } = operation else { return false };
    let stamps = text.lines().filter_map(|line| line.strip_prefix("+++ ")?.strip_prefix(modified.as_ref()));
    { stamps }.any(|stamp| stamp.starts_with("\t1970-01-01 ") || stamp.starts_with("\t1969-12-31 "))
}

fn read(files: &Files, path: &SafePath, name: &str) -> Result<Vec<u8>> {
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
    mode: Option<&FileMode>,
) -> Edit {
    let mut edit = replaced(files, target, bytes);
    let inherited = source.and_then(|source| source.found()).filter(|_| target.found().is_none());
    if let State::File { mode: bits, .. } = &mut edit.after {
        if let Some(old) = inherited {
            *bits = old.mode;
        }
        match mode {
            Some(FileMode::Executable) => *bits |= (*bits & 0o444) >> 2,
            Some(FileMode::Regular) => *bits &= !0o111,
            _ => {}
        }
    }
    edit
}
