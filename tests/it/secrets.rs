//! The key opens the bridge and shows nowhere.

use crate::{
    program::{Program, command, run},
    server::{KEY, Pipe, Reply, Server, nothing},
};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[tokio::test]
async fn after_ten_wrong_keys_in_a_minute_wrong_ones_have_to_wait_and_the_right_one_never() {
    let server = Server::start().await;
    let send =
        |key: &'static str| server.request("/internet/search").bearer_auth(key).json(&nothing()).pipe(Reply::send);
    for _ in 0..10 {
        assert_eq!(send("wrong").await.status, 403);
    }
    let late = send("wrong").await;
    assert_eq!(late.status, 429);
    let wait: u64 = late.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait) && late.detail().contains("wrong API keys"), "{late:?}");
    let body_key = server.request("/internet/search").json(&json!({"auth": "wrong", "query": "x"}));
    assert_eq!(Reply::send(body_key).await.status, 429);
    assert_eq!(server.request("/internet/search").json(&nothing()).pipe(Reply::send).await.status, 401);
    assert_eq!(server.post("/internet/search", json!({"query": "x"})).await.status, 501);
    assert_eq!(send("wrong").await.status, 429, "a right key does not forgive the wrong ones");
}

/// Every route with its own example, the key in each of its four places, right and wrong arguments.
async fn call_everything(server: &Program) -> Vec<String> {
    let mut replies = Vec::new();
    let document = server.get("/openapi.json").await;
    for (path, item) in document.body["paths"].as_object().expect("a document has paths") {
        // A stream of events goes on until its reader leaves.
        let answers = &item["post"]["responses"]["200"]["content"];
        if answers.get("text/event-stream").is_some() && answers.get("application/json").is_none() {
            continue;
        }
        let url = format!("{}{path}", server.url);
        let Some(content) = item["post"]["requestBody"]["content"].get("application/json") else {
            replies.push(server.get(path).await.text);
            continue;
        };
        let mut example = content["example"].clone();
        example["auth"] = json!(KEY);
        let post = || server.http.post(&url);
        for request in [
            post().bearer_auth(KEY).json(&content["example"]),
            post().header("authorization", KEY).json(&nothing()),
            post().query(&[("auth", KEY)]).json(&nothing()),
            post().json(&example),
            post().json(&json!({"auth": KEY})),
            post().json(&json!({"auth": [KEY]})),
            post().json(&json!({"auth": KEY, "path": 1, "command": 2, "query": [], "url": {}, "content": 3})),
            post().body(format!("{{\"auth\": \"{KEY}\", ")),
            post().body(format!("auth={KEY}")).header("content-type", "application/x-www-form-urlencoded"),
            post().bearer_auth(format!("{KEY}x")).json(&nothing()),
        ] {
            let reply = Reply::send(request).await;
            replies.push(format!("{path} {:?} {}", reply.headers, reply.text));
        }
    }
    replies
}

/// Calls that try to get hold of the key.
async fn try_to_read_it(server: &Program) -> Vec<String> {
    let env = server.path(".env").to_str().unwrap().to_owned();
    let id = server.id();
    let commands = [
        "env".to_owned(),
        "cat /proc/self/environ; cat /proc/$PPID/environ; tr '\\0' '\\n' < /proc/$PPID/cmdline".to_owned(),
        format!("cat /proc/{id}/environ /proc/{id}/cmdline"),
    ];
    let mut replies = Vec::new();
    for command in commands {
        replies.push(server.post("/terminal/execute", KEY, &json!({"command": command})).await.text);
    }
    for path in [env.clone(), ".env".into(), format!("/proc/{id}/environ"), format!("{env}/../.env")] {
        replies.push(server.post("/filesystem/read", KEY, &json!({"path": path})).await.text);
    }
    replies.push(
        server
            .post("/filesystem/search", KEY, &json!({"path": ".", "query": "API_KEY", "include_hidden": true}))
            .await
            .text,
    );
    replies.push(server.post("/memory/history", KEY, &nothing()).await.text);
    replies
}

/// Every file below a folder.
fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.expect("the scratch folder is readable"));
    entries.filter(|entry| entry.file_type().is_file()).map(walkdir::DirEntry::into_path)
}

fn holds(bytes: &[u8], key: &str) -> bool {
    bytes.windows(key.len()).any(|window| window == key.as_bytes())
}

#[tokio::test]
async fn the_key_shows_in_no_file_no_reply_and_no_log_after_every_route_was_called() {
    // In the environment as well, where a child would inherit it.
    let mut server =
        Program::start(&[("MCP_API_KEY", KEY), ("LOG_LEVEL", "DEBUG"), ("MCP_FETCH_ALLOW_PRIVATE", "true")]);
    let mut replies = call_everything(&server).await;
    replies.extend(try_to_read_it(&server).await);
    server.terminate();
    assert!(server.wait().success());
    for reply in &replies {
        assert!(!reply.contains(KEY), "{reply}");
    }
    for file in files(&server.path("")).filter(|file| !file.ends_with(".env")) {
        assert!(!holds(&std::fs::read(&file).unwrap(), KEY), "{}", file.display());
    }
    let printed = server.stdout() + &server.stderr();
    assert!(printed.contains("POST /internet/fetch"), "the log shows the requests: {printed}");
    assert!(!printed.contains(KEY), "{printed}");
}

