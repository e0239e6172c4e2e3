//! The memory as JSON lines, to take elsewhere.

use super::{
    Memory,
    entry::Compact,
    filter::{Filter, filtered},
    store::State,
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::Result,
    memory::about,
    permissions::{Needs, Subjects},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

filtered! {
    /// Export memory entries as JSON lines.
    ///
    /// One entry a line, oldest first, ids and times included: what memory_import takes.
    #[derive(Deserialize, JsonSchema)]
    pub struct ExportEntries {
        ..Filter,
    }
}

/// The entries.
#[derive(Serialize, JsonSchema)]
pub struct Exported {
    /// How many entries there are.
    count: usize,
    /// The entries, one JSON object a line.
    content: String,
}

impl Capability for ExportEntries {
    const NAME: &'static str = "memory_export";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"tags": ["journal"]}"#;
    type Service = Memory;
    type Output = Exported;

    fn subjects(&self, _: &Memory, _: Needs) -> Subjects {
        about::found_by(self.tags.as_ref(), self.all_tags.as_ref())
    }

    async fn run(mut self, memory: &Memory, _: &Context) -> Result<Exported> {
        let filter = self.filter()?.read_by(&memory.readers);
        let (count, content) = memory.store.read(move |state| lines(state, &filter)).await?;
        Ok(Exported { count, content })
    }
}

fn lines(state: &State, filter: &Filter) -> (usize, String) {
    let (mut count, mut content) = (0, String::new());
    for position in filter.positions(state).iter() {
        let Some(entry) = state.at(position) else { continue };
        content.push_str(&serde_json::to_string(&Compact(entry)).expect("an entry can be written as JSON"));
        content.push('\n');
        count += 1;
    }
    (count, content)
}
