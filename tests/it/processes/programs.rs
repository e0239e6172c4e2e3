//! Programs that a developer runs, driven as an agent would.

use super::{WAITING, has, start, start_in_terminal, start_with};
use crate::server::Server;
use serde_json::json;
use std::net::TcpListener;

#[tokio::test]
async fn a_python_repl_computes_what_is_typed() {
    let server = Server::start().await;
    let process = start_in_terminal(&server, "python3 -q").await;
    process.shows("^>>> $").await;
    let typed = process.types("x = 6 * 7", &["enter"]).await;
    process.shows_after(&typed["cursor"], "(?s)>>> $").await;
    let typed = process.types("print('the answer is', x)\n", &[]).await;
    process.shows_after(&typed["cursor"], "^the answer is 42").await;
    process.types("", &["ctrl-d"]).await;
    assert_eq!(process.all().await.exit_code, Some(0));
}

#[tokio::test]
async fn a_python_repl_on_pipes_computes_too() {
    let server = Server::start().await;
    let process = start(&server, "python3 -i -q").await;
    process.types("print(2 ** 100)\n", &[]).await;
    process.shows("1267650600228229401496703205376").await;
    process.call("input", json!({"eof": true})).await;
    assert_eq!(process.all().await.exit_code, Some(0));
}

#[tokio::test]
async fn ctrl_c_interrupts_the_program_and_not_the_shell() {
    let server = Server::start().await;
    let process = start_with(&server, json!({"command": "sh -i", "pty": true, "env": {"PS1": "ready> "}})).await;
    process.shows("ready> $").await;
    let typed = process.types(&format!("{WAITING}\n"), &[]).await;
    process.shows_after(&typed["cursor"], "up$").await;
    // The kernel throws away what is written while it handles Ctrl-C, and the prompt may be among it.
    process.types("", &["ctrl-c"]).await;
    let typed = process.types("echo still $((20 + 22))\n", &[]).await;
    process.shows_after(&typed["cursor"], "still 42").await;
    process.call("stop", json!({})).await;
}

#[tokio::test]
async fn ctrl_c_reaches_a_program_without_a_terminal_as_a_signal() {
    let server = Server::start().await;
    let process = start(&server, "exec python3 -c 'import time; print(1, flush=True); time.sleep(1000)'").await;
    process.shows("1").await;
    process.call("input", json!({"keys": "ctrl-c"})).await;
    let all = process.all().await;
    assert!(all.stderr.contains("KeyboardInterrupt"), "{all:?}");
}

#[tokio::test]
async fn git_shows_its_log_in_a_pager_that_is_scrolled_and_left() {
    if !has("git") || !has("less") {
        return;
    }
    let server = Server::start().await.with_file("repository/file.txt", "text");
    let commit = "git -c user.name=a -c user.email=a@b -c commit.gpgsign=false commit -q --allow-empty -m";
    let script = format!("git init -q . && for i in $(seq 1 60); do {commit} \"change number $i\"; done");
    let made = start_with(&server, json!({"command": script, "cwd": server.at("repository")})).await;
    assert_eq!(made.all().await.exit_code, Some(0));
    let log = json!({"command": "git -c core.pager=less log --format='%s (%an)'", "cwd": server.at("repository"),
        "pty": true, "rows": 12, "env": {"LESS": ""}});
    let process = start_with(&server, log).await;
    process.shows("change number 60").await;
    assert_eq!(process.call("output_search", json!({"query": "change number 1 "})).await["count"], 0);
    process.types("", &["G"]).await;
    process.shows(r"change number 1 \(a\)").await;
    process.types("", &["q"]).await;
    assert_eq!(process.all().await.exit_code, Some(0));
}

#[tokio::test]
async fn vim_edits_and_saves_a_file() {
    // Debian's small one has another name.
    let vim = if std::path::Path::new("/usr/bin/vim.tiny").is_file() { "vim.tiny" } else { "vim" };
    if !has(vim) {
        return;
    }
    let server = Server::start().await.with_file("poem.txt", "roses are red\nviolets are blue\n");
    let command = format!("{vim} -u NONE -n -i NONE {}", server.at("poem.txt"));
    let process = start_with(&server, json!({"command": command, "pty": true, "cols": 100, "rows": 30})).await;
    process.shows("violets are blue").await;
    process.types("", &["down", "end"]).await;
    process.types("a, said the bridge", &["escape"]).await;
    process.types(":%s/red/green/\n", &[]).await;
    process.types(":wq", &["enter"]).await;
    assert_eq!(process.all().await.exit_code, Some(0));
    let saved = std::fs::read_to_string(server.path("poem.txt")).unwrap();
    assert_eq!(saved, "roses are green\nviolets are blue, said the bridge\n");
}

