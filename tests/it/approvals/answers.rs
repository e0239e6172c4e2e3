//! For what an answer holds, and how it is shown.

use super::{asked, begun, command, question, with};
use crate::{
    agents::say,
    mcp::client::{Quiet, connect, params},
};
use serde_json::json;
use std::fs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_answer_counts_and_the_other_person_is_told_which_it_was() {
    let (program, [key]) = with("", &[], ["careful"]);
    let directory = program.path("");
    let waiting = begun(&program, &key, "/terminal/execute", &json!({"command": "touch made.txt"}));
    let (id, _) = question(&program).await;
    say(&directory, &["deny", &id]).done();
    let late = say(&directory, &["approve", &id, "--hour"]).refused();
    assert!(late.contains("it was answered: denied"), "{late}");
    assert_eq!(waiting.await.unwrap().status, 403);
    assert!(say(&directory, &["deny", "--all", "of-careful"]).refused().contains("No question of of-careful waits"));
    assert!(say(&directory, &["approve", "--hour"]).refused().contains("required"), "it does not say for what");
    assert!(say(&directory, &["approve", &id, "--hour", "--always"]).refused().contains("cannot be used"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yes_for_the_session_is_for_that_session_of_mcp() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    let touch = || params("terminal_execute", json!({"command": "touch made.txt"}));
    let [one, other] = [connect(&program.url, &key, Quiet).await, connect(&program.url, &key, Quiet).await];
    let peer = one.peer().clone();
    let waiting = tokio::spawn(async move { peer.call_tool(touch()).await });
    let (id, _) = question(&program).await;
    say(&program.path(""), &["approve", &id, "--session"]).done();
    assert_ne!(waiting.await.unwrap().unwrap().is_error, Some(true));
    assert_ne!(one.call_tool(touch()).await.unwrap().is_error, Some(true), "it is not asked again");

    let peer = other.peer().clone();
    let waiting = tokio::spawn(async move { peer.call_tool(touch()).await });
    let (id, _) = question(&program).await;
    say(&program.path(""), &["deny", &id]).done();
    assert_eq!(waiting.await.unwrap().unwrap().is_error, Some(true), "another session is");
    asked(&program, &key, "touch made.txt").await;
    for client in [one, other] {
        client.cancel().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_shown_is_exact_steers_no_terminal_and_has_no_secrets() {
    let file = "[profile.mine]\ninherits = \"careful\"\ncommands.ask = [\"git push\"]\n";
    let (program, [key]) = with(file, &[("MCP_APPROVAL_WAIT", "0")], ["mine"]);
    let line = "git push 'origin \u{1b}[2J main'";
    let sent = json!({"command": line, "env": {"API_TOKEN": "abcdefgh12345678"}});
    assert_eq!(program.post("/terminal/execute", &key, &sent).await.status, 403);
    let (_, shown) = question(&program).await;
    for words in ["of-mine", "terminal_execute", "'origin \\u{1b}[2J main'", "API_TOKEN", "permissions.toml, line 3"] {
        assert!(shown.contains(words), "{words} in {shown}");
    }
    assert!(!shown.contains("abcdefgh12345678") && !shown.contains('\u{1b}'), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_part_of_a_list_of_questions_has_a_secret_and_the_whole_question_has_all() {
    let file =
        "[profile.mine]\ninherits = \"trusted\"\nask = [{ command = \"mysql\" }, { tool = \"filesystem_write\" }]\n";
    let (program, [key]) = with(file, &[("MCP_APPROVAL_WAIT", "0")], ["mine"]);
    fs::write(program.path("a.txt"), "plain\n").unwrap();
    let command = json!({"command": "mysql -u root --password=hunter2hunter2"});
    let change = json!({"path": program.path("a.txt"), "content": "password=hunter2hunter2\n"});
    for (route, arguments) in [("/terminal/execute", command), ("/filesystem/write", change)] {
        let reply = program.post(route, &key, &arguments).await;
        let id = reply.body["approval"]["id"].as_str().unwrap_or_else(|| panic!("{}", reply.body)).to_owned();
        let listed = say(&program.path(""), &["approve"]).done();
        assert!(listed.contains(&id) && listed.contains("[removed]"), "{listed}");
        assert!(!listed.contains("hunter2hunter2"), "{listed}");
        let whole = say(&program.path(""), &["question", &id]).done();
        assert!(whole.matches("hunter2hunter2").count() >= 2, "{whole}");
        say(&program.path(""), &["deny", &id]).done();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_seen_is_written_out_wherever_a_person_reads() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "600")], ["careful"]);
    let directory = program.path("");
    say(&directory, &["agent", "set", "of-careful", "--note", "a\u{202e}b\u{e0041}"]).done();
    assert!(say(&directory, &["agent", "list"]).done().contains("a\\u{202e}b\\u{e0041}"));
    let line = "touch a\u{200b}b\u{202e}c\u{e0041}d\u{ad}e\rf.txt";
    let waiting = begun(&program, &key, "/terminal/execute", &json!({"command": line}));
    let (id, shown) = question(&program).await;
    assert!(shown.contains("  command      touch a\\u{200b}b\\u{202e}c\\u{e0041}d\\u{ad}e\\u{d}f.txt"), "{shown}");
    let running = say(&directory, &["running"]).done();
    say(&directory, &["deny", &id, "--reason", "no\u{202e}"]).done();
    assert!(waiting.await.unwrap().detail().ends_with("no\\u{202e}"));
    program.history_line("terminal_execute");
    let history = say(&directory, &["history"]).done();
    for shown in [shown, running, history] {
        assert!(shown.contains("a\\u{200b}b\\u{202e}c\\u{e0041}d\\u{ad}e"), "{shown}");
        let is_hidden = |c: char| "\u{200b}\u{202e}\u{e0041}\u{ad}\r".contains(c);
        assert!(!shown.contains(is_hidden), "{shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_alike_are_answered_together() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    let lines = ["touch made.txt", "touch  made.txt", "touch made.txt; touch other.txt"];
    let mut ids = Vec::new();
    for line in lines {
        ids.push(asked(&program, &key, line).await);
    }
    let said = say(&program.path(""), &["deny", &ids[0], "--alike", "--reason", "Not here"]).done();
    assert_eq!(said.lines().count(), 2, "{said}");
    assert!(command(&program, &key, lines[1]).await.detail().ends_with("Not here"));
    assert_eq!(question(&program).await.0, ids[2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_agent_answers_its_own_question() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    let id = asked(&program, &key, "touch made.txt").await;
    for route in ["/control/approve", "/control/deny", "/control/questions"] {
        let reply = program.post(route, &key, &json!({"id": id, "scope": "always"})).await;
        assert_eq!(reply.status, 403, "{route}");
    }
    assert_eq!(asked(&program, &key, "touch made.txt").await, id);
}
