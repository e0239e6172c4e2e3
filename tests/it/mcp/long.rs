//! Calls that take long: signs of life, cancelling, clients that go away.

use super::{answer, call, messages, wire::modern};
use crate::server::{KEY, Pipe, Reply, Server};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// A call with a token for progress.
fn watched(id: u64, arguments: Value) -> Value {
    let mut message = call(id, "test_wait", arguments);
    message["params"]["_meta"] = json!({"progressToken": format!("token-{id}")});
    message
}

fn reports(text: &str) -> Vec<Value> {
    let all = messages(text).into_iter().filter(|message| message["method"] == "notifications/progress");
    all.map(|message| message["params"].clone()).collect()
}

#[tokio::test]
async fn reports_arrive_in_order_before_the_answer() {
    let server = Server::with_fixtures(&[]).await;
    let session = server.session("2025-11-25").await;
    let reply = Reply::send(server.said(&session, &watched(3, json!({"milliseconds": 0, "reports": 5})))).await;
    let reports = reports(&reply.text);
    let done: Vec<f64> = reports.iter().map(|report| report["progress"].as_f64().unwrap()).collect();
    assert_eq!(done, [1.0, 2.0, 3.0, 4.0, 5.0]);
    assert_eq!(reports[0]["message"], "step 1");
    assert_eq!(answer(&reply.text)["result"]["structuredContent"]["milliseconds"], 0);
}

#[tokio::test]
async fn a_silent_call_shows_that_it_is_alive_in_every_revision() {
    let server = Server::with_fixtures(&[]).await;
    let session = server.session("2025-06-18").await;
    let message = watched(3, json!({"milliseconds": 4000, "reports": 1}));
    let (old, new) = tokio::join!(Reply::send(server.said(&session, &message)), Reply::send(modern(&server, &message)));
    for reply in [old, new] {
        let reports = reports(&reply.text);
        assert!(reports.len() >= 2, "{}", reply.text);
        assert!(reports[1]["progress"].as_f64() > reports[0]["progress"].as_f64());
        assert_eq!(answer(&reply.text)["result"]["structuredContent"]["milliseconds"], 4000);
    }
}

#[tokio::test]
async fn the_head_of_a_long_answer_comes_early_in_every_revision() {
    let server = Server::with_fixtures(&[]).await;
    let session = server.session("2025-11-25").await;
    let message = call(3, "test_wait", json!({"milliseconds": 3500}));
    for request in [server.said(&session, &message), modern(&server, &message)] {
        let started = Instant::now();
        let response = request.send().await.unwrap();
        assert!(started.elapsed() < Duration::from_millis(3400), "{:?}", started.elapsed());
        let text = response.text().await.unwrap();
        assert_eq!(answer(&text)["result"]["structuredContent"]["milliseconds"], 3500, "{text}");
    }
}

#[tokio::test]
async fn a_cancelled_call_stops_and_that_of_another_session_goes_on() {
    let server = Server::with_fixtures(&[]).await;
    let (mine, other) = (server.session("2025-11-25").await, server.session("2025-11-25").await);
    let message = call(3, "test_wait", json!({"milliseconds": 1500}));
    let stopped = server.said(&mine, &call(3, "test_wait", json!({"milliseconds": 60_000}))).send().await.unwrap();
    let going_on = server.said(&other, &message).send().await.unwrap();
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 3}});
    assert_eq!(Reply::send(server.said(&mine, &cancel)).await.status, 202);
    assert_eq!(server.outcomes(1).await, ["cancelled"]);
    assert!(!stopped.text().await.unwrap().contains("\"result\""), "a cancelled call is not answered");
    assert!(going_on.text().await.unwrap().contains("1500"));
    assert_eq!(server.outcomes(2).await, ["cancelled", "ok"]);
}

#[tokio::test]
async fn a_client_that_vanishes_leaves_nothing_running() {
    let server = Server::with_fixtures(&[]).await;
    let session = server.session("2025-11-25").await;
    let message = call(3, "test_wait", json!({"milliseconds": 60_000}));
    let response = server.said(&session, &message).send().await.unwrap();
    drop(response);
    assert_eq!(server.outcomes(1).await, ["cancelled"]);
    let modern = modern(&server, &message).send();
    assert!(tokio::time::timeout(Duration::from_millis(300), modern).await.is_err(), "the client gives up");
    assert_eq!(server.outcomes(2).await, ["cancelled", "cancelled"]);
}

