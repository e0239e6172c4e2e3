//! An entry as callers see it.

use super::entry::Entry;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// One remembered thing.
#[derive(Serialize, JsonSchema)]
pub struct MemoryEntry {
    /// Its id.
    id: String,
    /// What is remembered.
    content: String,
    /// Its tags.
    tags: Vec<String>,
    /// What else was said of it.
    metadata: Map<String, Value>,
    /// When it was added.
    timestamp: String,
    /// Who added it.
    source: String,
    /// When it stops being an answer; left out when never.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    /// The agent that added it; left out when that is the agent default.
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
}

impl From<&Entry> for MemoryEntry {
    fn from(entry: &Entry) -> Self {
        Self {
            id: entry.id.to_string(),
            content: entry.content.to_string(),
            tags: entry.tags.to_vec(),
            metadata: entry.metadata(),
            timestamp: entry.timestamp.to_string(),
            source: entry.source.to_string(),
            expires_at: entry.expires_at.as_deref().map(str::to_owned),
            agent: entry.agent().map(str::to_owned),
        }
    }
}
