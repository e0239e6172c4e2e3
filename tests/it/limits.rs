//! What one client can't take from the others: connections, calls, memory, the disk.

use crate::{
    server::{KEY, KeyIn, Pipe, Reply, Server, scratch},
    upstream::Upstream,
};
use serde_json::json;
use std::time::{Duration, Instant};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

async fn connect(server: &Server) -> TcpStream {
    TcpStream::connect(server.url.trim_start_matches("http://")).await.expect("the server accepts")
}

/// Reads until the server hangs up.
async fn hears(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is a way to hang up too.
    let _ = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut bytes)).await.expect("it hangs up");
    String::from_utf8_lossy(&bytes).into_owned()
}

#[tokio::test]
async fn silent_connections_lock_nobody_out_and_what_is_at_work_goes_on() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", upstream.local_addr().unwrap());
    let server = Server::with_settings(&[("MCP_MAX_CONNECTIONS", "8"), ("MCP_FETCH_ALLOW_PRIVATE", "true")]).await;
    let running = tokio::spawn(server.request("/internet/fetch").bearer_auth(KEY).json(&json!({"url": url})).send());
    let (mut asked, _) = upstream.accept().await.unwrap();
    let mut silent = Vec::new();
    for _ in 0..100 {
        let mut stream = connect(&server).await;
        stream
            .write_all(b"POST /internet/search HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{")
            .await
            .unwrap();
        silent.push(stream);
    }
    assert_eq!(server.get("/health").await.status, 200);
    asked.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.unwrap();
    let reply = Reply::of(running.await.unwrap().expect("it was not closed to make room")).await;
    assert_eq!(reply.ok()["content"], "ok");
    assert_eq!(hears(&mut silent[0]).await, "", "the oldest silent one was closed");
}

#[tokio::test]
async fn who_does_not_finish_a_head_or_a_body_is_hung_up_on_after_ten_seconds() {
    let server = Server::start().await;
    let started = Instant::now();
    let (mut head, mut body) = (connect(&server).await, connect(&server).await);
    head.write_all(b"GET /health HTTP/1.1\r\nhost: loc").await.unwrap();
    body.write_all(b"POST /internet/search HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\n{").await.unwrap();
    let (head, body) = tokio::join!(hears(&mut head), hears(&mut body));
    assert!(body.starts_with("HTTP/1.1 408") && body.contains("too slowly"), "{body}");
    assert!(!head.contains("200"), "{head}");
    let took = started.elapsed();
    assert!(took > Duration::from_secs(8) && took < Duration::from_secs(20), "{took:?}");
}

#[tokio::test]
async fn a_head_that_is_too_long_is_431() {
    let server = Server::start().await;
    let request = server.http.get(format!("{}/health", server.url)).header("x-long", "x".repeat(300_000));
    assert_eq!(Reply::send(request).await.status, 431);
    let long = server.http.get(format!("{}/health", server.url)).header("x-long", "x".repeat(15_000));
    assert_eq!(Reply::send(long).await.status, 200);
}

#[tokio::test]
async fn a_caller_with_too_many_calls_at_once_is_told_when_to_come_again() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", upstream.local_addr().unwrap());
    let server = Server::with_settings(&[("MCP_MAX_CALLS_PER_CALLER", "1"), ("MCP_FETCH_ALLOW_PRIVATE", "true")]).await;
    let running = tokio::spawn(server.request("/internet/fetch").bearer_auth(KEY).json(&json!({"url": url})).send());
    let (mut asked, _) = upstream.accept().await.unwrap();
    let late = server.post("/internet/search", json!({"query": "x"})).await;
    assert_eq!((late.status, late.headers["retry-after"].to_str().unwrap()), (429, "1"), "{}", late.text);
    asked.write_all(b"HTTP/1.1 204 X\r\n\r\n").await.unwrap();
    running.await.unwrap().unwrap();
    assert_eq!(server.post("/internet/search", json!({"query": "x"})).await.status, 501);
}

#[tokio::test]
async fn a_caller_that_calls_too_often_is_told_when_to_come_again() {
    let server = Server::with_settings(&[("MCP_MAX_CALLS_PER_SECOND_PER_CALLER", "3")]).await;
    let mut refused = 0;
    for _ in 0..20 {
        let reply = server.post("/internet/search", json!({"query": "x"})).await;
        refused += usize::from(reply.status == 429 && reply.headers.contains_key("retry-after"));
    }
    assert!(refused > 5, "{refused}");
}

