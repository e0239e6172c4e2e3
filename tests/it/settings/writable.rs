//! `MCP_WRITABLE_PATHS` names what may be changed, for file routes and commands alike.

use crate::server::{Server, scratch};
use serde_json::{Value, json};
use std::{fs, path::Path};
use tempfile::TempDir;

/// A server in `bridge` beside folders, with a setting in which `{}` stands for the directory of all of them.
async fn server(value: &str) -> (Server, TempDir) {
    let home = scratch();
    for file in ["bridge/own.txt", "open/a.txt", "notes/a.md", "notes/b.txt", "caf\u{e9}/a.txt"] {
        put(&home.path().join(file));
    }
    std::os::unix::fs::symlink(home.path().join("open"), home.path().join("linked")).unwrap();
    let value = value.replace("{}", home.path().to_str().unwrap());
    let server = Server::at_directory(&home.path().join("bridge"), &[("MCP_WRITABLE_PATHS", &value)]).await;
    (server, home)
}

fn put(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, "x").unwrap();
}

/// Whether a file can be changed by the route, and by a command.
async fn changes(server: &Server, path: &Path) -> [bool; 2] {
    let before = fs::read_to_string(path).unwrap();
    let written = server.post("/filesystem/write", json!({"path": path, "content": "by the route"})).await;
    assert_eq!(written.status == 200, fs::read_to_string(path).unwrap() != before, "{}", written.text);
    let script =
        json!({"command": "sh -c \"$SCRIPT\"", "env": {"SCRIPT": "echo by a command > \"$FILE\"", "FILE": path}});
    server.post("/terminal/execute", script).await;
    [written.status == 200, fs::read_to_string(path).unwrap().contains("by a command")]
}

#[tokio::test]
async fn what_is_named_can_be_changed_and_the_rest_only_read() {
    for (value, open, shut) in [
        ("{}/open", &["open/a.txt"][..], &["notes/a.md", "bridge/own.txt"][..]),
        ("{}/linked", &["open/a.txt"], &["notes/a.md"]),
        ("{}/open,{}/notes/*.md", &["open/a.txt", "notes/a.md"], &["notes/b.txt"]),
        ("{}/**/*.md", &["notes/a.md"], &["open/a.txt", "notes/b.txt"]),
        (".", &["bridge/own.txt"], &["open/a.txt"]),
        ("{}/cafe\u{301}", &["caf\u{e9}/a.txt"], &["open/a.txt"]),
        ("none", &[], &["open/a.txt", "notes/a.md", "bridge/own.txt"]),
        ("", &["open/a.txt", "notes/b.txt", "bridge/own.txt"], &[]),
    ] {
        let (server, home) = server(value).await;
        for file in open {
            assert_eq!(changes(&server, &home.path().join(file)).await, [true, true], "{value}: {file}");
        }
        for file in shut {
            let path = home.path().join(file);
            assert_eq!(changes(&server, &path).await, [false, false], "{value}: {file}");
            let read = server.post("/filesystem/read", json!({"path": path})).await;
            assert_eq!(read.status, 200, "{value}: {file}");
        }
    }
}

#[tokio::test]
async fn every_route_that_changes_files_keeps_to_it() {
    let (server, home) = server("{}/open,{}/notes/*.md").await;
    let at = |name: &str| home.path().join(name).display().to_string();
    let (open, notes, new) = (at("open/a.txt"), at("notes/b.txt"), at("notes/new.txt"));
    let refused: [(&str, Value); 12] = [
        ("/filesystem/write", json!({"path": new, "content": "x"})),
        ("/filesystem/write", json!({"path": notes, "content": "x", "mode": "a"})),
        ("/filesystem/edit", json!({"path": notes, "edits": [{"old": "x", "new": "y"}]})),
        ("/filesystem/delete", json!({"path": notes})),
        ("/filesystem/delete", json!({"path": at("open"), "recursive": true})),
        ("/filesystem/move", json!({"path": notes, "to": at("open/b.txt")})),
        ("/filesystem/move", json!({"path": open, "to": new})),
        ("/filesystem/move", json!({"path": at("open"), "to": at("away")})),
        ("/filesystem/copy", json!({"path": open, "to": new})),
        ("/filesystem/mkdir", json!({"path": at("notes/new")})),
        ("/filesystem/write", json!({"path": at("linked/../notes/b.txt"), "content": "x"})),
        ("/filesystem/archive", json!({"path": open, "to": at("notes/a.zip")})),
    ];
    for (route, arguments) in refused {
        let reply = server.post(route, arguments.clone()).await;
        assert_eq!(reply.status, 403, "{route} {arguments}: {}", reply.text);
    }
    let hint = server.post("/filesystem/write", json!({"path": notes, "content": "x"})).await;
    assert!(hint.status == 403 && hint.text.contains("MCP_WRITABLE_PATHS"), "{}", hint.text);
    for (route, arguments) in [
        ("/filesystem/write", json!({"path": at("notes/new.md"), "content": "x"})),
        ("/filesystem/copy", json!({"path": notes, "to": at("notes/copied.md")})),
        ("/filesystem/copy", json!({"path": at("notes"), "to": at("open/notes")})),
        ("/filesystem/mkdir", json!({"path": at("open/deep/er")})),
        ("/filesystem/delete", json!({"path": at("notes/a.md")})),
        ("/filesystem/move", json!({"path": open, "to": at("open/deep/b.txt")})),
    ] {
        let reply = server.post(route, arguments.clone()).await;
        assert_eq!(reply.status, 200, "{route} {arguments}: {}", reply.text);
    }
    let undone = server.post("/filesystem/undo", json!({"path": at("notes/a.md")})).await;
    assert!(undone.status == 200 && home.path().join("notes/a.md").exists(), "{}", undone.text);
}

#[test]
fn what_lies_outside_the_roots_stops_the_start() {
    let text = super::refused(b"MCP_ALLOWED_DIRS=/usr\nMCP_WRITABLE_PATHS=/var/x\n");
    assert!(
        text.contains("MCP_WRITABLE_PATHS") && text.contains("/var/x") && text.contains("MCP_ALLOWED_DIRS"),
        "{text}"
    );
}
