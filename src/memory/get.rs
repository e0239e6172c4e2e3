//! One entry by its id.

use super::{Memory, store::now, view::MemoryEntry};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    permissions::{Needs, Subjects},
    policy::paths::Intent,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Get one memory entry by its id.
#[derive(Deserialize, JsonSchema)]
pub struct GetEntry {
    /// The entry's id.
    id: String,
}

/// An entry.
#[derive(Serialize, JsonSchema)]
pub struct EntryFound {
    /// The entry.
    entry: MemoryEntry,
}

impl EntryFound {
    /// An answer with this entry.
    pub fn new(entry: MemoryEntry) -> Self {
        Self { entry }
    }
}

impl Capability for GetEntry {
    const NAME: &'static str = "memory_get";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"id": "mem_20260131_093000_0"}"#;
    type Service = Memory;
    type Output = EntryFound;

    fn subjects(&self, memory: &Memory, _: Needs) -> Subjects {
        memory.about_entry(&self.id, None, Intent::Read)
    }

    async fn run(self, memory: &Memory, _: &Context) -> Result<EntryFound> {
        let id = self.id.clone();
        let readers = memory.readers.clone();
        let look = move |state: &super::store::State| {
            state.get(&id).filter(|entry| readers.see(entry, now())).map(|entry| MemoryEntry::from(&**entry))
        };
        let entry = memory.store.read(look).await?.ok_or_else(|| missing(&self.id))?;
        Ok(EntryFound::new(entry))
    }
}

/// That no entry has an id.
pub(crate) fn missing(id: &str) -> Error {
    let shown: String = id.chars().take(100).collect();
    Error::NotFound(format!("Memory entry not found: {shown}"))
}
