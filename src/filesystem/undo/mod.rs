//! Undo: every change of files is written down before it is made, with what was there, and can be undone.
//!
//! A change is a list of steps, each a path with what was there and what is there now. It is made in this order: keep
//! the old contents, write the journal's line, both on the disk; make the steps, each by one rename; write down how it
//! turned out. When the process dies in between, the next start finds the line without its end, looks at the disk, and
//! either finishes the change or takes back the steps that were made: old or new, never a mix.

mod append;
mod apply;
mod changes;
mod commit;
mod edit;
mod in_place;
mod journal;
mod path_text;
mod recover;
mod revert;
mod staging;
mod state;
mod store;
mod take_back;

pub use changes::ListChanges;
pub(crate) use edit::{Edit, Source, is_taken};
pub(crate) use journal::Change;
pub(crate) use staging::Staging;
pub(crate) use state::State;
pub use take_back::UndoChanges;

use crate::{
    capability::Context,
    clock,
    error::{Error, Result},
    policy::{SafePath, Workspace, paths::Directory, private},
    settings::Settings,
};
use anyhow::Context as _;
use chrono::{Duration, Local};
use journal::{Journal, enter};
use schemars::JsonSchema;
use serde::Serialize;
use std::{
    collections::HashSet,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};
use store::Store;

/// More changes than these are not kept, whatever their size: a list of them is held in memory.
const MAX_CHANGES: usize = 10_000;

/// More steps than these, of all changes together, are not kept either.
const MAX_STEPS: usize = 200_000;

/// Texts up to this size are also kept as they became, to show what changed, in bytes.
pub(crate) const MAX_SHOWN: u64 = 1024 * 1024;

/// Who makes a change, and why.
#[derive(Clone, Debug)]
pub(crate) struct ChangeAuthor {
    /// The caller's name.
    pub caller: String,
    /// The label that the caller gave.
    pub session: Option<String>,
    /// The capability.
    pub action: &'static str,
}

impl ChangeAuthor {
    /// The caller of `context`, by the capability `action`.
    pub(crate) fn of(context: &Context, action: &'static str, session: Option<&String>) -> Self {
        Self { caller: context.caller.name().to_owned(), session: session.cloned(), action }
    }
}

/// The change that a call made.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Changed {
    /// The change's name, for filesystem_undo.
    pub change_id: String,
    /// Whether it can be undone: not when what was there was too large to be kept.
    pub undoable: bool,
}

/// The journal and the store, for those who work within one workspace. Clones share what is kept.
#[derive(Clone)]
pub(crate) struct Undo {
    workspace: Arc<Workspace>,
    /// Where trees go that are removed, until nobody waits.
    removed: Arc<Directory>,
    kept: Arc<Mutex<Kept>>,
    max_bytes: u64,
    max_days: i64,
    /// The permission bits that the process takes from new files.
    umask: u32,
}

struct Kept {
    journal: Journal,
    store: Store,
    /// The changes that were made, oldest first.
    changes: Vec<Arc<Change>>,
    next: u64,
}