/// A port that was free a moment ago; the bridge tells when it is taken by another.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_development_server_is_awaited_by_its_port() {
    let server = Server::start().await.with_file("site/index.html", "<p>it works</p>");
    let port = free_port();
    let command = format!("exec python3 -u -m http.server {port} --bind 127.0.0.1");
    let wanted = json!({"command": command, "cwd": server.at("site"), "wait_for": {"port": port, "timeout": 60}});
    let process = start_with(&server, wanted).await;
    assert_eq!(process.started["success"], true, "{}", process.started);
    assert_eq!(process.started["waited"]["reason"], "port");
    let page = server.http.get(format!("http://127.0.0.1:{port}/")).send().await.unwrap().text().await.unwrap();
    assert_eq!(page, "<p>it works</p>");
    process.shows("GET / HTTP/1.1").await;
    assert_eq!(process.call("stop", json!({})).await["status"], "stopped");
    assert!(TcpListener::bind(("127.0.0.1", port)).is_ok(), "the port is free again");
}

#[tokio::test]
async fn a_port_that_another_program_has_does_not_count() {
    let server = Server::start().await;
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let process = start(&server, &format!("python3 -m http.server {port} --bind 127.0.0.1")).await;
    let reply = process.call("wait_for", json!({"port": port, "timeout": 60})).await;
    assert_eq!((&reply["success"], &reply["reason"]), (&json!(false), &json!("ended")), "{reply}");
    assert!(reply["output"].as_str().unwrap().contains("Address already in use"), "{reply}");
}

#[tokio::test]
async fn a_cargo_build_is_followed_as_it_goes() {
    if !has("cargo") {
        return;
    }
    let manifest = "[package]\nname = \"tiny\"\nversion = \"0.1.0\"\nedition = \"2024\"\n[workspace]\n";
    let server = Server::start()
        .await
        .with_file("tiny/Cargo.toml", manifest)
        .with_file("tiny/src/main.rs", "fn main() { println!(\"built {}\", 6 * 7); }\n");
    let home = |name: &str| std::env::var(name).unwrap_or_default();
    let env = json!({"CARGO_TERM_COLOR": "always", "CARGO_TARGET_DIR": server.at("tiny/target"), "RUSTFLAGS": "",
        "PATH": home("PATH"), "HOME": home("HOME")});
    let build = json!({"command": "cargo build --offline && target/debug/tiny", "cwd": server.at("tiny"), "env": env});
    let process = start_with(&server, build).await;
    process.shows("Compiling tiny").await;
    process.shows("Finished").await;
    let all = process.all().await;
    assert_eq!((all.stdout.as_str(), all.exit_code), ("built 42\n", Some(0)), "{all:?}");
    assert!(all.stderr.contains("\u{1b}["), "colours are kept: {all:?}");
}

#[tokio::test]
async fn top_draws_itself_anew_when_its_terminal_is_resized() {
    if !has("top") {
        return;
    }
    let server = Server::start().await;
    let top = json!({"command": "top -d 1000", "pty": true, "cols": 80, "rows": 10});
    let process = start_with(&server, top).await;
    let shown = process.shows("PID").await;
    let resized = process.call("resize", json!({"cols": 132, "rows": 50})).await;
    assert_eq!((&resized["cols"], &resized["rows"]), (&json!(132), &json!(50)));
    process.shows_after(&shown["cursor"], "PID").await;
    let listed = process.listed().await;
    assert_eq!((&listed["cols"], &listed["rows"]), (&json!(132), &json!(50)));
    process.types("", &["q"]).await;
    assert_eq!(process.all().await.exit_code, Some(0));
}

#[tokio::test]
async fn a_program_that_reads_nothing_does_not_hold_a_call_for_ever() {
    let server = Server::start().await;
    let process = start(&server, "exec sleep 1000").await;
    let reply = server.post("/terminal/input", json!({"id": process.id, "text": "x".repeat(1 << 20)})).await;
    assert_eq!(reply.status, 408, "{}", reply.text);
    assert!(reply.detail().contains("65536 of 1048576 bytes"), "{}", reply.detail());
}

#[tokio::test]
async fn resizing_what_has_no_terminal_is_a_conflict_that_says_how_to_get_one() {
    let server = Server::start().await;
    let process = start(&server, "cat").await;
    let reply = server.post("/terminal/resize", json!({"id": process.id, "cols": 10, "rows": 10})).await;
    assert_eq!(reply.status, 409);
    assert!(reply.detail().contains("pty: true"), "{}", reply.detail());
}
