//! What waits for the person: asked by agents over REST and MCP, answered on the command line.

mod answers;
mod asked;
mod elicited;
mod full;
mod kept;
#[cfg(target_os = "linux")]
mod notified;
mod requested;
mod standing;
#[cfg(unix)]
mod watched;
mod whole;

use crate::{
    agents::say,
    program::Program,
    server::{Reply, until},
};
use serde_json::{Value, json};
use std::fs;
use tokio::task::JoinHandle;

/// A program with this permission file, and an agent of each profile that is named; their keys.
pub(crate) fn with<const N: usize>(
    file: &str,
    settings: &[(&str, &str)],
    profiles: [&str; N],
) -> (Program, [String; N]) {
    let program = Program::start(settings);
    fs::write(program.path("permissions.toml"), file).unwrap();
    let keys = profiles.map(|profile| {
        let name = format!("of-{profile}");
        say(&program.path(""), &["agent", "add", &name, "--profile", profile]).done().trim().to_owned()
    });
    (program, keys)
}

/// A call that goes on while the test does something else.
pub(crate) fn begun(program: &Program, key: &str, route: &str, arguments: &Value) -> JoinHandle<Reply> {
    let request = program.http.post(format!("{}{route}", program.url)).bearer_auth(key).json(arguments);
    tokio::spawn(Reply::send(request))
}

/// A command of an agent, whose answer is there.
async fn command(program: &Program, key: &str, line: &str) -> Reply {
    program.post("/terminal/execute", key, &json!({"command": line})).await
}

/// The id of the question about a command, of which the caller does not wait.
pub(crate) async fn asked(program: &Program, key: &str, line: &str) -> String {
    let reply = command(program, key, line).await;
    assert_eq!((reply.status, reply.body["approval"]["status"].as_str()), (403, Some("pending")), "{}", reply.body);
    reply.body["approval"]["id"].as_str().unwrap().to_owned()
}

/// The ids of the questions that wait, and what is shown of them, once there are so many.
async fn questions(program: &Program, count: usize) -> (Vec<String>, String) {
    let (mut ids, mut shown) = (Vec::new(), String::new());
    until("the questions wait", || {
        shown = say(&program.path(""), &["approve"]).done();
        let words = shown.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        ids = words.filter(|word| word.starts_with("apr_")).map(str::to_owned).collect();
        ids.dedup();
        ids.len() == count
    })
    .await;
    (ids, shown)
}

/// The one question that waits.
async fn question(program: &Program) -> (String, String) {
    let (ids, shown) = questions(program, 1).await;
    (ids[0].clone(), shown)
}
