//! How the memory changes: decide, write the journal, apply, acknowledge, in this order.

use super::{
    batch::{Added, Batch, Draft},
    capacity::{Capacity, growth},
    journal::{self, Change},
    publisher::{Published, Publisher},
    reconcile,
    removed::{Removed, RemovedEntries, taken_by},
    state::{State, now},
};
use crate::error::{Error, Result};
use std::sync::{Arc, mpsc::Sender};
use tokio::sync::oneshot;

/// A memory of at most so many entries and bytes has its files written before a change is acknowledged: whoever looks
/// at them sees it at once. Past it that would cost more than the change itself.
const SMALL_ENTRIES: usize = 200;
const SMALL_BYTES: usize = 128 << 10;

/// Where the answer to drafts goes.
pub(crate) type Reply = oneshot::Sender<Result<Vec<Added>>>;

/// What the writer is asked for.
pub(crate) enum Request {
    /// New entries, all or none.
    Add(Vec<Draft>, Reply),
    /// Anything else.
    Job(Box<dyn FnOnce(&mut Writer) + Send>),
}

/// What decides and does changes, one after the other.
pub(crate) struct Writer {
    publisher: Arc<Publisher>,
    removed: RemovedEntries,
    /// Tells the thread that writes the files of a change.
    changed: Sender<()>,
    capacity: Capacity,
}

/// What came of a change.
pub(crate) struct Done<T> {
    /// What was decided.
    pub outcome: T,
    /// The name to restore what it took away by; `None` when it took nothing, or more than is kept.
    pub change_id: Option<String>,
}

impl Writer {
    /// A writer on a state that callers may let grow to `capacity`.
    pub(crate) fn new(
        publisher: Arc<Publisher>,
        removed: RemovedEntries,
        changed: Sender<()>,
        capacity: Capacity,
    ) -> Self {
        Self { publisher, removed, changed, capacity }
    }

    /// Serves requests in their order; adds side by side share one fsync.
    pub(crate) fn serve(&mut self, requests: impl Iterator<Item = Request>) {
        let mut adds = Vec::new();
        for request in requests {
            match request {
                Request::Add(drafts, reply) => adds.push((drafts, reply)),
                Request::Job(job) => {
                    self.add(std::mem::take(&mut adds));
                    job(self);
                }
            }
        }
        self.add(adds);
    }

    /// Adds what several callers want with one fsync.
    fn add(&mut self, requests: Vec<(Vec<Draft>, Reply)>) {
        if requests.is_empty() {
            return;
        }
        self.read_edits();
        self.expire();
        let mut batch = Batch::after(self.publisher.state().applied, self.capacity);
        let mut decided = Vec::new();
        for (drafts, reply) in requests {
            decided.push((batch.decide(&mut self.publisher.state_mut(), drafts), reply));
        }
        let written = self.commit_batch(batch);
        for (decision, reply) in decided {
            let result = match (&written, decision) {
                (_, Err(refused)) => Err(refused),
                (Ok(()), Ok(added)) => Ok(added),
                (Err(error), Ok(_)) => Err(refusal(error)),
            };
            // A caller that went away has its entry anyway.
            let _ = reply.send(result);
        }
    }

    fn commit_batch(&mut self, batch: Batch) -> std::io::Result<()> {
        if batch.entries.is_empty() {
            return Ok(());
        }
        self.publisher.keep(&batch.lines)?;
        let mut state = self.publisher.state_mut();
        for (entry, terms) in batch.entries {
            state.add(entry, terms);
        }
        state.applied = batch.last;
        drop(state);
        self.tell();
        Ok(())
    }

    /// Decides on the present state and does what was decided.
    ///
    /// # Errors
    /// What the decision refuses, the memory that would be larger than it may, or the disk.
    pub(crate) fn change<T>(&mut self, decide: impl FnOnce(&State) -> Result<(Vec<Change>, T)>) -> Result<Done<T>> {
        self.read_edits();
        self.expire();
        let (changes, outcome) = {
            let state = self.publisher.state();
            let decided = decide(&state)?;
            self.capacity.admit(state.size(), growth(&state, &decided.0))?;
            decided
        };
        let change_id = self.commit_and_keep(&changes).map_err(|error| refusal(&error))?;
        if !changes.is_empty() {
            self.tell();
        }
        Ok(Done { outcome, change_id })
    }

