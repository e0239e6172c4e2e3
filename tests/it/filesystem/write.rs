//! Writing.

use crate::server::Server;
use futures::future::join_all;
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt, process::Command, time::Duration};

#[tokio::test]
async fn a_file_and_the_folders_above_it_are_made() {
    let server = Server::start().await;
    let reply = server.call("filesystem_write", json!({"path": "a/b/c.txt", "content": "hé\n"})).await;
    assert_eq!(
        (&reply["bytes_written"], &reply["mode"], &reply["path"]),
        (&json!(3), &json!("w"), &json!("a/b/c.txt"))
    );
    assert_eq!(fs::read_to_string(server.path("a/b/c.txt")).unwrap(), "hé\n");
    server.call("filesystem_write", json!({"path": "a/b/c.txt", "content": "more", "mode": "a"})).await;
    assert_eq!(fs::read_to_string(server.path("a/b/c.txt")).unwrap(), "hé\nmore");
    server.call("filesystem_write", json!({"path": "a/b/c.txt", "content": ""})).await;
    assert_eq!(fs::read_to_string(server.path("a/b/c.txt")).unwrap(), "");
    assert_eq!(fs::read_dir(server.path("a/b")).unwrap().count(), 1, "no temporary file is left");
}

#[tokio::test]
async fn the_mode_and_the_other_names_of_an_old_file_are_kept() {
    let server = Server::start().await.with_file("run.sh", "old").with_file("other", "");
    fs::set_permissions(server.path("run.sh"), fs::Permissions::from_mode(0o751)).unwrap();
    fs::hard_link(server.path("run.sh"), server.path("second-name")).unwrap();
    server.call("filesystem_write", json!({"path": "run.sh", "content": "new"})).await;
    assert_eq!(fs::metadata(server.path("run.sh")).unwrap().permissions().mode() & 0o7777, 0o751);
    assert_eq!(fs::read_to_string(server.path("second-name")).unwrap(), "old");
    fs::hard_link(server.path("run.sh"), server.path("third-name")).unwrap();
    server.call("filesystem_write", json!({"path": "run.sh", "content": "er", "mode": "a"})).await;
    let texts = ["run.sh", "third-name"].map(|name| fs::read_to_string(server.path(name)).unwrap());
    assert_eq!(texts, ["newer", "new"]);
}

#[tokio::test]
async fn what_cannot_be_written_is_refused_and_the_old_file_is_whole() {
    let server = Server::start().await.with_file("old.txt", "old").with_file("dir/x", "");
    assert!(Command::new("mkfifo").arg(server.path("fifo")).status().unwrap().success());
    let cases = [
        (json!({"path": "old.txt", "content": "x", "mode": "r"}), "Invalid mode. Use 'w' or 'a'"),
        (json!({"path": "old.txt", "content": "é", "encoding": "ascii"}), "Cannot encode content with ascii encoding"),
        (json!({"path": "old.txt", "content": "x", "encoding": "none"}), "Unknown encoding: none"),
        (json!({"path": "dir", "content": "x"}), "Path is not a file"),
        (json!({"path": "new/", "content": "x"}), "Path is not a file"),
        (json!({"path": "fifo", "content": "x"}), "Path is not a file"),
        (json!({"path": "/dev/null", "content": "x"}), "Path is not a file"),
        (json!({"path": "old.txt/x", "content": "x"}), "A part of the path that should be a directory is a file"),
        (json!({"path": "", "content": "x"}), "The path is empty"),
    ];
    for (arguments, detail) in cases {
        let reply = server.post("/filesystem/write", arguments.clone()).await;
        assert_eq!(reply.status, 400, "{arguments}: {}", reply.text);
        assert!(reply.detail().starts_with(detail), "{arguments}: {}", reply.detail());
    }
    assert_eq!(fs::read_to_string(server.path("old.txt")).unwrap(), "old");
    assert!(!server.path("new").exists());
}

#[tokio::test]
async fn a_byte_order_mark_is_written_once() {
    let server = Server::start().await;
    for content in ["a", "b"] {
        let arguments = json!({"path": "u16.txt", "content": content, "encoding": "utf-16", "mode": "a"});
        server.call("filesystem_write", arguments).await;
        let arguments = json!({"path": "sig.txt", "content": content, "encoding": "utf-8-sig", "mode": "a"});
        server.call("filesystem_write", arguments).await;
    }
    assert_eq!(fs::read(server.path("u16.txt")).unwrap(), b"\xff\xfea\0b\0");
    assert_eq!(fs::read(server.path("sig.txt")).unwrap(), b"\xef\xbb\xbfab");
}

