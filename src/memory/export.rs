//! The memory as JSON lines, to take elsewhere.

use super::{
    Memory,
    entry::Compact,
    filter::{AllTags, Filter},
    store::State,
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::Result,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Export memory entries as JSON lines.
///
/// One entry a line, oldest first, ids and times included: what memory_import takes.
#[derive(Deserialize, JsonSchema)]
pub struct ExportEntries {
    /// Only entries with any of these tags.
    #[serde(default)]
    tags: Option<Vec<String>>,
    /// Only entries with all of these tags; `true` stands for those of `tags`.
    #[serde(default)]
    all_tags: Option<AllTags>,
    /// Only entries of this source.
    #[serde(default)]
    source: Option<String>,
    /// Only entries added then or later: `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM:SS`.
    #[serde(default)]
    since: Option<String>,
    /// Only entries added then or before; a day counts whole.
    #[serde(default)]
    until: Option<String>,
    /// Only entries whose metadata has these values.
    #[serde(default)]
    metadata: Option<Map<String, Value>>,
}

/// The entries.
#[derive(Serialize, JsonSchema)]
pub struct Exported {
    /// Always true; what fails is answered with an error.
    success: bool,
    /// How many entries there are.
    count: usize,
    /// The entries, one JSON object a line.
    content: String,
    /// When it was answered.
    timestamp: String,
}

impl Capability for ExportEntries {
    const NAME: &'static str = "memory_export";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"tags": ["journal"]}"#;
    type Service = Memory;
    type Output = Exported;

    async fn run(self, memory: &Memory, _: &Context) -> Result<Exported> {
        let times = (self.since.as_deref(), self.until.as_deref());
        let filter = Filter::new(self.tags, self.all_tags, self.source, times, self.metadata)?;
        let (count, content) = memory.store.read(move |state| lines(state, &filter)).await?;
        Ok(Exported { success: true, count, content, timestamp: clock::timestamp() })
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
