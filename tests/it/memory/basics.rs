//! The four actions of the contract.

use super::{contents, everything, index_file, remember};
use crate::server::{KEY, Pipe, Reply, Server};
use serde_json::json;

#[tokio::test]
async fn an_entry_is_found_by_a_part_of_its_content_whatever_the_case() {
    let server = Server::start().await;
    let added = server
        .call("memory_add", json!({"content": "Élodie aime le THÉ vert", "tags": ["goûts", "Élodie"], "metadata": {"n": 1.5, "deep": {"a": [null]}}}))
        .await;
    assert_eq!((&added["success"], &added["message"]), (&json!(true), &json!("Memory entry added successfully")));
    let id = added["id"].as_str().unwrap();
    assert!(id.starts_with("mem_2") && id.ends_with("_0") && id.len() == "mem_20260101_101010_0".len(), "{id}");
    for query in ["thé", "ÉLODIE AIME", "goûts él", ""] {
        let found = server.call("memory_query", json!({"query": query})).await;
        assert_eq!((&found["query"], &found["count"]), (&json!(query), &json!(1)), "{found}");
        let entry = &found["results"][0];
        assert_eq!((&entry["id"], &entry["source"]), (&json!(id), &json!("ai")));
        assert_eq!(entry["metadata"], json!({"n": 1.5, "deep": {"a": [null]}}));
        assert_eq!(
            entry.as_object().unwrap().keys().collect::<Vec<_>>(),
            ["id", "content", "tags", "metadata", "timestamp", "source"]
        );
    }
    let nothing = server.call("memory_query", json!({"query": "the"})).await;
    assert_eq!(nothing["count"], 0);
}

#[tokio::test]
async fn the_newest_come_first_and_the_limit_holds() {
    let server = Server::start().await;
    for number in 0..12 {
        remember(&server, &format!("note {number}"), &[if number % 2 == 0 { "even" } else { "odd" }]).await;
    }
    let found = server.call("memory_query", json!({"query": "NOTE"})).await;
    assert_eq!(contents(&found).len(), 10);
    assert_eq!(contents(&found)[..2], ["note 11", "note 10"]);
    let odd = server.call("memory_query", json!({"query": "", "tags": ["odd", "Even"], "limit": "2"})).await;
    assert_eq!(contents(&odd), ["note 11", "note 9"]);
    assert_eq!(server.call("memory_query", json!({"query": "", "limit": 0})).await["count"], 0);
    assert_eq!(server.post("/memory/query", json!({"query": "", "limit": -1})).await.status, 422);
}

