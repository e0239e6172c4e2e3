//! Remembers many things at once.

use super::{
    Memory,
    add::NewEntry,
    so_many,
    store::{Added, Draft},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
    memory::about,
    permissions::{Needs, Subjects},
    policy::paths::Intent,
    problem::{Problem, Segment},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Remember many things at once.
///
/// All of them or, when one is refused, none. Much faster than one by one.
#[derive(Deserialize, JsonSchema)]
pub struct AddEntries {
    /// What to remember, oldest first.
    #[schemars(length(min = 1))]
    entries: Vec<NewEntry>,
    /// Whether entries with the same content and tags (whatever the case and the accents) are answered instead of
    /// adding others.
    #[serde(default)]
    dedupe: bool,
}

/// That they are remembered.
#[derive(Serialize, JsonSchema)]
pub struct EntriesAdded {
    /// How many entries were added.
    count: usize,
    /// The ids, in the order sent; of an entry that was there already, that one's.
    ids: Vec<String>,
    /// In words.
    message: String,
    /// When they were added.
    timestamp: String,
}

impl Capability for AddEntries {
    const NAME: &'static str = "memory_add_many";
    const ACCESS: Access = Access::Write;
    const EXAMPLE: &'static str = r#"{"entries": [{"content": "Alice lives in Lyon", "tags": ["alice"]}, {"content": "Alice plays the cello", "tags": ["alice"]}]}"#;
    const IS_STAMPED: bool = false;
    type Service = Memory;
    type Output = EntriesAdded;

    fn subjects(&self, _: &Memory, _: Needs) -> Subjects {
        about::tagged(self.entries.iter().map(|entry| entry.tags.clone()), Intent::Write)
    }

    async fn run(self, memory: &Memory, context: &Context) -> Result<EntriesAdded> {
        let timestamp = clock::timestamp();
        // As for one: what is not there for this caller is found by none of them.
        let finds_same = |tags: &[String]| self.dedupe && memory.readers.read_tags(tags);
        let added = memory.remember(&context.caller, drafts(self.entries, &timestamp, finds_same)?).await?;
        let count = added.iter().filter(|added| !added.existed).count();
        let ids: Vec<String> = added.iter().map(|Added { id, .. }| id.to_string()).collect();
        context.record_as(json!({"count": count, "first_id": ids.first()}));
        let message = format!("{} added successfully", so_many(count));
        Ok(EntriesAdded { count, ids, message, timestamp })
    }
}

/// Every entry that cannot be is named, by its place.
fn drafts(entries: Vec<NewEntry>, timestamp: &str, finds_same: impl Fn(&[String]) -> bool) -> Result<Vec<Draft>> {
    let (mut drafts, mut problems) = (Vec::with_capacity(entries.len()), Vec::new());
    for (place, entry) in entries.into_iter().enumerate() {
        let dedupe = finds_same(&entry.tags);
        match entry.draft(timestamp, dedupe) {
            Ok(draft) => drafts.push(draft),
            Err((field, message)) => {
                let path = vec![Segment::Field("entries".into()), Segment::Index(place), Segment::Field(field.into())];
                problems.push(Problem::new("value_error", path, message, None));
            }
        }
    }
    if problems.is_empty() { Ok(drafts) } else { Err(Error::Invalid(problems)) }
}
