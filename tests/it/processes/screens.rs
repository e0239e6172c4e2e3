//! What a person would see: the screen of a program, and output without what was drawn over.

use super::{DEADLINE, start_with};
use crate::{
    mcp::{params, text},
    server::Server,
};
use serde_json::{Value, json};
use std::time::Instant;

/// Polls the screen of a process until its rows are as a test wants them.
async fn screen(server: &Server, id: &Value, is_so: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + DEADLINE;
    let (mut cursor, mut last) = (json!(null), Value::Null);
    loop {
        assert!(Instant::now() < deadline, "the screen stays {last}");
        let arguments = json!({"id": id, "as": "screen", "cursor": cursor, "timeout": 1});
        last = server.call("terminal_poll", arguments).await;
        cursor = last["cursor"].clone();
        if is_so(&last["screen"]) {
            return last;
        }
    }
}

fn row(screen: &Value, row: usize) -> &str {
    screen["rows"][row].as_str().unwrap_or_default()
}

#[tokio::test]
async fn the_screen_of_vim_shows_the_file_and_where_the_cursor_is() {
    let server = Server::start().await.with_file("poem", "roses\nviolets\nsugar\n");
    let command = json!({"command": "vim -u NONE -N poem", "pty": true, "cols": 40, "rows": 10});
    let vim = start_with(&server, command).await;
    let id = json!(vim.id);
    let shown = screen(&server, &id, |screen| row(screen, 2) == "sugar").await;
    let seen = &shown["screen"];
    assert_eq!((row(seen, 0), row(seen, 1), row(seen, 3)), ("roses", "violets", "~"));
    assert_eq!((seen["rows"].as_array().unwrap().len(), &seen["cols"]), (10, &json!(40)));
    assert_eq!(seen["alternate"], true);
    assert!(shown.get("output").is_none() && shown["status"] == "running", "{shown}");
    vim.types("jllihot ", &[]).await;
    let typed = screen(&server, &id, |screen| row(screen, 1) == "vihot olets").await;
    assert_eq!(typed["screen"]["cursor"], json!({"row": 1, "col": 6, "visible": true}));
    vim.call("resize", json!({"cols": 20, "rows": 5})).await;
    let smaller = screen(&server, &id, |screen| screen["rows"].as_array().unwrap().len() == 5).await;
    assert_eq!(smaller["screen"]["cols"], 20);
    vim.types(":q!\n", &["escape"]).await;
    vim.types(":q!\n", &[]).await;
    let deadline = Instant::now() + DEADLINE;
    while vim.call("poll", json!({"as": "screen", "timeout": 1, "cursor": -1})).await["status"] == "running" {
        assert!(Instant::now() < deadline, "vim does not end");
    }
    let after = vim.call("poll", json!({"as": "screen"})).await;
    assert_eq!(after["screen"]["alternate"], false, "{after}");
}

#[tokio::test]
async fn the_screen_of_less_shows_the_page_that_a_person_sees() {
    let lines: String = (1..=100).map(|line| format!("line {line}\n")).collect();
    let server = Server::start().await.with_file("long", lines);
    let less = start_with(&server, json!({"command": "less long", "pty": true, "rows": 6})).await;
    let id = json!(less.id);
    screen(&server, &id, |screen| row(screen, 4) == "line 5" && row(screen, 5) == "long").await;
    less.types("G", &[]).await;
    let end = screen(&server, &id, |screen| row(screen, 4) == "line 100").await;
    assert_eq!((row(&end["screen"], 0), row(&end["screen"], 5)), ("line 96", "(END)"));
    less.types("q", &[]).await;
}

#[tokio::test]
async fn a_process_without_a_terminal_has_no_screen_and_says_how_to_get_one() {
    let server = Server::start().await;
    let plain = start_with(&server, json!({"command": "echo hi"})).await;
    let reply = server.post("/terminal/poll", json!({"id": plain.id, "as": "screen"})).await;
    assert_eq!(reply.status, 409);
    assert!(reply.detail().contains("pty: true"), "{}", reply.detail());
    let vast = start_with(&server, json!({"command": "sleep 30", "pty": true, "cols": 1000, "rows": 1000})).await;
    let reply = server.post("/terminal/poll", json!({"id": vast.id, "as": "screen"})).await;
    assert!(reply.status == 409 && reply.detail().contains("too large"), "{}", reply.text);
    let bad = server.post("/terminal/poll", json!({"id": plain.id, "as": "picture"})).await;
    assert_eq!((bad.status, &bad.body["detail"][0]["loc"]), (422, &json!(["body", "as"])));
}

/// A progress bar and a colour, as programs write them.
const BAR: &str = r"for i in 1 2 3; do printf '\r%d0%%' $i; done; printf '\n\033[31mred\033[0m\n'";

