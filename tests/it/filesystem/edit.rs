//! Edits that do not fit. Most cases are in `tests/scenarios/`.

use crate::server::Server;
use serde_json::json;

#[tokio::test]
async fn the_first_line_that_differs_is_shown_however_long_the_file_is() {
    let text: String = (1..=8_000).map(|line| format!("fn number_{line}() {{\n    body({line})\n}}\n")).collect();
    let server = Server::start().await.with_file("f", text);
    let edits = json!([{"old": "fn number_7900() {\n    bode(7900)\n}", "new": ""}]);
    let reply = server.post("/filesystem/edit", json!({"path": "f", "edits": edits})).await;
    assert_eq!(reply.status, 409, "{}", reply.text);
    let near = reply.detail();
    assert!(near.contains("lines 23698 to 23700"), "{near}");
    assert!(near.contains(r#"Line 23699 is "    body(7900)", not "    bode(7900)"."#), "{near}");
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
