//! What a client is shown, and how it reaches the rest.

use super::{Quiet, answer, call, client::connect_to, initialize, params, text};
use crate::{
    agents::say,
    approvals::with,
    program,
    server::{KEY, Pipe, Reply, Server, nothing, scratch},
};
use rmcp::{
    model::{CallToolResult, Tool},
    service::{RoleClient, RunningService},
};
use serde_json::{Value, json};
use skynet_bridge::{access::Access, catalog};
use std::{collections::BTreeSet, fs};

type Client = RunningService<RoleClient, Quiet>;

/// The tools that call others, by what those need.
const CALLERS: [&str; 3] = ["tools_read", "tools_write", "tools_run"];

fn caller_of(access: Access) -> &'static str {
    match access {
        Access::Read => CALLERS[0],
        Access::Write => CALLERS[1],
        Access::Execute | Access::Network | Access::Admin => CALLERS[2],
    }
}

async fn list(client: &Client) -> Vec<Tool> {
    client.list_all_tools().await.unwrap()
}

async fn names(client: &Client) -> BTreeSet<String> {
    list(client).await.iter().map(|tool| tool.name.to_string()).collect()
}

async fn called(client: &Client, tool: &str, arguments: Value) -> CallToolResult {
    client.call_tool(params(tool, arguments)).await.unwrap()
}

