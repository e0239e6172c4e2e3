//! The face over standard input and output, with the real program: one folder, one owner, however many clients.

use super::{answer, call, initialize, wire::HALF};
use crate::{
    agents::say,
    server::{KEY, Pipe, Reply, client, scratch},
};
use serde_json::{Value, json};
use std::{
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};

const TIMEOUT: Duration = Duration::from_secs(20);

/// The program with its client's ends of the pipes. It dies with the test.
struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: Lines<BufReader<ChildStdout>>,
}

impl Program {
    fn start(directory: &Path, arguments: &[&str]) -> Self {
        let mut command = Command::from(crate::program::command(directory, &[]));
        command.args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("the program starts");
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output).lines() }
    }

    async fn stdio(directory: &Path) -> Self {
        Self::stdio_as(directory, "default").await
    }

    /// The client of an agent.
    async fn stdio_as(directory: &Path, agent: &str) -> Self {
        let mut program = Self::start(directory, &["stdio", "--agent", agent]);
        program.say(&initialize("2025-11-25")).await;
        assert_eq!(program.hear().await["result"]["serverInfo"]["name"], "mcp-server");
        program.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        program
    }

    /// A server over HTTP on a free port, and its address.
    async fn http(directory: &Path) -> (Self, String) {
        let mut program = Self::start(directory, &["--port", "0"]);
        loop {
            let line = program.line().await.expect("it says where it listens");
            if let Some(url) = line.strip_prefix("MCP Server listens on ") {
                let url = url.split_whitespace().next().unwrap().to_owned();
                return (program, url);
            }
        }
    }

    async fn say(&mut self, message: &Value) {
        let line = format!("{message}\n");
        self.input.as_mut().unwrap().write_all(line.as_bytes()).await.unwrap();
    }

    async fn line(&mut self) -> Option<String> {
        tokio::time::timeout(TIMEOUT, self.output.next_line()).await.expect("it answers in time").unwrap()
    }

    async fn hear(&mut self) -> Value {
        let line = self.line().await.expect("it is still there");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no message: {line}"))
    }

    /// Asks and hears the answer.
    async fn ask(&mut self, id: u64, name: &str, arguments: Value) -> Value {
        self.say(&call(id, name, arguments)).await;
        let answer = self.hear().await;
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// Closes its input, as a client that ends does, and waits until it has ended by itself.
    async fn end(mut self) {
        drop(self.input.take());
        let status = tokio::time::timeout(TIMEOUT, self.child.wait()).await.expect("it ends by itself").unwrap();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).await.unwrap();
        assert!(status.success(), "{status}: {log}");
    }

    /// kill -9.
    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

fn history(directory: &TempDir) -> Vec<Value> {
    let today = skynet_bridge::clock::today();
    let path = directory.path().join(format!("memory/history/{today}.log"));
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[tokio::test]
async fn it_lists_and_calls_and_only_messages_are_on_its_output() {
    let directory = scratch();
    let mut program = Program::stdio(directory.path()).await;
    program.say(&json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})).await;
    assert!(program.hear().await["result"]["tools"].as_array().unwrap().len() > 3);
    let refused = program.ask(3, "sandbox_run", json!({"timeout": 0})).await;
    assert_eq!(refused["result"]["isError"], true);
    program.end().await;
    let lines = history(&directory);
    assert_eq!((&lines[0]["caller"], &lines[0]["outcome"]), (&json!("default"), &json!("invalid")));
    let env = std::fs::read_to_string(directory.path().join(".env")).unwrap();
    assert!(
        !env.contains("MCP_API_KEY"),
        "it needs no key, so it makes none; the file keeps the name from others: {env}"
    );
}

#[tokio::test]
async fn a_line_that_is_no_message_ends_nothing() {
    let directory = scratch();
    let mut program = Program::stdio(directory.path()).await;
    program.input.as_mut().unwrap().write_all(b"{\"half\": \n\n\xff\xfe\n[1]\n").await.unwrap();
    program.say(&json!({"jsonrpc": "2.0", "id": 2, "method": "ping"})).await;
    let mut codes = Vec::new();
    loop {
        let message = program.hear().await;
        if message["id"] == 2 {
            break assert_eq!(message["result"], json!({}));
        }
        codes.push(message["error"]["code"].as_i64().unwrap());
    }
    codes.sort_unstable();
    assert_eq!(codes, [-32700, -32700, -32600]);
    program.end().await;
}

