//! Edits that do not fit at first, and what they are told.

use crate::server::Server;
use serde_json::{Value, json};
use std::fs;

async fn conflict(server: &Server, edit: Value) -> String {
    let reply = server.post("/filesystem/edit", json!({"path": "f", "edits": [edit]})).await;
    assert_eq!(reply.status, 409, "{}", reply.text);
    reply.detail().to_owned()
}

#[tokio::test]
async fn a_text_outside_the_given_lines_is_said_to_be_there() {
    let server = Server::start().await.with_file("f", "alpha\nbeta\ngamma\n");
    let outside = conflict(&server, json!({"old": "gamma", "new": "x", "start_line": 1, "end_line": 2})).await;
    assert!(outside.starts_with("edits[0].old is not in lines 1 to 2, but at lines 3."), "{outside}");
    let beyond = conflict(&server, json!({"old": "gamma", "new": "x", "start_line": 90})).await;
    assert!(beyond.contains("the text has 3 lines"), "{beyond}");
    let nowhere = conflict(&server, json!({"old": "bet4", "new": "x", "start_line": 2})).await;
    assert!(nowhere.contains("Nearest is line 2"), "{nowhere}");
}

#[tokio::test]
async fn the_first_line_that_differs_is_shown_however_long_the_file_is() {
    let text: String = (1..=8_000).map(|line| format!("fn number_{line}() {{\n    body({line})\n}}\n")).collect();
    let server = Server::start().await.with_file("f", text);
    let near = conflict(&server, json!({"old": "fn number_7900() {\n    bode(7900)\n}", "new": ""})).await;
    assert!(near.contains("lines 23698 to 23700"), "{near}");
    assert!(near.contains(r#"Line 23699 is "    body(7900)", not "    bode(7900)"."#), "{near}");
    fs::write(server.path("f"), "cafe\u{301}\n").unwrap();
    let accents = conflict(&server, json!({"old": "café", "new": ""})).await;
    assert!(accents.contains("NFC and NFD"), "{accents}");
    fs::write(server.path("f"), "end").unwrap();
    let end = conflict(&server, json!({"old": "end\n", "new": ""})).await;
    assert!(end.contains("the file's last line has no end"), "{end}");
}

#[tokio::test]
async fn other_line_ends_than_the_files_are_translated() {
    let server = Server::start().await;
    for (before, old, new, after) in [
        ("a\nb\nc\n", "a\r\nb\r\n", "x\r\ny\r\n", "x\ny\nc\n"),
        ("a\r\nb\r\n", "a\nb\n", "x\n", "x\r\n"),
        ("a\r\nb\r\nc\n", "a\nb", "x\ny", "x\r\ny\r\nc\n"),
        ("a\r\nb\r\nc\nd\n", "c\r\nd", "x\r\ny", "a\r\nb\r\nx\ny\n"),
    ] {
        fs::write(server.path("f"), before).unwrap();
        server.call("filesystem_edit", json!({"path": "f", "edits": [{"old": old, "new": new}]})).await;
        assert_eq!(fs::read_to_string(server.path("f")).unwrap(), after, "{before:?}");
    }
}

#[tokio::test]
async fn a_digest_that_is_none_is_refused_as_such() {
    let server = Server::start().await.with_file("f", "x").with_file("d/x", "");
    std::os::unix::fs::symlink("f", server.path("link")).unwrap();
    let write = |digest: &str| json!({"path": "f", "content": "y", "expected_sha256": digest});
    assert_eq!(server.post("/filesystem/write", write("abc")).await.status, 422);
    let digest = "0".repeat(64);
    assert_eq!(server.post("/filesystem/write", write(&digest)).await.status, 409);
    for path in ["d", "link"] {
        let arguments = json!({"path": path, "recursive": true, "expected_sha256": digest});
        let reply = server.post("/filesystem/delete", arguments).await;
        assert_eq!(reply.status, 400, "{}", reply.text);
        assert!(reply.detail().contains("is for files"), "{}", reply.text);
    }
}
