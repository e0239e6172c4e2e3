//! Brings back what a change removed.

use super::{
    Memory,
    entry::Entry,
    so_many,
    store::{Change, Removed, State, now},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    memory::about,
    permissions::{Needs, Subjects},
    policy::paths::Intent,
};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// Restore memory entries that were removed.
///
/// What a clear, delete, import, update or hand edit took away comes back as it was. Where another entry has the id by
/// now, both stay: the restored one gets a new id, which the answer names.
#[derive(Deserialize, JsonSchema)]
pub struct RestoreEntries {
    /// `change_id` of the answer that removed them. Default: the newest change that was not restored yet.
    id: Option<String>,
}

/// What was restored.
#[derive(Serialize, JsonSchema)]
pub struct EntriesRestored {
    /// The change that was undone.
    restored: String,
    /// How many entries came back.
    count: usize,
    /// Their ids as they are now, the first 1,000.
    ids: Vec<String>,
    /// The first 1,000 that got a new id, since another entry has theirs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    renamed: Vec<Renamed>,
    /// What brings back the newer versions that gave way to what was restored; null when none did.
    change_id: Option<String>,
    /// In words.
    message: String,
}

/// An entry that got a new id.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RenamedEntry")]
pub(crate) struct Renamed {
    /// The id that it had.
    id: String,
    /// The id that it has now.
    restored_as: String,
}

/// How many ids the answer shows.
const SHOWN: usize = 1000;

impl Capability for RestoreEntries {
    const NAME: &'static str = "memory_restore";
    const ACCESS: Access = Access::Write;
    const EXAMPLE: &'static str = r#"{"id": "memory_change_…"}"#;
    type Service = Memory;
    type Output = EntriesRestored;

    fn subjects(&self, _: &Memory, _: Needs) -> Subjects {
        about::any(Intent::Write)
    }

    async fn run(self, memory: &Memory, context: &Context) -> Result<EntriesRestored> {
        let (restored, done) = memory.store.restore(self.id, decide).await?;
        let Restored { count, ids, renamed } = done.outcome;
        context.record_as(json!({"change_id": restored, "count": count}));
        let message = format!("{} restored", so_many(count));
        Ok(EntriesRestored { restored, count, ids, renamed, change_id: done.change_id, message })
    }
}

/// What comes back, for the answer.
#[derive(Default)]
struct Restored {
    count: usize,
    ids: Vec<String>,
    renamed: Vec<Renamed>,
}

fn decide(state: &State, removed: Vec<Removed>) -> Result<(Vec<Change>, Restored)> {
    let (mut changes, mut outcome, now) = (Vec::new(), Restored::default(), now());
    let mut adds: IndexMap<Arc<str>, Arc<Entry>> = IndexMap::new();
    for Removed { entry, replaced_by } in removed.into_iter().filter(|one| !one.entry.is_expired(now)) {
        let id = Arc::clone(&entry.id);
        let there = |id: &str| state.get(id).or_else(|| adds.get(id));
        let Some(back) = returning(there, entry, replaced_by) else { continue };
        outcome.note(&id, &back);
        match state.get(&back.id) {
            Some(_) => changes.push(Change::Update(back)),
            None => drop(adds.insert(Arc::clone(&back.id), back)),
        }
    }
    if outcome.count == 0 {
        return Err(Error::Conflict("Nothing to restore: all that this change removed is there".into()));
    }
    if adds.len() > state.remaining_capacity() {
        return Err(Error::Full("The memory holds as many entries as it can: delete some first".into()));
    }
    if !adds.is_empty() {
        changes.push(Change::Add(adds.into_values().collect()));
    }
    Ok((changes, outcome))
}

/// The entry under the id that it comes back with; `None` when it is there.
fn returning<'a>(
    there: impl Fn(&str) -> Option<&'a Arc<Entry>>,
    entry: Arc<Entry>,
    replaced_by: Option<Arc<Entry>>,
) -> Option<Arc<Entry>> {
    match there(&entry.id) {
        None => Some(entry),
        Some(present) if *present == entry => None,
        // What took its place gives way, and is kept in turn.
        Some(present) if replaced_by.as_ref() == Some(present) => Some(entry),
        Some(_) => under_new_id(there, &entry),
    }
}

/// Always the same ids in the same order, so that to restore twice is to restore once.
fn under_new_id<'a>(there: impl Fn(&str) -> Option<&'a Arc<Entry>>, entry: &Entry) -> Option<Arc<Entry>> {
    let ids = (1..).map(|number| match number {
        1 => format!("{}_restored", entry.id),
        number => format!("{}_restored_{number}", entry.id),
    });
    for id in ids {
        let renamed = Entry { id: id.into(), ..entry.clone() };
        match there(&renamed.id) {
            None => return Some(Arc::new(renamed)),
            Some(present) if **present == renamed => return None,
            Some(_) => {}
        }
    }
    None
}

impl Restored {
    fn note(&mut self, id: &str, back: &Entry) {
        self.count += 1;
        if self.ids.len() < SHOWN {
            self.ids.push(back.id.to_string());
        }
        if *id != *back.id && self.renamed.len() < SHOWN {
            self.renamed.push(Renamed { id: id.to_owned(), restored_as: back.id.to_string() });
        }
    }
}