#[tokio::test]
async fn the_index_files_show_an_entry_at_once() {
    let server = Server::start().await;
    assert_eq!(index_file(&server), json!([]));
    let id = remember(&server, "Ligne 1\nLigne 2 « é »", &["a", "b"]).await;
    server.call("memory_add", json!({"content": "second", "metadata": {"k": "v", "l": [1, 2]}, "source": "moi"})).await;
    let text = std::fs::read_to_string(server.path("memory/index_memory.json")).unwrap();
    assert!(text.starts_with("[\n  {\n    \"id\": \"mem_"), "{text}");
    assert!(text.contains(r#""content": "Ligne 1\nLigne 2 « é »""#), "{text}");
    let keys: Vec<String> = index_file(&server)[0].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["id", "content", "tags", "metadata", "timestamp", "source"]);
    let markdown = std::fs::read_to_string(server.path("memory/memory_index.md")).unwrap();
    assert!(markdown.starts_with("# 🧠 Mémoire IA — Index\n\n**Dernière mise à jour:** 2"), "{markdown}");
    assert!(markdown.contains("**Total d'entrées:** 2\n\n---\n\n## mem_"), "{markdown}");
    assert!(
        markdown.contains("**Source:** moi\n\nsecond\n\n**Métadonnées:** `{\"k\": \"v\", \"l\": [1, 2]}`\n\n---\n\n"),
        "{markdown}"
    );
    assert!(markdown.contains(&format!("## {id}\n\n**Date:** ")), "{markdown}");
    assert!(markdown.ends_with("**Tags:** a, b\n\nLigne 1\nLigne 2 « é »\n\n---\n\n"), "{markdown}");
}

#[tokio::test]
async fn clearing_needs_a_confirmation_from_the_body_or_the_query() {
    let server = Server::start().await;
    remember(&server, "kept until confirmed", &[]).await;
    let refused = server.post("/memory/clear", json!({})).await;
    assert_eq!((refused.status, refused.detail()), (400, "Confirmation required. Set 'confirm': true"));
    assert_eq!(everything(&server).await.len(), 1);
    let cleared = server.request("/memory/clear?confirm=yes").bearer_auth(KEY).pipe(Reply::send).await.ok();
    assert_eq!(cleared["message"], "All memory cleared");
    assert!(everything(&server).await.is_empty());
    assert_eq!(index_file(&server), json!([]));
    remember(&server, "after", &[]).await;
    assert_eq!(everything(&server).await, ["after"]);
    let history = server.call("memory_history", json!({"date": null})).await;
    let actions: Vec<_> = history["entries"].as_array().unwrap().iter().map(|line| line["action"].clone()).collect();
    assert_eq!(
        actions[..3],
        ["memory_add", "memory_cleared", "memory_query"],
        "a refused clear is recorded too: {actions:?}"
    );
}

#[tokio::test]
async fn the_history_tells_what_was_done_and_not_that_it_was_read() {
    let server = Server::start().await;
    let id = remember(&server, &"é".repeat(300), &["t"]).await;
    server.call("memory_query", json!({"query": "é", "tags": ["t"]})).await;
    server.call("memory_history", json!({})).await;
    let history = server.call("memory_history", json!({"date": ""})).await;
    assert_eq!((&history["count"], &history["date"]), (&json!(2), &json!(skynet_bridge::clock::today())));
    let lines = history["entries"].as_array().unwrap();
    assert_eq!(lines[0]["details"], json!({"id": id, "content": "é".repeat(100), "tags": ["t"]}));
    assert_eq!(lines[1]["details"], json!({"query": "é", "tags": ["t"], "results_count": 1}));
}

#[tokio::test]
async fn a_day_without_history_says_so_and_a_date_is_a_date() {
    let server = Server::start().await;
    let empty = server.call("memory_history", json!({"date": "2001-02-03"})).await;
    assert_eq!(
        empty,
        json!({"success": true, "date": "2001-02-03", "entries": [], "message": "No history for this date"})
    );
    for wrong in ["../../etc/passwd", "2026-13-01", "2026-1-1", "today", "2026-02-30", "2026-01-01/"] {
        let reply = server.post("/memory/history", json!({"date": wrong})).await;
        assert_eq!(reply.status, 422, "{wrong}");
        assert_eq!(reply.body["detail"][0]["loc"], json!(["body", "date"]));
    }
}

#[tokio::test]
async fn wrong_arguments_are_named_and_change_nothing() {
    let server = Server::start().await;
    let cases = [
        (json!({}), "missing", json!(["body", "content"])),
        (json!({"content": null}), "string_type", json!(["body", "content"])),
        (json!({"content": "x", "tags": ["a", 5]}), "string_type", json!(["body", "tags", 1])),
        (json!({"content": "x", "metadata": [1]}), "dict_type", json!(["body", "metadata"])),
        (json!({"content": "x", "expires_at": "soon"}), "value_error", json!(["body", "expires_at"])),
        (json!({"content": "x", "id": ""}), "string_too_short", json!(["body", "id"])),
    ];
    for (arguments, kind, place) in cases {
        let reply = server.post("/memory/add", arguments.clone()).await;
        assert_eq!(reply.status, 422, "{arguments}");
        assert_eq!(
            (&reply.body["detail"][0]["type"], &reply.body["detail"][0]["loc"]),
            (&json!(kind), &place),
            "{arguments}"
        );
    }
    let deep = format!(r#"{{"content": "x", "metadata": {{"a": {}1{}}}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    for body in [r#"{"content": "\ud800"}"#.to_owned(), r#"{"content": "x", "metadata": {"a": NaN}}"#.to_owned(), deep]
    {
        let request =
            server.request("/memory/add").bearer_auth(KEY).header("content-type", "application/json").body(body);
        let reply = Reply::send(request).await;
        assert!((400..=422).contains(&reply.status), "{reply:?}");
    }
    assert_eq!(index_file(&server), json!([]));
}
