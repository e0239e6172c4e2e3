//! What is approved for good.

use super::{asked, begun, command, question, with};
use crate::{agents::say, program::Program};
use serde_json::json;
use std::fs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_good_writes_a_rule_that_holds_at_once_and_after_a_restart_for_that_agent_alone() {
    let comment = "# Written by hand.\n";
    let (program, [key, _]) = with(comment, &[], ["careful", "trusted"]);
    say(&program.path(""), &["agent", "set", "of-trusted", "--profile", "careful"]).done();
    let waiting = begun(&program, &key, "/terminal/execute", &json!({"command": "touch made.txt"}));
    let said = say(&program.path(""), &["approve", &question(&program).await.0, "--always"]).done();
    assert!(said.contains("written: `touch made.txt` in commands.allow of the profile of-careful"), "{said}");
    waiting.await.unwrap().ok();
    command(&program, &key, "touch made.txt").await.ok();
    let text = fs::read_to_string(program.path("permissions.toml")).unwrap();
    assert!(text.starts_with(comment) && text.contains("[profile.of-careful]\ninherits = \"careful\"\n"), "{text}");
    assert!(say(&program.path(""), &["agent", "show", "of-careful"]).done().contains("profile         of-careful"));
    assert!(say(&program.path(""), &["agent", "show", "of-trusted"]).done().contains("profile         careful"));
    say(&program.path(""), &["permissions", "check"]).done();
    assert!(program.history_line("control_approve")["details"].to_string().contains("commands.allow"));

    let program = Program::start_in(program.kill(), &[("MCP_APPROVAL_WAIT", "0")]);
    command(&program, &key, "touch made.txt").await.ok();
    asked(&program, &key, "touch more.txt").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_written_is_not_approved_and_the_question_stays() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    let [file, elsewhere] = ["permissions.toml", "elsewhere.toml"].map(|name| program.path(name));
    fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    let id = asked(&program, &key, "touch made.txt").await;
    let why = say(&program.path(""), &["approve", &id, "--always"]).refused();
    assert!(why.contains("permissions.toml cannot be read") && why.contains("link"), "{why}");
    assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "");
    assert_eq!(asked(&program, &key, "touch made.txt").await, id, "nothing is approved by a doubt");
    say(&program.path(""), &["approve", &id]).done();
    command(&program, &key, "touch made.txt").await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rule_is_tried_on_the_past_before_it_is_written() {
    let (program, [key, other]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful", "trusted"]);
    for line in ["ls", "touch other.txt", "touch made.txt", "touch made.txt"] {
        command(&program, &key, line).await;
    }
    command(&program, &other, "touch made.txt").await.ok();
    let id = asked(&program, &key, "touch made.txt").await;
    let told = say(&program.path(""), &["question", &id]).done();
    assert!(told.contains("past         of 5 calls in 30 days 3 would change, newest first:"), "{told}");
    assert_eq!(told.matches("asked → allowed").count(), 3, "{told}");
    assert!(told.contains("commands.allow") || told.contains("touch made.txt"), "{told}");
    assert_eq!(fs::read_to_string(program.path("permissions.toml")).unwrap(), "", "nothing is written by looking");
    let said = say(&program.path(""), &["approve", &id, "--always"]).done();
    let (before, after) = said.split_once("approved for good").unwrap();
    assert!(before.contains("of 5 calls in 30 days 3 would change") && after.contains("written: "), "{said}");
    command(&program, &key, "touch made.txt").await.ok();
    let plain = asked(&program, &key, "touch \"$(cat other.txt)\"").await;
    let told = say(&program.path(""), &["question", &plain]).done();
    assert!(told.contains("not --always") && !told.contains("\n  past "), "{told}");
}
