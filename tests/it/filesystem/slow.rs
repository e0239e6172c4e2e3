//! A change that takes long: others do not wait for it, and what it leaves when it is interrupted is removed.

use super::in_place::Mount;
use crate::{
    program::Program,
    server::{KEY, Reply, Server},
};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    path::Path,
    time::{Duration, Instant},
};

/// So large, and empty, is a file of which a copy takes long: it is digested.
const LARGE: u64 = 3 << 30;

fn plant(path: &Path, size: u64) {
    File::create(path).unwrap().set_len(size).unwrap();
}

/// Whether something is put together in a folder.
fn is_put_together(folder: &Path) -> bool {
    let mut entries = fs::read_dir(folder).unwrap().flatten();
    entries.any(|entry| entry.file_name().to_string_lossy().starts_with(".bridge-"))
}

fn wait_until(is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "it does not begin");
        std::thread::yield_now();
    }
}

/// Sends a slow change, and once it is on its way others, which are all answered before it.
async fn others_go_on(server: &Server, route: &'static str, arguments: Value, folder: &str) -> Reply {
    let folder = server.path(folder);
    let slow = server.request(route).bearer_auth(KEY).json(&arguments);
    let slow = tokio::spawn(Reply::send(slow));
    tokio::task::spawn_blocking(move || wait_until(|| is_put_together(&folder))).await.unwrap();
    server.call("filesystem_write", json!({"path": "other", "content": "old\n"})).await;
    server.call("filesystem_edit", json!({"path": "other", "edits": [{"old": "old", "new": "new"}]})).await;
    server.call("filesystem_move", json!({"path": "other", "to": "moved"})).await;
    server.call("filesystem_undo", json!({"path": "moved"})).await;
    server.call("filesystem_delete", json!({"path": "other"})).await;
    assert!(!slow.is_finished(), "the slow change was over first: {route}");
    slow.await.unwrap()
}

#[tokio::test]
async fn other_changes_do_not_wait_for_a_copy_of_a_huge_file() {
    let server = Server::start().await;
    plant(&server.path("large"), LARGE);
    let copied = others_go_on(&server, "/filesystem/copy", json!({"path": "large", "to": "copy"}), "").await.ok();
    assert_eq!(fs::metadata(server.path("copy")).unwrap().len(), LARGE);
    assert!(!is_put_together(&server.path("")));
    server.call("filesystem_undo", json!({"id": copied["change_id"]})).await;
    assert!(!server.path("copy").exists());
}

#[tokio::test]
async fn other_changes_do_not_wait_for_an_archive_or_its_extraction() {
    let server = Server::start().await;
    plant(&server.path("large"), LARGE / 12);
    let packed = json!({"path": "large", "to": "a.tar"});
    others_go_on(&server, "/filesystem/archive", packed, "").await.ok();
    let unpacked = json!({"path": "a.tar", "to": "out", "max_bytes": LARGE});
    others_go_on(&server, "/filesystem/extract", unpacked, "").await.ok();
    assert_eq!(fs::metadata(server.path("out/large")).unwrap().len(), LARGE / 12);
}

#[tokio::test]
async fn other_changes_do_not_wait_for_a_move_to_another_disk() {
    let server = Server::start().await;
    plant(&server.path("large"), LARGE / 6);
    fs::create_dir(server.path("disk")).unwrap();
    let Some(_disk) = Mount::new(&["-t", "tmpfs", "-o", "size=1m", "tmpfs"], &server.path("disk")) else { return };
    let moved = json!({"path": "large", "to": "disk/large"});
    others_go_on(&server, "/filesystem/move", moved, "disk").await.ok();
    assert!(!server.path("large").exists());
    assert_eq!(fs::metadata(server.path("disk/large")).unwrap().len(), LARGE / 6);
}

#[tokio::test]
async fn what_came_to_the_place_of_a_copy_meanwhile_stays() {
    let server = Server::start().await;
    plant(&server.path("large"), LARGE);
    let slow = server.request("/filesystem/copy").bearer_auth(KEY).json(&json!({"path": "large", "to": "copy"}));
    let slow = tokio::spawn(Reply::send(slow));
    let top = server.path("");
    tokio::task::spawn_blocking(move || wait_until(|| is_put_together(&top))).await.unwrap();
    server.call("filesystem_write", json!({"path": "copy", "content": "other\n"})).await;
    let reply = slow.await.unwrap();
    assert_eq!(reply.status, 409, "{}", reply.text);
    assert_eq!(fs::read_to_string(server.path("copy")).unwrap(), "other\n");
    assert!(!is_put_together(&server.path("")));
}

#[tokio::test]
async fn what_a_copy_left_goes_at_the_next_start_though_the_journal_was_written_anew_meanwhile() {
    // Each change drops the one before, and the journal is written anew.
    let settings = [("MCP_UNDO_MAX_MIB", "1")];
    let program = Program::start(&settings);
    plant(&program.path("large"), LARGE);
    let request = crate::server::client().post(format!("{}/filesystem/copy", program.url)).bearer_auth(KEY);
    let slow = tokio::spawn(request.json(&json!({"path": "large", "to": "copy"})).send());
    let top = program.path("");
    tokio::task::spawn_blocking(move || wait_until(|| is_put_together(&top))).await.unwrap();
    for letter in ["a", "b", "c", "d"] {
        let arguments = json!({"path": "other", "content": letter.repeat(700_000)});
        assert_eq!(program.post("/filesystem/write", KEY, &arguments).await.status, 200);
    }
    assert!(!slow.is_finished());
    let directory = program.kill();
    let _ = slow.await;
    assert!(is_put_together(directory.path()));
    let program = Program::start_in(directory, &settings);
    assert!(!is_put_together(&program.path("")), "what was left is still there");
    assert!(!program.path("copy").exists());
    assert_eq!(fs::read_to_string(program.path("other")).unwrap(), "d".repeat(700_000));
}
