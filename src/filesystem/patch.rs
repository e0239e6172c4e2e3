//! Applies a unified diff over several files.

use super::{
    Files,
    edit::{COPIES, is_crlf, with_ends},
    read::bytes_of,
    undo::{Edit, Source, State, Who},
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
/// As from `diff -u` or `git diff`, over several files: changes, new files, deletions, renames. All of it is applied
/// or nothing; a part that does not fit is a conflict that names it.
#[derive(Deserialize, JsonSchema)]
pub struct PatchFiles {
    /// The diff.
    patch: String,
    /// The directory in which the diff's names lie.
    #[serde(default = "here")]
    path: String,
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
    /// The change's name, for filesystem_undo.
    #[serde(skip_serializing_if = "Option::is_none")]
    change_id: Option<String>,
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

impl PatchFiles {
    /// How many bytes the files have that the diff changes. What is wrong with it is said when it is applied.
    fn size(&self, files: &Files) -> u64 {
        let parts = PatchSet::parse(&self.patch, self.options()).filter_map(Result::ok);
        let sizes =
            parts.filter_map(|part| match part.operation().strip_prefix(usize::from(is_prefixed(part.operation()))) {
                FileOperation::Create(_) => None,
                FileOperation::Delete(path)
                | FileOperation::Copy { from: path, .. }
                | FileOperation::Rename { from: path, .. }
                | FileOperation::Modify { original: path, .. } => Some(files.size_of(&self.named(&path))),
            });
        sizes.map(|size| size.min(files.max_read)).sum()
    }

    fn options(&self) -> ParseOptions {
        if self.patch.contains("diff --git ") { ParseOptions::gitdiff() } else { ParseOptions::unidiff() }
    }

    fn patch(self, files: &Files, who: &Who) -> Result<PatchOutput> {
        let parts = PatchSet::parse(&self.patch, self.options())
            .map(|part| match part {
                Ok(part) => self.part(files, &part),
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
        let change_id = (!self.dry_run).then(|| files.undo.commit(who, edits, None)).transpose()?;
        let timestamp = clock::timestamp();
        Ok(PatchOutput { success: true, files: shown, dry_run: self.dry_run, change_id, timestamp })
    }

    fn part(&self, files: &Files, part: &FilePatch<'_, str>) -> Result<Part> {
        let operation = part.operation().strip_prefix(usize::from(is_prefixed(part.operation())));
        let (old, new, kind) = match &operation {
            FileOperation::Create(path) => (None, Some(path), "created"),
            FileOperation::Delete(path) => (Some(path), None, "deleted"),
            FileOperation::Copy { from, to } => (Some(from), Some(to), "copied"),
            FileOperation::Rename { from, to } => (Some(from), Some(to), "renamed"),
            FileOperation::Modify { original, modified } if original == modified => {
                (Some(original), Some(modified), "modified")
            }
            // With `diff -u old new` both names are of one file: the first that is there.
            FileOperation::Modify { original, modified } => {
                let is_there = self.resolve(files, modified).is_ok_and(|path| path.found().is_some());
                let one = if is_there { modified } else { original };
                (Some(one), Some(one), "modified")
            }
        };
        let text = part.patch().as_text();
        let name = new.or(old).map(ToString::to_string).unwrap_or_default();
        let Some(text) = text else {
            return Err(Error::invalid("patch", format!("{name} is binary: write it as a whole instead")));
        };
        let source = old.map(|name| self.resolve(files, name)).transpose()?;
        let target = new.map(|name| self.resolve(files, name)).transpose()?;
        let hunks = text.hunks().len();
        let before = source.as_ref().map_or(Ok(String::new()), |path| read(files, path, &name))?;
        let after = apply(&before, text, &name)?;
        let mut edits = Vec::new();
        if let Some(target) = &target {
            may_be_written(target)?;
            if kind != "modified" && target.found().is_some() {
                return Err(Error::Conflict(format!("{name} is there already, and the diff would make it")));
            }
            edits.push(with_mode(files, target, source.as_ref(), after.into_bytes(), part.new_mode()));
        }
        if matches!(kind, "deleted" | "renamed")
            && let Some(source) = &source
        {
            edits.push(Edit { path: source.real().to_owned(), after: State::Absent, source: Source::Nothing });
        }
        Ok(Part { edits, shown: PatchedFile { path: name, kind, hunks } })
    }

    fn resolve(&self, files: &Files, name: &str) -> Result<SafePath> {
        files.workspace.resolve(&self.named(name), Named::File, Intent::Write)
    }

    /// A name of the diff as a path.
    fn named(&self, name: &str) -> String {
        if name.starts_with('/') { name.to_owned() } else { format!("{}/{name}", self.path) }
    }
}

/// Whether the names stand below `a/` and `b/`, as git writes them.
fn is_prefixed(operation: &FileOperation<'_, str>) -> bool {
    let below = |path: &str, prefix: &str| path.starts_with(prefix);
    match operation {
        FileOperation::Create(path) => below(path, "b/"),
        FileOperation::Delete(path) => below(path, "a/"),
        FileOperation::Modify { original, modified } => below(original, "a/") && below(modified, "b/"),
        // Git writes these two without.
        FileOperation::Rename { .. } | FileOperation::Copy { .. } => false,
    }
}

fn read(files: &Files, path: &SafePath, name: &str) -> Result<String> {
    if path.found().is_none() {
        return Err(Error::Conflict(format!("{name} is not there, and the diff would change it")));
    }
    let text = String::from_utf8(bytes_of(path, files.max_read)?);
    text.map_err(|_| Error::Unusable(format!("{name} is not text in UTF-8: write it as a whole instead")))
}

fn apply(before: &str, patch: &diffy::Patch<'_, str>, name: &str) -> Result<String> {
    let misfit = |error| Error::Conflict(format!("{name}: the diff does not fit ({error}). Read the file again"));
    match diffy::apply(before, patch) {
        Ok(after) => Ok(after),
        // A diff made elsewhere may have other line ends than the file.
        Err(error) if is_crlf(before) => {
            let plain = diffy::apply(&before.replace("\r\n", "\n"), patch);
            plain.map(|after| with_ends(&after, true)).map_err(|_| misfit(error))
        }
        Err(error) => Err(misfit(error)),
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
