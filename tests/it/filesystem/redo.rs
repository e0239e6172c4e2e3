//! One call is one change: undone by its id it is gone without a trace, and so on, back and forth.

use super::undo::tree;
use crate::server::Server;
use serde_json::{Value, json};
use std::{fs, path::Path, time::SystemTime};

fn plant(top: &Path) {
    fs::create_dir_all(top.join("t/x")).unwrap();
    for (name, content) in [("a.txt", "A\n"), ("b.txt", "B\n"), ("t/x/y.txt", "Y\n")] {
        fs::write(top.join(name), content).unwrap();
    }
    let long_ago = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_200_000_000);
    for name in ["a.txt", "b.txt", "t/x/y.txt", "t/x", "t", ""] {
        fs::File::open(top.join(name)).unwrap().set_modified(long_ago).unwrap();
    }
}

#[tokio::test]
async fn every_change_goes_back_and_forth_by_its_id_folders_and_their_times_included() {
    let server = Server::start().await;
    let calls = [
        ("move", json!({"path": "u/a.txt", "to": "u/b.txt", "overwrite": true})),
        ("move", json!({"path": "u/a.txt", "to": "u/new/deep/a.txt"})),
        ("move", json!({"path": "u/t", "to": "u/new/t"})),
        ("copy", json!({"path": "u/t", "to": "u/new/t"})),
        ("write", json!({"path": "u/new/f", "content": "x"})),
        ("delete", json!({"path": "u/t", "recursive": true})),
        ("archive", json!({"path": "u/t", "to": "u/new/t.zip"})),
        ("mkdir", json!({"path": "u/new/deep"})),
    ];
    for (name, arguments) in calls {
        let _ = fs::remove_dir_all(server.path("u"));
        plant(&server.path("u"));
        let before = tree(&server.path("u"));
        let made = server.call(&format!("filesystem_{name}"), arguments.clone()).await;
        assert_eq!(made["undoable"], true, "{name}");
        let after = tree(&server.path("u"));
        let mut id = made["change_id"].clone();
        for turn in 0..5 {
            let undone = server.call("filesystem_undo", json!({"id": id})).await;
            id = undone["undone"][0]["undo_id"].clone();
            let expected = if turn % 2 == 0 { &before } else { &after };
            let now = tree(&server.path("u"));
            assert!(now.keys().eq(expected.keys()), "{name} {arguments}, turn {turn}");
            if turn % 2 == 0 {
                assert!(now == *expected, "{name} {arguments}, turn {turn}: all is as it was, times included");
            }
        }
    }
}

#[tokio::test]
async fn an_upload_into_new_folders_is_one_change() {
    let server = Server::start().await;
    plant(&server.path("u"));
    let before = tree(&server.path("u"));
    let uploaded = server.upload(&[("path", "u/new/deep/f")], b"123").await.ok();
    assert_eq!(uploaded["undoable"], true);
    server.call("filesystem_undo", json!({"id": uploaded["change_id"]})).await;
    assert!(tree(&server.path("u")) == before);
}

#[tokio::test]
async fn the_last_change_in_a_folder_is_undone_by_the_folders_path() {
    let server = Server::start().await.with_file("d/a", "1").with_file("d/b", "1");
    for name in ["d/a", "d/b"] {
        server.call("filesystem_write", json!({"path": name, "content": "2"})).await;
    }
    server.call("filesystem_undo", json!({"path": "d"})).await;
    let texts = ["d/a", "d/b"].map(|name| fs::read_to_string(server.path(name)).unwrap());
    assert_eq!(texts, ["2", "1"]);
    for nothing in [json!({"session": "none"}), json!({"since": "2099-01-01T00:00:00"}), json!({"path": "none"})] {
        assert_eq!(server.post("/filesystem/undo", nothing.clone()).await.status, 404, "{nothing}");
    }
    let junk = server.post("/filesystem/changes", json!({"cursor": "junk"})).await;
    assert_eq!((junk.status, &junk.body["detail"][0]["loc"]), (422, &json!(["body", "cursor"])));
}

#[tokio::test]
async fn what_cannot_be_kept_is_said_to_be_lost_by_every_call() {
    let server = Server::with_settings(&[("MCP_UNDO_MAX_MIB", "1")]).await;
    let large = "x".repeat(2_500_000);
    let calls: [(&str, Value); 4] = [
        ("write", json!({"path": "f", "content": "new"})),
        ("edit", json!({"path": "f", "edits": [{"old": large, "new": "y"}]})),
        ("move", json!({"path": "g", "to": "f", "overwrite": true})),
        ("delete", json!({"path": "f"})),
    ];
    for (name, arguments) in calls {
        fs::write(server.path("f"), &large).unwrap();
        fs::write(server.path("g"), "g").unwrap();
        let reply = server.call(&format!("filesystem_{name}"), arguments).await;
        assert_eq!(reply["undoable"], false, "{name}");
    }
    let kept = server.call("filesystem_write", json!({"path": "h", "content": "abc"})).await;
    assert_eq!(kept["undoable"], true);
    assert!(kept["sha256"].as_str().unwrap().starts_with("ba7816bf"));
}

#[tokio::test]
async fn a_tree_that_was_deleted_goes_from_the_disk_also_after_a_restart() {
    let server = Server::start().await;
    plant(&server.path("u"));
    server.call("filesystem_delete", json!({"path": "u", "recursive": true})).await;
    assert!(!server.path("u").exists());
    let directory = server.stop().await;
    // As a process that was killed would leave it.
    plant(&directory.path().join("memory/undo/removed/left"));
    let server = Server::in_directory(directory, &[]).await;
    let removed = server.path("memory/undo/removed");
    crate::server::until("it is gone", || fs::read_dir(&removed).unwrap().count() == 0).await;
    server.call("filesystem_undo", json!({"path": "u"})).await;
    assert_eq!(fs::read_to_string(server.path("u/t/x/y.txt")).unwrap(), "Y\n");
}
