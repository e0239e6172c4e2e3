//! Every entry, page by page.

use super::{
    Memory,
    filter::{Filter, filtered},
    readers::Readers,
    store::State,
    view::MemoryEntry,
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    memory::about,
    permissions::{Needs, Subjects},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

filtered! {
    /// List memory entries, page by page.
    ///
    /// Newest first. `next_cursor` of a page, given as `cursor`, brings the next one; it is null on the last.
    #[derive(Deserialize, JsonSchema)]
    pub struct ListEntries {
        ..Filter,
        /// Where the page before ended.
        #[serde(default)]
        cursor: Option<String>,
        /// How many entries a page has at most.
        #[serde(default = "default_limit")]
        #[schemars(range(min = 1, max = 10_000))]
        limit: usize,
    }
}

fn default_limit() -> usize {
    100
}

/// A page of entries.
#[derive(Serialize, JsonSchema)]
pub struct EntryPage {
    /// How many entries are in `items`.
    count: usize,
    /// How many entries there are on all pages.
    total: usize,
    /// Whether there are more.
    truncated: bool,
    /// The entries, newest first.
    items: Vec<MemoryEntry>,
    /// What to send as `cursor` for the next page; null on the last.
    next_cursor: Option<String>,
}

impl Capability for ListEntries {
    const NAME: &'static str = "memory_list";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"tags": ["alice"], "limit": 20}"#;
    type Service = Memory;
    type Output = EntryPage;

    fn subjects(&self, _: &Memory, _: Needs) -> Subjects {
        about::found_by(self.tags.as_ref(), self.all_tags.as_ref())
    }

    async fn run(mut self, memory: &Memory, _: &Context) -> Result<EntryPage> {
        let filter = self.filter()?.read_by(&memory.readers);
        let (cursor, limit) = (self.cursor, self.limit);
        memory.store.read(move |state| page(state, &filter, cursor.as_deref(), limit)).await?
    }
}

fn page(state: &State, filter: &Filter, cursor: Option<&str>, limit: usize) -> Result<EntryPage> {
    let end = cursor.map(|cursor| position(state, &filter.readers, cursor)).transpose()?;
    let passing = filter.positions(state);
    let mut before: Vec<u32> = passing.iter().take_while(|position| end.is_none_or(|end| *position < end)).collect();
    before.reverse();
    let more = before.len() > limit;
    before.truncate(limit);
    let next_cursor = before.last().filter(|_| more).and_then(|last| Some(format!("{last}.{}", state.at(*last)?.id)));
    let items: Vec<MemoryEntry> = before.iter().filter_map(|position| Some((&**state.at(*position)?).into())).collect();
    Ok(EntryPage { count: items.len(), total: passing.count(), truncated: more, items, next_cursor })
}

/// Where a page ended: its last entry's position, or where that entry stands now.
fn position(state: &State, readers: &Readers, cursor: &str) -> Result<u32> {
    let wrong =
        || Error::invalid("cursor", "The cursor is none of this memory, or its entry is gone: begin again without it");
    let (position, id) = cursor.split_once('.').ok_or_else(wrong)?;
    let position: u32 = position.parse().map_err(|_| wrong())?;
    match state.position(id) {
        Some(present) if state.at(present).is_some_and(|entry| readers.read(entry)) => Ok(present),
        Some(_) => Err(wrong()),
        // The entry was deleted since; its gap still marks the place.
        None if state.is_gap(position) => Ok(position),
        None => Err(wrong()),
    }
}
