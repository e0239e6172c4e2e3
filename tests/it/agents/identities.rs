//! Keys, and what is whose.

use super::{add, history, note, say};
use crate::{
    program::{Program, command, run},
    server::{KEY, scratch},
};
use serde_json::{Value, json};

#[tokio::test]
async fn two_agents_work_at_once_and_each_sees_what_is_its_own() {
    let program = Program::start(&[]);
    let (claude, gemini) = (add(&program, "claude"), add(&program, "gemini"));
    let (one, two) = (note(&program, "one.txt"), note(&program, "two.txt"));
    let written = tokio::join!(
        program.post("/filesystem/write", &claude, &one),
        program.post("/filesystem/write", &gemini, &two)
    );
    let change = written.0.ok()["change_id"].clone();
    written.1.ok();

    let changes = program.post("/filesystem/changes", &claude, &json!({})).await.ok();
    assert_eq!((&changes["count"], &changes["items"][0]["caller"]), (&json!(1), &json!("claude")));
    let undo = program.post("/filesystem/undo", &gemini, &json!({"id": change})).await;
    assert_eq!(undo.status, 404, "{}", undo.detail());

    let started = program.post("/terminal/start", &claude, &json!({"command": "cat"})).await.ok();
    for route in ["poll", "stop", "input", "ticket"] {
        let arguments = json!({"id": started["id"], "text": "x"});
        assert_eq!(program.post(&format!("/terminal/{route}"), &gemini, &arguments).await.status, 404, "{route}");
    }
    assert_eq!(program.post("/terminal/processes", &gemini, &json!({})).await.ok()["count"], 0);
    assert_eq!(program.post("/terminal/processes", &claude, &json!({})).await.ok()["count"], 1);
    assert_eq!(program.post("/terminal/processes", KEY, &json!({})).await.ok()["count"], 0, "nor the default agent");

    program.post("/memory/add", &gemini, &json!({"content": "Gemini was here"})).await.ok();
    let found = program.post("/memory/query", &claude, &json!({"query": "Gemini"})).await.ok();
    assert_eq!(found["results"][0]["agent"], "gemini");

    let told = history(&program, &["--agent", "claude"]);
    assert!(
        told.contains("filesystem_write") && told.contains("terminal_start") && !told.contains("memory_add"),
        "{told}"
    );
    let all = say(&program.path(""), &["changes"]).done();
    assert!(all.contains("one.txt") && all.contains("two.txt"), "the person sees all: {all}");
    assert!(say(&program.path(""), &["processes"]).done().contains("cat"));
}

#[tokio::test]
async fn a_key_is_shown_once_and_only_its_hash_is_kept() {
    let program = Program::start(&[]);
    let key = add(&program, "claude");
    assert!(key.starts_with("skb_") && key.len() == 53, "{key}");
    program.post("/terminal/execute", &key, &json!({"command": format!("echo {key}")})).await.ok();
    let kept: String = walkdir::WalkDir::new(program.path("memory"))
        .into_iter()
        .filter_map(|entry| std::fs::read(entry.unwrap().path()).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .collect();
    assert!(kept.contains("claude") && !kept.contains(&key));
    assert!(!program.stderr().contains(&key));
    assert!(!say(&program.path(""), &["agent", "show", "claude"]).done().contains(&key));
}

#[tokio::test]
async fn a_revoked_key_opens_nothing_at_once_and_what_it_opened_ends() {
    let program = Program::start(&[]);
    let key = add(&program, "claude");
    let watch = program.http.get(format!("{}/filesystem/watch", program.url)).bearer_auth(&key);
    let mut watch = watch.query(&[("path", program.path("").to_str().unwrap())]).send().await.unwrap();
    assert_eq!(watch.status(), 200);
    say(&program.path(""), &["agent", "revoke", "claude"]).done();
    assert_eq!(program.post("/filesystem/list", &key, &json!({"path": program.path("")})).await.status, 403);
    let end = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while let Ok(Some(_)) = watch.chunk().await {}
    });
    end.await.expect("the watch ends with the key that opened it");
    assert!(say(&program.path(""), &["agent", "list"]).done().contains("revoked"));

    let again = say(&program.path(""), &["agent", "rotate", "claude"]).done();
    assert_ne!(again.trim(), key);
    program.post("/filesystem/list", again.trim(), &json!({"path": program.path("")})).await.ok();
}

#[tokio::test]
async fn a_session_of_mcp_is_nobodys_but_the_agents_that_opened_it() {
    let program = Program::start(&[]);
    let (claude, gemini) = (add(&program, "claude"), add(&program, "gemini"));
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "trial", "version": "7"}}});
    let send = |key: &str, session: Option<String>, message: &Value| {
        let request = program.http.post(format!("{}/mcp", program.url)).bearer_auth(key).json(message);
        let request = request.header("accept", "application/json, text/event-stream");
        session.into_iter().fold(request, |request, id| request.header("mcp-session-id", id)).send()
    };
    let opened = send(&claude, None, &hello).await.unwrap();
    let session = opened.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert!(send(&claude, Some(session.clone()), &ready).await.unwrap().status().is_success());
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
    assert_eq!(send(&gemini, Some(session.clone()), &list).await.unwrap().status(), 404);
    assert_eq!(send(&claude, Some(session.clone()), &list).await.unwrap().status(), 200);
    assert!(say(&program.path(""), &["agent", "list"]).done().contains("trial 7"), "what the client calls itself");

    say(&program.path(""), &["agent", "rotate", "claude"]).done();
    assert_eq!(send(&claude, Some(session), &list).await.unwrap().status(), 401);
}

