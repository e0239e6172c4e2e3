//! The one thread that changes the memory: decides, writes the journal, applies, acknowledges, in this order.

use super::{
    journal::{self, Change},
    publisher::{Published, Publisher},
    reconcile,
    state::{State, now},
};
use crate::{
    error::{Error, Result},
    memory::{entry::Entry, ranking::Terms},
};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, Sender},
    },
    time::Duration,
};
use tokio::sync::oneshot;

/// Requests that share one fsync at the most.
const BATCH_MAX: usize = 1024;

/// A memory of at most so many entries and bytes has its files written before a change is acknowledged: whoever looks
/// at them sees it at once. Past it that would cost more than the change itself.
const SMALL_ENTRIES: usize = 200;
const SMALL_BYTES: usize = 128 << 10;

/// How often an idle memory looks for entries that have expired.
const EXPIRY_CHECK: Duration = Duration::from_secs(10);

/// An entry to be.
pub struct Draft {
    /// The id it asks for; one is made otherwise.
    pub id: Option<String>,
    /// The rest; its id is empty yet.
    pub entry: Entry,
    /// Its terms for the ranking.
    pub terms: Option<Terms>,
    /// What [`super::same_hash`] makes of it, when an entry with the same content and tags is to be taken instead.
    pub same: Option<u64>,
}

/// What became of a draft.
#[derive(Clone, Debug)]
pub struct Added {
    /// The id of the entry.
    pub id: Arc<str>,
    /// Whether it was there before.
    pub existed: bool,
}

/// Where the answer to drafts goes.
type Reply = oneshot::Sender<Result<Vec<Added>>>;

/// What the writer is asked for.
pub enum Request {
    /// New entries, all or none.
    Add(Vec<Draft>, Reply),
    /// Anything else.
    Job(Box<dyn FnOnce(&mut Writer) + Send>),
}

/// The thread's own.
pub struct Writer {
    publisher: Arc<Publisher>,
    /// Tells the thread that writes the files of a change.
    changed: Sender<()>,
}

/// Entries of one batch that are decided and not yet on disk.
#[derive(Default)]
struct Batch {
    entries: Vec<(Arc<Entry>, Option<Terms>)>,
    lines: Vec<u8>,
    by_id: HashMap<Arc<str>, Arc<Entry>>,
    by_same: HashMap<u64, Arc<str>>,
    last: u64,
}

impl Writer {
    /// A writer on a state.
    pub fn new(publisher: Arc<Publisher>, changed: Sender<()>) -> Self {
        Self { publisher, changed }
    }

