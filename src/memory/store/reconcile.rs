//! Takes over what a person changed in the index file: what differs between it and the version that was last known.

use super::{
    batch::made_ids,
    index_file::{Content, Stamp},
    journal::Change,
    publisher::{Base, Publisher},
    state::State,
};
use crate::{clock, memory::entry::Entry};
use std::{collections::HashMap, io, sync::Arc};

/// What a person did to the index file.
#[derive(Default)]
pub(crate) struct Edit {
    /// What brings it into the state.
    pub changes: Vec<Change>,
    entries: Vec<Arc<Entry>>,
    stamp: Option<Stamp>,
}

impl Edit {
    /// Makes the edited version the known one, once its changes are in the journal. The files are due to be written.
    pub(crate) fn settle(self, publisher: &Publisher) {
        if !self.changes.is_empty() {
            let [added, changed, removed] = counts(&self.changes);
            tracing::info!(added, changed, removed, "an edit of memory/index_memory.json was taken over");
        }
        *publisher.base() = Base { entries: self.entries, through: None };
        publisher.know(self.stamp);
    }
}

/// How many entries changes add, change and remove.
fn counts(changes: &[Change]) -> [usize; 3] {
    changes.iter().fold([0; 3], |[added, changed, removed], change| match change {
        Change::Add(entries) => [added + entries.len(), changed, removed],
        Change::Update(_) => [added, changed + 1, removed],
        Change::Delete(ids) => [added, changed, removed + ids.len()],
        Change::Clear => [added, changed, removed],
    })
}

/// Reads an edited index file. One that is no index is put aside, and what the process remembers is kept.
///
/// # Errors
/// When the system refuses to read or move the file.
pub(crate) fn read(publisher: &Publisher) -> io::Result<Edit> {
    match publisher.index().read()? {
        Content::Missing => {
            tracing::warn!("memory/index_memory.json is gone; it is written again from what is remembered");
            Ok(Edit::default())
        }
        Content::Damaged(why) => {
            let aside = publisher.index().set_aside()?;
            tracing::warn!(
                "memory/index_memory.json cannot be used ({why}); it is kept as {} and written again from what is \
                 remembered",
                aside.display()
            );
            Ok(Edit::default())
        }
        Content::Entries { entries, stamp, .. } => {
            // In this order, as where the files are written: two who wait for each other would wait for ever.
            let base = publisher.base();
            let state = publisher.state();
            let entries = with_ids(&state, entries);
            let changes = differences(&state, &base.entries, &entries);
            Ok(Edit { changes, entries, stamp: Some(stamp) })
        }
    }
}

/// Every entry with an id of its own: one that lacks it, or has another's, gets a new one.
pub(crate) fn with_ids(state: &State, entries: Vec<Entry>) -> Vec<Arc<Entry>> {
    let mut seen: HashMap<Arc<str>, Arc<Entry>> = HashMap::with_capacity(entries.len());
    let mut unique = Vec::with_capacity(entries.len());
    for (number, mut entry) in entries.into_iter().enumerate() {
        if entry.id.is_empty() || seen.contains_key(&entry.id) {
            let is_free = |id: &String| state.get(id).is_none() && !seen.contains_key(id.as_str());
            let mut free = made_ids(&clock::timestamp(), number).filter(is_free);
            entry.id = free.next().expect("there are more numbers than entries").into();
        }
        let entry = Arc::new(entry);
        seen.insert(Arc::clone(&entry.id), Arc::clone(&entry));
        unique.push(entry);
    }
    unique
}

/// What a person added, changed and removed, between the version `base` and the version `edited`. What the state
/// learned since `base` stays.
fn differences(state: &State, base: &[Arc<Entry>], edited: &[Arc<Entry>]) -> Vec<Change> {
    let before: HashMap<&str, &Arc<Entry>> = base.iter().map(|entry| (&*entry.id, entry)).collect();
    let after: HashMap<&str, &Arc<Entry>> = edited.iter().map(|entry| (&*entry.id, entry)).collect();
    let mut changes = Vec::new();
    let mut added = Vec::new();
    for entry in edited {
        if before.get(&*entry.id).is_some_and(|known| *known == entry) {
            continue;
        }
        match state.get(&entry.id) {
            Some(present) if present == entry => {}
            Some(_) => changes.push(Change::Update(Arc::clone(entry))),
            None => added.push(Arc::clone(entry)),
        }
    }
    let gone = base.iter().filter(|entry| !after.contains_key(&*entry.id) && state.get(&entry.id).is_some());
    let gone: Vec<Arc<str>> = gone.map(|entry| Arc::clone(&entry.id)).collect();
    if !gone.is_empty() {
        changes.push(Change::Delete(gone));
    }
    if !added.is_empty() {
        changes.push(Change::Add(added));
    }
    changes
}
