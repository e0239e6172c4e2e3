//! A new key: what the old one opened ends, and what the new one opens stays.

use super::{call, initialize};
use crate::server::{KEY, Pipe, Reply, Server};
use serde_json::{Value, json};
use std::time::Duration;

const NEW: &str = "another-key-0123456789";

/// How soon a stream ends whose key was replaced, at the latest.
const SOON: Duration = Duration::from_secs(10);

fn list() -> Value {
    json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
}

/// All that a stream still says, to its end.
async fn rest(stream: reqwest::Response) -> String {
    tokio::time::timeout(SOON, stream.text()).await.expect("it ends").unwrap_or_default()
}

#[tokio::test]
async fn a_new_key_ends_the_sessions_and_streams_of_the_old_one() {
    let server = Server::with_fixtures(&[]).await.with_file("d/x", "");
    let session = server.session("2025-11-25").await;
    let wait = server.http.get(format!("{}/mcp", server.url)).bearer_auth(KEY).header("mcp-session-id", &session);
    let waiting = wait.header("accept", "text/event-stream").send().await.unwrap();
    let running = call(3, "test_wait", json!({"milliseconds": 60_000}));
    let running = server.said(&session, &running).send().await.unwrap();
    let watch = server.http.get(format!("{}/filesystem/watch?path=d", server.url)).bearer_auth(KEY);
    let watch = watch.send().await.unwrap();
    assert!([waiting.status(), running.status(), watch.status()].iter().all(reqwest::StatusCode::is_success));

    server.bridge.keys.replace(NEW);
    assert!(rest(watch).await.contains("ready"));
    rest(waiting).await;
    assert!(!rest(running).await.contains("\"result\""), "its call was cancelled");
    assert_eq!(server.outcomes(2).await, ["ok", "cancelled"]);
    let with_new = server.request("/mcp").bearer_auth(NEW).header("accept", super::ACCEPT).json(&list());
    let reply = with_new.header("mcp-session-id", &session).pipe(Reply::send).await;
    assert_eq!(reply.status, 404, "the old session is not the new key's");
}

#[tokio::test]
async fn a_session_that_the_new_key_opens_at_once_stays() {
    let server = Server::start().await;
    let old = server.session("2025-11-25").await;
    server.bridge.keys.replace(NEW);
    let say = |message: &Value| server.request("/mcp").bearer_auth(NEW).header("accept", super::ACCEPT).json(message);
    let opened = Reply::send(say(&initialize("2025-11-25"))).await;
    let session = opened.headers["mcp-session-id"].to_str().unwrap();
    // Longer than what lasts takes to hear of a new key.
    for _ in 0..12 {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let reply = say(&list()).header("mcp-session-id", session).pipe(Reply::send).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
    }
    assert_eq!(say(&list()).header("mcp-session-id", old).pipe(Reply::send).await.status, 404);
}