#[tokio::test]
async fn a_second_one_on_the_folder_shares_the_first_ones_bridge() {
    let directory = scratch();
    let mut first = Program::stdio(directory.path()).await;
    let mut second = Program::stdio(directory.path()).await;
    let socket = std::fs::metadata(directory.path().join("memory/.socket")).unwrap();
    assert!(socket.file_type().is_socket());
    assert_eq!(socket.permissions().mode() & 0o777, 0o600);
    first.ask(2, "sandbox_run", json!({"timeout": 0})).await;
    second.ask(2, "sandbox_run", json!({"timeout": 0})).await;
    second.end().await;
    first.ask(3, "sandbox_run", json!({"timeout": 0})).await;
    first.end().await;
    assert_eq!(history(&directory).len(), 3);
}

#[tokio::test]
async fn when_the_owner_is_killed_the_other_takes_over_and_its_client_sees_at_most_one_failure() {
    let directory = scratch();
    let first = Program::stdio(directory.path()).await;
    let mut second = Program::stdio(directory.path()).await;
    let mut third = Program::stdio(directory.path()).await;
    first.kill().await;
    for program in [&mut second, &mut third] {
        let mut failures = 0;
        for id in 2..6 {
            let answer = program.ask(id, "sandbox_run", json!({"timeout": 0})).await;
            let text = answer["result"]["content"][0]["text"].as_str().unwrap();
            failures += usize::from(!text.starts_with("timeout:"));
        }
        assert!(failures <= 1, "{failures} calls failed");
    }
    let mut late = Program::stdio(directory.path()).await;
    late.ask(2, "sandbox_run", json!({"timeout": 0})).await;
    for program in [late, second, third] {
        program.end().await;
    }
}

#[tokio::test]
async fn it_shares_the_bridge_of_a_server_that_runs() {
    let directory = scratch();
    let (server, url) = Program::http(directory.path()).await;
    let mut program = Program::stdio(directory.path()).await;
    program.ask(2, "sandbox_run", json!({"timeout": 0})).await;
    let health = client().get(format!("{url}/health")).pipe(Reply::send).await;
    assert_eq!(health.status, 200);
    server.kill().await;
    let answer = program.ask(3, "sandbox_run", json!({"timeout": 0})).await;
    assert!(answer["result"]["isError"].as_bool().unwrap());
    program.end().await;
    assert!(history(&directory).iter().all(|line| line["caller"] == "default"));
}

#[tokio::test]
async fn a_server_that_starts_later_gets_the_folder_and_the_client_stays() {
    let directory = scratch();
    let mut program = Program::stdio(directory.path()).await;
    program.ask(2, "sandbox_run", json!({"timeout": 0})).await;
    let (server, url) = Program::http(directory.path()).await;
    let mut failures = 0;
    for id in 3..6 {
        let answer = program.ask(id, "sandbox_run", json!({"timeout": 0})).await;
        failures += usize::from(!answer["result"]["content"][0]["text"].as_str().unwrap().starts_with("timeout:"));
    }
    assert!(failures <= 1, "{failures} calls failed");
    let health = client().get(format!("{url}/health")).pipe(Reply::send).await;
    assert_eq!(health.status, 200);
    program.end().await;
    server.kill().await;
}

#[tokio::test]
async fn a_second_server_over_http_does_not_start_and_says_who_has_the_folder() {
    let directory = scratch();
    let (server, _) = Program::http(directory.path()).await;
    let second = Program::start(directory.path(), &["--port", "0"]);
    let output = tokio::time::timeout(TIMEOUT, second.child.wait_with_output()).await.unwrap().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("process {}", server.child.id().unwrap())), "{said}");
    server.kill().await;
}

