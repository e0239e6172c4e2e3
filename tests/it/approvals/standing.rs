//! Answers that hold for calls to come, calls that are stopped while they wait, and deletes that come to many.

use super::{asked, begun, command, question, with};
use crate::{
    agents::say,
    mcp::client::{Quiet, connect, params},
    server::until,
};
use serde_json::json;
use std::fs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_for_an_hour_is_listed_and_taken_back() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    let directory = program.path("");
    assert!(say(&directory, &["answers"]).done().contains("No answer holds"));
    let id = asked(&program, &key, "touch made.txt").await;
    let said = say(&directory, &["approve", &id, "--hour"]).done();
    assert!(said.contains("approved for an hour: of-careful no longer waits\n"), "{said}");
    assert!(said.contains("  holds until ") && !said.contains("10 minutes"), "{said}");
    let answer =
        said.split(|c: char| !(c.is_alphanumeric() || c == '_')).find(|word| word.starts_with("ans_")).unwrap();
    let listed = say(&directory, &["answers"]).done();
    for words in
        [answer, "of-careful", "approved for an hour", "until 20", "the command touch made.txt", "answers revoke ID"]
    {
        assert!(listed.contains(words), "{words}: {listed}");
    }
    command(&program, &key, "touch made.txt").await.ok();
    let revoked = say(&directory, &["answers", "revoke", answer]).done();
    assert!(revoked.contains("holds no longer"), "{revoked}");
    let id = asked(&program, &key, "touch made.txt").await;
    assert!(say(&directory, &["answers", "revoke", answer]).refused().contains("No answer"));
    say(&directory, &["approve", &id, "--session"]).done();
    command(&program, &key, "touch made.txt").await.ok();
    say(&directory, &["answers", "revoke", "--all", "of-careful"]).done();
    asked(&program, &key, "touch made.txt").await;
    assert!(say(&directory, &["answers", "revoke", "--all", "nobody"]).refused().contains("There is no agent nobody"));
    assert!(say(&directory, &["answers", "revoke"]).refused().contains("required"));
    assert!(program.history_line("control_answers_revoke")["details"].to_string().contains(answer));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_goes_with_the_call_that_the_person_stops_over_rest_and_mcp() {
    let (program, [key]) = with("", &[], ["careful"]);
    let directory = program.path("");
    let call_of =
        |running: String| running.split_whitespace().find(|word| word.starts_with("call_")).unwrap().to_owned();
    let is_gone = async |id: &str| {
        until("the question is gone", || say(&directory, &["approve"]).done().contains("Nothing waits")).await;
        let late = say(&directory, &["approve", id]).refused();
        assert!(late.contains("its call was stopped"), "{late}");
    };
    let client = connect(&program.url, &key, Quiet).await;
    for stop in [&["cancel"][..], &["stop-all", "of-careful"]] {
        let waiting = begun(&program, &key, "/terminal/execute", &json!({"command": "touch rest.txt"}));
        let (id, _) = question(&program).await;
        let call = call_of(say(&directory, &["running"]).done());
        let words = if stop.len() == 1 { vec!["cancel", &call] } else { stop.to_vec() };
        say(&directory, &words).done();
        assert_eq!(waiting.await.unwrap().status, 423);
        is_gone(&id).await;
        say(&directory, &["resume", "of-careful"]).done();

        let peer = client.peer().clone();
        let call = async move { peer.call_tool(params("terminal_execute", json!({"command": "touch mcp.txt"}))).await };
        let waiting = tokio::spawn(call);
        let (id, _) = question(&program).await;
        let call = call_of(say(&directory, &["running"]).done());
        let words = if stop.len() == 1 { vec!["cancel", &call] } else { stop.to_vec() };
        say(&directory, &words).done();
        assert_eq!(waiting.await.unwrap().unwrap().is_error, Some(true));
        is_gone(&id).await;
        say(&directory, &["resume", "of-careful"]).done();
    }
    client.cancel().await.unwrap();
    assert!(!program.path("rest.txt").exists() && !program.path("mcp.txt").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_question_that_nobody_waits_for_ends_with_stop_all() {
    let (program, [key]) = with("", &[("MCP_APPROVAL_WAIT", "0")], ["careful"]);
    asked(&program, &key, "touch made.txt").await;
    say(&program.path(""), &["stop-all", "of-careful"]).done();
    assert!(say(&program.path(""), &["approve"]).done().contains("Nothing waits"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_deletes_are_asked_about_like_one_that_deletes_as_many() {
    let file = "[profile.mine]\ninherits = \"trusted\"\nask = [{ deletes_more_than = 3 }]\n";
    let (program, [key, other]) = with(file, &[("MCP_APPROVAL_WAIT", "0")], ["mine", "trusted"]);
    let directory = program.path("");
    fs::create_dir(program.path("many")).unwrap();
    for name in (0..12).map(|number| number.to_string()).chain((0..4).map(|number| format!("many/{number}"))) {
        fs::write(program.path(&name), "x").unwrap();
    }
    let delete = async |name: &str| {
        let deleted = json!({"path": program.path(name), "recursive": true});
        program.post("/filesystem/delete", &key, &deleted).await.status
    };
    assert_eq!([delete("0").await, delete("1").await, delete("2").await], [200; 3]);
    assert_eq!(delete("3").await, 403);
    let (id, shown) = question(&program).await;
    assert!(shown.contains("  deletes      1 file, after 3 files within 10 minutes"), "{shown}");
    assert_eq!(program.post("/filesystem/delete", &other, &json!({"path": program.path("4")})).await.status, 200);
    // It starts anew with what the person said yes to, and not with a yes of before.
    say(&directory, &["approve", &id, "--hour"]).done();
    assert_eq!(delete("3").await, 200);
    say(&directory, &["answers"]).done();
    fs::write(program.path("3"), "again").unwrap();
    assert_eq!(delete("3").await, 200, "by the yes for an hour");
    assert_eq!(delete("5").await, 403, "which does not start it anew");
    say(&directory, &["approve", &question(&program).await.0]).done();
    assert_eq!([delete("5").await, delete("6").await, delete("7").await, delete("8").await], [200; 4]);
    assert_eq!(delete("9").await, 403);
    say(&directory, &["deny", &question(&program).await.0]).done();
    assert_eq!(delete("many").await, 403);
    let (_, shown) = question(&program).await;
    assert!(shown.contains("  deletes      more than 3 files, after 3 files within 10 minutes"), "{shown}");
    assert!(program.path("many/3").exists() && program.path("9").exists());
}