#[tokio::test]
async fn a_body_with_the_key_in_it_gets_half_of_the_memory_and_one_with_a_header_all_of_it() {
    let settings = [("MCP_MAX_REQUEST_MIB", "4"), ("MCP_MAX_BUFFERED_MIB", "4")];
    let server = Server::with_settings(&settings).await;
    let large = "x".repeat(3 << 20);
    let in_body = server.request("/sandbox/run").json(&json!({"auth": KEY, "code": large}));
    let reply = Reply::send(in_body).await;
    assert_eq!((reply.status, reply.detail().contains("Authorization")), (413, true), "{}", reply.text);
    let in_header = server.post_with(KeyIn::Bearer, "/sandbox/run", json!({"code": large, "timeout": 99})).await;
    assert_eq!(in_header.status, 400);
    let small = server.request("/sandbox/run").json(&json!({"auth": KEY, "code": "x".repeat(1 << 20), "timeout": 99}));
    assert_eq!(Reply::send(small).await.status, 400);
}

#[tokio::test]
async fn memory_is_given_back_after_each_call() {
    let settings = [("MCP_MAX_REQUEST_MIB", "4"), ("MCP_MAX_BUFFERED_MIB", "16"), ("MCP_FETCH_ALLOW_PRIVATE", "true")];
    let server = Server::with_settings(&settings).await;
    let upstream = Upstream::with_body("", vec![b'x'; 3 << 20]).await;
    for _ in 0..5 {
        let code = "x".repeat(3 << 20);
        assert_eq!(server.post("/sandbox/run", json!({"code": code, "timeout": 99})).await.status, 400);
        assert_eq!(server.post("/internet/fetch", json!({"url": upstream.url})).await.status, 200);
    }
}

#[tokio::test]
async fn an_answer_that_is_larger_than_all_the_memory_is_refused_with_the_setting() {
    let settings = [("MCP_MAX_REQUEST_MIB", "4"), ("MCP_MAX_BUFFERED_MIB", "4"), ("MCP_FETCH_ALLOW_PRIVATE", "true")];
    let server = Server::with_settings(&settings).await;
    let long = Upstream::with_body("", vec![b'x'; 5 << 20]).await;
    let reply = server.post("/internet/fetch", json!({"url": long.url})).await;
    assert_eq!((reply.status, reply.detail().contains("MCP_MAX_BUFFERED_MIB")), (413, true), "{}", reply.text);
}

#[tokio::test]
async fn an_answer_counts_as_it_is_written_where_each_character_takes_six() {
    let content = vec![0; 3 << 20];
    for (setting, status) in [("16", 413), ("32", 200)] {
        let settings = [("MCP_MAX_REQUEST_MIB", "4"), ("MCP_MAX_BUFFERED_MIB", setting)];
        let server = Server::with_settings(&settings).await.with_file("zeros", &content);
        let reply = server.post("/filesystem/read", json!({"path": "zeros"})).await;
        assert_eq!(reply.status, status, "{}", reply.text.get(..200).unwrap_or_default());
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_history_that_cannot_be_written_stops_nothing() {
    let directory = scratch();
    std::fs::create_dir_all(directory.path().join("memory/history")).unwrap();
    let file = directory.path().join(format!("memory/history/{}.log", skynet_bridge::clock::today()));
    // Each write to it fails as on a full disk.
    std::os::unix::fs::symlink("/dev/full", file).unwrap();
    let server = Server::in_directory(directory, &[]).await;
    for _ in 0..20 {
        assert_eq!(server.post("/internet/search", json!({"query": "x"})).await.status, 501);
    }
    assert_eq!(server.get("/health").await.status, 200);
}

#[tokio::test]
async fn a_flood_of_refusals_does_not_flood_the_history() {
    let server = Server::start().await;
    for _ in 0..300 {
        assert_eq!(server.request("/internet/search").pipe(Reply::send).await.status, 401);
    }
    server.post("/internet/search", json!({"query": "x"})).await;
    let lines = server.history().await;
    assert!(lines.len() > 100 && lines.len() < 200, "{} lines", lines.len());
    assert!(lines.iter().any(|line| line["caller"] == "default"), "the agent's call is there");
}
