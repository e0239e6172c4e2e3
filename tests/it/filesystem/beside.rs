//! Changes of a file to which another program adds lines all the time.

use crate::server::{Reply, Server};
use serde_json::{Value, json};
use std::{
    fs::{self, OpenOptions},
    io::{BufRead, BufReader, Write},
    process::Stdio,
    sync::mpsc::{Sender, channel},
    thread::JoinHandle,
    time::Duration,
};

/// How many changes are made beside it.
const ROUNDS: usize = 60;

/// Adds a line every three milliseconds, each through a newly opened file, as `>>` does, until its sender is dropped.
fn add_lines(server: &Server, name: &str) -> (Sender<()>, JoinHandle<usize>) {
    let path = server.path(name);
    let (stop, stopped) = channel::<()>();
    let adding = std::thread::spawn(move || {
        let mut count = 0;
        while stopped.recv_timeout(Duration::from_millis(3)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            let mut file = OpenOptions::new().append(true).open(&path).unwrap();
            file.write_all(format!("theirs {count}\n").as_bytes()).unwrap();
            count += 1;
        }
        count
    });
    (stop, adding)
}

/// Makes changes beside the other program, all of whose lines must be there afterwards. Gives the rounds that were made.
async fn none_of_theirs_is_lost(server: &Server, change: impl AsyncFn(usize) -> Reply) -> Vec<usize> {
    let (stop, adding) = add_lines(server, "f");
    let mut made = Vec::new();
    for round in 0..ROUNDS {
        let reply = change(round).await;
        match reply.status {
            200 => made.push(round),
            409 => {}
            _ => panic!("{}", reply.text),
        }
    }
    drop(stop);
    let count = adding.join().unwrap();
    let text = fs::read_to_string(server.path("f")).unwrap();
    let missing: Vec<usize> = (0..count).filter(|n| text.matches(&format!("theirs {n}\n")).count() != 1).collect();
    assert!(missing.is_empty(), "of {count} lines of the other program these are not there once: {missing:?}");
    let left: Vec<_> = fs::read_dir(server.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".tmp")), "{left:?}");
    made
}

/// The same, and all lines of the changes that were made must be there.
async fn nothing_is_lost(server: &Server, change: impl AsyncFn(usize) -> Reply, all_are_made: bool) {
    let made = none_of_theirs_is_lost(server, change).await;
    assert!(!all_are_made || made.len() == ROUNDS, "only {made:?} were made");
    let text = fs::read_to_string(server.path("f")).unwrap();
    let lost: Vec<_> = made.iter().filter(|round| text.matches(&format!("ours {round}\n")).count() != 1).collect();
    assert!(lost.is_empty(), "of {} lines of the calls these are not there once: {lost:?}", made.len());
}

fn edit(round: usize) -> Value {
    json!({"path": "f", "edits": [{"old": "mark\n", "new": format!("ours {round}\nmark\n")}]})
}

#[tokio::test]
async fn no_line_that_another_program_adds_is_lost_by_an_edit() {
    let server = Server::start().await.with_file("f", "mark\n");
    nothing_is_lost(&server, async |round| server.post("/filesystem/edit", edit(round)).await, true).await;
}

#[tokio::test]
async fn no_line_that_another_program_adds_is_lost_by_a_patch() {
    let server = Server::start().await.with_file("f", "mark\n");
    let patch = async |round| {
        let patch = format!("--- a/f\n+++ b/f\n@@\n+ours {round}\n mark\n");
        server.post("/filesystem/patch", json!({"patch": patch})).await
    };
    nothing_is_lost(&server, patch, true).await;
}

#[tokio::test]
async fn no_line_that_another_program_adds_is_lost_by_a_write_that_expects_a_digest() {
    let server = Server::start().await.with_file("f", "mark\n");
    let write = async |round| {
        let read = server.call("filesystem_read", json!({"path": "f"})).await;
        let content = format!("{}ours {round}\n", read["content"].as_str().unwrap());
        let arguments = json!({"path": "f", "content": content, "expected_sha256": read["sha256"]});
        server.post("/filesystem/write", arguments).await
    };
    nothing_is_lost(&server, write, false).await;
}

#[tokio::test]
async fn no_line_that_another_program_adds_is_lost_by_an_append_to_a_file_with_two_names() {
    let server = Server::start().await.with_file("f", "mark\n");
    let append = async |round| {
        // Each append leaves the file with one name.
        let second = server.path(&format!("second {round}"));
        fs::hard_link(server.path("f"), second).unwrap();
        let arguments = json!({"path": "f", "content": format!("ours {round}\n"), "mode": "a"});
        server.post("/filesystem/write", arguments).await
    };
    nothing_is_lost(&server, append, true).await;
}