    /// Serves requests until nobody can send any.
    pub fn run(mut self, requests: &Receiver<Request>) {
        loop {
            let first = match requests.recv_timeout(EXPIRY_CHECK) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => {
                    self.expire();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut adds = Vec::new();
            for request in std::iter::once(first).chain(requests.try_iter().take(BATCH_MAX)) {
                match request {
                    Request::Add(drafts, reply) => adds.push((drafts, reply)),
                    Request::Job(job) => {
                        self.add(std::mem::take(&mut adds));
                        job(&mut self);
                    }
                }
            }
            self.add(adds);
        }
    }

    /// Adds what several callers want with one fsync.
    fn add(&mut self, requests: Vec<(Vec<Draft>, Reply)>) {
        if requests.is_empty() {
            return;
        }
        self.read_edits();
        self.expire();
        let mut batch = Batch { last: self.publisher.state().applied, ..Batch::default() };
        let mut decided = Vec::new();
        for (drafts, reply) in requests {
            decided.push((self.decide(drafts, &mut batch), reply));
        }
        let written = self.commit_batch(batch);
        for (decision, reply) in decided {
            let result = match (&written, decision) {
                (_, Err(refused)) => Err(refused),
                (Ok(()), Ok(added)) => Ok(added),
                (Err(error), Ok(_)) => Err(refusal(error)),
            };
            // A caller that went away has its entry all the same.
            let _ = reply.send(result);
        }
    }

    /// Which entries the drafts of one caller become; the batch takes them only if all of them can be.
    fn decide(&self, drafts: Vec<Draft>, batch: &mut Batch) -> Result<Vec<Added>> {
        let mut state = self.publisher.state_mut();
        let start = batch.entries.len();
        if start + drafts.len() > state.room() {
            return Err(Error::Full("The memory holds as many entries as it can: delete some first".into()));
        }
        let several = drafts.len() > 1;
        let mut added = Vec::with_capacity(drafts.len());
        for (place, draft) in drafts.into_iter().enumerate() {
            match known(&mut state, batch, &draft) {
                Ok(Some(id)) => added.push(Added { id, existed: true }),
                Ok(None) => added.push(Added { id: batch.take(&state, draft), existed: false }),
                Err(taken) => {
                    batch.give_back(start);
                    let which = if several { format!("entries[{place}]: ") } else { String::new() };
                    return Err(Error::Conflict(format!("{which}{taken}")));
                }
            }
        }
        batch.close_line(start);
        Ok(added)
    }

    fn commit_batch(&mut self, batch: Batch) -> std::io::Result<()> {
        if batch.entries.is_empty() {
            return Ok(());
        }
        self.publisher.journal().append(&batch.lines)?;
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
    /// What the decision refuses, or the disk.
    pub fn change<T>(&mut self, decide: impl FnOnce(&State) -> Result<(Vec<Change>, T)>) -> Result<T> {
        self.read_edits();
        self.expire();
        let (changes, outcome) = decide(&self.publisher.state())?;
        self.commit(&changes).map_err(|error| refusal(&error))?;
        Ok(outcome)
    }

    /// Writes changes to the journal and applies them.
    ///
    /// # Errors
    /// When the disk refuses; nothing is changed then.
    pub fn commit(&mut self, changes: &[Change]) -> std::io::Result<()> {
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
        self.publisher.journal().append(&lines)?;
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
    pub fn read_edits(&mut self) {
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
        match self.commit_quietly(&edit.changes) {
            Ok(()) => edit.settle(&self.publisher),
            // The edit stays unknown, so nothing overwrites it, and the next request tries again.
            Err(error) => tracing::warn!(%error, "an edit of memory/index_memory.json cannot be taken over now"),
        }
        self.tell();
    }

    /// Removes what has expired.
    fn expire(&mut self) {
        let Some(ids) = self.publisher.state().expired(now()) else { return };
        // What cannot be removed now is no answer all the same.
        let _ = self.commit(&[Change::Delete(ids)]);
    }
}

impl Batch {
    /// Makes an entry of a draft.
    fn take(&mut self, state: &State, draft: Draft) -> Arc<str> {
        let id = match draft.id {
            Some(id) => id.into(),
            None => self.free_id(state, &draft.entry.timestamp),
        };
        let entry = Arc::new(Entry { id: Arc::clone(&id), ..draft.entry });
        self.by_id.insert(Arc::clone(&id), Arc::clone(&entry));
        if let Some(same) = draft.same {
            self.by_same.entry(same).or_insert_with(|| Arc::clone(&id));
        }
        self.entries.push((entry, draft.terms));
        id
    }

    /// `mem_YYYYMMDD_HHMMSS_N`, N being the entries before it, or the next number that is free.
    fn free_id(&self, state: &State, timestamp: &str) -> Arc<str> {
        let before = state.len() + self.entries.len();
        let mut free =
            made_ids(timestamp, before).filter(|id| state.get(id).is_none() && !self.by_id.contains_key(id.as_str()));
        free.next().expect("there are more numbers than entries").into()
    }

    /// Forgets the entries from `start` on.
    fn give_back(&mut self, start: usize) {
        for (entry, _) in self.entries.drain(start..) {
            self.by_id.remove(&entry.id);
            self.by_same.retain(|_, id| *id != entry.id);
        }
    }

    /// Makes one line of the journal of the entries from `start` on: all of them count, or none.
    fn close_line(&mut self, start: usize) {
        if start == self.entries.len() {
            return;
        }
        self.last += 1;
        let change = Change::Add(self.entries[start..].iter().map(|(entry, _)| Arc::clone(entry)).collect());
        self.lines.extend(journal::line(self.last, &change));
    }
}

/// The entry that a draft is already, by its id or, where it asks for that, by its content. The error says that the
/// id is another entry's.
fn known(state: &mut State, batch: &Batch, draft: &Draft) -> std::result::Result<Option<Arc<str>>, String> {
    if let Some(id) = &draft.id
        && let Some(present) = state.get(id).or_else(|| batch.by_id.get(id.as_str()))
    {
        if present.content == draft.entry.content {
            return Ok(Some(Arc::clone(&present.id)));
        }
        return Err(format!(
            "The id {id:?} belongs to an entry with another content: change that one with memory_update, or choose \
             another id"
        ));
    }
    let Some(same) = draft.same else { return Ok(None) };
    let present = state.same_as(same).map(|entry| &entry.id);
    Ok(present.or_else(|| batch.by_same.get(&same)).cloned())
}

/// The ids that the bridge makes for a moment, from a number on.
pub fn made_ids(timestamp: &str, from: usize) -> impl Iterator<Item = String> + use<> {
    let digits: String = timestamp.chars().filter(char::is_ascii_digit).take(14).collect();
    let (day, time) = digits.split_at(8.min(digits.len()));
    let stem = format!("mem_{day}_{time}_");
    (from..).map(move |number| format!("{stem}{number}"))
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
