//! Many processes, and much output.

use super::{start, start_with};
use crate::server::Server;
use serde_json::json;

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

/// The resident memory of this process, in MiB: the server runs within it.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::test]
async fn a_gigabyte_of_output_leaves_memory_and_disk_as_they_were() {
    let server = Server::with_settings(&[("PROCESS_OUTPUT_MIB", "4")]).await;
    let before = resident();
    let process = start_with(&server, json!({"command": "head -c 1073741824 /dev/zero; echo; echo the end"})).await;
    let done = process.shows("the end").await;
    assert_eq!(done["success"], true);
    let all = process.call("poll", json!({"cursor": -8, "wait": 0})).await;
    assert_eq!((&all["stdout"], &all["cursor"]), (&json!("the end\n"), &json!((1_u64 << 30) + 9)));
    let late = process.call("poll", json!({"cursor": 0, "max_bytes": 10})).await;
    assert!(late["missed"].as_u64().unwrap() > 1_000_000_000, "{late}");
    let files = walkdir::WalkDir::new(server.path("memory/processes")).into_iter().map(Result::unwrap);
    let size: u64 = files.filter(|file| file.file_type().is_file()).map(|file| file.metadata().unwrap().len()).sum();
    assert!(size <= (4 << 20) + 10_000, "{size} bytes on disk");
    // Other tests run within the same process: this is what they need, too.
    assert!(resident() < before + 150, "{before} MiB before, {} MiB after", resident());
}
