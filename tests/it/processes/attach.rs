//! `mcp-server attach`, in a terminal of the bridge itself: the person is played by another process of it.

use super::{Running, WAITING, start_in_terminal, start_with};
use crate::server::{KEY, Server};
use serde_json::json;

/// A folder without a `.env`: the one of the bridge is hidden from commands.
fn elsewhere(server: &Server) -> String {
    std::fs::create_dir_all(server.path("elsewhere")).unwrap();
    server.at("elsewhere")
}

/// Attaches to a process from a terminal.
async fn attach<'a>(server: &'a Server, id: &str, pty: bool) -> Running<'a> {
    let port = server.url.rsplit(':').next().unwrap();
    let binary = crate::program::BINARY;
    let command =
        format!("{binary} attach {id} --port {port} --directory {}; echo code $?; stty -a", elsewhere(server));
    start_with(
        server,
        json!({"command": command, "pty": pty, "cols": 93, "rows": 31,
        "env": {"MCP_API_KEY": KEY}}),
    )
    .await
}

#[tokio::test]
async fn a_person_works_in_the_process_and_leaves_it_running() {
    let server = Server::start().await;
    let shell = json!({"command": "sh -i", "pty": true, "env": {"PS1": "there> "}});
    let process = start_with(&server, shell).await;
    process.shows("there> $").await;
    let person = attach(&server, &process.id, true).await;
    person.shows("there> $").await;
    person.types("stty size; echo $((6 * 7))\r", &[]).await;
    person.shows("31 93").await;
    person.shows("^42").await;
    person.call("resize", json!({"cols": 70, "rows": 20})).await;
    process.shows("there> ").await;
    let typed = person.types("stty size\r", &[]).await;
    person.shows_after(&typed["cursor"], "20 70").await;
    person.types(&format!("{WAITING}\r"), &[]).await;
    process.shows("up$").await;
    // The kernel throws away what is written while it handles Ctrl-C, and the prompt may be among it.
    person.types("", &["ctrl-c"]).await;
    let typed = person.types("echo still $((20 + 22))\r", &[]).await;
    person.shows_after(&typed["cursor"], "still 42").await;
    person.types("~.", &[]).await;
    person.shows("code 0").await;
    let restored = person.all().await.output;
    assert!(restored.contains(" icanon") && restored.contains(" echo "), "{restored}");
    assert_eq!(process.listed().await["status"], "running");
    process.call("stop", json!({})).await;
}

#[tokio::test]
async fn the_client_ends_with_the_process_and_its_exit_code() {
    let server = Server::start().await;
    let process = start_in_terminal(&server, "printf '\\033[?1049h\\033[?25l'; echo up; read x; exit 5").await;
    process.shows("up").await;
    let person = attach(&server, &process.id, true).await;
    person.shows("goes on|leaves it running").await;
    person.types("\r", &[]).await;
    let all = person.all().await.output;
    assert!(all.contains("code 5"), "{all}");
    let (before, after) = all.split_at(all.find("code 5").unwrap());
    assert!(before.contains("\x1b[?1049h"), "the screen of the program is found again: {all:?}");
    assert!(before.contains("\x1b[?25h\x1b[?1049l"), "and left: {all:?}");
    assert!(after.contains(" icanon"), "{all:?}");
}

#[tokio::test]
async fn without_a_terminal_the_streams_go_through_as_they_are() {
    let server = Server::start().await;
    let process = start_with(&server, json!({"command": "cat; echo error >&2; exit 3"})).await;
    let port = server.url.rsplit(':').next().unwrap();
    let binary = crate::program::BINARY;
    let command =
        format!("echo piped | {binary} attach {} --port {port} --directory {}", process.id, elsewhere(&server));
    let all = start_with(&server, json!({"command": command, "env": {"MCP_API_KEY": KEY}})).await.all().await;
    assert_eq!((all.stdout.as_str(), all.stderr.as_str(), all.exit_code), ("piped\n", "error\n", Some(3)));
}

#[tokio::test]
async fn what_cannot_be_reached_is_said_with_the_mend() {
    let server = Server::start().await;
    let person = attach(&server, "proc_99", false).await;
    let all = person.all().await;
    assert!(all.stderr.contains("terminal_processes") && all.stdout.contains("code 1"), "{all:?}");
    let binary = crate::program::BINARY;
    let command = format!("{binary} attach proc_1 --port 1 --directory {}", elsewhere(&server));
    let all = start_with(&server, json!({"command": command, "env": {"MCP_API_KEY": KEY}})).await.all().await;
    assert!(all.stderr.contains("no bridge answers on 127.0.0.1:1"), "{all:?}");
}

#[tokio::test]
async fn who_comes_after_the_end_gets_the_exit_code() {
    let server = Server::start().await;
    let process = start_in_terminal(&server, "echo hi; exit 3").await;
    process.all().await;
    for _ in 0..5 {
        let all = attach(&server, &process.id, true).await.all().await;
        assert!(all.output.contains("hi") && all.output.contains("code 3"), "{all:?}");
    }
}