#[tokio::test]
async fn sigterm_ends_it_though_its_input_is_open() {
    let directory = scratch();
    let mut program = Program::stdio(directory.path()).await;
    let pid = rustix::process::Pid::from_raw(i32::try_from(program.child.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let started = Instant::now();
    let status = tokio::time::timeout(TIMEOUT, program.child.wait()).await.expect("it ends").unwrap();
    assert!(status.success() && started.elapsed() < Duration::from_secs(8), "{status}");
}

#[tokio::test]
async fn the_revision_without_a_handshake_is_spoken_too() {
    let directory = scratch();
    let mut program = Program::start(directory.path(), &["stdio"]);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let mut message = call(1, "sandbox_run", json!({"timeout": 0}));
    message["params"]["_meta"] = meta;
    program.say(&message).await;
    assert_eq!(answer(&program.hear().await.to_string())["result"]["isError"], true);
    program.end().await;
}

#[tokio::test]
async fn arguments_that_are_a_text_of_json_are_taken_over_stdio_too() {
    let directory = scratch();
    std::fs::write(directory.path().join("a.txt"), "found").unwrap();
    let mut program = Program::stdio(directory.path()).await;
    program.say(&call(5, "filesystem_read", json!("{\"path\": \"a.txt\"}"))).await;
    assert_eq!(program.hear().await["result"]["content"][0]["text"], "found");
}

#[tokio::test]
async fn what_cannot_be_read_is_answered_with_its_id_at_once() {
    let directory = scratch();
    std::fs::write(directory.path().join(".env"), "MCP_MAX_REQUEST_MIB=1\n").unwrap();
    let mut program = Program::stdio(directory.path()).await;
    let deep =
        format!(r#"{{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
    let long = format!(r#"{{"jsonrpc":"2.0","id":3,"method":"ping","params":{{"x":"{}"}}}}"#, "x".repeat(2 << 20));
    for (line, id, words) in [
        (HALF, json!("n-7"), "half of a character"),
        (&deep, json!(2), "recursion limit"),
        (&long, json!(3), "MCP_MAX_REQUEST_MIB"),
        (r#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":7}}"#, json!(4), "tools/call"),
        ("{bad", Value::Null, "-32700"),
        ("\n \nhello", Value::Null, "-32700"),
    ] {
        program.input.as_mut().unwrap().write_all(format!("{line}\n").as_bytes()).await.unwrap();
        let answer = program.hear().await;
        assert_eq!(answer["id"], id, "{answer}");
        assert!(answer.to_string().contains(words), "{answer}");
    }
    // And the next call goes through.
    let written = program.ask(9, "filesystem_write", json!({"path": "whole.txt", "content": "\u{1f600}"})).await;
    assert_eq!(written["result"]["content"][0]["text"], "ok");
    assert!(!directory.path().join("cut.txt").exists());
    program.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_say_which_agents_they_are_and_one_whose_key_is_taken_away_ends() {
    let directory = scratch();
    std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    for name in ["claude", "gemini"] {
        say(directory.path(), &["agent", "add", name]).done();
    }
    let mut owner = Program::stdio_as(directory.path(), "claude").await;
    let mut guest = Program::stdio_as(directory.path(), "gemini").await;
    for (program, name) in [(&mut owner, "of-claude"), (&mut guest, "of-gemini")] {
        program.ask(7, "memory_add", json!({"content": name})).await;
        let listed = program.ask(8, "memory_query", json!({"query": name})).await.to_string();
        let agent = name.trim_start_matches("of-");
        assert!(listed.contains(&format!("\\tai\\t{agent}\"")), "{listed}");
    }
    // Who reads the history reads what was acknowledged before, and nothing of another agent.
    let read = guest.ask(10, "memory_history", json!({})).await.to_string();
    assert!(read.contains("gemini") && !read.contains("claude"), "{read}");
    let added = history(&directory).into_iter().filter(|line| line["action"] == "memory_add");
    let callers: Vec<Value> = added.map(|line| line["caller"].clone()).collect();
    assert_eq!(callers, ["claude", "gemini"]);
    say(directory.path(), &["agent", "revoke", "gemini"]).done();
    let end = tokio::time::timeout(TIMEOUT, guest.child.wait()).await.expect("it ends by itself").unwrap();
    assert!(!end.success());
    owner.ask(9, "memory_query", json!({"query": "of"})).await;
    owner.end().await;

    let mut nobody = Program::start(directory.path(), &["stdio", "--agent", "nobody"]);
    let end = tokio::time::timeout(TIMEOUT, nobody.child.wait()).await.expect("it ends by itself").unwrap();
    assert!(!end.success());
}
