//! New entries that are decided together, and go to disk together.

use super::{
    capacity::Capacity,
    journal::{self, Change},
    state::{State, size},
};
use crate::{
    error::{Error, Result},
    memory::entry::Entry,
};
use memory_ranking::Terms;
use std::{collections::HashMap, sync::Arc};

/// An entry to be.
pub(crate) struct Draft {
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
pub(crate) struct Added {
    /// The id of the entry.
    pub id: Arc<str>,
    /// Whether it was there before.
    pub existed: bool,
}

/// Entries of one batch that are decided and not yet on disk.
pub(crate) struct Batch {
    /// The entries, with their terms where they are known.
    pub entries: Vec<(Arc<Entry>, Option<Terms>)>,
    /// Their lines of the journal.
    pub lines: Vec<u8>,
    /// The number of the last change in it.
    pub last: u64,
    /// How many bytes the entries count for.
    size: usize,
    capacity: Capacity,
    by_id: HashMap<Arc<str>, Arc<Entry>>,
    by_same: HashMap<u64, Arc<str>>,
}

impl Batch {
    /// An empty one behind a change, for a memory of this capacity.
    pub(crate) fn after(last: u64, capacity: Capacity) -> Self {
        let (by_id, by_same) = (HashMap::new(), HashMap::new());
        Self { entries: vec![], lines: vec![], last, size: 0, capacity, by_id, by_same }
    }

    /// Which entries the drafts of one caller become; the batch takes them only if all of them can be.
    ///
    /// # Errors
    /// [`Error::Conflict`] for an id that is taken, [`Error::Full`] when there is no room for more.
    pub(crate) fn decide(&mut self, state: &mut State, drafts: Vec<Draft>) -> Result<Vec<Added>> {
        let start = self.entries.len();
        if start + drafts.len() > state.remaining_capacity() {
            return Err(Error::Full("The memory holds as many entries as it can: delete some first".into()));
        }
        let several = drafts.len() > 1;
        let mut added = Vec::with_capacity(drafts.len());
        for (place, draft) in drafts.into_iter().enumerate() {
            match self.known(state, &draft) {
                Ok(Some(id)) => added.push(Added { id, existed: true }),
                Ok(None) => added.push(Added { id: self.take(state, draft), existed: false }),
                Err(taken) => {
                    self.give_back(start);
                    let which = if several { format!("entries[{place}]: ") } else { String::new() };
                    return Err(Error::Conflict(format!("{which}{taken}")));
                }
            }
        }
        let growth: usize = self.entries[start..].iter().map(|(entry, _)| size(entry)).sum();
        if let Err(full) = self.capacity.admit(state.size() + self.size, growth.cast_signed()) {
            self.give_back(start);
            return Err(full);
        }
        self.size += growth;
        self.close_line(start);
        Ok(added)
    }

    /// The entry that a draft is already, by its id or, where it asks for that, by its content. The error says that the
    /// id is another entry's.
    fn known(&self, state: &mut State, draft: &Draft) -> Result<Option<Arc<str>>, String> {
        if let Some(id) = &draft.id
            && let Some(present) = state.get(id).or_else(|| self.by_id.get(id.as_str()))
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
        Ok(present.or_else(|| self.by_same.get(&same)).cloned())
    }

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

/// The ids that the bridge makes for a moment, from a number on.
pub(crate) fn made_ids(timestamp: &str, from: usize) -> impl Iterator<Item = String> + use<> {
    let digits: String = timestamp.chars().filter(char::is_ascii_digit).take(14).collect();
    let (day, time) = digits.split_at(8.min(digits.len()));
    let stem = format!("mem_{day}_{time}_");
    (from..).map(move |number| format!("{stem}{number}"))
}
