//! Changes an entry.

use super::{
    Memory,
    entry::{Entry, TOO_DEEP, is_too_deep, object_text},
    get::missing,
    readers::Readers,
    store::{Change, State, now},
    view::MemoryEntry,
};
use crate::{
    arguments::clean_beginning,
    caller::{Access, Caller},
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
    permissions::{Needs, Subjects},
    policy::paths::Intent,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Change a memory entry.
///
/// Correct a note or its tags; what is left out stays.
///
/// The id and the time it was added stay too. memory_restore brings back what it was.
#[derive(Deserialize, JsonSchema)]
pub struct UpdateEntry {
    /// The entry's id.
    id: String,
    /// Its new content.
    #[serde(default)]
    content: Option<String>,
    /// Its new tags, all of them.
    #[serde(default)]
    tags: Option<Vec<String>>,
    /// Its new metadata, all of it.
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
    /// Its new source.
    #[serde(default)]
    source: Option<String>,
    /// When it ends: `YYYY-MM-DDTHH:MM:SS`, or `never`. It is no answer from then on; `never`, or an empty text, makes
    /// it stay for good.
    #[serde(default)]
    expires_at: Option<String>,
}

/// The entry as it is now.
#[derive(Serialize, JsonSchema)]
pub struct EntryUpdated {
    /// The entry.
    entry: MemoryEntry,
    /// The change, for memory_restore; null when nothing changed, or more than is kept (`MCP_UNDO_MAX_MIB`).
    change_id: Option<String>,
}

impl Capability for UpdateEntry {
    const NAME: &'static str = "memory_update";
    const ACCESS: Access = Access::Write;
    const IDEMPOTENT: bool = true;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"id": "mem_…", "content": "Alice now prefers coffee"}"#;
    type Service = Memory;
    type Output = EntryUpdated;

    fn subjects(&self, memory: &Memory, _: Needs) -> Subjects {
        memory.about_entry(&self.id, self.tags.as_ref(), Intent::Write)
    }

    async fn run(self, memory: &Memory, context: &Context) -> Result<EntryUpdated> {
        if let Some(end) = self.expires_at.as_ref().filter(|end| !is_never(end))
            && clock::parse(end).is_none()
        {
            return Err(Error::invalid("expires_at", "Input should be a time as YYYY-MM-DDTHH:MM:SS"));
        }
        if self.metadata.as_ref().is_some_and(is_too_deep) {
            return Err(Error::invalid("metadata", TOO_DEEP));
        }
        context.record_as(json!({"id": clean_beginning(&self.id, 100, &[])}));
        let (caller, readers) = (context.caller.clone(), memory.readers.clone());
        let done = memory.store.change(move |state| self.decide(state, &readers, &caller)).await?;
        Ok(EntryUpdated { entry: done.outcome, change_id: done.change_id })
    }
}

/// Over MCP, where an empty text is no text, only the word says so.
fn is_never(end: &str) -> bool {
    matches!(end, "" | "never")
}

impl UpdateEntry {
    fn decide(self, state: &State, readers: &Readers, caller: &Caller) -> Result<(Vec<Change>, MemoryEntry)> {
        let present = state.get(&self.id).filter(|entry| readers.see(entry, now())).ok_or_else(|| missing(&self.id))?;
        let mut entry = Entry::clone(present);
        if let Some(content) = self.content {
            entry.content = content.into();
            entry.changed_by(caller);
        }
        if let Some(tags) = self.tags {
            entry.tags = tags.into();
        }
        if let Some(metadata) = self.metadata {
            entry.metadata = object_text(&metadata);
        }
        if let Some(source) = self.source {
            entry.source = source.into();
        }
        if let Some(end) = self.expires_at {
            entry.expires_at = Some(end).filter(|end| !is_never(end)).map(Into::into);
        }
        let view = MemoryEntry::from(&entry);
        let changes = if entry == **present { vec![] } else { vec![Change::Update(Arc::new(entry))] };
        Ok((changes, view))
    }
}