#[tokio::test]
async fn a_session_that_ends_takes_its_calls_with_it() {
    let server = Server::with_fixtures(&[]).await;
    let session = server.session("2025-11-25").await;
    let message = call(3, "test_wait", json!({"milliseconds": 60_000}));
    let _running = server.said(&session, &message).send().await.unwrap();
    let end = server.http.delete(format!("{}/mcp", server.url)).bearer_auth(KEY).header("mcp-session-id", &session);
    Reply::send(end).await;
    assert_eq!(server.outcomes(1).await, ["cancelled"]);
}

#[tokio::test]
async fn a_stream_that_broke_is_taken_up_again_and_the_call_goes_on() {
    let server = Server::with_fixtures(&[]).await;
    let session = server.session("2025-11-25").await;
    let message = call(3, "test_wait", json!({"milliseconds": 2500}));
    let mut response = server.said(&session, &message).send().await.unwrap();
    let first = String::from_utf8(response.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    let event = first.lines().find_map(|line| line.strip_prefix("id:")).expect("it can be resumed").trim().to_owned();
    drop(response);
    let resume = server.http.get(format!("{}/mcp", server.url)).bearer_auth(KEY).header("mcp-session-id", &session);
    let reply = resume.header("accept", "text/event-stream").header("last-event-id", event).pipe(Reply::send).await;
    assert!(reply.text.contains("2500"), "{}", reply.text);
    assert_eq!(server.outcomes(1).await, ["ok"]);
}

#[tokio::test]
async fn a_stop_ends_streams_that_only_wait() {
    let server = Server::with_fixtures(&[]).await;
    let session = server.session("2025-11-25").await;
    let wait = server.http.get(format!("{}/mcp", server.url)).bearer_auth(KEY).header("mcp-session-id", &session);
    let stream = wait.header("accept", "text/event-stream").send().await.unwrap();
    assert_eq!(stream.status(), 200);
    let started = Instant::now();
    server.stop().await;
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[tokio::test]
async fn the_session_idle_longest_makes_room_and_one_that_works_does_not() {
    let server = Server::with_fixtures(&[("MCP_MAX_SESSIONS", "2")]).await;
    let (busy, idle) = (server.session("2025-11-25").await, server.session("2025-11-25").await);
    let message = call(3, "test_wait", json!({"milliseconds": 1500}));
    let working = server.said(&busy, &message).send().await.unwrap();
    let new = server.session("2025-11-25").await;
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
    assert_eq!(Reply::send(server.said(&idle, &list)).await.status, 404);
    assert_eq!(Reply::send(server.said(&new, &list)).await.status, 200);
    assert!(working.text().await.unwrap().contains("1500"));
}

/// Whether a process runs whose command line holds `word`.
fn runs(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    processes
        .filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok())
        .any(|line| String::from_utf8_lossy(&line).split('\0').any(|argument| argument == word))
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < end, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_command_is_killed_when_its_call_is_cancelled_or_its_client_vanishes() {
    let server = Server::start().await;
    let session = server.session("2025-11-25").await;
    // A number of seconds that no other process on the machine sleeps.
    let seconds = |number: u32| format!("28.{}{number}", std::process::id());
    let start = |number: u32| {
        let command = json!({"command": format!("sleep {}", seconds(number)), "timeout": 29});
        call(u64::from(number), "terminal_execute", command)
    };
    let first = server.said(&session, &start(1)).send().await.unwrap();
    until("the first command starts", || runs(&seconds(1))).await;
    let cancel = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    Reply::send(server.said(&session, &cancel)).await;
    until("a cancelled command ends", || !runs(&seconds(1))).await;
    drop(first);
    let second = server.said(&session, &start(2)).send().await.unwrap();
    until("the second command starts", || runs(&seconds(2))).await;
    drop(second);
    until("a command nobody waits for ends", || !runs(&seconds(2))).await;
    let third = tokio::spawn(modern(&server, &start(3)).send());
    until("the third command starts", || runs(&seconds(3))).await;
    third.abort();
    until("a command of the newest revision ends too", || !runs(&seconds(3))).await;
}
