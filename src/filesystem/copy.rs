//! Copies files and directories.

use super::{
    Files,
    about::Place,
    basis::Basis,
    go_on,
    replacement::is_temporary,
    undo::{ChangeAuthor, Changed, Edit, Source, Staging, State},
    write::may_be_written,
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    permissions::{Needs, Subjects},
    policy::{
        Folder, SafePath,
        paths::{Found, Intent, Kind, Named, OURS, not_a_file},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, path::PathBuf};
use tokio_util::sync::CancellationToken;

/// A tree with more things in it is copied in parts.
const MAX_COPIED: usize = 100_000;

/// Copy a file or directory.
///
/// With permission bits and times; a directory with all in it. Links are copied as links; what may not be read, and
/// FIFOs, sockets and devices, are left out and counted.
#[derive(Deserialize, JsonSchema)]
pub struct CopyPath {
    /// What to copy.
    path: String,
    /// Where the copy is to be; the directories above it are made.
    to: String,
    /// Whether a file that is there is replaced.
    #[serde(default)]
    overwrite: bool,
    /// Whether a file that is read-only is replaced, too.
    #[serde(default)]
    force: bool,
    /// A label that groups changes: `filesystem_undo` takes back all of one label.
    session: Option<String>,
}

/// What was copied.
#[derive(Serialize, JsonSchema)]
pub struct CopyOutput {
    /// The path as sent.
    path: String,
    /// The copy's path as sent.
    to: String,
    /// How many files, links and directories were copied.
    count: usize,
    /// How many were left out.
    skipped: usize,
    /// The change, for filesystem_undo.
    #[serde(flatten)]
    change: Changed,
}

impl Capability for CopyPath {
    const NAME: &'static str = "filesystem_copy";
    const ACCESS: Access = Access::Write;
    const EXAMPLE: &'static str = r#"{"path": "notes/today.md", "to": "notes/archive/today.md"}"#;
    type Service = Files;
    type Output = CopyOutput;

    fn aside(_: &CopyOutput) -> &'static [&'static str] {
        &["path", "to", "change_id"]
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        let about = files.about(needs, [Place::read(&self.path).itself(), Place::write(&self.to).itself()]);
        Subjects { is_of_trees: true, ..about }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<CopyOutput> {
        let who = ChangeAuthor::of(context, Self::NAME, self.session.as_ref());
        let cancelled = context.cancelled.clone();
        files.change_late(move |files| self.copy(files, &who, &cancelled)).await
    }
}

impl CopyPath {
    fn copy(self, files: &Files, who: &ChangeAuthor, cancelled: &CancellationToken) -> Result<CopyOutput> {
        let from = files.workspace.resolve_link(&self.path, Named::File, Intent::Read)?;
        if from.existing()?.kind == Kind::Special {
            return Err(not_a_file());
        }
        let to = self.target(files, &from)?;
        let mut copy = Copy::new(Staging::beside(&files.undo, &to)?, cancelled);
        copy.take(&from, to.real().to_owned())?;
        let (staging, edits, _, skipped) = copy.finish()?;
        let count = edits.len();
        let _turn = files.turn();
        self.target(files, &from)?.is_still_at(&to)?;
        let change = files.undo.commit(who, edits, Some(staging))?;
        Ok(CopyOutput { path: self.path, to: self.to, count, skipped, change })
    }
}

impl CopyPath {
    /// Where the copy is to be, if it may be there.
    fn target(&self, files: &Files, from: &SafePath) -> Result<SafePath> {
        let to = files.workspace.resolve_link(&self.to, Named::File, Intent::Write)?;
        is_free(from, &to, self.overwrite)?;
        if to.found().is_some_and(Found::is_file) {
            may_be_written(&to, self.force)?;
        }
        Ok(to)
    }
}

/// Fails unless `to` may become what `from` is.
pub(super) fn is_free(from: &SafePath, to: &SafePath, overwrite: bool) -> Result<()> {
    let found = from.existing()?;
    if to.real().starts_with(from.real()) {
        return Err(Error::Unusable("The target lies in what is to be put there, or is the same".into()));
    }
    match to.found() {
        None => Ok(()),
        Some(there) if there.is_folder() || found.is_folder() => {
            Err(Error::Conflict("The target is there already, and a directory is not replaced: delete it first".into()))
        }
        Some(_) if !overwrite => {
            Err(Error::Conflict("The target is there already: set overwrite to replace it".into()))
        }
        Some(there) if there.kind == Kind::Special => Err(not_a_file()),
        Some(_) => Ok(()),
    }
}

/// The files that were copied, each as it was then.
pub(super) type Copied = HashMap<PathBuf, Basis>;

/// A copy as it is put together.
pub(super) struct Copy<'a> {
    staging: Staging,
    edits: Vec<Edit>,
    copied: Copied,
    skipped: usize,
    cancelled: &'a CancellationToken,
}

impl<'a> Copy<'a> {
    /// Nothing yet.
    pub(crate) fn new(staging: Staging, cancelled: &'a CancellationToken) -> Self {
        Self { staging, edits: vec![], copied: Copied::new(), skipped: 0, cancelled }
    }

    /// Adds what is at a path.
    pub(crate) fn take(&mut self, from: &SafePath, to: PathBuf) -> Result<()> {
        go_on(self.cancelled)?;
        if self.edits.len() >= MAX_COPIED {
            return Err(Error::TooLarge(format!("There are more than {MAX_COPIED} files: copy it in parts")));
        }
        let found = *from.existing()?;
        match found.kind {
            Kind::File => self.file(from, found, to),
            Kind::Folder => self.folder(&from.open_folder()?, found, to),
            Kind::Link => {
                let target = from.holder()?.read_link(from.name())?;
                let after = State::Link { target, times: found.times };
                self.edits.push(Edit::new(to, after, Source::Nothing));
                Ok(())
            }
            Kind::Special => {
                self.skipped += 1;
                Ok(())
            }
        }
    }

    fn file(&mut self, from: &SafePath, found: Found, to: PathBuf) -> Result<()> {
        match from.open() {
            Ok((file, opened)) => {
                let (after, source) = self.staging.copy(&file, found.mode & 0o777, found.times)?;
                let basis = Basis::new(opened, after.size(), after.sha256().to_owned());
                self.copied.insert(from.real().to_owned(), basis);
                self.edits.push(Edit::new(to, after, source));
                Ok(())
            }
            Err(Error::Refused(_)) if !self.edits.is_empty() => {
                self.skipped += 1;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn folder(&mut self, folder: &Folder, found: Found, to: PathBuf) -> Result<()> {
        let after = State::Folder { mode: found.mode & 0o777 | 0o700, owner: OURS, times: found.times };
        self.edits.push(Edit::new(to.clone(), after, Source::Nothing));
        let mut children: Vec<_> = folder.children()?.collect();
        // What another call puts together there is nothing yet.
        children.retain(|child| !is_temporary(&child.name));
        children.sort_by(|one, other| one.name.cmp(&other.name));
        for child in children {
            match folder.at(&child.name, Intent::Read) {
                Ok(path) if path.found().is_some() => self.take(&path, to.join(&child.name))?,
                _ => self.skipped += 1,
            }
        }
        Ok(())
    }

    /// The edits that put the copy in its place, what was copied, and how much was left out.
    pub(crate) fn finish(self) -> Result<(Staging, Vec<Edit>, Copied, usize)> {
        self.staging.sync()?;
        Ok((self.staging, self.edits, self.copied, self.skipped))
    }
}
