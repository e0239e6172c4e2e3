//! What the system refuses of mounts, running programs and limits: each is told with its reason, and stays as it is.

use super::in_place::Mount;
use crate::{
    program::copy_program,
    server::{Reply, Server},
};
use serde_json::json;
use std::{fs, process::Command};

fn is_told(reply: &Reply, reason: &str) {
    assert_eq!(reply.status, 409, "{}", reply.text);
    assert!(reply.detail().contains(reason), "{}", reply.text);
}

#[tokio::test]
async fn a_mounted_file_or_folder_is_not_deleted_or_moved_and_the_answer_says_to_unmount_it() {
    let server = Server::start().await.with_file("outside", "one\n").with_file("f", "");
    let server = server.with_file("folder/in", "kept\n").with_file("at/x", "").with_file("g", "g\n");
    let Some(_file) = Mount::of_file(&server.path("outside"), &server.path("f")) else { return };
    let _folder = Mount::of_file(&server.path("folder"), &server.path("at")).unwrap();
    for path in ["f", "at"] {
        let deleted = server.post("/filesystem/delete", json!({"path": path, "recursive": true})).await;
        is_told(&deleted, "umount");
        let moved = server.post("/filesystem/move", json!({"path": path, "to": "elsewhere"})).await;
        is_told(&moved, "umount");
        let moved = server.post("/filesystem/move", json!({"path": path, "to": "new/elsewhere"})).await;
        is_told(&moved, "umount");
        assert!(!server.path("new").exists() && !server.path("elsewhere").exists());
    }
    let replaced = server.post("/filesystem/move", json!({"path": "g", "to": "f", "overwrite": true})).await;
    is_told(&replaced, "umount");
    assert_eq!(fs::read_to_string(server.path("outside")).unwrap(), "one\n");
    assert_eq!(fs::read_to_string(server.path("folder/in")).unwrap(), "kept\n");
    assert_eq!(fs::read_to_string(server.path("g")).unwrap(), "g\n");
}

#[tokio::test]
async fn a_folder_with_a_mount_in_it_is_not_deleted_with_what_is_mounted() {
    let server = Server::start().await.with_file("data/precious", "kept\n").with_file("top/in/at/x", "");
    let Some(_mount) = Mount::of_file(&server.path("data"), &server.path("top/in/at")) else { return };
    let deleted = server.post("/filesystem/delete", json!({"path": "top", "recursive": true})).await;
    is_told(&deleted, "top/in/at is a mount point");
    assert_eq!(fs::read_to_string(server.path("data/precious")).unwrap(), "kept\n");
    assert_eq!(fs::read_to_string(server.path("top/in/at/precious")).unwrap(), "kept\n");
}

#[tokio::test]
async fn an_append_to_a_program_that_runs_is_told_so() {
    let server = Server::start().await;
    copy_program("/bin/sleep", server.path("program"));
    let mut running = Command::new(server.path("program")).arg("60").spawn().unwrap();
    let arguments = json!({"path": "program", "content": "x", "mode": "a"});
    let reply = server.post("/filesystem/write", arguments).await;
    running.kill().unwrap();
    running.wait().unwrap();
    is_told(&reply, "A program runs from that file");
}
