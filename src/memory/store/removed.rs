//! What changes removed from the memory, so that it can be restored for a time.
//!
//! One file a change, named by it, in `memory/undo/entries`, which neither commands nor the file routes reach. It is whole
//! and on disk before the change is in the journal. When the process dies in between, what the file holds was never
//! removed, and restoring it finds nothing to do.
#![expect(clippy::disallowed_methods, reason = "these are the bridge's own files, not paths that a caller names")]

use super::{
    journal::Change,
    state::{State, now},
};
use crate::{
    error::{Error, Result},
    memory::entry::{Compact, Entry},
    policy::private,
};
use chrono::{Duration, Local, NaiveDateTime};
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// More changes than these are not kept, whatever their size.
const MAX_CHANGES: usize = 10_000;

/// A change's name is this and the time it was made.
const PREFIX: &str = "memory_change_";
const TIME: &str = "%Y%m%d_%H%M%S_%6f";

/// How the file of a change ends, and that of one that was restored.
const KEPT: &str = ".jsonl";
const RESTORED: &str = ".restored.jsonl";

/// How much is kept, and for how long.
#[derive(Clone, Copy)]
pub(crate) struct Retention {
    /// Of all changes together, in bytes; 0 keeps none.
    pub max_bytes: u64,
    /// In days.
    pub max_days: u64,
}

/// An entry that a change took away.
#[derive(Deserialize)]
pub(crate) struct Removed {
    /// As it was.
    pub entry: Arc<Entry>,
    /// What took its place under its id.
    #[serde(default)]
    pub replaced_by: Option<Arc<Entry>>,
}

/// The changes that can be restored.
pub(crate) struct RemovedEntries {
    folder: PathBuf,
    retention: Retention,
    /// Oldest first.
    changes: Vec<KeptChange>,
    /// Of all changes.
    bytes: u64,
}

struct KeptChange {
    id: String,
    made: NaiveDateTime,
    bytes: u64,
    is_restored: bool,
}

impl KeptChange {
    fn of_file(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?;
        let (id, is_restored) = match name.strip_suffix(RESTORED) {
            Some(id) => (id, true),
            None => (name.strip_suffix(KEPT)?, false),
        };
        let made = NaiveDateTime::parse_from_str(id.strip_prefix(PREFIX)?, TIME).ok()?;
        Some(Self { id: id.to_owned(), made, bytes: path.metadata().ok()?.len(), is_restored })
    }

    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}{}", self.id, if self.is_restored { RESTORED } else { KEPT }))
    }
}