#[tokio::test]
async fn plain_output_has_the_last_frame_of_a_progress_bar_and_no_colours() {
    let server = Server::start().await;
    let raw = server.call("terminal_execute", json!({"command": BAR})).await;
    assert_eq!(raw["stdout"], "\r10%\r20%\r30%\n\u{1b}[31mred\u{1b}[0m\n");
    let plain = server.call("terminal_execute", json!({"command": BAR, "plain": true})).await;
    assert_eq!(plain["stdout"], "30%\nred\n");
    let bar = start_with(&server, json!({"command": BAR, "pty": true})).await;
    bar.shows("red").await;
    assert_eq!(bar.call("poll", json!({"plain": true})).await["output"], "30%\nred\n");
    assert!(bar.call("poll", json!({})).await["output"].as_str().unwrap().contains("\u{1b}[31m"));
    // Two lines that are drawn anew, as several downloads at once are.
    let two = r"printf 'a 1\nb 1\n'; printf '\033[2A\033[2Ka 2\n\033[2Kb 2\n'";
    let plain = server.call("terminal_execute", json!({"command": two, "plain": true})).await;
    assert_eq!(plain["stdout"], "a 2\nb 2\n");
}

#[tokio::test]
async fn over_mcp_output_is_plain_unless_the_call_says_otherwise() {
    let server = Server::start().await;
    let client = server.client().await;
    let call = async |name: &'static str, arguments: Value| {
        client.call_tool(params(name, arguments)).await.unwrap().structured_content.unwrap()
    };
    assert_eq!(call("terminal_execute", json!({"command": BAR})).await["stdout"], "30%\nred\n");
    let raw = call("terminal_execute", json!({"command": BAR, "plain": false})).await;
    assert!(raw["stdout"].as_str().unwrap().contains("\u{1b}[31m"));
    let bar = start_with(&server, json!({"command": BAR, "pty": true})).await;
    bar.shows("red").await;
    assert_eq!(call("terminal_poll", json!({"id": bar.id})).await["output"], "30%\nred\n");
}

#[tokio::test]
async fn the_last_lines_of_a_failing_test_are_in_the_first_answer_over_mcp() {
    let server = Server::start().await;
    let client = server.client().await;
    let command = "seq 30000; echo 'FAILED tests/test_x.py'; exit 1";
    let (mut stdout, mut arguments, mut parts) = (String::new(), json!({"command": command}), 0);
    loop {
        let result = client.call_tool(params("terminal_execute", arguments.clone())).await.unwrap();
        assert!(text(&result).len() < 52_000, "{} bytes", text(&result).len());
        let answer = result.structured_content.clone().unwrap();
        let part = answer["stdout"].as_str().unwrap();
        assert_eq!(answer["exit_code"], 1);
        if parts == 0 {
            let (start, rest) = part.split_once("\n[... ").expect("a part is left out in the middle");
            let (gap, end) = rest.split_once(" ...]\n").unwrap();
            assert!(start.starts_with("1\n2\n") && end.ends_with("\n30000\nFAILED tests/test_x.py\n"), "{end}");
            assert!(gap.contains("bytes left out") && gap.contains("result_cursor"), "{gap}");
            stdout = format!("{start}|{end}");
        } else {
            stdout = stdout.replacen('|', &format!("{part}|"), 1);
        }
        parts += 1;
        let Some(cursor) = answer.get("next_result_cursor") else { break };
        arguments["result_cursor"] = cursor.clone();
    }
    let whole: String = (1..=30_000).map(|line| format!("{line}\n")).collect();
    assert_eq!(stdout.replacen('|', "", 1), whole + "FAILED tests/test_x.py\n");
    assert!((2..8).contains(&parts), "{parts} parts");
}

#[tokio::test]
async fn a_poll_can_show_the_start_and_the_end_of_what_is_new() {
    let server = Server::start().await;
    let process = start_with(&server, json!({"command": "seq 100000; echo THE END"})).await;
    process.shows("THE END").await;
    let both = process.call("poll", json!({"max_bytes": 20, "tail_bytes": 10})).await;
    assert_eq!(both["stdout"], "1\n2\n3\n4\n5\n\n[... 588883 bytes left out ...]\n0\nTHE END\n");
    assert_eq!((&both["omitted"], &both["more"], &both["cursor"]), (&json!(588_883), &json!(false), &json!(588_903)));
    let head = process.call("poll", json!({"max_bytes": 20})).await;
    assert_eq!((&head["cursor"], &head["more"], head.get("omitted")), (&json!(20), &json!(true), None));
    let all = process.call("poll", json!({"cursor": -8, "tail_bytes": 4})).await;
    assert_eq!((&all["stdout"], all.get("omitted")), (&json!("THE END\n"), None));
}
