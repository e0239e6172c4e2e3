//! A command whose output is reported as it comes: server-sent events, and progress over MCP.

use super::{DEADLINE, count_with, long_time, until};
use crate::{
    mcp::{answer, call, messages},
    server::{KEY, Pipe, Reply, Server},
};
use futures::{Stream, StreamExt};
use serde_json::{Value, json};
use std::{fs, pin::Pin};

/// The events of one command.
struct Events {
    bytes: Pin<Box<dyn Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    text: Vec<u8>,
}

impl Events {
    async fn of(server: &Server, arguments: Value) -> Self {
        let reply = ask(server, arguments).send().await.unwrap();
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.headers()["content-type"], "text/event-stream");
        Self { bytes: Box::pin(reply.bytes_stream()), text: Vec::new() }
    }

    /// The next event: its name and its data.
    async fn next(&mut self) -> Option<(String, Value)> {
        loop {
            if let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                let event: Vec<u8> = self.text.drain(..end + 2).collect();
                let event = String::from_utf8(event).unwrap();
                let Some(named) = event.strip_prefix("event: ") else { continue };
                let (name, data) = named.trim_end().split_once("\ndata: ").unwrap();
                return Some((name.to_owned(), serde_json::from_str(data).unwrap()));
            }
            let piece = tokio::time::timeout(DEADLINE, self.bytes.next()).await.expect("it goes on");
            self.text.extend_from_slice(&piece?.unwrap());
        }
    }

    /// The next event, which has this name.
    async fn expect(&mut self, name: &str) -> Value {
        let (found, data) = self.next().await.expect("it goes on");
        assert_eq!(found, name, "{data}");
        data
    }

    /// All that comes on standard output, and the last event.
    async fn rest(mut self) -> (String, String, Value) {
        let (mut text, mut last) = (String::new(), (String::new(), Value::Null));
        while let Some((name, data)) = self.next().await {
            if name == "stdout" {
                text.push_str(data["text"].as_str().unwrap());
            }
            last = (name, data);
        }
        (text, last.0, last.1)
    }
}

fn ask(server: &Server, arguments: Value) -> reqwest::RequestBuilder {
    let request = server.request("/terminal/execute").bearer_auth(KEY).header("accept", "text/event-stream");
    request.json(&arguments)
}

#[tokio::test]
async fn a_command_tells_its_output_while_it_runs_and_its_exit_at_the_end() {
    let server = Server::start().await;
    let command = "echo one; until [ -e go ]; do sleep 0.01; done; echo two >&2; exit 3";
    let mut events = Events::of(&server, json!({"command": command})).await;
    assert_eq!(events.expect("stdout").await, json!({"text": "one\n"}));
    fs::write(server.path("go"), "").unwrap();
    assert_eq!(events.expect("stderr").await, json!({"text": "two\n"}));
    let exit = events.expect("exit").await;
    assert_eq!((&exit["exit_code"], &exit["success"]), (&json!(3), &json!(false)));
    let fields: Vec<_> = exit.as_object().unwrap().keys().cloned().collect();
    assert_eq!(fields, ["success", "command", "exit_code", "execution_time", "timestamp"]);
    assert!(events.next().await.is_none(), "nothing follows the exit");
    let line = &server.history().await[0];
    assert_eq!((&line["action"], &line["outcome"]), (&json!("terminal_execute"), &json!("ok")));
}

#[tokio::test]
async fn characters_are_told_whole() {
    let server = Server::start().await;
    let command = r"printf 'a\303'; until [ -e go ]; do sleep 0.01; done; printf '\251\377'";
    let mut events = Events::of(&server, json!({"command": command})).await;
    assert_eq!(events.expect("stdout").await["text"], "a");
    fs::write(server.path("go"), "").unwrap();
    assert_eq!(events.rest().await.0, "é\u{fffd}");
}

