//! Keeps the two index files true: writes them after changes, never over somebody's edit.

use super::{
    index_file::{IndexFile, Stamp},
    journal::{Journal, Saved},
    markdown,
    state::{State, now},
};
use crate::{memory::entry::Entry, policy::private};
use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// The journal is shortened past this length, in bytes, once an index file holds what is in it.
const JOURNAL_KEPT: u64 = 4 << 20;

/// The state with its files on disk.
pub(crate) struct Publisher {
    state: RwLock<State>,
    journal: Mutex<Journal>,
    index: IndexFile,
    markdown: PathBuf,
    base: Mutex<Base>,
    /// The version of the index file that the state knows of.
    known: Mutex<Option<Stamp>>,
}

/// What the index file held when it was last written or read. Whoever holds it is the only one at the files.
#[derive(Default)]
pub(crate) struct Base {
    /// Its entries.
    pub entries: Vec<Arc<Entry>>,
    /// The last change in it; `None` when it must be written in any case.
    pub through: Option<u64>,
}

/// What came of an attempt to write the files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Published {
    /// The files hold the state.
    Done,
    /// Someone else's edit lies there and must be read first.
    Edited,
}

impl Publisher {
    /// A state whose index file is the version `known`.
    pub(crate) fn new(folder: &Path, state: State, journal: Journal, base: Base, known: Option<Stamp>) -> Self {
        Self {
            state: RwLock::new(state),
            journal: Mutex::new(journal),
            index: IndexFile::new(folder),
            markdown: folder.join("memory_index.md"),
            base: Mutex::new(base),
            known: Mutex::new(known),
        }
    }

    /// The state, to look at.
    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().expect("no one panics while changing it")
    }

    /// The state, to change. Only the writer does.
    pub(crate) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().expect("no one panics while changing it")
    }

    /// The journal.
    pub(crate) fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().expect("no one panics while writing it")
    }

    /// Puts changes on disk, as lines of the journal.
    ///
    /// # Errors
    /// When the disk refuses; nothing of them counts then.
    pub(crate) fn keep(&self, lines: &[u8]) -> io::Result<()> {
        let mut journal = self.journal();
        if !journal.is_in_place() {
            let kept = journal.begin_anew(&self.state().as_lines())?;
            let kept = kept.map_or(String::new(), |aside| format!("; what lay there is kept as {}", aside.display()));
            tracing::warn!(
                "memory/index_memory.journal was removed, replaced or cut by somebody else; it starts over with \
                 everything that is remembered{kept}"
            );
        }
        journal.append(lines)
    }

    /// What the index file held; excludes everybody else from the files.
    pub(crate) fn base(&self) -> MutexGuard<'_, Base> {
        self.base.lock().expect("no one panics while writing the files")
    }

    /// The index file.
    pub(crate) fn index(&self) -> &IndexFile {
        &self.index
    }

    /// Whether the index file is not the version that the state knows of.
    pub(crate) fn is_edited(&self) -> bool {
        let known = self.known();
        self.index.stamp() != *known
    }

    /// Makes a version of the index file the known one.
    pub(crate) fn know(&self, stamp: Option<Stamp>) {
        *self.known() = stamp;
    }

    fn known(&self) -> MutexGuard<'_, Option<Stamp>> {
        self.known.lock().expect("no one panics while holding it")
    }

    /// Whether the files lack a change.
    pub(crate) fn is_behind(&self) -> bool {
        self.base().through != Some(self.state().applied)
    }

    /// Writes both files, unless they hold the state already.
    ///
    /// # Errors
    /// When the disk refuses; the old files are whole.
    pub(crate) fn publish(&self) -> io::Result<Published> {
        let mut base = self.base();
        let (entries, applied) = self.snapshot();
        if base.through == Some(applied) {
            return Ok(Published::Done);
        }
        if self.is_edited() {
            return Ok(Published::Edited);
        }
        let prepared = self.index.prepare(&entries)?;
        let saved = Saved { through: applied, crc: prepared.crc, bytes: prepared.bytes };
        self.journal().note(saved)?;
        // Held meanwhile, so that nobody takes the new version for an edit.
        if !self.index.publish(prepared, &mut self.known())? {
            return Ok(Published::Edited);
        }
        self.index.settle()?;
        *base = Base { through: Some(applied), entries };
        self.write_markdown(&base.entries)?;
        let mut journal = self.journal();
        if journal.len() > JOURNAL_KEPT && journal.is_in_place() {
            journal.drop_through(saved)?;
        }
        Ok(Published::Done)
    }

    fn snapshot(&self) -> (Vec<Arc<Entry>>, u64) {
        let (state, now) = (self.state(), now());
        let entries = state.entries().filter(|entry| !entry.is_expired(now)).cloned().collect();
        (entries, state.applied)
    }

    fn write_markdown(&self, entries: &[Arc<Entry>]) -> io::Result<()> {
        private::replace(&self.markdown, markdown::render(entries).as_bytes())
    }
}
