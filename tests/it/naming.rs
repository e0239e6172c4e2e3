//! The same thing has the same name wherever it is asked for and answered.

use crate::server::Server;
use serde_json::{Value, json};

/// How fields are called besides.
const SYNONYMS: &str = include_str!("../../src/arguments/synonyms.txt");

/// What has one name everywhere.
const NAMES: [&str; 5] = ["limit", "cursor", "path", "id", "timeout"];

/// Fields that have one of the other names and mean something else, or have it by the contract.
const OTHERS: [(&str, &str); 13] = [
    // The contract's.
    ("/internet/search", "max_results"),
    ("/terminal/execute", "cwd"),
    ("/memory/add", "source"),
    // Where a command runs, beside what it is called.
    ("/terminal/check", "cwd"),
    ("/terminal/start", "cwd"),
    // Who wrote an entry.
    ("/memory/recall", "source"),
    ("/memory/list", "source"),
    ("/memory/update", "source"),
    ("/memory/delete", "source"),
    ("/memory/export", "source"),
    // A byte of a file.
    ("/filesystem/read", "offset"),
    ("/filesystem/upload", "offset"),
    // A label of changes, which no call gave.
    ("/filesystem/*", "session"),
];

fn is_exempt(path: &str, field: &str) -> bool {
    OTHERS
        .iter()
        .any(|(of, name)| *name == field && of.strip_suffix('*').map_or(*of == path, |of| path.starts_with(of)))
}

/// Each operation's path with the schema that a part of it refers to.
fn schemas<'a>(document: &'a Value, part: &'a str) -> Vec<(&'a str, &'a Value)> {
    let paths = document["paths"].as_object().unwrap();
    let schema = |path: &'a String| {
        let schema = paths[path]["post"].pointer(part)?.pointer("/content/application~1json/schema")?;
        let name = schema["$ref"].as_str().map(|name| name.rsplit('/').next().unwrap());
        Some((path.as_str(), name.map_or(schema, |name| &document["components"]["schemas"][name])))
    };
    paths.keys().filter_map(schema).collect()
}

fn fields(schema: &Value) -> impl Iterator<Item = &str> {
    schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str())
}

#[tokio::test]
async fn no_request_calls_a_limit_a_cursor_a_path_an_id_or_a_timeout_otherwise() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.ok();
    let lines = SYNONYMS.lines().filter_map(|line| line.split_once(": "));
    let others: Vec<(&str, Vec<&str>)> = lines
        .filter(|(name, _)| NAMES.contains(name))
        .map(|(name, others)| (name, others.split_whitespace().collect()))
        .collect();
    assert_eq!(others.len(), NAMES.len());
    let requests = schemas(&document, "/requestBody");
    assert!(requests.len() > 50, "{}", requests.len());
    for (path, schema) in requests {
        for field in fields(schema).filter(|field| !is_exempt(path, field)) {
            let named = others.iter().find(|(_, others)| others.contains(&field));
            assert!(named.is_none(), "{path}: {field} is called {} elsewhere", named.unwrap().0);
        }
    }
}

#[tokio::test]
async fn every_answer_of_pages_has_items_a_next_cursor_and_whether_it_is_truncated() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.ok();
    let answers = schemas(&document, "/responses/200");
    let paged: Vec<_> = answers.iter().filter(|(_, schema)| !schema["properties"]["next_cursor"].is_null()).collect();
    assert!(paged.len() >= 8, "{}", paged.len());
    for (path, schema) in paged {
        for field in ["items", "truncated", "count"] {
            assert!(!schema["properties"][field].is_null(), "{path} has no {field}");
        }
    }
}

#[tokio::test]
async fn the_names_that_were_older_are_taken_as_before() {
    let server = Server::start().await;
    server.call("filesystem_write", json!({"path": "f", "content": "x\nx\nx\n"})).await;
    let found = server.call("filesystem_search", json!({"path": ".", "query": "x", "max_results": 2})).await;
    assert_eq!((&found["count"], &found["truncated"], &found["ignored"]), (&json!(2), &json!(true), &Value::Null));
    let process = server.call("terminal_start", json!({"command": "printf 'x\nx\n'"})).await;
    let polled = server.call("terminal_poll", json!({"id": process["id"], "wait": 20})).await;
    assert_eq!(polled["ignored"], Value::Null, "{polled}");
    for content in ["a cat", "another cat", "a third cat"] {
        server.call("memory_add", json!({"content": content})).await;
    }
    let recalled = server.call("memory_recall", json!({"query": "cat", "limit": 1, "offset": 1})).await;
    assert_eq!((&recalled["next_cursor"], &recalled["ignored"]), (&json!(2), &Value::Null), "{recalled}");
    let cleared = server.call("memory_clear", json!({"confirm": true})).await;
    let restored = server.call("memory_restore", json!({"change_id": cleared["change_id"]})).await;
    assert_eq!(restored["count"], 3, "{restored}");
    let gone = server.post("/sandbox/session/stop", json!({"session": "ses_none"})).await;
    assert_eq!(gone.status, 404, "{}", gone.text);
}