#[tokio::test]
async fn what_a_caller_sends_as_a_secret_stays_out_of_the_history() {
    let server = Program::start(&[("MCP_FETCH_ALLOW_PRIVATE", "true")]);
    let arguments: Value = json!({
        "url": "http://user:hunter2@127.0.0.1:1/?q=1", "headers": {"Authorization": "Bearer hunter2", "X-Api-Key": "hunter2"}
    });
    server.post("/internet/fetch", KEY, &arguments).await;
    let line = server.history_line("internet_fetch").to_string();
    assert!(!line.contains("hunter2") && line.contains("127.0.0.1"), "{line}");
}

/// What the memory keeps of its entries; everything else is no place for what they say.
fn keeps_entries(file: &Path) -> bool {
    let name = file.file_name().unwrap().to_str().unwrap();
    let is_kept_for_undo = file.parent().is_some_and(|folder| folder.ends_with("memory/undo/entries"));
    name.starts_with("index_memory.") || name == "memory_index.md" || name == ".env" || is_kept_for_undo
}

#[tokio::test]
async fn secrets_in_what_is_remembered_asked_or_named_stay_out_of_the_history() {
    let mut server = Program::start(&[("MCP_API_KEY", KEY)]);
    let pads = |secret: &str| format!("{}{secret}", "x ".repeat(46));
    let tokens = [
        format!("ghp_{}", "a1B2".repeat(9)),
        format!("sk-proj-{}", "Zz9".repeat(16)),
        format!("AKIA{}", "Q7".repeat(8)),
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl".to_owned(),
        "hunter2-by-header".to_owned(),
        "hunter2-by-url".to_owned(),
        "hunter2-by-name".to_owned(),
    ];
    for token in &tokens[..4] {
        server.post("/memory/add", KEY, &json!({"content": format!("the key {token} of Ana"), "tags": [token]})).await;
        server.post("/memory/query", KEY, &json!({"query": token, "tags": [token]})).await;
        server.post("/memory/recall", KEY, &json!({"query": token})).await;
    }
    let leading = [
        "curl -H 'Authorization: Bearer hunter2-by-header' http://x/",
        "see http://a/ and http://ana:hunter2-by-url@b/",
        r#"{"api_key": "hunter2-by-name"}"#,
        "DB_PASSWORD=hunter2-by-name",
        "her password is hunter2-by-name",
    ];
    for text in leading {
        server.post("/memory/add", KEY, &json!({"content": text, "metadata": {"x": text}, "source": text})).await;
        server.post("/memory/query", KEY, &json!({"query": text})).await;
    }
    for text in [KEY.to_owned(), format!("the key is {KEY}."), pads(KEY), "y".repeat(17_000) + KEY] {
        server.post("/memory/add", KEY, &json!({"content": text, "id": KEY, "tags": [KEY]})).await;
        server.post("/memory/add_many", KEY, &json!({"entries": [{"content": text, "id": KEY}]})).await;
        server.post("/memory/update", KEY, &json!({"id": KEY, "content": text})).await;
        server.post("/memory/list", KEY, &json!({"tags": [KEY], KEY: 1})).await;
        server.post("/memory/recall", KEY, &json!({"query": text, "tags": [KEY]})).await;
        server.post("/memory/delete", KEY, &json!({"id": KEY})).await;
    }
    server.terminate();
    assert!(server.wait().success());
    let mut seen = 0;
    for file in files(&server.path("")).filter(|file| !keeps_entries(file)) {
        let bytes = std::fs::read(&file).unwrap();
        seen += bytes.iter().filter(|byte| **byte == b'\n').count();
        for secret in tokens.iter().map(String::as_str).chain([KEY, &KEY[..8]]) {
            assert!(!holds(&bytes, secret), "{secret} is in {}", file.display());
        }
    }
    assert!(seen >= 46, "the history has a line for each call: {seen}");
}

#[tokio::test]
async fn what_is_no_secret_stays_in_the_history_as_it_was_said() {
    let server = Server::start().await;
    let text = "Ana's skis, basic tokens of trust: the secret is out at http://x.org/a@b?c=1; ask Bearer & Sons";
    server.call("memory_add", json!({"content": text, "tags": ["token", "a:b"]})).await;
    server.call("memory_query", json!({"query": text.repeat(3)})).await;
    let lines = server.history().await;
    assert_eq!(
        (&lines[0]["details"]["content"], &lines[0]["details"]["tags"]),
        (&json!(text), &json!(["token", "a:b"]))
    );
    assert_eq!(lines[1]["details"]["query"], text.repeat(3), "a question stays whole");
}

#[test]
fn a_refused_start_does_not_print_the_key_it_refuses() {
    let directory = crate::server::scratch();
    let mut start = command(directory.path(), &[("MCP_API_KEY", "s3cret-short")]);
    start.args(["--host", "0.0.0.0"]);
    let output = run(start);
    assert!(!holds(&output.stderr, "s3cret-short") && !holds(&output.stdout, "s3cret-short"));
}
