//! Many processes, and much output.

use super::{DEADLINE, start};
use crate::{
    program::Program,
    server::{KEY, Server},
};
use serde_json::{Value, json};

#[tokio::test]
async fn fifty_processes_run_at_once_and_each_keeps_its_own_output() {
    let server = Server::start().await;
    let starts = (0..50).map(|number| {
        let server = &server;
        async move { start(server, &format!("echo I am {number}; read line; echo {number} got $line")).await }
    });
    let all = futures::future::join_all(starts).await;
    assert_eq!(server.call("terminal_processes", json!({"status": "running"})).await["running"], 50);
    let ends = all.iter().enumerate().map(|(number, process)| async move {
        process.types(&format!("message {number}\n"), &[]).await;
        let all = process.all().await;
        assert_eq!(all.stdout, format!("I am {number}\n{number} got message {number}\n"));
    });
    futures::future::join_all(ends).await;
}

#[tokio::test]
async fn more_processes_than_allowed_are_refused_with_the_setting_that_allows_them() {
    let server = Server::with_settings(&[("MAX_PROCESSES", "2")]).await;
    let first = start(&server, "cat").await;
    start(&server, "cat").await;
    let third = server.post("/terminal/start", json!({"command": "true"})).await;
    assert_eq!(third.status, 503);
    assert!(third.detail().contains("MAX_PROCESSES"), "{}", third.detail());
    first.call("stop", json!({})).await;
    start(&server, "true").await.all().await;
}

#[tokio::test]
async fn a_gigabyte_of_output_leaves_memory_and_disk_as_they_were() {
    let server = Program::start(&[("PROCESS_OUTPUT_MIB", "4")]);
    let idle = server.peak_memory();
    let call = async |action: &str, arguments: Value| {
        let reply = server.post(&format!("/terminal/{action}"), KEY, &arguments).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        reply.body
    };
    let command = "head -c 1073741824 /dev/zero; echo; echo the end";
    let id = call("start", json!({"command": command})).await["id"].clone();
    let done = call("wait_for", json!({"id": id, "pattern": "the end", "timeout": DEADLINE.as_secs()})).await;
    assert_eq!(done["success"], true, "{done}");
    let all = call("poll", json!({"id": id, "cursor": -8, "timeout": 0})).await;
    assert_eq!((&all["stdout"], &all["cursor"]), (&json!("the end\n"), &json!((1_u64 << 30) + 9)));
    let late = call("poll", json!({"id": id, "cursor": 0, "max_bytes": 10})).await;
    assert!(late["missed"].as_u64().unwrap() > 1_000_000_000, "{late}");
    let files = walkdir::WalkDir::new(server.path("memory/processes")).into_iter().map(Result::unwrap);
    let size: u64 = files.filter(|file| file.file_type().is_file()).map(|file| file.metadata().unwrap().len()).sum();
    assert!(size <= (4 << 20) + 10_000, "{size} bytes on disk");
    let peak = server.peak_memory();
    assert!(peak < idle + 48, "{idle} MiB before, {peak} MiB at most");
}
