//! The plain search: entries that contain a text.

use super::{
    Memory,
    entry::Entry,
    readers::Readers,
    store::{State, now},
    view::MemoryEntry,
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
use serde_json::json;

/// Find memory entries that contain a text.
///
/// Exact: the text must stand in the content or the tags, whatever its case. Newest first. To find by meaning, or with a
/// question, use memory_recall.
#[derive(Deserialize, JsonSchema)]
pub struct QueryMemory {
    /// The text to look for; an empty one matches every entry.
    query: String,
    /// Only entries with any of these tags, letter for letter.
    #[serde(default)]
    tags: Option<Vec<String>>,
    /// How many at most.
    #[serde(default = "default_limit")]
    limit: usize,
}

fn default_limit() -> usize {
    10
}

/// What was found.
#[derive(Serialize, JsonSchema)]
pub struct QueryResults {
    /// The text that was looked for.
    query: String,
    /// How many entries are in `results`.
    count: usize,
    /// The entries, newest first.
    results: Vec<MemoryEntry>,
}

impl Capability for QueryMemory {
    const NAME: &'static str = "memory_query";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"query": "coffee", "limit": 5}"#;
    type Service = Memory;
    type Output = QueryResults;

    fn aside(_: &QueryResults) -> &'static [&'static str] {
        &["query"]
    }

    fn subjects(&self, _: &Memory, _: Needs) -> Subjects {
        about::found_by(self.tags.as_ref(), None)
    }

    async fn run(self, memory: &Memory, context: &Context) -> Result<QueryResults> {
        let Self { query, tags, limit } = self;
        let (text, wanted) = (query.clone(), tags.clone().unwrap_or_default());
        let readers = memory.readers.clone();
        let results = memory.store.read(move |state| find(state, &readers, &text, &wanted, limit)).await?;
        context.record_as(json!({"query": query, "tags": tags, "results_count": results.len()}));
        let count = results.len();
        Ok(QueryResults { query, count, results })
    }
}

fn find(state: &State, readers: &Readers, query: &str, tags: &[String], limit: usize) -> Vec<MemoryEntry> {
    let (needle, now) = (Needle::new(query), now());
    let tagged = |entry: &Entry| tags.is_empty() || entry.tags.iter().any(|tag| tags.contains(tag));
    let matching = state.entries().rev().filter(|entry| {
        tagged(entry) && readers.see(entry, now) && (needle.is_in(&entry.content) || needle.is_in_tags(&entry.tags))
    });
    matching.take(limit).map(|entry| MemoryEntry::from(&**entry)).collect()
}

/// Letters of English and French text, the most frequent first. What is not among them is rarer than they are.
const FREQUENT: &[u8] = b" etaoinsrhldcumfpgwybvk";

/// A text to look for, whatever its case.
struct Needle {
    lower: String,
    /// Where its rarest byte stands: the search stops at that one only.
    rarest: usize,
}

impl Needle {
    fn new(text: &str) -> Self {
        let lower = text.to_lowercase();
        let place = |byte: u8| FREQUENT.iter().position(|frequent| *frequent == byte).unwrap_or(FREQUENT.len());
        let rarest = (0..lower.len()).max_by_key(|at| place(lower.as_bytes()[*at])).unwrap_or(0);
        Self { lower, rarest }
    }

    fn is_in(&self, text: &str) -> bool {
        if !text.is_ascii() {
            return text.to_lowercase().contains(&self.lower);
        }
        // Nothing but ASCII lowers to ASCII here: no copy is needed.
        let (needle, text) = (self.lower.as_bytes(), text.as_bytes());
        let Some(rarest) = needle.get(self.rarest) else { return true };
        let found = memchr::memchr2_iter(*rarest, rarest.to_ascii_uppercase(), text);
        let mut starts = found.filter_map(|at| at.checked_sub(self.rarest));
        starts.any(|at| text.get(at..at + needle.len()).is_some_and(|part| part.eq_ignore_ascii_case(needle)))
    }

    /// In the tags, joined by spaces.
    fn is_in_tags(&self, tags: &[String]) -> bool {
        match tags {
            [] => false,
            [one] => self.is_in(one),
            // One that holds no space stands in a single tag or in none.
            many if !self.lower.contains(' ') => many.iter().any(|tag| self.is_in(tag)),
            many => self.is_in(&many.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_finds_what_lies_in_the_lowered_text(text in "[a-cA-CÀéß ]{0,12}", part in "[a-cA-CÀéß ]{0,3}") {
            prop_assert_eq!(Needle::new(&part).is_in(&text), text.to_lowercase().contains(&part.to_lowercase()));
        }

        #[test]
        fn tags_are_searched_as_if_joined_by_spaces(
            tags in prop::collection::vec("[a-bA-B ]{0,3}".prop_map(String::from), 0..4),
            part in "[a-bA-B ]{1,3}",
        ) {
            let joined = tags.join(" ").to_lowercase();
            prop_assert_eq!(Needle::new(&part).is_in_tags(&tags), joined.contains(&part.to_lowercase()));
        }
    }
}