impl Undo {
    /// Opens what is kept below `memory`, and finishes or takes back what was interrupted.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub(crate) fn open(workspace: &Arc<Workspace>, settings: &Settings, memory: &Path) -> anyhow::Result<Self> {
        let folder = memory.join("undo");
        let failed = || format!("{} cannot be used: it must be a folder that this user may write", folder.display());
        let store = Store::open(folder.join("contents")).with_context(failed)?;
        let (journal, found) = Journal::open(folder.join("journal.jsonl")).with_context(failed)?;
        let removed = removed(folder.join("removed")).with_context(failed)?;
        let ids = found.done.iter().map(|change| &change.id).chain(found.begun.iter().map(|change| &change.id));
        let next = ids.map(|id| number(id)).max().unwrap_or(0) + 1;
        let undo = Self {
            workspace: workspace.clone(),
            removed: Arc::new(removed),
            kept: Arc::new(Mutex::new(Kept { journal, store, changes: found.done, next })),
            max_bytes: settings.undo_max_mib.saturating_mul(1024 * 1024),
            max_days: i64::try_from(settings.undo_max_days).unwrap_or(i64::MAX).min(36_500),
            umask: umask(&folder).with_context(failed)?,
        };
        undo.recover(found.begun, &found.scratch);
        undo.drop_old().with_context(failed)?;
        let mut kept = undo.kept();
        let Kept { journal, changes, .. } = &mut *kept;
        journal.rewrite(changes).with_context(failed)?;
        drop(kept);
        Ok(undo)
    }

    /// The same for those who work within another workspace.
    pub(crate) fn within(&self, workspace: &Arc<Workspace>) -> Self {
        Self { workspace: workspace.clone(), ..self.clone() }
    }

    /// The permission bits of a new file.
    pub(crate) fn new_file_mode(&self) -> u32 {
        0o666 & !self.umask
    }

    /// The permission bits of a new directory.
    pub(crate) fn new_folder_mode(&self) -> u32 {
        0o777 & !self.umask
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no one panics while holding it")
    }

    /// What is at a path; its content is kept unless it is larger than `most` bytes.
    fn capture(&self, path: &SafePath, most: u64) -> Result<State> {
        match path.found().filter(|found| found.is_file()) {
            None => return State::at(path),
            // No digest of what is too large to be kept: nothing would be done with it.
            Some(found) if found.size > most => return Ok(State::of_file(String::new(), found.size, found, false)),
            Some(_) => {}
        }
        let (mut file, found) = path.open()?;
        let (sha256, size) = self.kept().store.keep(&mut file)?;
        Ok(State::of_file(sha256, size, &found, true))
    }

    /// A change that is about to be made.
    fn new_change(&self, who: &ChangeAuthor) -> Change {
        let mut kept = self.kept();
        let timestamp = clock::timestamp();
        let id = format!("change_{}_{:06}", timestamp[..10].replace('-', ""), kept.next);
        kept.next += 1;
        Change {
            id,
            timestamp,
            caller: who.caller.clone(),
            session: who.session.clone(),
            action: who.action.to_owned(),
            steps: vec![],
            moved: None,
            appended: None,
            steps_first: false,
            around: vec![],
            scratch: vec![],
            reverts: vec![],
            in_place: vec![],
            lost: false,
            undone: false,
        }
    }

    /// Writes a change down: what it needs to be undone is on the disk before that.
    fn begin(&self, change: &Change) -> Result<()> {
        let mut kept = self.kept();
        kept.store.settle()?;
        kept.journal.begin(change).map_err(|error| match Error::from(error) {
            Error::Internal(cause) => Error::Internal(cause.context("the undo journal cannot be written")),
            error => error,
        })
    }

    fn void(&self, change: &Change) {
        if let Err(error) = self.kept().journal.void(&change.id) {
            tracing::warn!(%error, "the undo journal cannot be written");
        }
    }

    fn done(&self, change: Arc<Change>) {
        let mut kept = self.kept();
        if let Err(error) = kept.journal.done(&change) {
            // At the next start the disk tells that it was made.
            tracing::warn!(%error, "the undo journal cannot be written");
        }
        enter(&mut kept.changes, change);
        drop(kept);
        if let Err(error) = self.drop_old() {
            tracing::warn!(%error, "old changes cannot be dropped");
        }
    }

    /// What a caller is told of a change that was just made.
    fn changed(&self, change: &Change) -> Changed {
        // It may have been too large to stay.
        let is_kept = self.kept().changes.last().is_some_and(|last| last.id == change.id);
        Changed { change_id: change.id.clone(), undoable: is_kept && change.can_be_undone() }
    }

    /// Drops the oldest changes until those that are left are few, young and small enough.
    fn drop_old(&self) -> std::io::Result<()> {
        let oldest = Local::now().naive_local() - Duration::days(self.max_days);
        let is_old = |change: &Change| clock::parse(&change.timestamp).is_some_and(|time| time < oldest);
        let mut kept = self.kept();
        let kept = &mut *kept;
        let mut dropped = kept.changes.iter().take_while(|change| is_old(change)).count();
        dropped = dropped.max(kept.changes.len().saturating_sub(MAX_CHANGES));
        let mut steps: usize = kept.changes[dropped..].iter().map(|change| change.steps.len()).sum();
        // The newest one stays, however large.
        while steps > MAX_STEPS && dropped + 1 < kept.changes.len() {
            steps -= kept.changes[dropped].steps.len();
            dropped += 1;
        }
        if dropped == 0 && kept.store.held() <= self.max_bytes {
            return Ok(());
        }
        loop {
            let wanted: HashSet<&str> = kept.changes[dropped..].iter().flat_map(|change| change.contents()).collect();
            kept.store.drop_all_but(&wanted)?;
            if kept.store.held() <= self.max_bytes || dropped == kept.changes.len() {
                break;
            }
            // A tenth at a time: each round reads the whole store.
            dropped += (kept.changes.len() - dropped).div_ceil(10);
        }
        kept.changes.drain(..dropped);
        kept.journal.rewrite(&kept.changes)
    }
}

/// Opens the directory for trees that are removed. What is still there goes now.
fn removed(folder: PathBuf) -> std::io::Result<Directory> {
    private::create_folder(&folder)?;
    let removed = Directory::own(&folder)?;
    let left: Vec<OsString> = removed.entries()?.filter_map(|entry| Some(entry.ok()?.0)).collect();
    left.into_iter().for_each(|name| remove_later(&removed, name));
    Ok(removed)
}

/// Removes a tree on a thread of its own. What is not removed in time goes at the next start.
fn remove_later(holder: &Directory, name: OsString) {
    let holder = holder.clone();
    let work = move || {
        if let Err(error) = apply::remove_all(&holder, &name) {
            tracing::warn!(%error, "a part of what was removed is still in memory/undo/removed");
        }
    };
    if let Err(error) = std::thread::Builder::new().name("removal".into()).spawn(work) {
        tracing::warn!(%error, "what was removed stays in memory/undo/removed until the next start");
    }
}

/// The number at the end of a change's name.
fn number(id: &str) -> u64 {
    id.rsplit('_').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The process's umask, which can be seen only on a new file.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "a file of the bridge's own")]
fn umask(folder: &Path) -> std::io::Result<u32> {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    private::create_folder(folder)?;
    let path = folder.join("umask");
    let _ = std::fs::remove_file(&path);
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o777).open(&path)?;
    let mode = file.metadata()?.mode();
    std::fs::remove_file(&path)?;
    Ok(!mode & 0o777)
}

#[cfg(not(unix))]
fn umask(folder: &Path) -> std::io::Result<u32> {
    private::create_folder(folder).map(|()| 0o022)
}