impl RemovedEntries {
    /// Opens what is kept below a memory's folder, and drops what is too old or too much.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub(crate) fn open(memory: &Path, retention: Retention) -> io::Result<Self> {
        let folder = memory.join("undo/entries");
        private::create_folder(&folder)?;
        let mut changes = Vec::new();
        for file in std::fs::read_dir(&folder)? {
            let path = file?.path();
            match KeptChange::of_file(&path) {
                Some(change) => changes.push(change),
                // What a killed process left half written; one that stays is in nobody's way.
                None => drop(std::fs::remove_file(path)),
            }
        }
        changes.sort_by(|one, other| one.id.cmp(&other.id));
        let bytes = changes.iter().map(|change| change.bytes).sum();
        let mut removed = Self { folder, retention, changes, bytes };
        removed.drop_old();
        Ok(removed)
    }

    /// Keeps what `changes` are about to take from the state. Gives the name to restore it by; `None` when they take
    /// nothing, or more than is kept at all.
    ///
    /// # Errors
    /// When the disk refuses: nothing should be removed then.
    pub(crate) fn keep(&mut self, removed: &[Removed]) -> io::Result<Option<String>> {
        if removed.is_empty() || self.retention.max_bytes == 0 {
            return Ok(None);
        }
        let made = self.next_time();
        let mut change =
            KeptChange { id: format!("{PREFIX}{}", made.format(TIME)), made, bytes: 0, is_restored: false };
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        let mut writer = BufWriter::with_capacity(1 << 18, file.as_file_mut());
        for one in removed {
            let line = line(one);
            change.bytes += line.len() as u64;
            if change.bytes > self.retention.max_bytes {
                return Ok(None);
            }
            writer.write_all(&line)?;
        }
        writer.flush()?;
        drop(writer);
        file.as_file().sync_data()?;
        file.persist(change.path(&self.folder)).map_err(|error| error.error)?;
        private::sync_folder(&self.folder)?;
        let id = change.id.clone();
        self.bytes += change.bytes;
        self.changes.push(change);
        self.drop_old();
        Ok(Some(id))
    }

    /// Now, or just after the newest change where the clock has not moved on.
    fn next_time(&self) -> NaiveDateTime {
        let now = Local::now().naive_local();
        let after = self.changes.last().map_or(now, |last| last.made + Duration::microseconds(1));
        now.max(after)
    }

    /// Forgets a change that was not made.
    pub(crate) fn forget(&mut self, id: &str) {
        if let Some(place) = self.changes.iter().position(|change| change.id == id) {
            self.remove(place);
        }
    }

    /// The change with a name; without one the newest that was not restored.
    ///
    /// # Errors
    /// [`Error::NotFound`] for a name that is none, or is no longer kept; [`Error::Conflict`] when none is left.
    pub(crate) fn choose(&self, id: Option<&str>) -> Result<String> {
        let newest = || self.changes.iter().rev().find(|change| !change.is_restored);
        match id {
            Some(id) => self.get(id).map(|change| change.id.clone()),
            None => newest().map(|change| change.id.clone()).ok_or_else(|| {
                Error::Conflict(
                    "Nothing is left to restore: the memory keeps no change that was not restored yet".into(),
                )
            }),
        }
    }

    fn get(&self, id: &str) -> Result<&KeptChange> {
        self.changes.iter().find(|change| change.id == id).ok_or_else(|| {
            let shown: String = id.chars().take(100).collect();
            Error::NotFound(format!(
                "No such change of the memory is kept: {shown}. Give a change_id of memory_delete, memory_clear, \
                 memory_import or memory_update; they are kept for MCP_UNDO_MAX_DAYS"
            ))
        })
    }

    /// What a change took. A damaged line costs that line only.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(crate) fn read(&self, id: &str) -> Result<Vec<Removed>> {
        let path = self.get(id)?.path(&self.folder);
        let mut removed = Vec::new();
        for line in BufReader::new(File::open(&path)?).split(b'\n') {
            match serde_json::from_slice(&line?) {
                Ok(one) => removed.push(one),
                Err(error) => tracing::warn!(%error, "a line of {} is damaged and is not restored", path.display()),
            }
        }
        Ok(removed)
    }

    /// Notes that a change was restored: it is not chosen without its name any more.
    pub(crate) fn note_restored(&mut self, id: &str) {
        let Some(change) = self.changes.iter_mut().find(|change| change.id == id && !change.is_restored) else {
            return;
        };
        let before = change.path(&self.folder);
        change.is_restored = true;
        // After a start one that could not be renamed is chosen once more, and finds nothing to do.
        if let Err(error) = std::fs::rename(before, change.path(&self.folder)) {
            tracing::warn!(%error, "it cannot be noted that {id} was restored");
        }
    }

    /// Drops the oldest changes until those that are left are few, young and small enough.
    pub(crate) fn drop_old(&mut self) {
        while let Some(first) = self.changes.first() {
            let days = i64::try_from(self.retention.max_days).unwrap_or(i64::MAX).min(36_500);
            let is_over = self.bytes > self.retention.max_bytes || self.changes.len() > MAX_CHANGES;
            if !is_over && first.made >= now() - Duration::days(days) {
                return;
            }
            self.remove(0);
        }
    }

    fn remove(&mut self, place: usize) {
        let change = self.changes.remove(place);
        self.bytes -= change.bytes;
        // It is tried again at the next start.
        if let Err(error) = std::fs::remove_file(change.path(&self.folder)) {
            tracing::warn!(%error, "{} cannot be removed from memory/undo/entries", change.id);
        }
    }
}

/// What changes are about to take from the state.
pub(crate) fn taken_by(changes: &[Change], state: &State) -> Vec<Removed> {
    let now = now();
    let gone = |entry: &Arc<Entry>| Removed { entry: Arc::clone(entry), replaced_by: None };
    let replaced = |entry: &Arc<Entry>| {
        let old = state.get(&entry.id).filter(|old| *old != entry)?;
        Some(Removed { entry: Arc::clone(old), replaced_by: Some(Arc::clone(entry)) })
    };
    let mut removed: Vec<Removed> = Vec::new();
    for change in changes {
        match change {
            Change::Add(entries) => removed.extend(entries.iter().filter_map(replaced)),
            Change::Update(entry) => removed.extend(replaced(entry)),
            Change::Delete(ids) => removed.extend(ids.iter().filter_map(|id| state.get(id)).map(gone)),
            Change::Clear => removed.extend(state.entries().map(gone)),
        }
    }
    // What has expired is nobody's any more.
    removed.retain(|one| !one.entry.is_expired(now));
    removed
}

fn line(removed: &Removed) -> Vec<u8> {
    #[derive(Serialize)]
    struct Out<'a> {
        entry: Compact<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        replaced_by: Option<Compact<'a>>,
    }
    let out = Out { entry: Compact(&removed.entry), replaced_by: removed.replaced_by.as_deref().map(Compact) };
    let mut line = serde_json::to_vec(&out).expect("entries can be written as JSON");
    line.push(b'\n');
    line
}
