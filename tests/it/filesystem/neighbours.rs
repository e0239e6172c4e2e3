//! Undo of what made folders into which others put something of theirs.

use crate::server::Server;
use serde_json::json;
use std::fs;

#[tokio::test]
async fn a_new_file_is_undone_though_a_neighbour_lies_in_the_folder_that_was_made_for_it() {
    let server = Server::start().await;
    server.call("filesystem_write", json!({"path": "notes/deep/a.txt", "content": "a"})).await;
    fs::write(server.path("notes/theirs.txt"), "theirs").unwrap();
    server.call("filesystem_undo", json!({"path": "notes/deep/a.txt"})).await;
    assert_eq!(fs::read_to_string(server.path("notes/theirs.txt")).unwrap(), "theirs");
    assert!(!server.path("notes/deep").exists(), "a folder that is empty goes");

    let last = server.call("filesystem_changes", json!({"limit": 1})).await["items"][0]["id"].clone();
    server.call("filesystem_undo", json!({"id": last})).await;
    assert_eq!(fs::read_to_string(server.path("notes/deep/a.txt")).unwrap(), "a", "it is redone");
    assert_eq!(fs::read_to_string(server.path("notes/theirs.txt")).unwrap(), "theirs");
}

#[tokio::test]
async fn two_files_in_one_new_folder_are_undone_in_either_order() {
    for (first, second) in [("new/a", "new/b"), ("new/b", "new/a")] {
        let server = Server::start().await;
        for path in ["new/a", "new/b"] {
            server.call("filesystem_write", json!({"path": path, "content": path})).await;
        }
        server.call("filesystem_undo", json!({"path": first})).await;
        assert!(!server.path(first).exists() && server.path(second).exists());
        server.call("filesystem_undo", json!({"path": second})).await;
        assert!(!server.path(second).exists());
    }
}

#[tokio::test]
async fn a_move_into_a_new_folder_is_undone_beside_a_neighbour() {
    let server = Server::start().await.with_file("a", "a");
    server.call("filesystem_move", json!({"path": "a", "to": "new/a"})).await;
    fs::write(server.path("new/theirs"), "theirs").unwrap();
    server.call("filesystem_undo", json!({"path": "a"})).await;
    assert_eq!(fs::read_to_string(server.path("a")).unwrap(), "a");
    assert_eq!(fs::read_to_string(server.path("new/theirs")).unwrap(), "theirs");
    assert!(!server.path("new/a").exists());
}

#[tokio::test]
async fn a_copied_folder_with_a_neighbour_in_it_is_undone_but_for_the_neighbour() {
    let server = Server::start().await.with_file("from/in/a", "a").with_file("from/b", "b");
    server.call("filesystem_copy", json!({"path": "from", "to": "to"})).await;
    fs::write(server.path("to/in/theirs"), "theirs").unwrap();
    server.call("filesystem_undo", json!({"path": "to"})).await;
    assert_eq!(fs::read_to_string(server.path("to/in/theirs")).unwrap(), "theirs");
    assert!(!server.path("to/in/a").exists() && !server.path("to/b").exists());
}

#[tokio::test]
async fn a_made_folder_in_which_others_put_something_is_left_with_the_reason() {
    let server = Server::start().await;
    server.call("filesystem_mkdir", json!({"path": "new"})).await;
    fs::write(server.path("new/theirs"), "theirs").unwrap();
    let reply = server.post("/filesystem/undo", json!({"path": "new"})).await;
    assert_eq!(reply.status, 409, "{}", reply.text);
    assert!(reply.detail().contains("new/theirs: it was put into a directory that this change made"), "{}", reply.text);
}