#[tokio::test]
async fn fifty_appends_at_once_are_all_kept() {
    let server = Server::start().await;
    let append = |number: usize| {
        server.call("filesystem_write", json!({"path": "log", "content": format!("{number}\n"), "mode": "a"}))
    };
    futures::future::join_all((0..50).map(append)).await;
    let mut lines: Vec<usize> =
        fs::read_to_string(server.path("log")).unwrap().lines().map(|line| line.parse().unwrap()).collect();
    lines.sort_unstable();
    assert_eq!(lines, (0..50).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_full_disk_is_said_and_leaves_the_old_file_whole() {
    let server = Server::start().await;
    let mount = server.path("small");
    fs::create_dir(&mount).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&mount).status();
    if !mounted.is_ok_and(|status| status.success()) {
        return; // Only root may mount.
    }
    server.call("filesystem_write", json!({"path": "small/f", "content": "old"})).await;
    let reply = server.post("/filesystem/write", json!({"path": "small/f", "content": "x".repeat(1 << 20)})).await;
    let content = fs::read_to_string(mount.join("f")).unwrap();
    let left = fs::read_dir(&mount).unwrap().count();
    assert!(Command::new("umount").arg("-l").arg(&mount).status().unwrap().success());
    assert_eq!(reply.status, 507, "{}", reply.text);
    assert_eq!((content.as_str(), left), ("old", 1));
}

#[tokio::test]
async fn new_content_does_not_run_with_its_owners_rights_and_undo_brings_back_what_did() {
    let server = Server::start().await.with_file("tool", "old\n").with_file("folder/x", "");
    let set = |name: &str, mode| fs::set_permissions(server.path(name), fs::Permissions::from_mode(mode)).unwrap();
    let mode = |name: &str| fs::metadata(server.path(name)).unwrap().permissions().mode() & 0o7777;
    for (action, change) in [
        ("write", json!({"path": "tool", "content": "new\n"})),
        ("write", json!({"path": "tool", "content": "new\n", "mode": "a"})),
        ("edit", json!({"path": "tool", "edits": [{"old": "old", "new": "new"}]})),
    ] {
        fs::write(server.path("tool"), "old\n").unwrap();
        set("tool", 0o6755);
        server.call(&format!("filesystem_{action}"), change).await;
        assert_eq!(mode("tool"), 0o755, "{action}");
        server.call("filesystem_undo", json!({"path": "tool"})).await;
        let content = fs::read_to_string(server.path("tool")).unwrap();
        assert_eq!((content.as_str(), mode("tool")), ("old\n", 0o6755), "{action}");
    }
    set("tool", 0o6755);
    set("folder", 0o2775);
    server.call("filesystem_copy", json!({"path": "tool", "to": "copy"})).await;
    assert_eq!((mode("copy"), mode("folder")), (0o755, 0o2775));
    server.call("filesystem_write", json!({"path": "folder/new/f", "content": ""})).await;
    assert_eq!(mode("folder"), 0o2775);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_create_one_file_at_once_one_does_and_the_others_are_told() {
    let server = Server::start().await;
    for round in 0..20 {
        for mode in ["w", "a"] {
            let path = format!("new-{mode}-{round}");
            let create =
                |who: usize| json!({"path": path, "content": who.to_string(), "mode": mode, "create_only": true});
            let replies = join_all((0..8).map(|who| server.post("/filesystem/write", create(who)))).await;
            let made: Vec<usize> = (0..8).filter(|who| replies[*who].status == 200).collect();
            assert_eq!(made.len(), 1, "{path}: {replies:?}");
            assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 409)), "{path}: {replies:?}");
            assert_eq!(fs::read_to_string(server.path(&path)).unwrap(), made[0].to_string());
        }
    }
}

#[tokio::test]
async fn a_path_of_thousands_of_folders_is_refused_and_one_of_hundreds_is_made_and_undone() {
    let server = Server::start().await;
    let deep = |folders: usize| format!("{}f", "a/".repeat(folders));
    for action in ["write", "append", "mkdir"] {
        for folders in [300, 1500, 2500] {
            let (name, more) = if action == "append" { ("write", "a") } else { (action, "w") };
            let mut change = json!({"path": deep(folders), "content": "x", "mode": more});
            if action == "mkdir" {
                change = json!({"path": deep(folders)});
            }
            let route = format!("/filesystem/{name}");
            let asked = server.post(&route, change);
            let reply = tokio::time::timeout(Duration::from_secs(10), asked).await.expect("an answer soon");
            assert_eq!(reply.status, 400, "{action} {folders}: {}", reply.text);
        }
    }
    assert!(!server.path("a").exists());
    let made = server.call("filesystem_write", json!({"path": deep(200), "content": "x"})).await;
    server.call("filesystem_undo", json!({"id": made["change_id"]})).await;
    assert!(!server.path("a").exists());
}
