//! Long memory: what is remembered survives, and is found again.

mod basics;
mod capacity;
mod crashes;
mod durability;
mod hand_edits;
mod life;
mod meaning;
mod recall;
mod restore;

use crate::server::Server;
use serde_json::{Value, json};

/// Adds an entry with tags and gives its id.
async fn remember(server: &Server, content: &str, tags: &[&str]) -> String {
    let added = server.call("memory_add", json!({"content": content, "tags": tags})).await;
    added["id"].as_str().expect("an id is a text").to_owned()
}

/// The contents that a reply lists.
fn contents(reply: &Value) -> Vec<&str> {
    // The contract's routes call them results.
    let entries = reply["items"].as_array().or(reply["results"].as_array()).expect("entries are a list");
    entries.iter().map(|entry| entry["content"].as_str().expect("content is a text")).collect()
}

/// The contents of all entries, newest first.
async fn everything(server: &Server) -> Vec<String> {
    let found = server.call("memory_query", json!({"query": "", "limit": 1_000_000})).await;
    contents(&found).into_iter().map(str::to_owned).collect()
}

/// The index file, parsed.
fn index_file(server: &Server) -> Value {
    let text = std::fs::read_to_string(server.path("memory/index_memory.json")).expect("the index file is there");
    serde_json::from_str(&text).expect("the index file is JSON")
}

/// Waits until the index file fulfils a condition; fails the test after 10 s.
async fn until_index_file(server: &Server, holds: impl Fn(&Value) -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !holds(&index_file(server)) {
        assert!(std::time::Instant::now() < deadline, "the index file does not follow");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}