#[tokio::test]
async fn what_is_refused_before_the_start_is_answered_as_json_with_its_status() {
    let server = Server::start().await;
    for (arguments, status) in [
        (json!({"command": "rm -rf /"}), 403),
        (json!({"command": "true", "timeout": 1000}), 400),
        (json!({"command": "true", "cwd": "no-such-folder"}), 404),
        (json!({"command": "no-such-program", "shell": false}), 404),
        (json!({"command": "true", "timeout": 0}), 422),
        (json!({}), 422),
    ] {
        let reply = ask(&server, arguments.clone()).pipe(Reply::send).await;
        assert_eq!(reply.status, status, "{arguments}");
        assert_eq!(reply.headers["content-type"], "application/json", "{arguments}");
        assert!(!reply.body["detail"].is_null());
    }
    let keyless = server.request("/terminal/execute").header("accept", "text/event-stream");
    assert_eq!(keyless.json(&json!({"command": "true"})).pipe(Reply::send).await.status, 401);
}

#[tokio::test]
async fn a_command_that_takes_too_long_ends_with_an_error_and_leaves_nothing_running() {
    let server = Server::start().await;
    let time = long_time();
    let mut events =
        Events::of(&server, json!({"command": format!("echo on; sleep {time} & wait"), "timeout": 1})).await;
    assert_eq!(events.expect("stdout").await["text"], "on\n");
    let error = events.expect("error").await;
    assert_eq!((&error["status"], &error["detail"]), (&json!(408), &json!("Command timed out after 1s")));
    assert_eq!(count_with(&time), 0);
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_whole_tree() {
    let server = Server::start().await;
    let time = long_time();
    let mut events = Events::of(&server, json!({"command": format!("echo on; setsid sleep {time} & wait")})).await;
    events.expect("stdout").await;
    until("it runs", || count_with(&time) == 1).await;
    drop(events);
    until("it ended", || count_with(&time) == 0).await;
    assert_eq!(server.outcomes(1).await, ["cancelled"]);
}

#[tokio::test]
async fn a_client_that_reads_slowly_neither_slows_the_command_nor_misses_anything() {
    let server = Server::start().await;
    let command = "head -c 9000000 /dev/zero | tr '\\0' x; : > written";
    let events = Events::of(&server, json!({"command": command})).await;
    until("the command ended although nobody read", || server.path("written").exists()).await;
    let (text, last, exit) = events.rest().await;
    assert_eq!((text.len(), last.as_str(), &exit["exit_code"]), (9_000_000, "exit", &json!(0)));
}

#[tokio::test]
async fn output_without_end_is_cut_where_an_answer_would_be() {
    let server = Server::with_settings(&[("MAX_OUTPUT_BYTES", "100000")]).await;
    let (text, last, exit) = Events::of(&server, json!({"command": "yes"})).await.rest().await;
    assert_eq!((last.as_str(), &exit["truncated"]), ("exit", &json!(true)));
    let (start, end) = text.split_once("\n[... ").expect("it says that something is left out");
    let end = end.split_once(" bytes left out ...]\n").expect("and how much").1;
    assert_eq!(start.len() + end.len(), 100_000);
}

#[tokio::test]
async fn over_mcp_output_comes_as_progress_when_the_client_asks_for_it_and_whole_at_the_end() {
    let server = Server::start().await;
    let session = server.session("2025-11-25").await;
    let command = "echo one; until [ -e go ]; do sleep 0.01; done; echo two";
    let mut message = call(3, "terminal_execute", json!({"command": command}));
    message["params"]["_meta"] = json!({"progressToken": "output"});
    let mut stream = server.said(&session, &message).send().await.unwrap().bytes_stream();
    let mut text = String::new();
    while !text.contains("notifications/progress") {
        let piece = tokio::time::timeout(DEADLINE, stream.next()).await.expect("progress comes");
        text.push_str(std::str::from_utf8(&piece.unwrap().unwrap()).unwrap());
    }
    assert_eq!(messages(&text).last().unwrap()["params"]["message"], "one\n");
    fs::write(server.path("go"), "").unwrap();
    while let Some(piece) = stream.next().await {
        text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
    }
    let reports = messages(&text).into_iter().filter(|message| message["method"] == "notifications/progress");
    let said: Vec<Value> = reports.map(|report| report["params"]["message"].clone()).collect();
    assert_eq!(said, ["one\n", "two\n"]);
    assert_eq!(answer(&text)["result"]["structuredContent"]["stdout"], "one\ntwo\n");
    let silent = server.said(&session, &call(4, "terminal_execute", json!({"command": "echo one"})));
    assert!(!silent.pipe(Reply::send).await.text.contains("notifications/progress"));
}
