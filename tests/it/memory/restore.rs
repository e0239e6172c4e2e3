//! What was removed from the memory comes back.

use super::{everything, index_file, remember};
use crate::server::Server;
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf};

/// A server with entries `one`, `two`, … and their ids.
async fn with_entries(settings: &[(&str, &str)], contents: &[&str]) -> (Server, Vec<String>) {
    let server = Server::with_settings(settings).await;
    let mut ids = Vec::new();
    for content in contents {
        ids.push(remember(&server, content, &["kept"]).await);
    }
    (server, ids)
}

/// All entries as they are, oldest first.
async fn entries(server: &Server) -> Value {
    let mut all = server.call("memory_query", json!({"query": "", "limit": 1_000_000})).await["results"].take();
    all.as_array_mut().unwrap().reverse();
    all
}

fn kept(server: &Server) -> Vec<PathBuf> {
    let files = fs::read_dir(server.path("memory/undo/entries")).unwrap();
    let mut files: Vec<PathBuf> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

#[tokio::test]
async fn a_cleared_memory_comes_back_as_it_was_also_after_a_restart() {
    let (server, ids) = with_entries(&[], &["one", "two", "three"]).await;
    let before = entries(&server).await;
    let cleared = server.call("memory_clear", json!({"confirm": true})).await;
    assert_eq!(cleared["message"], "All memory cleared");
    assert_eq!(entries(&server).await, json!([]));
    let server = Server::in_directory(server.stop().await, &[]).await;
    let restored = server.call("memory_restore", json!({})).await;
    assert_eq!((&restored["restored"], &restored["count"]), (&cleared["change_id"], &json!(3)));
    assert_eq!((&restored["ids"], &restored["change_id"]), (&json!(ids), &Value::Null));
    assert_eq!(entries(&server).await, before);
    let found = server.call("memory_recall", json!({"query": "three"})).await;
    assert_eq!(found["items"][0]["content"], "three", "it can be recalled again");
    for again in [json!({}), json!({"id": cleared["change_id"]})] {
        let reply = server.post("/memory/restore", again).await;
        assert_eq!(reply.status, 409, "{}", reply.text);
    }
    assert_eq!(entries(&server).await, before);
    let line = server.history().await.into_iter().find(|line| line["action"] == "memory_restore").unwrap();
    assert_eq!(line["details"], json!({"change_id": cleared["change_id"], "count": 3}));
    assert_eq!(index_file(&server).as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn each_deletion_is_restored_by_its_name_or_the_newest_first() {
    let (server, ids) = with_entries(&[], &["one", "two", "three", "four"]).await;
    let first = server.call("memory_delete", json!({"id": ids[0]})).await;
    let second = server.call("memory_delete", json!({"id": ids[1]})).await;
    let both = server.call("memory_delete", json!({"tags": ["kept"], "confirm": true})).await;
    assert_eq!(both["count"], 2);
    let restored = server.call("memory_restore", json!({"id": first["change_id"]})).await;
    assert_eq!(restored["ids"], json!([ids[0]]));
    for (change, count) in [(&both, 2), (&second, 1)] {
        let restored = server.call("memory_restore", json!({})).await;
        assert_eq!((&restored["restored"], &restored["count"]), (&change["change_id"], &json!(count)));
    }
    assert_eq!(everything(&server).await.len(), 4);
    for unknown in ["memory_change_20200101_000000_000000", "../index_memory", "", "change_1"] {
        let reply = server.post("/memory/restore", json!({"id": unknown})).await;
        assert_eq!(reply.status, 404, "{unknown:?}: {}", reply.text);
    }
}

#[tokio::test]
async fn what_replaced_an_entry_gives_way_and_can_be_restored_in_turn() {
    let (server, ids) = with_entries(&[], &["old", "other"]).await;
    let content = format!("{{\"id\": \"{}\", \"content\": \"imported\"}}\n", ids[0]);
    let imported = server.call("memory_import", json!({"content": content, "on_conflict": "replace"})).await;
    let updated = server.call("memory_update", json!({"id": ids[1], "content": "updated"})).await;
    assert_eq!(everything(&server).await, ["updated", "imported"]);
    let back = server.call("memory_restore", json!({"id": updated["change_id"]})).await;
    assert_eq!(everything(&server).await, ["other", "imported"]);
    server.call("memory_restore", json!({"id": imported["change_id"]})).await;
    assert_eq!(everything(&server).await, ["other", "old"]);
    server.call("memory_restore", json!({"id": back["change_id"]})).await;
    assert_eq!(everything(&server).await, ["updated", "old"], "a restore can be restored");
    let unchanged = server.call("memory_update", json!({"id": ids[1], "content": "updated"})).await;
    let added = server.call("memory_import", json!({"content": "{\"content\": \"new\"}"})).await;
    assert_eq!((&unchanged["change_id"], &added["change_id"]), (&Value::Null, &Value::Null), "nothing was removed");
}

#[tokio::test]
async fn where_another_entry_has_the_id_by_now_both_stay() {
    let server = Server::start().await;
    let add = |id: &str, content: &str| json!({"id": id, "content": content});
    for (id, content) in [("a", "first a"), ("a_restored", "in the way"), ("b", "b")] {
        server.call("memory_add", add(id, content)).await;
    }
    let cleared = server.call("memory_clear", json!({"confirm": true})).await;
    server.call("memory_add", add("a", "second a")).await;
    let restored = server.call("memory_restore", json!({})).await;
    assert_eq!(restored["count"], 3);
    let mut all = everything(&server).await;
    all.sort();
    assert_eq!(all, ["b", "first a", "in the way", "second a"]);
    assert_eq!(server.call("memory_get", json!({"id": "a"})).await["entry"]["content"], "second a");
    assert_eq!(restored["renamed"][0], json!({"id": "a", "restored_as": "a_restored"}), "{restored}");
    let again = server.post("/memory/restore", json!({"id": cleared["change_id"]})).await;
    assert_eq!(again.status, 409, "{}", again.text);
    // A version that came after the one that replaced it stays as well.
    let updated = server.call("memory_update", json!({"id": "b", "content": "b 2"})).await;
    server.call("memory_update", json!({"id": "b", "content": "b 3"})).await;
    server.call("memory_restore", json!({"id": updated["change_id"]})).await;
    assert_eq!(server.call("memory_get", json!({"id": "b"})).await["entry"]["content"], "b 3");
    assert_eq!(server.call("memory_get", json!({"id": "b_restored"})).await["entry"]["content"], "b");
}

#[tokio::test]
async fn entries_that_a_person_takes_out_of_the_file_can_be_restored() {
    let (server, ids) = with_entries(&[], &["one", "two"]).await;
    let mut index = index_file(&server);
    index.as_array_mut().unwrap().remove(0);
    fs::write(server.path("memory/index_memory.json"), index.to_string()).unwrap();
    let restored = server.call("memory_restore", json!({})).await;
    assert_eq!(restored["ids"], json!([ids[0]]));
    assert_eq!(everything(&server).await.len(), 2);
}

#[tokio::test]
async fn what_was_kept_and_then_not_removed_is_not_restored_twice() {
    let (server, _) = with_entries(&[], &["one"]).await;
    let before = entries(&server).await;
    server.call("memory_clear", json!({"confirm": true})).await;
    server.call("memory_restore", json!({})).await;
    let directory = server.stop().await;
    // As a process leaves it that is killed between keeping the entries and removing them.
    let folder = directory.path().join("memory/undo/entries");
    let file = fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    fs::rename(&file, file.to_str().unwrap().replace(".restored", "")).unwrap();
    fs::write(folder.join(".tmpHalf"), "{\"entry\"").unwrap();
    let server = Server::in_directory(directory, &[]).await;
    assert_eq!(server.post("/memory/restore", json!({})).await.status, 409);
    assert_eq!(entries(&server).await, before);
    assert_eq!(kept(&server).len(), 1, "what was half written is gone");
}

#[tokio::test]
async fn nothing_is_kept_of_an_empty_memory_nor_longer_or_more_than_the_settings_say() {
    let (server, ids) = with_entries(&[("MCP_UNDO_MAX_MIB", "1")], &["one"]).await;
    let deleted = server.call("memory_delete", json!({"id": ids[0]})).await;
    let empty = server.call("memory_clear", json!({"confirm": true})).await;
    assert_eq!((&empty["change_id"], kept(&server).len()), (&Value::Null, 1));
    let large = "x".repeat(600_000);
    let mut changes = vec![deleted["change_id"].clone()];
    for _ in 0..2 {
        let id = remember(&server, &large, &[]).await;
        changes.push(server.call("memory_delete", json!({"id": id})).await["change_id"].clone());
    }
    for (change, status) in changes.iter().zip([404, 404, 200]) {
        assert_eq!(server.post("/memory/restore", json!({"id": change})).await.status, status, "{change}");
    }
    server.call("memory_add", json!({"content": large})).await;
    let cleared = server.call("memory_clear", json!({"confirm": true})).await;
    assert_eq!(cleared["change_id"], Value::Null, "it is more than is kept at all");
    let directory = server.stop().await;
    let file = directory.path().join("memory/undo/entries/memory_change_20200131_120000_000001.jsonl");
    fs::write(&file, "{\"entry\": {\"content\": \"old\"}}\n").unwrap();
    let server = Server::in_directory(directory, &[("MCP_UNDO_MAX_MIB", "0")]).await;
    assert!(!file.exists(), "it is too old");
    server.call("memory_add", json!({"content": "one"})).await;
    let cleared = server.call("memory_clear", json!({"confirm": true})).await;
    assert_eq!((&cleared["change_id"], kept(&server).len()), (&Value::Null, 0), "0 keeps none");
    assert_eq!(server.post("/memory/restore", json!({})).await.status, 409);
}

#[tokio::test]
async fn neither_file_routes_nor_commands_reach_what_was_removed() {
    let (server, _) = with_entries(&[], &["forgotten on purpose"]).await;
    server.call("memory_clear", json!({"confirm": true})).await;
    let file = kept(&server).remove(0);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0);
    assert_eq!(fs::metadata(file.parent().unwrap()).unwrap().permissions().mode() & 0o077, 0);
    assert_eq!(server.post("/filesystem/read", json!({"path": file})).await.status, 403);
    assert_eq!(server.post("/filesystem/list", json!({"path": file.parent()})).await.status, 403);
    if server.call("terminal_info", json!({})).await.to_string().contains("kernel") {
        let command = format!("cat {}; grep -rh content memory/undo", file.display());
        let ran = server.post("/terminal/execute", json!({"command": command})).await.ok();
        assert_eq!(ran["stdout"], "", "{ran}");
    }
}

#[tokio::test]
async fn twenty_thousand_entries_come_back_at_once() {
    let server = Server::start().await;
    let lines: String = (0..20_000).map(|n| format!("{{\"id\": \"e{n}\", \"content\": \"entry {n}\"}}\n")).collect();
    server.call("memory_import", json!({"content": lines})).await;
    let before = everything(&server).await;
    server.call("memory_clear", json!({"confirm": true})).await;
    let restored = server.call("memory_restore", json!({})).await;
    assert_eq!((&restored["count"], restored["ids"].as_array().unwrap().len()), (&json!(20_000), 1000));
    assert!(everything(&server).await == before);
}
