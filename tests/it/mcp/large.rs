//! Messages of many megabytes: what they hold is counted, as it is for REST.

use super::{ACCEPT, answer, call, initialize};
use crate::{
    program::Program,
    server::{KEY, Reply},
};
use futures::future::join_all;
use serde_json::{Value, json};

/// What the server may take beside what it has at its start, in MiB: what may be held (`MCP_MAX_BUFFERED_MIB`) as it came
/// and as what it is decoded to, and a little.
const MORE: u64 = 2 * 64 + 32;

const MIB: usize = 1 << 20;

/// How a message is said.
#[derive(Clone, Copy, Debug)]
enum Way<'a> {
    Session(&'a str),
    /// In the words of revision 2026-07-28.
    Alone,
}

async fn say(server: &Program, way: Way<'_>, mut message: Value) -> Reply {
    let request = server.http.post(format!("{}/mcp", server.url)).bearer_auth(KEY).header("accept", ACCEPT);
    let request = match way {
        Way::Session(id) => request.header("mcp-session-id", id),
        Way::Alone => {
            message["params"]["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
                "io.modelcontextprotocol/clientCapabilities": {},
            });
            let method = message["method"].as_str().unwrap().to_owned();
            let request = request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", method);
            let name = message["params"]["name"].as_str().map(str::to_owned);
            name.into_iter().fold(request, |request, name| request.header("mcp-name", name))
        }
    };
    Reply::send(request.json(&message)).await
}

async fn session(server: &Program) -> String {
    let request = server.http.post(format!("{}/mcp", server.url)).bearer_auth(KEY).header("accept", ACCEPT);
    let reply = Reply::send(request.json(&initialize("2025-11-25"))).await;
    let id = reply.headers["mcp-session-id"].to_str().unwrap().to_owned();
    say(server, Way::Session(&id), json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
    id
}

fn write(id: u64, path: &str, mebibytes: usize) -> Value {
    call(id, "filesystem_write", json!({"path": path, "content": "x".repeat(mebibytes * MIB)}))
}

fn is_success(reply: &Reply) -> bool {
    reply.status == 200 && answer(&reply.text)["result"]["isError"] == false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_sixty_mebibytes_is_held_no_more_often_than_over_rest() {
    let server = Program::start(&[]);
    let idle = server.peak_memory();
    let rest = json!({"path": "rest.txt", "content": "x".repeat(60 * MIB)});
    assert_eq!(server.post("/filesystem/write", KEY, &rest).await.status, 200);
    let over_rest = server.peak_memory();
    let id = session(&server).await;
    for way in [Way::Session(&id), Way::Alone] {
        let reply = say(&server, way, write(7, "large.txt", 60)).await;
        assert!(is_success(&reply), "{way:?}: {}", reply.text);
        assert_eq!(std::fs::metadata(server.path("large.txt")).unwrap().len() as usize, 60 * MIB);
        std::fs::remove_file(server.path("large.txt")).unwrap();
    }
    let peak = server.peak_memory();
    assert!(peak < over_rest + 16 && peak < idle + MORE, "{idle}, over REST {over_rest}, {peak} MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_large_calls_at_once_are_done_one_by_one_or_refused_and_the_server_stays_small() {
    let server = Program::start(&[]);
    let (idle, id) = (server.peak_memory(), session(&server).await);
    for way in [Way::Session(&id), Way::Alone] {
        let names: Vec<String> = (0..4).map(|number| format!("{number}.txt")).collect();
        let saying = names.iter().zip(7..).map(|(name, id)| say(&server, way, write(id, name, 25)));
        let replies = join_all(saying).await;
        for (reply, name) in replies.iter().zip(&names) {
            let done = is_success(reply);
            let text = answer_text(reply);
            assert!(done || [413, 429, 503].contains(&reply.status) || text.contains("memory"), "{}", reply.text);
            assert_eq!(server.path(name).exists(), done, "{name}");
            let _ = std::fs::remove_file(server.path(name));
        }
        assert!(replies.iter().any(is_success), "{way:?}");
    }
    let peak = server.peak_memory();
    assert!(peak < idle + MORE, "{idle}, {peak} MiB");
}

fn answer_text(reply: &Reply) -> String {
    if reply.text.is_empty() { String::new() } else { answer(&reply.text)["result"]["content"].to_string() }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_arguments_of_a_tool_may_be_long() {
    let server = Program::start(&[]);
    let (idle, id) = (server.peak_memory(), session(&server).await);
    let long = "x".repeat(30 * MIB);
    let message = |method: &str, params: Value| json!({"jsonrpc": "2.0", "id": 8, "method": method, "params": params});
    for other in [
        message("resources/read", json!({"uri": long})),
        message("prompts/get", json!({"name": "x", "arguments": {"a": long}})),
        message("tools/call", json!({"name": long, "arguments": {}})),
        message("ping", json!({"values": vec![0; 10 * MIB]})),
        json!({"jsonrpc": "2.0", "id": 8, "result": {"x": long}}),
    ] {
        // Alone, the name of a tool and the method stand in headers as well.
        let fits_a_header = other["method"].is_string() && !other["params"]["name"].is_string();
        for way in [Way::Session(&id), Way::Alone].into_iter().take(1 + usize::from(fits_a_header)) {
            let reply = say(&server, way, other.clone()).await;
            let is_refused = [413, 503].contains(&reply.status);
            assert!(is_refused, "{way:?}: {} {}", reply.status, &reply.text[..reply.text.len().min(300)]);
        }
    }
    for text in [format!("{{\"a\": [{}", "1,".repeat(20 * MIB)), format!("[{}1]", "1,".repeat(20 * MIB))] {
        let request = server.http.post(format!("{}/mcp", server.url)).bearer_auth(KEY).header("accept", ACCEPT);
        let request = request.header("content-type", "application/json").header("mcp-session-id", &id);
        assert_eq!(Reply::send(request.body(text)).await.status, 400);
    }
    let peak = server.peak_memory();
    assert!(peak < idle + MORE, "{idle}, {peak} MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn long_arguments_in_a_text_and_of_many_values_are_counted() {
    let server = Program::start(&[]);
    let (idle, id) = (server.peak_memory(), session(&server).await);
    let text = json!({"path": "text.txt", "content": "x".repeat(20 * MIB)}).to_string();
    let reply = say(&server, Way::Session(&id), call(7, "filesystem_write", json!(text))).await;
    assert!(is_success(&reply), "{}", reply.text);
    let text = json!({"path": "more.txt", "content": "x".repeat(45 * MIB)}).to_string();
    assert_eq!(say(&server, Way::Session(&id), call(7, "filesystem_write", json!(text))).await.status, 413);
    let values = json!({"content": "x", "metadata": {"a": vec![0; 4 * MIB]}});
    for way in [Way::Session(&id), Way::Alone] {
        let reply = say(&server, way, call(7, "memory_add", values.clone())).await;
        assert!(reply.text.contains("MCP_MAX_BUFFERED_MIB"), "{way:?} {}: {}", reply.status, reply.text);
    }
    let peak = server.peak_memory();
    assert!(peak < idle + MORE, "{idle}, {peak} MiB");
}
