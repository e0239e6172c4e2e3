//! Bodies that are made to cost more than they weigh.

use crate::{
    program::Program,
    server::{KEY, Pipe, Reply, Server},
};
use futures::future::join_all;
use serde_json::json;
use std::time::{Duration, Instant};

/// What the server may take through anything beside what it takes before, in MiB; a body of 64 MiB is held once. A program
/// that is built for release takes less than 50 MiB before, so that stays below 200 MiB in all.
const MEMORY: u64 = 150;

/// A request with this text as its body.
async fn send(server: &Program, path: &str, body: String) -> Reply {
    let request = server.http.post(format!("{}{path}", server.url)).bearer_auth(KEY);
    request.header("content-type", "application/json").body(body).pipe(Reply::send).await
}

#[tokio::test]
async fn among_half_a_million_unknown_fields_the_known_ones_are_found_and_the_last_counts() {
    let server = Server::start().await.with_file("a.txt", "found");
    let unknown = |from: usize| (from..from + 250_000).map(|name| format!("\"x{name}\":0,")).collect::<String>();
    let body = format!(r#"{{"path":"b.txt",{}"auth":"{KEY}",{}"p\u0061th":"a.txt"}}"#, unknown(0), unknown(250_000));
    let request = server.request("/filesystem/read").header("content-type", "application/json").body(body);
    let started = Instant::now();
    assert_eq!(request.pipe(Reply::send).await.ok()["content"], "found");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let lines = server.history().await;
    let line = lines.last().unwrap().to_string();
    assert!(line.contains("filesystem_read") && line.len() < 20_000 && !line.contains(KEY), "{}", line.len());
}

#[tokio::test]
async fn what_is_missing_or_wrong_is_named_as_ever_beside_half_a_million_fields() {
    let server = Server::start().await;
    let unknown: String = (0..500_000).map(|name| format!("\"x{name}\":0,")).collect();
    let body = format!(r#"{{{unknown}"encoding":5}}"#);
    let request = server.request("/filesystem/read").bearer_auth(KEY).header("content-type", "application/json");
    let reply = request.body(body).pipe(Reply::send).await;
    let problems = reply.body["detail"].clone();
    let expected = json!([
        {"type": "missing", "loc": ["body", "path"], "msg": "Field required"},
        {"type": "string_type", "loc": ["body", "encoding"], "msg": "Input should be a valid string", "input": 5},
    ]);
    assert_eq!((reply.status, &problems), (422, &expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn six_bodies_of_any_kind_at_once_leave_the_server_small_and_answering() {
    let server = Program::start(&[]);
    let idle = server.peak_memory();
    let many = |value: &str, size: usize| format!("{value},").repeat(size / (value.len() + 1)) + value;
    let size = 8 << 20;
    let fields: String = (0..size / 12).map(|name| format!("\"{name:07}\":0,")).collect();
    let bodies = [
        ("/memory/add", format!(r#"{{{fields}"content":"x"}}"#)),
        ("/memory/add", format!(r#"{{{}"content":"x"}}"#, r#""content":"y","#.repeat(size / 14))),
        ("/memory/add", format!(r#"{{"content":"x","unknown":[{}]}}"#, many("0", size))),
        ("/memory/add", format!(r#"{{"content":"x","metadata":{{"a":[{}]}}}}"#, many("0", size))),
        (
            "/memory/add",
            format!(r#"{{"content":"x","metadata":{{"a":{}{}}}}}"#, "[".repeat(size / 2), "]".repeat(size / 2)),
        ),
        (
            "/memory/add",
            format!(r#"{{"content":"x","metadata":{{"a":1e999999}},"unknown":[{}]}}"#, many("1e999999", size)),
        ),
        ("/memory/add", format!(r#"{{"content":"x","tags":[{}]}}"#, many("0", size / 8))),
        ("/memory/add", format!(r#"{{"content":"x","tags":[{}]}}"#, many("\"\"", size))),
        ("/memory/add", format!(r#"{{"content":"x","unknown":"{}"}}"#, "\\u0041".repeat(size / 6))),
        ("/memory/add_many", format!(r#"{{"entries":[{}]}}"#, many("{}", size / 8))),
        ("/memory/add", format!(r#"{{"content":"x","tags":"[{}]"}}"#, many("0", size))),
        ("/memory/add", format!(r#"{{"content":"x","tags":"\u005b{}\u005d"}}"#, "0\\u002c".repeat(size / 7) + "0")),
        ("/memory/add_many", format!(r#"{{"entries":[{{{fields}"content":"x"}}]}}"#)),
        ("/sandbox/notebook", format!(r#"{{"notebook":"[{}]"}}"#, many("0", size))),
        ("/filesystem/edit", format!(r#"{{"path":"a","edits":[{}]}}"#, many(r#"{"old":1}"#, size / 8))),
        ("/memory/add", format!(r#"{{"content":"x","unknown":{}1}}"#, "9".repeat(size))),
        (
            "/mcp",
            format!(
                r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"x","arguments":{{"a":[{}]}}}}}}"#,
                many("0", size)
            ),
        ),
    ];
    let mut slowest = Duration::ZERO;
    for (path, body) in bodies {
        let asked = Instant::now();
        let sending = join_all((0..6).map(|_| send(&server, path, body.clone())));
        tokio::pin!(sending);
        let replies = loop {
            let started = Instant::now();
            tokio::select! {
                replies = &mut sending => break replies,
                health = server.get("/health") => assert_eq!(health.status, 200),
            }
            slowest = slowest.max(started.elapsed());
        };
        let peak = server.peak_memory();
        let kind: String = body.chars().take(60).collect();
        println!("{path} {kind} {} {:?} {peak} MiB {slowest:?}", replies[0].status, asked.elapsed());
        for reply in replies {
            assert!([200, 400, 413, 422, 503].contains(&reply.status), "{path} {kind}: {}", reply.text);
            assert!(reply.text.len() < 1 << 20, "{path} {kind}: {}", reply.text.len());
        }
        assert!(peak < idle + MEMORY && slowest < Duration::from_secs(5), "{path} {kind}: {peak} MiB, {slowest:?}");
    }
}
