//! The memory is bounded, and says how to make room.

use super::{everything, remember};
use crate::server::Server;
use serde_json::{Value, json};

/// A text of so many MiB.
fn mib(count: usize) -> String {
    "x".repeat(count << 20)
}

async fn server() -> Server {
    Server::with_settings(&[("MEMORY_MAX_MIB", "4")]).await
}

/// Nothing is changed by what the memory has no room for.
async fn is_refused(server: &Server, path: &str, arguments: Value) {
    let before = everything(server).await;
    let reply = server.post(path, arguments).await;
    assert_eq!(reply.status, 507, "{path}: {}", reply.text);
    let says_how = ["memory_delete", "MEMORY_MAX_MIB", "4 MiB"].iter().all(|word| reply.detail().contains(word));
    assert!(says_how, "{path}: {}", reply.detail());
    assert!(before == everything(server).await, "{path}");
}

#[tokio::test]
async fn what_the_memory_has_no_room_for_is_refused_by_every_way_in() {
    let server = server().await;
    let id = remember(&server, &mib(3), &[]).await;
    is_refused(&server, "/memory/add", json!({"content": mib(2)})).await;
    is_refused(&server, "/memory/add", json!({"content": "", "tags": [mib(2)]})).await;
    is_refused(&server, "/memory/add", json!({"content": "", "metadata": {"text": mib(2)}})).await;
    is_refused(&server, "/memory/add", json!({"content": "", "source": mib(2)})).await;
    let several = json!([{"content": mib(1)}, {"content": mib(1)}]);
    is_refused(&server, "/memory/add_many", json!({"entries": several})).await;
    let line = |content: String| json!({"id": "imported", "content": content, "timestamp": "2026-01-01T00:00:00"});
    is_refused(&server, "/memory/import", json!({"content": line(mib(2)).to_string()})).await;
    is_refused(&server, "/memory/update", json!({"id": id, "content": mib(5)})).await;
    remember(&server, "a small one still fits", &[]).await;
}

#[tokio::test]
async fn what_is_deleted_or_made_smaller_makes_room() {
    let server = server().await;
    let [first, second] = [remember(&server, &mib(2), &[]).await, remember(&server, &mib(1), &[]).await];
    is_refused(&server, "/memory/add", json!({"content": mib(2)})).await;
    server.call("memory_update", json!({"id": first, "content": "short"})).await;
    let third = remember(&server, &mib(2), &[]).await;
    is_refused(&server, "/memory/add", json!({"content": mib(2)})).await;
    for id in [second, third] {
        server.call("memory_delete", json!({"id": id})).await;
    }
    remember(&server, &mib(3), &[]).await;
    is_refused(&server, "/memory/add", json!({"content": mib(2)})).await;
    server.call("memory_clear", json!({"confirm": true})).await;
    remember(&server, &mib(3), &[]).await;
}

#[tokio::test]
async fn what_was_kept_already_stays_though_the_memory_may_hold_less_now() {
    let server = Server::with_settings(&[("MEMORY_MAX_MIB", "0")]).await;
    let id = remember(&server, &mib(6), &["large"]).await;
    let directory = server.stop().await;
    let server = Server::in_directory(directory, &[("MEMORY_MAX_MIB", "4")]).await;
    assert_eq!(everything(&server).await[0].len(), 6 << 20);
    is_refused(&server, "/memory/add", json!({"content": "one more"})).await;
    server.call("memory_update", json!({"id": id, "content": mib(5)})).await;
    server.call("memory_delete", json!({"id": id})).await;
    remember(&server, "one more", &[]).await;
}

#[tokio::test]
async fn an_edit_by_hand_past_the_bound_is_kept_and_the_next_add_refused() {
    let server = server().await;
    remember(&server, "first", &[]).await;
    let entry = json!([{"id": "by-hand", "content": mib(5), "timestamp": "2026-01-01T00:00:00"}]);
    let server = server.with_file("memory/index_memory.json", entry.to_string());
    assert_eq!(everything(&server).await[0].len(), 5 << 20);
    is_refused(&server, "/memory/add", json!({"content": "one more"})).await;
}
