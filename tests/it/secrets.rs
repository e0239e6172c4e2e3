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

#[test]
fn a_refused_start_does_not_print_the_key_it_refuses() {
    let directory = crate::server::scratch();
    let mut start = command(directory.path(), &[("MCP_API_KEY", "s3cret-short")]);
    start.args(["--host", "0.0.0.0"]);
    let output = run(start);
    assert!(!holds(&output.stderr, "s3cret-short") && !holds(&output.stdout, "s3cret-short"));
}
