//! Pause, stop, resume.

use super::{add, history, note, say};
use crate::{
    program::Program,
    server::{KEY, Reply},
};
use serde_json::json;
use std::time::{Duration, Instant};

/// Waits until a call of an agent is among those that run, and gives its name.
fn running(program: &Program, agent: &str) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let listed = say(&program.path(""), &["running"]).done();
        if let Some(line) = listed.lines().find(|line| line.contains(agent)) {
            return line.split_whitespace().next().unwrap().to_owned();
        }
        assert!(Instant::now() < end, "no call of {agent} in {listed}");
    }
}

/// A call that lasts until it is stopped.
fn long_call(program: &Program, key: &str) -> tokio::task::JoinHandle<Reply> {
    let request = program.http.post(format!("{}/terminal/execute", program.url)).bearer_auth(key);
    tokio::spawn(Reply::send(request.json(&json!({"command": "echo begun; sleep 25", "timeout": 30}))))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_agent_is_paused_what_it_runs_goes_on_and_the_other_works() {
    let program = Program::start(&[]);
    let directory = program.path("");
    let (claude, gemini) = (add(&program, "claude"), add(&program, "gemini"));
    let process = program.post("/terminal/start", &claude, &json!({"command": "read line; echo got $line"})).await.ok();
    say(&directory, &["pause", "claude"]).done();

    let refused = program.post("/filesystem/write", &claude, &note(&program, "no.txt")).await;
    assert_eq!((refused.status, refused.detail()), (423, "Paused by the person"));
    assert!(!program.path("no.txt").exists());
    program.post("/filesystem/write", &gemini, &note(&program, "yes.txt")).await.ok();
    assert!(say(&directory, &["processes"]).done().contains("running"), "what it had started goes on");

    say(&directory, &["resume", "claude"]).done();
    program.post("/terminal/input", &claude, &json!({"id": process["id"], "text": "on\n"})).await.ok();
    let told = history(&program, &["--agent", "claude", "--outcome", "paused"]);
    assert!(told.contains("filesystem_write") && told.lines().count() == 1, "{told}");
    assert!(history(&program, &["--agent", "person"]).contains("control_pause"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_of_all_holds_after_a_restart_and_one_by_name_longer() {
    let program = Program::start(&[]);
    let key = add(&program, "claude");
    say(&program.path(""), &["pause", "claude"]).done();
    say(&program.path(""), &["pause"]).done();
    let program = Program::start_in(program.kill(), &[]);
    assert_eq!(program.post("/terminal/info", KEY, &json!({})).await.status, 423);
    assert_eq!(program.get("/health").await.status, 200);
    let said = say(&program.path(""), &["resume"]).done();
    assert!(said.contains("claude is paused"), "{said}");
    program.post("/terminal/info", KEY, &json!({})).await.ok();
    assert_eq!(program.post("/terminal/info", &key, &json!({})).await.status, 423);
    say(&program.path(""), &["agent", "resume", "claude"]).done();
    program.post("/terminal/info", &key, &json!({})).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_call_is_stopped_and_its_caller_told() {
    let program = Program::start(&[]);
    let key = add(&program, "claude");
    let call = long_call(&program, &key);
    let id = running(&program, "claude");
    say(&program.path(""), &["cancel", &id]).done();
    let reply = call.await.unwrap();
    assert_eq!((reply.status, reply.detail()), (423, "Stopped by the person"));
    assert_eq!(program.history_line("terminal_execute")["outcome"], "stopped");
    assert!(say(&program.path(""), &["cancel", &id]).refused().contains("No call"));
    assert!(say(&program.path(""), &["cancel", "call_x"]).refused().contains("No call"));
    program.post("/terminal/info", &key, &json!({})).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_of_an_agent_is_stopped_at_once_and_nothing_of_another() {
    let program = Program::start(&[]);
    let directory = program.path("");
    let (claude, gemini) = (add(&program, "claude"), add(&program, "gemini"));
    let mark = program.path("beats");
    let beats = format!("while true; do echo x >> {}; sleep 0.05; done", mark.display());
    program.post("/terminal/start", &claude, &json!({"command": beats})).await.ok();
    program.post("/terminal/start", &gemini, &json!({"command": "cat"})).await.ok();
    let (of_claude, of_gemini) = (long_call(&program, &claude), long_call(&program, &gemini));
    running(&program, "claude");
    let kept = running(&program, "gemini");

    let said = say(&directory, &["stop-all", "claude"]).done();
    assert!(said.contains("1 calls, 1 processes"), "{said}");
    assert_eq!(of_claude.await.unwrap().status, 423);
    let (before, _) = (
        std::fs::read(&mark).unwrap(),
        program.post("/terminal/execute", &gemini, &json!({"command": "sleep 0.3"})).await.ok(),
    );
    assert_eq!(std::fs::read(&mark).unwrap(), before, "nothing of it beats any more");
    assert_eq!(program.post("/terminal/info", &claude, &json!({})).await.status, 423);
    assert!(say(&directory, &["processes"]).done().contains("cat"));
    say(&directory, &["cancel", &kept]).done();
    assert_eq!(of_gemini.await.unwrap().status, 423);
}

#[tokio::test]
async fn what_takes_away_holds_though_the_disk_is_full_and_what_gives_does_not() {
    let program = Program::start(&[]);
    let directory = program.path("");
    let key = add(&program, "claude");
    let file = program.path("memory/agents.json");
    // A folder in its place: nothing can be written there, whoever runs this.
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    std::fs::write(file.join("in the way"), "").unwrap();
    let said = say(&directory, &["pause", "claude"]).refused();
    assert!(said.contains("It holds as long as this bridge runs"), "{said}");
    assert_eq!(program.post("/terminal/info", &key, &json!({})).await.status, 423);
    say(&directory, &["resume", "claude"]).refused();
    assert_eq!(program.post("/terminal/info", &key, &json!({})).await.status, 423, "nothing is given by a doubt");
    say(&directory, &["agent", "add", "other"]).refused();
    assert!(!say(&directory, &["agent", "list"]).done().contains("other"));
}
