//! Answers that say how to fix it: `hint` beside the contract's exact `detail`.

use crate::server::{KEY, Pipe, Reply, Server};
use serde_json::{Value, json};

fn hint(reply: &Reply) -> String {
    reply.body["hint"].as_str().unwrap_or_else(|| panic!("no hint in {}", reply.body)).to_owned()
}

#[tokio::test]
async fn a_refused_path_names_the_rule_that_refuses_it_and_its_setting() {
    let folder = crate::server::scratch();
    let root = folder.path().canonicalize().unwrap();
    let allowed = root.join("work");
    std::fs::create_dir_all(&allowed).unwrap();
    let settings = [
        ("MCP_ALLOWED_DIRS", allowed.to_str().unwrap().to_owned()),
        ("MCP_DENIED_PATHS", format!("{0}/secret,{0}/**/*.key", allowed.display())),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = Server::at_directory(&root, &settings).await;
    std::os::unix::fs::symlink(&root, allowed.join("out")).unwrap();
    for (path, words) in [
        (format!("{}/other.txt", root.display()), vec!["MCP_ALLOWED_DIRS", "/work"]),
        (format!("{}/secret/x", allowed.display()), vec!["MCP_DENIED_PATHS"]),
        (format!("{}/deep/x.key", allowed.display()), vec!["MCP_DENIED_PATHS"]),
        (format!("{}/out/x", allowed.display()), vec!["link"]),
        ("sub/../x.txt".to_owned(), vec!["`..`", "/work/x.txt"]),
        ("~/x.txt".to_owned(), vec!["`~`", "whole path"]),
        ("/etc/passwd".to_owned(), vec!["/etc", "whatever the settings"]),
        ("a\0b".to_owned(), vec!["NUL"]),
    ] {
        let reply = server.post("/filesystem/read", json!({"path": path})).await;
        assert_eq!((reply.status, &reply.body["detail"]), (403, &json!("Unsafe file path")), "{path}");
        let hint = hint(&reply);
        assert!(words.iter().all(|word| hint.contains(word)), "{path}: {hint}");
    }
    let listed = server.post("/filesystem/list", json!({"path": "/root"})).await;
    assert_eq!(listed.body["detail"], "Unsafe directory path");
    let ran = server.post("/terminal/execute", json!({"command": "true", "cwd": root})).await;
    assert!(ran.status == 200 || hint(&ran).contains("MCP_ALLOWED_DIRS"), "{}", ran.body);
}

#[tokio::test]
async fn a_secret_and_the_bridge_s_own_are_named_as_what_they_are() {
    let server = Server::start().await;
    for (path, word) in [("/home/somebody/.ssh/id_ed25519", "always denied"), (".env", "bridge's own")] {
        let reply = server.post("/filesystem/read", json!({"path": path})).await;
        assert_eq!(reply.status, 403);
        assert!(hint(&reply).contains(word), "{path}: {}", reply.body);
    }
    let reply = server.post("/filesystem/write", json!({"path": "memory/index_memory.json", "content": ""})).await;
    assert!(reply.status == 403 && hint(&reply).contains("bridge's own"), "{}", reply.body);
}

#[tokio::test]
async fn a_path_that_is_not_there_says_where_it_was_looked_for_and_what_is_near() {
    let server = Server::start().await.with_file("src/main.rs", "x").with_file("README.md", "x");
    let home = server.path("").canonicalize().unwrap();
    for (path, near) in [("readme.md", "README.md"), ("src/mian.rs", "src/main.rs"), ("scr/main.rs", "src")] {
        let reply = server.post("/filesystem/read", json!({"path": path})).await;
        assert_eq!((reply.status, &reply.body["detail"]), (404, &json!("File not found")), "{path}");
        let hint = hint(&reply);
        let looked = home.join(path).display().to_string();
        assert!(hint.contains(&looked) && hint.contains("relative paths start at"), "{hint}");
        assert!(hint.contains(&home.join(near).display().to_string()), "{path}: {hint}");
    }
    let listed = server.post("/filesystem/list", json!({"path": "srcs"})).await;
    assert!(listed.status == 404 && hint(&listed).contains("/src"), "{}", listed.body);
    let ran = server.post("/terminal/execute", json!({"command": "true", "cwd": "nowhere"})).await;
    assert!(ran.status == 404 && hint(&ran).contains(&home.join("nowhere").display().to_string()), "{}", ran.body);
    let ran = server.post("/terminal/execute", json!({"command": "no-such-program-here", "shell": false})).await;
    assert!(ran.status == 404 && hint(&ran).contains("PATH"), "{}", ran.body);
}

#[tokio::test]
async fn no_hint_names_what_the_caller_may_not_see() {
    let server = Server::with_settings(&[("MCP_DENIED_PATHS", "private.txt")]).await.with_file("private.txt", "x");
    let reply = server.post("/filesystem/read", json!({"path": "private.tx"})).await;
    assert_eq!(reply.status, 404);
    assert!(!hint(&reply).contains("private.txt"), "{}", reply.body);
}

#[tokio::test]
async fn a_wrong_route_names_near_ones_and_a_wrong_method_the_right_one() {
    let server = Server::start().await;
    for (path, near) in [
        ("/filesystem/raed", "POST /filesystem/read"),
        ("/memory_add", "POST /memory/add"),
        ("/helth", "GET /health"),
        ("/sse", "/mcp"),
    ] {
        let reply = server.post(path, json!({})).await;
        assert_eq!((reply.status, &reply.body["detail"]), (404, &json!("Not Found")));
        assert!(hint(&reply).contains(near), "{path}: {}", reply.body);
    }
    let reply = server.http.get(format!("{}/filesystem/read", server.url)).pipe(Reply::send).await;
    assert_eq!((reply.status, &reply.body["detail"]), (405, &json!("Method Not Allowed")));
    assert!(hint(&reply).contains("Send POST with JSON"), "{}", reply.body);
    let reply = server.post("/health", json!({})).await;
    assert!(reply.status == 405 && hint(&reply).contains("Send GET"), "{}", reply.body);
}

#[tokio::test]
async fn a_body_that_is_no_json_is_answered_with_one_that_is() {
    let server = Server::start().await;
    let request = || server.http.post(format!("{}/filesystem/read", server.url)).bearer_auth(KEY);
    for request in [
        request().body("path=x").header("content-type", "application/x-www-form-urlencoded"),
        request().body("{path: x}").header("content-type", "application/json"),
        request(),
        request().json(&json!(["x"])),
    ] {
        let reply = request.pipe(Reply::send).await;
        assert!(reply.status == 422 && reply.body["detail"].is_array(), "{}", reply.body);
        let hint = hint(&reply);
        let (_, example) = hint.split_once("-d '").expect(&hint);
        let example: Value = serde_json::from_str(example.trim_end_matches('\'')).expect(example);
        assert!(hint.contains("Send POST with JSON") && example["path"].is_string(), "{hint}");
    }
}

#[tokio::test]
async fn who_has_no_key_or_a_wrong_one_learns_how_to_send_it_and_nothing_of_the_machine() {
    let server = Server::start().await;
    let request = || server.http.post(format!("{}/terminal/info", server.url)).json(&json!({}));
    for (request, status) in [(request(), 401), (request().bearer_auth("wrong"), 403)] {
        let reply = request.pipe(Reply::send).await;
        let hint = hint(&reply);
        assert_eq!(reply.status, status);
        assert!(hint.contains("key show") && !hint.contains(server.path("").to_str().unwrap()), "{hint}");
    }
}
