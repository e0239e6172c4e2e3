//! What the sandbox refuses, and what it says then.

use super::server_or_skip;
use crate::server::Server;
use serde_json::{Value, json};

#[tokio::test]
async fn without_an_engine_the_answer_is_503() {
    let server = Server::start().await;
    for (path, arguments) in [("/sandbox/run", json!({"code": "1"})), ("/sandbox/build", json!({}))] {
        let reply = server.post(path, arguments).await;
        assert_eq!((reply.status, reply.detail()), (503, "Docker not available. Install Docker to use sandbox."));
    }
}

#[tokio::test]
async fn bad_arguments_are_named_before_an_engine_is_looked_for() {
    let server = Server::start().await;
    for (arguments, status, words) in [
        (json!({"code": "1", "timeout": 61}), 400, "Timeout too high. Max: 60s"),
        (json!({"code": "1", "timeout": 0}), 422, "greater than or equal to 1"),
        (json!({}), 422, "command"),
        (json!({"code": "", "command": ""}), 422, "command"),
        (json!({"code": "1", "language": "cobol"}), 422, "python"),
        (json!({"code": "a\0b"}), 422, "NUL"),
        (json!({"code": "1", "outputs": ["[a"]}), 422, "[a"),
        (json!({"code": "1", "outputs": ["../*"]}), 422, "without .."),
        (json!({"code": "1", "outputs": ["/etc/passwd"]}), 422, "relative"),
        (json!({"code": "1", "files": [{"path": "../x", "content": ""}]}), 422, "without .."),
        (json!({"code": "1", "files": [{"path": "x"}]}), 422, "content_base64"),
        (json!({"code": "1", "files": [{"path": "x", "content_base64": "%"}]}), 422, "base64"),
        (json!({"code": "1", "files": [{"path": "", "content": "x"}]}), 422, "workspace"),
    ] {
        let reply = server.post("/sandbox/run", arguments.clone()).await;
        assert_eq!(reply.status, status, "{arguments}: {}", reply.text);
        assert!(reply.text.contains(words), "{arguments}: {}", reply.text);
    }
}

#[tokio::test]
async fn a_missing_image_is_503_and_names_the_way_to_build_it() {
    let server = server_or_skip!(("SANDBOX_IMAGE", "no-such-image:here"));
    let reply = server.post("/sandbox/run", json!({"code": "1"})).await;
    assert_eq!(reply.status, 503);
    let expected = "Sandbox image 'no-such-image:here' not found. Build it first: call sandbox_build";
    assert_eq!(reply.detail(), expected);
    server.stop().await;
}

#[tokio::test]
async fn files_larger_than_the_workspace_are_413_and_name_the_setting() {
    let server = server_or_skip!(("SANDBOX_WORKSPACE_MIB", "2"));
    let large = "x".repeat(3 << 20);
    let request = json!({"command": "ls", "files": [{"path": "x", "content": large}]});
    let reply = server.post("/sandbox/run", request).await;
    assert_eq!(reply.status, 413);
    assert!(reply.detail().contains("SANDBOX_WORKSPACE_MIB"), "{}", reply.detail());
    let clash = json!({"command": "ls", "files": [{"path": "x", "content": "a"}, {"path": "x/y", "content": "b"}]});
    let reply = server.post("/sandbox/run", clash).await;
    assert_eq!(reply.status, 413, "{}", reply.text);
    server.stop().await;
}

#[tokio::test]
async fn two_hundred_megabytes_of_files_are_413_and_the_answer_says_what_to_change() {
    let request = json!({"command": "ls", "files": [{"path": "x", "content": "x".repeat(200_000_000)}]});
    for (settings, words) in [
        (&[][..], "MCP_MAX_REQUEST_MIB"),
        (
            &[
                ("MCP_MAX_REQUEST_MIB", "256"),
                ("MCP_MAX_BUFFERED_MIB_PER_CALLER", "2048"),
                ("MCP_MAX_BUFFERED_MIB", "4096"),
            ],
            "SANDBOX_WORKSPACE_MIB",
        ),
    ] {
        let server = Server::with_settings(settings).await;
        let reply = server.post("/sandbox/run", request.clone()).await;
        assert!(reply.status == 413 && reply.detail().contains(words), "{}", reply.text);
        assert_eq!(server.get("/health").await.status, 200);
        server.stop().await;
    }
}

#[tokio::test]
async fn more_files_than_an_answer_brings_back_are_named_and_not_brought() {
    let server = server_or_skip!();
    let large = "head -c 20000000 /dev/zero | tr '\\0' x >a; cp a b; cp a c";
    let large = server.call("sandbox_run", json!({"command": large, "outputs": ["*"], "timeout": 60})).await;
    let outputs = large["outputs"].as_array().unwrap();
    let whole = |file: &&Value| file["skipped"].is_null() && file["content"].as_str().unwrap().len() == 20_000_000;
    assert_eq!((outputs.len(), outputs.iter().filter(whole).count()), (3, 1), "32 MiB hold one of three");
    let many = server.call("sandbox_run", json!({"command": "seq 1100 | xargs touch", "outputs": ["*"]})).await;
    let outputs = many["outputs"].as_array().unwrap();
    let said = |file: &&Value| file["skipped"].as_str().is_some_and(|why| why.contains("1000"));
    assert_eq!((outputs.len(), outputs.iter().filter(said).count()), (1_001, 1));
    server.stop().await;
}

#[tokio::test]
async fn links_and_devices_are_not_followed_out_of_the_workspace() {
    let server = server_or_skip!();
    let command = "ln -s /etc/passwd link; ln -s / root; mkfifo pipe; echo x >real; ln real hard; ls";
    let answer = server.call("sandbox_run", json!({"command": command, "outputs": ["**"]})).await;
    let outputs = answer["outputs"].as_array().unwrap();
    let names: Vec<_> = outputs.iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(names, ["hard", "link", "pipe", "real", "root"]);
    for file in outputs {
        let is_first_name = file["skipped"].is_null();
        assert_eq!(is_first_name, file["content"] == "x\n", "{file}");
    }
    assert_eq!(outputs.iter().filter(|file| file["skipped"].is_null()).count(), 1);
    server.stop().await;
}
