//! Forgets some entries.

use super::{
    Memory,
    filter::{Filter, filtered},
    get::missing,
    so_many,
    store::{Change, State},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    memory::about,
    permissions::{Needs, Subjects},
    policy::paths::Intent,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

filtered! {
    /// Forget a memory entry, or all that a filter matches.
    ///
    /// By `id`, or by tags, source, time and metadata. More than one entry goes only with `confirm`. memory_restore brings
    /// back what goes.
    #[derive(Deserialize, JsonSchema)]
    pub struct DeleteEntries {
        /// The one entry to forget.
        #[serde(default)]
        id: Option<String>,
        ..Filter,
        /// Must be true to forget more than one entry.
        #[serde(default)]
        confirm: bool,
    }
}

/// What was forgotten.
#[derive(Serialize, JsonSchema)]
pub struct EntriesDeleted {
    /// How many entries were forgotten.
    count: usize,
    /// Their ids, the first 1,000.
    ids: Vec<String>,
    /// The change, for memory_restore; null when nothing went, or more than is kept (`MCP_UNDO_MAX_MIB`).
    change_id: Option<String>,
    /// In words.
    message: String,
}

/// How many ids the answer shows.
const SHOWN: usize = 1000;

impl Capability for DeleteEntries {
    const NAME: &'static str = "memory_delete";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"id": "mem_…"}"#;
    type Service = Memory;
    type Output = EntriesDeleted;

    fn subjects(&self, memory: &Memory, _: Needs) -> Subjects {
        match &self.id {
            Some(id) => memory.about_entry(id, None, Intent::Write),
            None => about::any(Intent::Write),
        }
    }

    async fn run(mut self, memory: &Memory, context: &Context) -> Result<EntriesDeleted> {
        let filter = self.filter()?.read_by(&memory.readers);
        if self.id.is_none() && filter.is_empty() {
            let how =
                "Say which entries: an `id`, or tags, source, since, until or metadata (memory_clear forgets all)";
            return Err(Error::invalid("id", how));
        }
        let (id, confirm) = (self.id, self.confirm);
        let done = memory.store.change(move |state| decide(state, id.as_deref(), &filter, confirm)).await?;
        let (gone, change_id) = (done.outcome, done.change_id);
        let ids: Vec<String> = gone.iter().take(SHOWN).map(ToString::to_string).collect();
        context.record_as(json!({"count": gone.len(), "ids": &ids[..ids.len().min(10)]}));
        let message = format!("{} deleted", so_many(gone.len()));
        let count = gone.len();
        Ok(EntriesDeleted { count, ids, change_id, message })
    }
}

fn decide(state: &State, id: Option<&str>, filter: &Filter, confirm: bool) -> Result<(Vec<Change>, Vec<Arc<str>>)> {
    let mut passing = filter.positions(state);
    if let Some(id) = id {
        let position = state.position(id).filter(|position| passing.contains(*position)).ok_or_else(|| missing(id))?;
        passing.keep_only(position);
    }
    let ids: Vec<Arc<str>> = passing.iter().filter_map(|position| Some(Arc::clone(&state.at(position)?.id))).collect();
    if ids.len() > 1 && !confirm {
        let count = ids.len();
        return Err(Error::Unusable(format!("Confirmation required: {count} entries match. Set 'confirm': true")));
    }
    let changes = if ids.is_empty() { vec![] } else { vec![Change::Delete(ids.clone())] };
    Ok((changes, ids))
}