/// About how many tokens a model reads for these tools: a token is about four bytes of JSON.
fn tokens(tools: &[Tool]) -> usize {
    let seen =
        |tool: &Tool| json!({"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema});
    tools.iter().map(|tool| seen(tool).to_string().len()).sum::<usize>() / 4
}

#[tokio::test]
async fn what_a_model_reads_first_is_short_and_has_something_of_each_module() {
    let server = Server::start().await;
    for (path, most, most_tokens) in [("/mcp", 28, 4500), ("/mcp/core", 28, 4500), ("/mcp/find", 5, 600)] {
        let tools = list(&server.client_at(path).await).await;
        let (count, tokens) = (tools.len(), tokens(&tools));
        assert!(count <= most && tokens <= most_tokens, "{path}: {count} tools, {tokens} tokens");
        for expected in ["tools_find", "tools_read", "tools_write", "tools_run", "permissions_request"] {
            assert!(tools.iter().any(|tool| tool.name == expected), "{path}: {expected}");
        }
    }
    let core = names(&server.client().await).await;
    for module in ["filesystem_", "terminal_", "memory_", "internet_", "sandbox_", "permissions_"] {
        assert!(core.iter().any(|name| name.starts_with(module)), "{module}: {core:?}");
    }
}

#[tokio::test]
async fn an_address_lists_the_same_in_every_session_whatever_is_called() {
    let server = Server::start().await;
    for path in ["/mcp", "/mcp/", "/mcp/all", "/mcp/read-only", "/mcp/find", "/mcp?tools=files,memory_add"] {
        let (one, other) = (server.client_at(path).await, server.client_at(path).await);
        let first = list(&one).await;
        called(&one, "tools_find", json!({"query": "zip a folder"})).await;
        called(&one, "filesystem_stat", json!({"path": "."})).await;
        assert_eq!((&list(&one).await, &list(&other).await), (&first, &first), "{path}");
    }
    let all: BTreeSet<String> = catalog::everything().iter().map(|entry| entry.name.to_owned()).collect();
    assert_eq!(names(&server.client_at("/mcp/all").await).await, all);
}

#[tokio::test]
async fn the_address_for_reads_lists_and_calls_nothing_else() {
    let server = Server::start().await;
    let client = server.client_at("/mcp/read-only").await;
    let listed = list(&client).await;
    assert!(listed.iter().all(|tool| tool.annotations.as_ref().unwrap().read_only_hint == Some(true)));
    assert!(listed.iter().any(|tool| tool.name == "filesystem_read") && listed.len() > 15);
    let file = json!({"path": server.path("new.txt"), "content": "x"});
    for (tool, arguments) in
        [("filesystem_write", file.clone()), ("tools_write", json!({"name": "filesystem_write", "arguments": file}))]
    {
        let refused = called(&client, tool, arguments).await;
        assert!(refused.is_error == Some(true) && text(&refused).contains("/mcp"), "{tool}: {}", text(&refused));
    }
    assert!(!std::path::Path::new(&server.path("new.txt")).exists());
    assert_ne!(called(&client, "filesystem_stat", json!({"path": "."})).await.is_error, Some(true));
}

#[tokio::test]
async fn an_address_or_a_setting_names_modules_tools_and_patterns_and_a_wrong_name_says_what_there_is() {
    let server = Server::with_settings(&[("MCP_TOOLS", "memory,sandbox_run")]).await;
    let by_setting = names(&server.client().await).await;
    assert!(by_setting.contains("memory_tags") && by_setting.contains("sandbox_run"), "{by_setting:?}");
    assert!(!by_setting.contains("filesystem_read") && !by_setting.contains("tools_find"), "{by_setting:?}");
    let by_address = names(&server.client_at("/mcp?tools=filesystem_*read*,internet&tools=find").await).await;
    let expected = ["filesystem_read", "filesystem_read_many", "internet_fetch", "internet_search"];
    let expected = expected.into_iter().chain(CALLERS).chain(["permissions_request", "tools_find"]);
    assert_eq!(by_address, expected.map(str::to_owned).collect());
    for wrong in ["fils", "all,", "memory_fly"] {
        let reply = server.request(&format!("/mcp?tools={wrong}")).bearer_auth(KEY).header("accept", super::ACCEPT);
        let reply = reply.json(&initialize("2025-11-25")).pipe(Reply::send).await;
        assert_eq!(reply.status, 400, "{wrong}: {}", reply.text);
        assert!(reply.detail().contains("read-only, find, files, terminal"), "{wrong}: {}", reply.detail());
    }
    let reply = server.request("/mcp?tools=fils").json(&initialize("2025-11-25")).pipe(Reply::send).await;
    assert_eq!(reply.status, 401, "who has no key learns nothing");
    assert_eq!(server.request("/mcp/fil").bearer_auth(KEY).json(&nothing()).pipe(Reply::send).await.status, 404);
    let refused = Server::try_settings(&[("MCP_TOOLS", "fils")]).unwrap_err();
    assert!(refused.contains("MCP_TOOLS") && refused.contains("did you mean `files`?"), "{refused}");
}

#[tokio::test]
async fn a_question_in_plain_words_finds_the_tool() {
    let server = Server::start().await;
    let client = server.client_at("/mcp/find").await;
    let (mut asked, mut missed) = (0, Vec::new());
    for line in include_str!("../../corpora/tool-questions.txt").lines().filter(|line| !line.starts_with('#')) {
        let (expected, question) = line.split_once(": ").unwrap();
        let found = called(&client, "tools_find", json!({"query": question})).await.structured_content.unwrap();
        let found: Vec<&str> =
            found["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert!(found.len() <= 5, "{found:?}");
        asked += 1;
        if !expected.split('|').any(|tool| found.contains(&tool)) {
            missed.push(format!("{line} {found:?}"));
        }
    }
    assert!(asked >= 100 && missed.len() * 10 <= asked, "{} of {asked} missed\n{}", missed.len(), missed.join("\n"));
}

#[tokio::test]
async fn what_is_found_says_what_it_takes_and_how_it_is_called() {
    let server = Server::start().await;
    let client = server.client().await;
    let found = called(&client, "tools_find", json!({"query": "copy a file to another place"})).await;
    let found = found.structured_content.unwrap();
    let copy = found["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == "filesystem_copy").unwrap();
    assert_eq!(copy["call_with"], "tools_write");
    assert_eq!(copy["inputSchema"]["required"], json!(["path", "to"]));
    fs::write(server.path("a.txt"), "kept").unwrap();
    let arguments = json!({"path": server.path("a.txt"), "to": server.path("b.txt")});
    for (place, arguments) in [json!(arguments), json!(arguments.to_string())].into_iter().enumerate() {
        let mut whole = json!({"name": "filesystem_copy", "arguments": arguments});
        if place == 1 {
            whole["arguments"] = json!(whole["arguments"].as_str().unwrap().replace("b.txt", "c.txt"));
        }
        let done = called(&client, "tools_write", whole).await;
        assert_ne!(done.is_error, Some(true), "{}", text(&done));
    }
    let beside = json!({"name": "filesystem_copy", "path": server.path("a.txt"), "to": server.path("d.txt")});
    assert_ne!(called(&client, "tools_write", beside).await.is_error, Some(true));
    for name in ["b.txt", "c.txt", "d.txt"] {
        assert_eq!(fs::read_to_string(server.path(name)).unwrap(), "kept", "{name}");
    }
    let strange = called(&client, "tools_find", json!({"query": "zzzz"})).await.structured_content.unwrap();
    assert!(strange["tools"].as_array().unwrap().is_empty(), "{strange}");
    assert!(strange["names"].as_array().unwrap().contains(&json!("filesystem_copy")), "{strange}");
    assert_eq!(called(&client, "tools_find", nothing()).await.is_error, Some(true));
}

#[tokio::test]
async fn every_tool_is_reached_by_the_caller_of_its_risk_and_refused_by_the_others() {
    let server = Server::start().await;
    let client = server.client().await;
    for entry in catalog::everything() {
        let right = caller_of(entry.access);
        for caller in CALLERS {
            let result = called(&client, caller, json!({"name": entry.name, "arguments": {}})).await;
            let sends_on = text(&result).contains(&format!("call it with {right}"));
            assert_eq!(sends_on, caller != right, "{} by {caller}: {}", entry.name, text(&result));
        }
    }
    let history = server.history().await;
    let actions: BTreeSet<&str> = history.iter().filter_map(|line| line["action"].as_str()).collect();
    for entry in catalog::everything() {
        let Some(action) = entry.action else { continue };
        assert!(actions.contains(action), "{action} is in no line");
    }
    assert!(!actions.iter().any(|action| action.starts_with("tools_")), "{actions:?}");
}

#[tokio::test]
async fn a_tool_that_is_not_listed_can_be_called_by_its_name_and_a_wrong_name_gets_the_nearest() {
    let server = Server::start().await;
    let session = server.session("2025-11-25").await;
    let stat = server.tool(&session, "filesystem_stat", json!({"path": "."})).await;
    assert_eq!(stat["result"]["structuredContent"]["type"], "directory", "{stat}");
    let near = server.tool(&session, "filesystem_stats", nothing()).await;
    assert!(near["error"]["message"].as_str().unwrap().contains("did you mean filesystem_stat"), "{near}");
    let other = server.tool(&session, "read_file", nothing()).await;
    assert!(other["error"]["message"].as_str().unwrap().contains("filesystem_read"), "{other}");
    for name in ["filesystem_stats", "tools_read", "tools_run"] {
        let by_caller = server.tool(&session, "tools_read", json!({"name": name, "arguments": {}})).await;
        let said = by_caller["result"]["content"][0]["text"].as_str().unwrap();
        assert!(said.starts_with(&format!("Unknown tool: {name} (")), "{said}");
    }
    let unnamed = server.tool(&session, "tools_run", nothing()).await;
    assert_eq!(unnamed["result"]["isError"], true, "{unnamed}");
}

#[tokio::test]
async fn a_long_answer_goes_on_through_the_caller_that_began_it() {
    let server = Server::with_settings(&[("MCP_MAX_RESULT_BYTES", "2000")]).await;
    fs::write(server.path("long.txt"), "0123456789".repeat(500)).unwrap();
    let session = server.session("2025-11-25").await;
    let (mut whole, mut cursor) = (String::new(), Value::Null);
    loop {
        let mut arguments = json!({"path": server.path("long.txt")});
        if !cursor.is_null() {
            arguments["result_cursor"] = cursor;
        }
        let part =
            server.tool(&session, "tools_read", json!({"name": "filesystem_read", "arguments": arguments})).await;
        let mut part = part["result"]["structuredContent"].clone();
        whole.push_str(part["content"].as_str().unwrap_or_default());
        cursor = part["next_result_cursor"].take();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(whole, "0123456789".repeat(500));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_lead_around_no_rule() {
    let (program, [reader, other]) = with("", &[], ["read-only", "trusted"]);
    let at = async |key: &str, path: &str| connect_to(&format!("{}{path}", program.url), key, Quiet).await;
    let (reads, all) = (at(&reader, "/mcp/core").await, at(&other, "/mcp/core").await);
    // A place that nobody reaches.
    let secret = json!({"path": "/etc/shadow"});
    let direct = called(&all, "filesystem_stat", secret.clone()).await;
    let through = called(&all, "tools_read", json!({"name": "filesystem_stat", "arguments": secret})).await;
    assert_eq!((through.is_error, text(&through)), (Some(true), text(&direct)));
    // A profile without the tool: it neither finds, nor is shown, nor calls it.
    let copy = json!({"name": "filesystem_copy", "arguments": {"path": "a", "to": "b"}});
    let refused = text(&called(&reads, "tools_write", copy).await);
    assert!(refused.contains("does not have filesystem_copy"), "{refused}");
    let found = text(&called(&reads, "tools_find", json!({"query": "copy a file"})).await);
    let mut callers = found.lines().filter(|line| line.starts_with("call_with: ")).peekable();
    assert!(callers.peek().is_some() && callers.all(|line| line == "call_with: tools_read"), "{found}");
    let listed = names(&reads).await;
    assert!(listed.contains("tools_read") && !listed.contains("tools_write") && !listed.contains("tools_run"));
    // A profile that names its tools is shown them where the address names no list.
    assert!(names(&at(&reader, "/mcp").await).await.contains("filesystem_stat"));
    // A paused agent.
    let read = json!({"name": "filesystem_stat", "arguments": {"path": "."}});
    assert_ne!(called(&all, "tools_read", read.clone()).await.is_error, Some(true));
    say(&program.path(""), &["pause", "of-trusted"]).done();
    let paused = called(&all, "tools_read", read).await;
    assert!(paused.is_error == Some(true) && text(&paused).to_lowercase().contains("pause"), "{}", text(&paused));
    let history = say(&program.path(""), &["history", "--agent", "of-trusted"]).done();
    assert!(history.contains("filesystem_stat") && !history.contains("tools_read"), "{history}");
}

#[tokio::test]
async fn answers_are_described_where_the_setting_says_so() {
    for (setting, at_first, whole) in [("auto", false, true), ("on", true, true), ("off", false, false)] {
        let server = Server::with_settings(&[("MCP_OUTPUT_SCHEMAS", setting)]).await;
        for (path, expected) in [("/mcp", at_first), ("/mcp/all", whole)] {
            let tools = list(&server.client_at(path).await).await;
            let read = tools.iter().find(|tool| tool.name == "filesystem_read").unwrap();
            assert_eq!(read.output_schema.is_some(), expected, "{setting} {path}");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_client_over_lines_names_its_tools_on_the_command_line_beside_another() {
    use std::{
        io::{BufRead, BufReader, Write},
        process::Stdio,
    };
    let directory = scratch();
    let start = |tools: &[&str]| {
        let mut command = program::command(directory.path(), &[]);
        command.arg("stdio").args(tools).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        command.spawn().unwrap()
    };
    let listed = |child: &mut std::process::Child| {
        let mut input = child.stdin.take().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut hear = || {
            let mut line = String::new();
            output.read_line(&mut line).unwrap();
            answer(&line)
        };
        writeln!(input, "{}", initialize("2025-11-25")).unwrap();
        hear();
        writeln!(input, "{}", json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).unwrap();
        writeln!(input, "{}", json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})).unwrap();
        let tools = hear()["result"]["tools"].as_array().unwrap().len();
        writeln!(input, "{}", call(3, "filesystem_stat", json!({"path": "."}))).unwrap();
        assert!(hear()["result"]["content"][0]["text"].as_str().unwrap().contains("directory"));
        (tools, input)
    };
    let mut owner = start(&["--tools", "find"]);
    let (by_owner, owners_input) = listed(&mut owner);
    let mut guest = start(&["--tools", "all"]);
    let (by_guest, guests_input) = listed(&mut guest);
    let mut plain = start(&[]);
    let (by_default, plain_input) = listed(&mut plain);
    assert_eq!((by_owner, by_guest), (5, catalog::everything().len()));
    assert!(by_default <= 28 && by_default > 20, "{by_default}");
    drop((guests_input, plain_input, owners_input));
    for child in [&mut guest, &mut plain, &mut owner] {
        assert!(child.wait().unwrap().success());
    }
    let mut wrong = program::command(directory.path(), &[]);
    wrong.args(["stdio", "--tools", "cores"]);
    let said = program::run(wrong);
    let said = String::from_utf8_lossy(&said.stderr).into_owned();
    assert!(said.contains("--tools") && said.contains("did you mean `core`?"), "{said}");
}

#[tokio::test]
async fn an_address_that_promises_to_only_read_keeps_it_whatever_its_query_says() {
    let server = Server::start().await;
    for (address, said) in [("/mcp/read-only?tools=terminal", "keep one"), ("/mcp?tool=files", "write `tools`")] {
        let request = server.request(address).bearer_auth(KEY).header("accept", super::ACCEPT);
        let reply = Reply::send(request.json(&initialize("2025-11-25"))).await;
        assert_eq!(reply.status, 400, "{address}");
        assert!(reply.text.contains(said), "{address} {}", reply.text);
    }
}