#[tokio::test]
async fn no_line_that_another_program_adds_is_lost_by_an_upload_that_expects_a_digest() {
    let server = Server::start().await.with_file("f", "mark\n");
    let upload = async |round| {
        let read = server.call("filesystem_read", json!({"path": "f"})).await;
        let content = format!("{}ours {round}\n", read["content"].as_str().unwrap());
        let fields = [("path", "f"), ("overwrite", "true"), ("expected_sha256", read["sha256"].as_str().unwrap())];
        server.upload(&fields, content.as_bytes()).await
    };
    nothing_is_lost(&server, upload, false).await;
}

#[tokio::test]
async fn no_line_that_another_program_adds_is_lost_by_an_undo() {
    let server = Server::start().await.with_file("f", "mark\n");
    let edit_and_undo = async |round| {
        let made = server.post("/filesystem/edit", edit(round)).await;
        assert_eq!(made.status, 200, "{}", made.text);
        server.post("/filesystem/undo", json!({"path": "f"})).await
    };
    none_of_theirs_is_lost(&server, edit_and_undo).await;
}

#[tokio::test]
async fn an_edit_is_made_anew_where_another_program_saves_the_file_meanwhile() {
    let server = Server::start().await.with_file("f", "mark\n");
    let (path, new) = (server.path("f"), server.path("new"));
    let (stop, stopped) = channel::<()>();
    let saving = std::thread::spawn(move || {
        while stopped.recv_timeout(Duration::from_millis(30)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            fs::write(&new, "saved\nmark\n").unwrap();
            fs::rename(&new, &path).unwrap();
        }
    });
    let mut made = 0;
    for round in 0..ROUNDS {
        let reply = server.post("/filesystem/edit", edit(round)).await;
        // A machine that is so slow that it is saved twenty times meanwhile says so.
        assert!(matches!(reply.status, 200 | 409), "{}", reply.text);
        made += usize::from(reply.status == 200);
    }
    assert!(made > ROUNDS / 2, "only {made} of {ROUNDS} were made");
    drop(stop);
    saving.join().unwrap();
}

/// Adds a line every millisecond to a file that it opened once, as a logger does, until its sender is dropped.
fn log_lines(server: &Server, name: &str) -> (Sender<()>, JoinHandle<usize>) {
    let mut log = std::process::Command::new("python3");
    let script = "import sys\nout = open(sys.argv[1], 'ab', 0)\nprint('open', flush=True)
for line in sys.stdin: out.write(line.encode())";
    log.args(["-c", script]).arg(server.path(name)).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut log = log.spawn().unwrap();
    let mut open = String::new();
    BufReader::new(log.stdout.as_mut().unwrap()).read_line(&mut open).unwrap();
    assert_eq!(open, "open\n");
    let (stop, stopped) = channel::<()>();
    let adding = std::thread::spawn(move || {
        let mut lines = log.stdin.take().unwrap();
        let mut count = 0;
        while stopped.recv_timeout(Duration::from_millis(1)) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            writeln!(lines, "theirs {count}").unwrap();
            count += 1;
        }
        drop(lines);
        assert!(log.wait().unwrap().success());
        count
    });
    (stop, adding)
}

#[tokio::test]
async fn a_logger_that_has_the_file_open_goes_on_in_it_through_edits_and_patches() {
    let server = Server::start().await.with_file("f", "mark\n");
    let (stop, logging) = log_lines(&server, "f");
    let mut made = 0;
    for round in 0..ROUNDS {
        let patch = format!("--- a/f\n+++ b/f\n@@\n+ours {round}\n mark\n");
        let reply = match round % 2 {
            0 => server.post("/filesystem/edit", edit(round)).await,
            _ => server.post("/filesystem/patch", json!({"patch": patch})).await,
        };
        assert!(matches!(reply.status, 200 | 409), "{}", reply.text);
        made += usize::from(reply.status == 200);
    }
    drop(stop);
    let count = logging.join().unwrap();
    let text = fs::read_to_string(server.path("f")).unwrap();
    let ours = text.lines().filter(|line| line.starts_with("ours ")).count();
    assert_eq!(ours, made, "{text}");
    assert!(made > ROUNDS / 2, "only {made} of {ROUNDS} were made");
    let missing: Vec<usize> = (0..count).filter(|n| text.matches(&format!("theirs {n}\n")).count() != 1).collect();
    assert!(missing.is_empty(), "of {count} lines of the logger these are not there once: {missing:?}");
}
