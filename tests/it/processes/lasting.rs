//! What is remembered of processes: over restarts, and for how long.

use super::{count_with, long_time, start, until};
use crate::{
    program::Program,
    server::{KEY, Server},
};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

async fn listed(server: &Server, id: &str) -> Value {
    let list = server.call("terminal_processes", json!({})).await;
    list["items"].as_array().unwrap().iter().find(|item| item["id"] == id).cloned().unwrap_or_default()
}

#[tokio::test]
async fn what_ran_and_what_it_wrote_survive_a_restart() {
    let server = Server::start().await;
    let done = start(&server, "echo kept; echo also >&2; exit 5").await;
    done.all().await;
    let running = start(&server, "echo alive; exec sleep 1000").await;
    running.shows("alive").await;
    let (done, running) = (done.id.clone(), running.id.clone());
    let again = Server::in_directory(server.stop().await, &[]).await;
    let item = listed(&again, &done).await;
    assert_eq!((&item["status"], &item["exit_code"]), (&json!("exited"), &json!(5)));
    let item = listed(&again, &running).await;
    assert_eq!((&item["status"], &item["exit_code"]), (&json!("stopped"), &json!(-15)));
    let poll = again.call("terminal_poll", json!({"id": done})).await;
    assert_eq!((&poll["stdout"], &poll["stderr"]), (&json!("kept\n"), &json!("also\n")));
    let search = again.call("terminal_output_search", json!({"id": running, "query": "alive"})).await;
    assert_eq!(search["count"], 1);
    let next = start(&again, "true").await;
    assert_ne!((&next.id, &next.id), (&done, &running));
    again.stop().await;
}

#[tokio::test]
async fn a_list_with_a_torn_line_costs_that_line_only() {
    let server = Server::start().await;
    let id = start(&server, "true").await.id.clone();
    server.call("terminal_wait_for", json!({"id": id, "pattern": "never"})).await;
    let directory = server.stop().await;
    let path = directory.path().join("memory/processes/list.jsonl");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.insert_str(0, "\u{0}rubbish\n");
    text.push_str("{\"began\":{\"number\":7,\"comma");
    std::fs::write(&path, text).unwrap();
    let again = Server::in_directory(directory, &[]).await;
    assert_eq!(listed(&again, &id).await["status"], "exited");
    again.stop().await;
}

#[tokio::test]
async fn a_process_is_forgotten_with_its_output_when_its_time_is_over() {
    let server = Server::with_settings(&[("PROCESS_KEEP_HOURS", "1")]).await;
    let process = start(&server, "echo old").await;
    process.all().await;
    let id = process.id.clone();
    let directory = server.stop().await;
    let path = directory.path().join("memory/processes/list.jsonl");
    let lines = std::fs::read_to_string(&path).unwrap();
    let aged = lines.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        if let Some(ended) = line.pointer_mut("/ended/1/ended_at") {
            *ended = json!(ended.as_u64().unwrap() - 3601);
        }
        format!("{line}\n")
    });
    std::fs::write(&path, aged.collect::<String>()).unwrap();
    let again = Server::in_directory(directory, &[("PROCESS_KEEP_HOURS", "1")]).await;
    assert_eq!(listed(&again, &id).await, Value::Null);
    assert!(!again.path("memory/processes").join(&id).exists());
    again.stop().await;
}

#[tokio::test]
async fn the_oldest_output_goes_when_all_of_it_is_too_much() {
    let settings = [("PROCESS_OUTPUT_MIB", "1"), ("PROCESS_DISK_MIB", "1")];
    let server = Server::with_settings(&settings).await;
    for _ in 0..3 {
        start(&server, "head -c 600000 /dev/zero | tr '\\0' x").await.all().await;
    }
    let list = server.call("terminal_processes", json!({})).await;
    assert_eq!(list["count"], 1, "{list}");
    assert_eq!(list["items"][0]["id"], "proc_3");
}

#[tokio::test]
async fn the_list_pages_by_cursor_and_filters_by_status() {
    let server = Server::start().await;
    for _ in 0..5 {
        start(&server, "true").await.all().await;
    }
    let running = start(&server, "cat").await;
    let page = server.call("terminal_processes", json!({"limit": 4})).await;
    assert_eq!((&page["count"], &page["running"], &page["next_cursor"]), (&json!(4), &json!(1), &json!("proc_3")));
    let rest = server.call("terminal_processes", json!({"limit": 4, "cursor": page["next_cursor"]})).await;
    assert_eq!((&rest["count"], rest.get("next_cursor")), (&json!(2), None));
    let only = server.call("terminal_processes", json!({"status": "running"})).await;
    assert_eq!((&only["count"], &only["items"][0]["id"]), (&json!(1), &json!(running.id)));
    let wrong = server.post("/terminal/processes", json!({"status": "asleep"})).await;
    assert_eq!(wrong.status, 422);
}

#[tokio::test]
async fn what_is_kept_on_disk_is_for_the_owner_only() {
    let server = Server::start().await;
    start(&server, "echo secret; echo secret >&2").await.all().await;
    let files = walkdir::WalkDir::new(server.path("memory/processes")).into_iter().map(Result::unwrap);
    let modes: Vec<(bool, u32)> =
        files.map(|file| (file.file_type().is_dir(), file.metadata().unwrap().permissions().mode() & 0o777)).collect();
    assert!(modes.len() >= 4, "{modes:?}");
    assert!(modes.iter().all(|(folder, mode)| *mode == if *folder { 0o700 } else { 0o600 }), "{modes:?}");
}

#[tokio::test]
async fn a_killed_server_leaves_nothing_running_and_says_what_was_lost_once_it_is_back() {
    let program = Program::start(&[]);
    let time = long_time();
    let wanted = json!({"command": format!("trap '' HUP TERM; echo up; sleep {time} & wait"),
        "wait_for": {"pattern": "up"}});
    let started = program.post("/terminal/start", KEY, &wanted).await.ok();
    until("one sleeps", || count_with(&time) == 1).await;
    let directory = program.kill();
    until("it is left", || count_with(&time) == 0).await;
    let again = Server::in_directory(directory, &[]).await;
    let item = listed(&again, started["id"].as_str().unwrap()).await;
    assert_eq!((&item["status"], item.get("exit_code")), (&json!("lost"), None));
    let poll = again.call("terminal_poll", json!({"id": started["id"]})).await;
    assert_eq!(poll["stdout"], "up\n");
    again.stop().await;
}
