//! The tags in use.

use super::{
    Memory,
    readers::Readers,
    store::{State, now},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::Result,
    memory::about,
    permissions::{Needs, Subjects},
    policy::paths::Intent,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// List the tags of the memory with how many entries have each.
///
/// The most used first.
#[derive(Deserialize, JsonSchema)]
pub struct ListTags {
    /// How many tags at most.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1))]
    limit: usize,
}

fn default_limit() -> usize {
    1000
}

/// The tags in use.
#[derive(Serialize, JsonSchema)]
pub struct TagList {
    /// How many different tags there are, shown or not.
    count: usize,
    /// Whether there are more.
    truncated: bool,
    /// The tags, the most used first, then by name.
    items: Vec<TagCount>,
}

/// A tag and its use.
#[derive(Serialize, JsonSchema)]
pub(crate) struct TagCount {
    /// The tag.
    tag: String,
    /// How many entries have it.
    count: usize,
}

impl Capability for ListTags {
    const NAME: &'static str = "memory_tags";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = "{}";
    type Service = Memory;
    type Output = TagList;

    fn subjects(&self, _: &Memory, _: Needs) -> Subjects {
        about::any(Intent::Read)
    }

    async fn run(self, memory: &Memory, _: &Context) -> Result<TagList> {
        let readers = memory.readers.clone();
        let mut tags = memory.store.read(move |state| count(state, &readers)).await?;
        let count = tags.len();
        tags.sort_by(|left, right| right.count.cmp(&left.count).then_with(|| left.tag.cmp(&right.tag)));
        tags.truncate(self.limit);
        Ok(TagList { count, truncated: count > tags.len(), items: tags })
    }
}

/// An entry counts once for a tag, though it may have it twice.
fn count(state: &State, readers: &Readers) -> Vec<TagCount> {
    let now = now();
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for entry in state.entries().filter(|entry| readers.see(entry, now)) {
        for (at, tag) in entry.tags.iter().enumerate() {
            if entry.tags.len() > 100 || !entry.tags[..at].contains(tag) {
                *counts.entry(tag).or_default() += 1;
            }
        }
    }
    counts.into_iter().map(|(tag, count)| TagCount { tag: tag.to_owned(), count }).collect()
}
