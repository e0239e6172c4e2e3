//! The record of what was asked.

use crate::server::{Server, nothing, scratch};
use proptest::prelude::*;
use serde_json::{Value, json};
use skynet_bridge::{
    clock,
    history::{Entry, History},
};
use std::sync::Arc;

fn entry(details: Value) -> Entry {
    Entry { action: "test_action", details, caller: "owner".into(), outcome: "ok", duration_ms: 1.5 }
}

#[tokio::test]
async fn a_read_sees_every_line_that_was_recorded_before_it() {
    let folder = scratch();
    let history = History::open(folder.path().join("history")).unwrap();
    assert!(history.read(&clock::today()).await.unwrap().is_none());
    for number in 1..=500 {
        history.record(entry(json!({"number": number})));
        if number % 50 == 0 {
            assert_eq!(history.read(&clock::today()).await.unwrap().unwrap().len(), number);
        }
    }
}

#[tokio::test]
async fn a_damaged_line_costs_that_line_only() {
    let folder = scratch();
    let path = folder.path().join("history");
    let history = History::open(path.clone()).unwrap();
    std::fs::write(
        path.join("2026-01-02.log"),
        b"{\"action\": \"a\"}\n\xff\xfe{\n\n[1]\n{\"action\": \"b\"}\n{\"action\"",
    )
    .unwrap();
    let entries = history.read("2026-01-02").await.unwrap().unwrap();
    assert_eq!(entries, [json!({"action": "a"}), json!({"action": "b"})]);
}

#[tokio::test]
async fn parallel_calls_leave_one_line_each() {
    let server = Arc::new(Server::start().await);
    let calls = (0..100).map(|_| {
        let server = server.clone();
        tokio::spawn(async move { server.post("/sandbox/run", json!({"timeout": "no number"})).await.status })
    });
    for call in calls.collect::<Vec<_>>() {
        assert_eq!(call.await.unwrap(), 422);
    }
    assert_eq!(server.history().await.len(), 100);
}

#[tokio::test]
async fn a_normal_stop_loses_no_line() {
    let server = Server::start().await;
    for _ in 0..20 {
        server.post("/sandbox/run", nothing()).await;
    }
    let folder = server.stop().await;
    let file = folder.path().join(format!("memory/history/{}.log", clock::today()));
    assert_eq!(std::fs::read_to_string(file).unwrap().lines().count(), 20);
}

#[tokio::test]
async fn a_history_that_cannot_be_written_does_not_stop_the_bridge() {
    let server = Server::start().await;
    std::fs::remove_dir_all(server.path("memory/history")).unwrap();
    std::fs::write(server.path("memory/history"), "in the way").unwrap();
    let reply = server.post("/sandbox/run", json!({"timeout": 0})).await;
    assert_eq!(reply.status, 422);
    assert_eq!(server.get("/health").await.status, 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_details_stay_on_one_line_and_come_back_as_they_were(texts in prop::collection::vec("(?s).{0,200}", 1..8)) {
        let folder = scratch();
        let history = History::open(folder.path().join("history")).unwrap();
        for text in &texts {
            history.record(entry(json!({"text": text})));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let entries = runtime.block_on(history.read(&clock::today())).unwrap().unwrap();
        let back: Vec<&str> = entries.iter().map(|entry| entry["details"]["text"].as_str().unwrap()).collect();
        prop_assert_eq!(back, texts);
    }
}

#[tokio::test]
async fn two_long_commands_are_told_apart_and_what_is_cut_says_so() {
    let server = Server::start().await;
    for end in ["one", "two"] {
        server.call("terminal_execute", json!({"command": format!("echo {} {end}", "x".repeat(300))})).await;
    }
    server.call("terminal_execute", json!({"command": format!("echo {}", "x".repeat(1995))})).await;
    server.call("filesystem_write", json!({"path": "long", "content": "y".repeat(130)})).await;
    let history = server.history().await;
    let command = |at: usize| history[at]["details"]["command"].as_str().unwrap().to_owned();
    assert!(command(0).ends_with(" one") && command(1).ends_with(" two"), "{history:?}");
    assert!(
        command(2).starts_with("echo xxx") && command(2).ends_with("xxx… (1000 more characters)"),
        "{}",
        command(2)
    );
    let line = history[3].to_string();
    assert!(!line.contains(&"y".repeat(101)), "{line}");
}
