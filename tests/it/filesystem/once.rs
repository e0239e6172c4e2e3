//! A call checks its path once, however much it does with it. strace says how often the program asked the system.

use crate::{
    program::{self, Program},
    server::{KEY, scratch},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::process::Command;

/// A server that strace started: it would outlive a strace that a failed test kills.
struct Traced(Pid);

impl Drop for Traced {
    fn drop(&mut self) {
        let _ = kill_process(self.0, Signal::KILL);
    }
}

/// How often a server that is asked only this looks for the way to what lies in `notes/once`.
async fn ways(route: &str, arguments: Value) -> Option<usize> {
    if Command::new("strace").arg("-V").output().is_err() {
        assert!(std::env::var_os("BRIDGE_TEST_PROGRAMS").is_none(), "strace is needed and not installed");
        eprintln!("strace is not here: nothing is counted");
        return None;
    }
    let (directory, traces) = (scratch(), tempfile::tempdir().unwrap());
    std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    std::fs::create_dir_all(directory.path().join("notes/once")).unwrap();
    std::fs::write(directory.path().join("notes/once/old.txt"), "old").unwrap();
    let server = program::command(directory.path(), &[]);
    let trace = traces.path().join("trace");
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-s", "500", "-e", "trace=openat2", "-o"]).arg(&trace);
    command.arg(server.get_program()).args(server.get_args()).env_clear();
    command.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?)))).stdin(std::process::Stdio::null());
    let mut program = Program::start_as(command, directory);
    // What strace has started; it ends with that.
    let id = program.id();
    let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap();
    let server = Traced(children.trim().parse().ok().and_then(Pid::from_raw).expect("strace has one child"));
    program.post(route, KEY, &arguments).await.ok();
    kill_process(server.0, Signal::TERM).unwrap();
    program.wait();
    std::mem::forget(server);
    let trace = std::fs::read_to_string(trace).unwrap();
    Some(trace.lines().filter(|line| line.contains("openat2(") && line.contains("notes/once\"")).count())
}

#[tokio::test]
async fn a_write_finds_its_way_once() {
    for name in ["new.txt", "old.txt"] {
        let arguments = json!({"path": format!("notes/once/{name}"), "content": "new"});
        assert!(ways("/filesystem/write", arguments).await.is_none_or(|ways| ways == 1), "{name}");
    }
    let edit = json!({"path": "notes/once/old.txt", "edits": [{"old": "old", "new": "new"}], "expected_sha256": null});
    // Once more to see how much memory it takes, before its turn.
    assert!(ways("/filesystem/edit", edit).await.is_none_or(|ways| ways == 2));
}

#[tokio::test]
async fn a_removal_and_an_append_find_their_way_once() {
    let removed = ways("/filesystem/delete", json!({"path": "notes/once/old.txt"})).await;
    assert!(removed.is_none_or(|ways| ways == 1), "{removed:?}");
    let appended = ways("/filesystem/write", json!({"path": "notes/once/old.txt", "content": "x", "mode": "a"})).await;
    assert!(appended.is_none_or(|ways| ways == 1), "{appended:?}");
}
