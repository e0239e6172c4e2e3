//! How processes end: stopped, signalled, with all that they started, and with the server.

use super::{count_with, long_time, start, start_in_terminal, start_with, until};
use crate::server::Server;
use serde_json::json;
use std::time::{Duration, Instant};

#[tokio::test]
async fn stopping_ends_the_process_and_keeps_its_output() {
    let server = Server::start().await;
    let process = start(&server, "echo before; exec sleep 1000").await;
    process.shows("before").await;
    let stopped = process.call("stop", json!({})).await;
    assert_eq!((&stopped["success"], &stopped["killed"]), (&json!(true), &json!(false)));
    assert_eq!((&stopped["status"], &stopped["exit_code"]), (&json!("stopped"), &json!(-15)));
    assert_eq!(process.all().await.stdout, "before\n");
    let again = process.call("stop", json!({})).await;
    assert_eq!((&again["success"], &again["status"]), (&json!(true), &json!("stopped")));
}

#[tokio::test]
async fn a_program_that_ignores_the_request_is_killed_after_three_seconds() {
    let server = Server::start().await;
    let process = start(&server, "trap '' TERM INT HUP; echo deaf; while :; do sleep 1000; done").await;
    process.shows("deaf").await;
    let began = Instant::now();
    let stopped = process.call("stop", json!({})).await;
    let took = began.elapsed();
    assert_eq!((&stopped["killed"], &stopped["exit_code"]), (&json!(true), &json!(-9)));
    assert!((Duration::from_secs(3)..Duration::from_secs(8)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn stopping_ends_everything_that_the_process_started() {
    let server = Server::start().await;
    let time = long_time();
    let script = format!("sleep {time} & setsid sleep {time} & (trap '' TERM; sleep {time} & echo up; wait) & wait");
    let process = start(&server, &script).await;
    process.shows("up").await;
    until("three sleep", || count_with(&time) == 3).await;
    process.call("stop", json!({})).await;
    assert_eq!(count_with(&time), 0);
}

#[tokio::test]
async fn what_a_process_leaves_behind_ends_with_it() {
    let server = Server::start().await;
    let time = long_time();
    let process = start(&server, &format!("sleep {time} & setsid sleep {time} & read line")).await;
    until("two sleep", || count_with(&time) == 2).await;
    process.types("\n", &[]).await;
    assert_eq!(process.all().await.exit_code, Some(0));
    assert_eq!(count_with(&time), 0);
}

#[tokio::test]
async fn a_signal_reaches_the_program_that_asked_for_it() {
    let server = Server::start().await;
    let process = start(&server, "trap 'echo reloaded' HUP; echo up; while :; do sleep 0.05; done").await;
    process.shows("up").await;
    for name in ["SIGHUP", "hup", "HUP"] {
        let before = process.call("poll", json!({})).await;
        assert_eq!(process.call("signal", json!({"signal": name})).await["signal"], "HUP");
        process.shows_after(&before["cursor"], "reloaded").await;
    }
    let wrong = server.post("/terminal/signal", json!({"id": process.id, "signal": "NOPE"})).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text.contains("USR1"), "{}", wrong.text);
    process.call("signal", json!({"signal": "KILL"})).await;
    let all = process.all().await;
    assert_eq!(all.exit_code, Some(-9));
    assert_eq!(process.listed().await["status"], "exited");
    let late = server.post("/terminal/signal", json!({"id": process.id, "signal": "HUP"})).await;
    assert_eq!(late.status, 409);
}

#[tokio::test]
async fn the_server_takes_its_processes_with_it() {
    let server = Server::start().await;
    let time = long_time();
    start(&server, &format!("sleep {time} & wait")).await;
    start_in_terminal(&server, &format!("setsid sleep {time} & exec sleep {time}")).await;
    until("three sleep", || count_with(&time) == 3).await;
    server.stop().await;
    assert_eq!(count_with(&time), 0);
}

#[tokio::test]
async fn a_command_that_does_not_exist_ends_with_127_and_without_a_shell_is_not_started() {
    let server = Server::start().await;
    let process = start(&server, "no-such-program-anywhere").await;
    assert_eq!(process.all().await.exit_code, Some(127));
    let direct = server.post("/terminal/start", json!({"command": "no-such-program-anywhere", "shell": false})).await;
    assert_eq!(direct.status, 404, "{}", direct.text);
    let nowhere = server.post("/terminal/start", json!({"command": "true", "cwd": "/no/such/folder"})).await;
    assert_eq!((nowhere.status, nowhere.detail()), (404, "Command or working directory not found"));
}

#[tokio::test]
async fn a_process_gets_the_folder_and_the_environment_it_is_given() {
    let server = Server::start().await.with_file("sub/file", "");
    let command = json!({"command": "pwd; echo $GREETING; ls", "cwd": server.at("sub"), "env": {"GREETING": "salut"}});
    let process = start_with(&server, command).await;
    let shown = process.all().await.stdout;
    assert!(shown.ends_with("/sub\nsalut\nfile\n"), "{shown}");
}
