//! Many runs: nothing leaks, nobody gets another's answer. Long ones: `cargo test --test it endurance -- --ignored`,
//! which `.ci/run` does.

use super::{ENGINE, Tag};
use crate::{
    program::Program,
    server::{KEY, Server},
};
use futures::future::join_all;
use serde_json::{Value, json};

/// A program whose answer nobody else gets.
fn program(number: usize) -> Value {
    json!({"code": format!("open('mine', 'x').write('{number}'); print({number} * 7, open('mine').read())")})
}

async fn check(server: &Server, number: usize) {
    let answer = server.call("sandbox_run", program(number)).await;
    assert_eq!(answer["stdout"], format!("{} {number}\n", number * 7), "{answer}");
}

#[tokio::test]
#[ignore = "long: see the top of the file"]
async fn a_thousand_runs_and_fifty_at_once_leak_nothing_and_mix_nothing_up() {
    let Some(tag) = Tag::new("thousand") else { return };
    let server = super::with_engine(&[("SANDBOX_IMAGE", &tag.name)]).await.expect("there is an engine");
    for number in 0..1_000 {
        check(&server, number).await;
    }
    join_all((2_000..2_050).map(|number| check(&server, number))).await;
    tag.reaches(2).await;
    server.stop().await;
    assert_eq!(tag.containers(), 0);
}

#[tokio::test]
async fn after_a_kill_of_the_server_the_next_start_leaves_nothing() {
    let Some(tag) = Tag::new("kill-9") else { return };
    let host = ENGINE.as_deref().expect("a tag has one");
    let settings = [("SANDBOX_IMAGE", tag.name.as_str()), ("DOCKER_HOST", host)];
    let first = Program::start(&settings);
    first.post("/sandbox/run", KEY, &json!({"code": "1"})).await.ok();
    first.post("/sandbox/session/start", KEY, &json!({})).await.ok();
    let sleep = json!({"command": "sleep 50", "timeout": 55});
    let run = || first.http.post(format!("{}/sandbox/run", first.url)).bearer_auth(KEY).json(&sleep).send();
    let runs: Vec<_> = (0..3).map(|_| tokio::spawn(run())).collect();
    // A session, three runs, and what waits in the pool, which one of the runs may have taken.
    tag.reaches(6).await;
    // Dropped, it is killed with SIGKILL.
    drop(first);
    assert!(join_all(runs).await.into_iter().all(|reply| reply.unwrap().is_err()));
    let second = Program::start(&settings);
    tag.reaches(0).await;
    drop(second);
    assert_eq!(tag.containers(), 0);
}
