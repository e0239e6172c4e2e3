//! Patterns that are made to take memory or time.

use crate::{
    program::Program,
    server::{KEY, Reply, Server},
};
use futures::future::join_all;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What the whole server may take through anything, in MiB.
const MEMORY: u64 = 200;

/// The words of the first problem.
fn why(reply: &Reply) -> &str {
    assert_eq!(reply.status, 422, "{}", reply.text.chars().take(300).collect::<String>());
    reply.body["detail"][0]["msg"].as_str().unwrap()
}

#[tokio::test]
async fn a_pattern_that_is_too_long_or_grows_too_large_is_422_with_the_limit_and_the_mend() {
    let server = Server::start().await.with_file("a.txt", "a\n");
    let id = server.call("terminal_start", json!({"command": "echo ready"})).await["id"].clone();
    let long = "ab|".repeat(400_000);
    let glob = "{a,*b}".repeat(70_000);
    let many: Vec<String> = (0..200).map(|number| format!("x{number}")).collect();
    let search = |query: &str| json!({"path": ".", "query": query, "regex": true});
    let cases: Vec<(&str, Value, &str)> = vec![
        ("/filesystem/search", search(&long), "4096"),
        ("/filesystem/search", json!({"path": ".", "query": long}), "4096"),
        ("/filesystem/search", search("((a{1000}){1000}){1000}"), "smaller repetitions"),
        ("/filesystem/search", search(r"\pL{500}"), "2 MiB"),
        ("/filesystem/search", search(&r"\pL".repeat(1000)), "200 classes"),
        ("/filesystem/search", search(&format!("{}a{}", "(".repeat(1500), ")".repeat(1500))), "nest"),
        ("/filesystem/search", json!({"path": ".", "name": glob}), "1000 characters"),
        ("/filesystem/tree", json!({"path": ".", "exclude": [glob]}), "1000 characters"),
        ("/filesystem/tree", json!({"path": ".", "exclude": many}), "100 globs"),
        ("/terminal/wait_for", json!({"id": id, "pattern": long}), "4096"),
        ("/terminal/wait_for", json!({"id": id, "pattern": r"\w{100}{100}"}), "2 MiB"),
        ("/terminal/output_search", json!({"id": id, "query": long, "regex": true}), "4096"),
        ("/terminal/output_search", json!({"id": id, "query": r"\pL{500}", "regex": true}), "2 MiB"),
        ("/terminal/start", json!({"command": "true", "wait_for": {"pattern": long}}), "4096"),
        ("/sandbox/run", json!({"code": "1", "outputs": [glob]}), "too long"),
    ];
    for (route, arguments, words) in cases {
        let reply = server.post(route, arguments).await;
        let said = why(&reply);
        assert!(said.contains(words) && said.len() < 1000, "{route}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forty_hostile_patterns_at_once_leave_the_server_small_and_answering() {
    let server = Program::start(&[]);
    std::fs::write(server.path("a.txt"), "aaaaaaaaaa bbbbbbbbbb\n".repeat(1000)).unwrap();
    for name in 0..50 {
        std::fs::write(server.path(&format!("{}{name}", "ab".repeat(100))), "").unwrap();
    }
    // Each within the limits, and as large as they let it be.
    let class = r"\pL".repeat(199);
    let stars = "*a?b".repeat(250);
    let globs: Vec<String> = (0..100).map(|number| format!("{}{number}", "*a?b".repeat(18))).collect();
    let cases = [
        ("/filesystem/search", json!({"path": ".", "query": "x".repeat(1_000_000), "regex": true})),
        ("/filesystem/search", json!({"path": ".", "query": class, "regex": true})),
        ("/filesystem/search", json!({"path": ".", "query": "(a?){400}a{400}", "regex": true})),
        ("/filesystem/search", json!({"path": ".", "query": "(a|b| ){1,300}c", "regex": true})),
        ("/filesystem/search", json!({"path": ".", "name": stars})),
        ("/filesystem/tree", json!({"path": ".", "exclude": globs})),
        ("/filesystem/tree", json!({"path": ".", "exclude": ["x".repeat(400_000)]})),
    ];
    let calls = cases.iter().cycle().take(42).map(|(route, arguments)| server.post(route, KEY, arguments));
    let calling = join_all(calls);
    tokio::pin!(calling);
    let mut slowest = Duration::ZERO;
    let replies = loop {
        let started = Instant::now();
        tokio::select! {
            replies = &mut calling => break replies,
            health = server.get("/health") => assert_eq!(health.status, 200),
        }
        slowest = slowest.max(started.elapsed());
    };
    for reply in replies {
        assert!([200, 422].contains(&reply.status), "{}", reply.text);
    }
    let peak = server.peak_memory();
    assert!(peak < MEMORY && slowest < Duration::from_secs(5), "{peak} MiB, {slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_ignore_files_leave_the_server_small() {
    let server = Program::start(&[]);
    let line = format!("{}\n", "*a?b".repeat(240));
    let rules = line.repeat(1024 * 1024 / line.len());
    let mut folder = server.path("deep");
    for _ in 0..60 {
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join(".gitignore"), &rules).unwrap();
        for name in 0..5 {
            std::fs::write(folder.join(format!("{}{name}", "ab".repeat(100))), "found\n").unwrap();
        }
        folder = folder.join("d");
    }
    let calls = ["/filesystem/search", "/filesystem/tree", "/filesystem/search", "/filesystem/tree"];
    let call = |route: &'static str| {
        let server = &server;
        async move {
            let arguments = json!({"path": "deep", "query": "found", "limit": 1000});
            let reply = server.post(route, KEY, &arguments).await;
            assert_eq!(reply.status, 200, "{route}: {}", reply.text);
        }
    };
    join_all(calls.into_iter().map(call)).await;
    let peak = server.peak_memory();
    assert!(peak < MEMORY, "{peak} MiB");
}

#[tokio::test]
async fn ignore_files_of_everyday_still_count() {
    let rules: String = (0..300).map(|number| format!("/generated-{number}/\n*.tmp{number}\n")).collect();
    let server = Server::start()
        .await
        .with_file(".gitignore", format!("{}\n{rules}# the end\n!keep.log\n*.o\n", "x".repeat(5000)))
        .with_file("a.o", "found")
        .with_file("b.tmp299", "found")
        .with_file("generated-7/c", "found")
        .with_file("d/.gitignore", "/e\n")
        .with_file("d/e", "found")
        .with_file("d/f", "found");
    let found = server.call("filesystem_search", json!({"path": ".", "query": "found"})).await;
    assert_eq!((&found["count"], &found["items"][0]["path"]), (&json!(1), &json!("./d/f")), "{found}");
}