    /// Decides how to bring back what a change took away, and does it.
    ///
    /// # Errors
    /// What the decision refuses, or the disk; [`Error::NotFound`] for a change that is not kept.
    pub(crate) fn restore<T>(
        &mut self,
        change_id: Option<&str>,
        decide: impl FnOnce(&State, Vec<Removed>) -> Result<(Vec<Change>, T)>,
    ) -> Result<(String, Done<T>)> {
        // An edit that removed entries is the newest change then.
        self.read_edits();
        let id = self.removed.choose(change_id)?;
        let removed = self.removed.read(&id)?;
        let done = self.change(|state| decide(state, removed));
        if matches!(done, Ok(_) | Err(Error::Conflict(_))) {
            self.removed.note_restored(&id);
        }
        Ok((id, done?))
    }

    /// Commits changes quietly, after what they take away is kept. Gives its name.
    fn commit_and_keep(&mut self, changes: &[Change]) -> std::io::Result<Option<String>> {
        let taken = taken_by(changes, &self.publisher.state());
        let kept = self.removed.keep(&taken)?;
        if let Err(error) = self.commit_quietly(changes) {
            if let Some(id) = kept {
                self.removed.forget(&id);
            }
            return Err(error);
        }
        Ok(kept)
    }

    /// Writes changes to the journal and applies them.
    ///
    /// # Errors
    /// When the disk refuses; nothing is changed then.
    pub(crate) fn commit(&mut self, changes: &[Change]) -> std::io::Result<()> {
        self.commit_quietly(changes)?;
        if !changes.is_empty() {
            self.tell();
        }
        Ok(())
    }

    /// The same, without a word to the files.
    fn commit_quietly(&mut self, changes: &[Change]) -> std::io::Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let before = self.publisher.state().applied;
        let lines: Vec<u8> =
            changes.iter().zip(before + 1..).flat_map(|(change, number)| journal::line(number, change)).collect();
        self.publisher.keep(&lines)?;
        let mut state = self.publisher.state_mut();
        for change in changes {
            state.apply(change);
        }
        state.applied = before + changes.len() as u64;
        let sparse = state.is_sparse();
        drop(state);
        if sparse {
            let compacted = self.publisher.state().compacted();
            *self.publisher.state_mut() = compacted;
        }
        Ok(())
    }

    /// Has the files follow: at once when that costs little, else soon.
    fn tell(&mut self) {
        if self.publisher.state().is_small(SMALL_ENTRIES, SMALL_BYTES)
            && matches!(self.publisher.publish(), Ok(Published::Done))
        {
            return;
        }
        // The other thread ends after this one.
        let _ = self.changed.send(());
    }

    /// Takes over what somebody edited in the index file since it was last looked at.
    pub(crate) fn read_edits(&mut self) {
        if !self.publisher.is_edited() {
            return;
        }
        let edit = match reconcile::read(&self.publisher) {
            Ok(edit) => edit,
            Err(error) => {
                tracing::warn!(%error, "memory/index_memory.json was changed and cannot be read; the memory goes on without it");
                return;
            }
        };
        match self.commit_and_keep(&edit.changes) {
            Ok(_) => edit.settle(&self.publisher),
            // The edit stays unknown, so nothing overwrites it, and the next request tries again.
            Err(error) => tracing::warn!(%error, "an edit of memory/index_memory.json cannot be taken over now"),
        }
        self.tell();
    }

    /// Removes what has expired, and what was removed too long ago to be restored.
    pub(crate) fn expire(&mut self) {
        self.removed.drop_old();
        let Some(ids) = self.publisher.state().expired(now()) else { return };
        // What cannot be removed now is no answer anyway.
        let _ = self.commit(&[Change::Delete(ids)]);
    }
}

/// What the caller is told when the journal cannot be written.
fn refusal(error: &std::io::Error) -> Error {
    use std::io::ErrorKind as Kind;
    match error.kind() {
        Kind::StorageFull | Kind::QuotaExceeded | Kind::FileTooLarge => Error::Full(
            "The disk is full: the memory was not changed and everything remembered before is kept. \
             Free some space and try again"
                .into(),
        ),
        _ => std::io::Error::new(error.kind(), error.to_string()).into(),
    }
}