#[test]
fn agents_are_ruled_while_no_bridge_runs_and_the_history_tells_it() {
    let directory = scratch();
    std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    let path = directory.path();
    let key = say(path, &["agent", "add", "claude", "--note", "on the laptop", "--calls-at-once", "2"]).done();
    assert!(key.starts_with("skb_"));
    let shown = say(path, &["agent", "show", "claude"]).done();
    assert!(shown.contains("on the laptop") && shown.contains("active"), "{shown}");
    say(path, &["agent", "set", "claude", "--note", "at work"]).done();
    let shown = say(path, &["agent", "show", "claude"]).done();
    assert!(shown.contains("at work") && shown.contains("calls at once   2"), "{shown}");
    assert!(say(path, &["history", "--agent", "person"]).done().contains("control_agents_add"));
    assert!(say(path, &["running"]).refused().contains("no bridge runs"));
}

#[test]
fn names_that_are_none_and_times_that_are_over_are_refused_with_how_to_say_them() {
    let directory = scratch();
    std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    let path = directory.path();
    for name in ["../x", "Claude", "", "person", "a b", ".hidden", "x/../y", &"a".repeat(65)] {
        let said = say(path, &["agent", "add", "--", name]).refused();
        assert!(said.contains("Input should be"), "{name:?}: {said}");
    }
    for expires in ["0d", "yesterday", "2001-01-01", "-3d", "99999999999d"] {
        let said = say(path, &["agent", "add", "late", &format!("--expires={expires}")]).refused();
        assert!(said.contains("Input should be"), "{expires}: {said}");
    }
    say(path, &["agent", "add", "twice"]).done();
    assert!(say(path, &["agent", "add", "twice"]).refused().contains("agent rotate"));
    assert!(say(path, &["agent", "revoke", "nobody"]).refused().contains("There is no agent nobody"));
    assert!(say(path, &["agent", "revoke", "default"]).refused().contains("key rotate"));
}

#[tokio::test]
async fn a_key_whose_time_is_over_opens_nothing() {
    let directory = scratch();
    std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    let key = say(directory.path(), &["agent", "add", "guest", "--expires", "30d"]).done();
    let file = directory.path().join("memory/agents.json");
    let mut kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let guest = kept["agents"].as_array_mut().unwrap().iter_mut().find(|agent| agent["name"] == "guest").unwrap();
    guest["expires"] = json!(1_000_000_000);
    std::fs::write(&file, kept.to_string()).unwrap();
    let program = Program::start_in(directory, &[]);
    assert_eq!(program.post("/terminal/info", key.trim(), &json!({})).await.status, 403);
    assert!(say(&program.path(""), &["agent", "list"]).done().contains("expired"));
    let again = say(&program.path(""), &["agent", "rotate", "guest"]).done();
    program.post("/terminal/info", again.trim(), &json!({})).await.ok();
}

#[test]
fn a_file_of_agents_that_is_damaged_stops_a_start_and_is_left_as_it_is() {
    let directory = scratch();
    std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    say(directory.path(), &["agent", "add", "claude"]).done();
    let file = directory.path().join("memory/agents.json");
    for damaged in
        ["{", "[]", r#"{"version": 9, "agents": []}"#, r#"{"version": 1, "agents": [{"name": "x", "root": true}]}"#]
    {
        std::fs::write(&file, damaged).unwrap();
        let output = run(command(directory.path(), &[]));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("agents.json"), "{damaged}: {said}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), damaged);
    }
}

#[tokio::test]
async fn an_agent_may_be_bounded_in_calls_and_bytes() {
    let program = Program::start(&[]);
    let directory = program.path("");
    let key = add(&program, "small");
    say(&directory, &["agent", "set", "small", "--mib-a-day", "1", "--calls-at-once", "1"]).done();
    let large = json!({"path": program.path("large.txt"), "content": "x".repeat(600 * 1024)});
    program.post("/filesystem/write", &key, &large).await.ok();
    let refused = program.post("/filesystem/write", &key, &large).await;
    assert_eq!(refused.status, 429, "{}", refused.detail());
    assert!(refused.detail().contains("MiB of today"), "{}", refused.detail());
    program.post("/terminal/info", KEY, &json!({})).await.ok();
    say(&directory, &["agent", "set", "small", "--mib-a-day", "0"]).done();
    program.post("/terminal/info", &key, &json!({})).await.ok();
}
