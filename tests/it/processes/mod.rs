//! Processes in the background, with the programs that people really run.

mod attach;
mod ending;
mod events;
mod lasting;
mod live;
mod load;
mod programs;
mod reading;
mod screens;

pub(crate) use crate::server::{DEADLINE, until};

use crate::server::Server;
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Instant,
};

/// A line that says "up" and waits. What is typed is shown too: the quotes keep it apart from what is printed once the
/// program runs. A shell would do, if dash did not lose a Ctrl-C that comes while it forks.
pub(crate) const WAITING: &str = r#"python3 -c "import time; print('u' + 'p', flush=True); time.sleep(1000)""#;

/// A process of a test's server.
pub(crate) struct Running<'a> {
    pub server: &'a Server,
    pub id: String,
    pub started: Value,
}

/// Starts a command without a terminal.
pub(crate) async fn start<'a>(server: &'a Server, command: &str) -> Running<'a> {
    start_with(server, json!({"command": command})).await
}

/// Starts a command in a terminal.
pub(crate) async fn start_in_terminal<'a>(server: &'a Server, command: &str) -> Running<'a> {
    start_with(server, json!({"command": command, "pty": true})).await
}

pub(crate) async fn start_with(server: &Server, arguments: Value) -> Running<'_> {
    let started = server.call("terminal_start", arguments).await;
    let id = started["id"].as_str().expect("a process has a name").to_owned();
    Running { server, id, started }
}

impl Running<'_> {
    /// Calls a capability of the terminal for this process.
    pub(crate) async fn call(&self, action: &str, mut arguments: Value) -> Value {
        arguments["id"] = json!(self.id);
        self.server.call(&format!("terminal_{action}"), arguments).await
    }

    /// Waits for a line that matches and returns the reply.
    pub(crate) async fn shows(&self, pattern: &str) -> Value {
        let reply = self.call("wait_for", json!({"pattern": pattern, "timeout": DEADLINE.as_secs()})).await;
        assert_eq!(reply["success"], true, "waiting for {pattern:?}: {reply}");
        reply
    }

    /// As [`Self::shows`], for output after `cursor` only.
    pub(crate) async fn shows_after(&self, cursor: &Value, pattern: &str) -> Value {
        let wanted = json!({"pattern": pattern, "timeout": DEADLINE.as_secs(), "cursor": cursor});
        let reply = self.call("wait_for", wanted).await;
        assert_eq!(reply["success"], true, "waiting for {pattern:?}: {reply}");
        reply
    }

    /// Types text and keys and returns the reply.
    pub(crate) async fn types(&self, text: &str, keys: &[&str]) -> Value {
        self.call("input", json!({"text": text, "keys": keys})).await
    }

    /// Reads all that it wrote, until it is over.
    pub(crate) async fn all(&self) -> All {
        let mut all = All::default();
        let deadline = Instant::now() + DEADLINE;
        loop {
            assert!(Instant::now() < deadline, "{} does not end: {all:?}", self.id);
            let reply = self.call("poll", json!({"cursor": all.cursor, "timeout": 5, "max_bytes": 1_000_000})).await;
            for (text, name) in [(&mut all.output, "output"), (&mut all.stdout, "stdout"), (&mut all.stderr, "stderr")]
            {
                text.push_str(reply[name].as_str().unwrap_or_default());
            }
            all.cursor = reply["cursor"].as_u64().unwrap();
            all.exit_code = reply["exit_code"].as_i64();
            if reply["status"] != "running" && reply["more"] == false {
                return all;
            }
        }
    }

    /// Its state in the list.
    pub(crate) async fn listed(&self) -> Value {
        let list = self.server.call("terminal_processes", json!({})).await;
        let items = list["items"].as_array().unwrap();
        items.iter().find(|item| item["id"] == self.id.as_str()).expect("it is listed").clone()
    }
}

#[derive(Debug, Default)]
pub(crate) struct All {
    pub output: String,
    pub stdout: String,
    pub stderr: String,
    pub cursor: u64,
    pub exit_code: Option<i64>,
}

/// A time to sleep that no other test sleeps: a program that does is known by it, whatever number it has.
pub(crate) fn long_time() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("98{}.{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// How many programs of this machine have `word` among their arguments.
pub(crate) fn count_with(word: &str) -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    lines.filter(|line| line.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes())).count()
}

/// Whether a program that a test needs is installed; says so when it is not, and fails where it must be there.
pub(crate) fn has(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    if !found {
        assert!(std::env::var_os("BRIDGE_TEST_PROGRAMS").is_none(), "{program} is needed and not installed");
        eprintln!("skipped: {program} is not installed");
    }
    found
}
