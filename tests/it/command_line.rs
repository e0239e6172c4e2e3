//! What a person can ask the program beside serving: history, processes, changes, undo, and the key.

use crate::{
    program::{Program, command, run},
    server::{KEY, scratch},
};
use serde_json::json;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Output, Stdio},
};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs a command in a directory with a home of its own; whether it succeeded, and what it said.
fn ask(directory: &Path, home: &Path, arguments: &[&str]) -> (bool, String) {
    let mut command = command(directory, &[]);
    command.env("HOME", home).args(arguments);
    let output = run(command);
    (output.status.success(), said(&output))
}

#[test]
fn rotate_connect_and_history_refuse_a_folder_without_a_bridge_and_make_nothing_there() {
    for arguments in [&["key", "rotate"][..], &["connect", "cursor"], &["connect", "cursor", "--write"], &["history"]] {
        let (directory, home) = (scratch(), scratch());
        fs::write(directory.path().join(".env"), "DATABASE_URL=x\n").unwrap();
        let (well, text) = ask(directory.path(), home.path(), arguments);
        assert!(!well && text.contains("no bridge in") && text.contains("--directory"), "{arguments:?}: {text}");
        assert_eq!(fs::read_to_string(directory.path().join(".env")).unwrap(), "DATABASE_URL=x\n");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "{arguments:?}");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0, "{arguments:?}");
    }
}

#[test]
fn rotate_says_which_server_it_is_for_and_which_clients_hold_the_old_key() {
    let (server, home) = (Program::start(&[]), scratch());
    for client in ["cursor", "codex", "claude-desktop"] {
        let (well, text) = ask(&server.path(""), home.path(), &["connect", client, "--write"]);
        assert!(well && text.contains(&server.url) && text.contains(&format!("process {}", server.id())), "{text}");
    }
    // As versions before put it there.
    for file in [".cursor/mcp.json", ".codex/config.toml"].map(|name| home.path().join(name)) {
        let text = fs::read_to_string(&file).unwrap();
        let (start, key) = text.split_once("Bearer ").unwrap();
        fs::write(&file, format!("{start}Bearer {KEY}{}", &key[key.find('"').unwrap()..])).unwrap();
    }
    let (_, text) = ask(&server.path(""), home.path(), &["doctor"]);
    assert!(text.contains("cursor is connected") && text.contains("codex is connected"), "{text}");
    let (well, text) = ask(&server.path(""), home.path(), &["key", "rotate"]);
    assert!(well && text.contains(&server.url), "{text}");
    assert!(text.contains("connect cursor --write") && text.contains("connect codex --write"), "{text}");
    assert!(!text.contains("connect claude-desktop") && !text.contains("connect vscode"), "{text}");
    let (_, text) = ask(&server.path(""), home.path(), &["doctor"]);
    assert!(text.contains("cursor has another address") && text.contains("claude-desktop is connected"), "{text}");
    assert!(ask(&server.path(""), home.path(), &["connect", "cursor", "--write"]).0);
    let (_, text) = ask(&server.path(""), home.path(), &["doctor"]);
    assert!(text.contains("cursor is connected"), "{text}");
}

#[test]
fn the_doctor_makes_nothing_and_finds_the_server_and_its_confinement_by_the_folder() {
    let (directory, home) = (scratch(), scratch());
    let (well, text) = ask(directory.path(), home.path(), &["doctor"]);
    assert!(!well && text.contains("no key yet") && text.contains("first start makes it"), "{text}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "it made something");
    let server = Program::start(&[]);
    // MCP_PORT is 0 in these settings: only the folder knows the port.
    let (_, text) = ask(&server.path(""), home.path(), &["doctor"]);
    assert!(text.contains(&format!("answers at {}", server.url)), "{text}");
    assert!(text.contains("confined") && text.contains("No client is connected"), "{text}");
}

#[test]
fn the_doctor_looks_for_docker_where_the_settings_say_and_explains_a_socket_that_refuses() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::Builder::new().prefix("doctor").tempdir_in("/tmp").unwrap();
    let socket = directory.path().join("engine.sock");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    fs::set_permissions(&socket, fs::Permissions::from_mode(0o000)).unwrap();
    fs::write(directory.path().join(".env"), format!("DOCKER_HOST=unix://{}\n", socket.display())).unwrap();
    let mut doctor = command(directory.path(), &[("MCP_API_KEY", KEY)]);
    if rustix::process::geteuid().is_root() {
        // To root no socket is refused.
        for path in [directory.path().to_owned(), directory.path().join(".env")] {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            std::os::unix::fs::chown(&path, Some(65534), Some(65534)).unwrap();
        }
        let program = directory.path().join("mcp-server");
        crate::program::copy_program(crate::program::BINARY, &program);
        let mut other = std::process::Command::new("setpriv");
        other.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program).args(doctor.get_args());
        other.env_clear().envs(doctor.get_envs().filter_map(|(name, value)| Some((name, value?))));
        doctor = other;
    }
    doctor.arg("doctor");
    let text = said(&run(doctor));
    assert!(text.contains("refuses this user") && text.contains(socket.to_str().unwrap()), "{text}");
    assert!(text.contains("usermod -aG docker") && !text.contains("Install Docker"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn history_shows_what_was_done_and_follows_what_comes() {
    let (server, home) = (Program::start(&[]), scratch());
    server.post("/terminal/execute", KEY, &json!({"command": "echo \u{1b}[2J one"})).await;
    server.history_line("terminal_execute");
    let (well, text) = ask(&server.path(""), home.path(), &["history"]);
    assert!(well && text.contains("terminal_execute") && text.contains("one") && !text.contains('\u{1b}'), "{text}");
    let mut follow = command(&server.path(""), &[]);
    let mut child = follow.args(["history", "-f"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("terminal_execute"));
    server.post("/memory/add", KEY, &json!({"content": "second"})).await;
    assert!(lines.next().unwrap().unwrap().contains("memory_add"));
    child.kill().unwrap();
    child.wait().unwrap();
    let directory = server.kill();
    let (well, text) = ask(directory.path(), home.path(), &["history"]);
    assert!(well && text.contains("memory_add"), "no server is needed: {text}");
    let (well, text) = ask(directory.path(), home.path(), &["history", "2001-01-01"]);
    assert!(well && text.contains("Nothing was done"), "{text}");
    assert!(!ask(directory.path(), home.path(), &["history", "../../x"]).0, "a date names no file elsewhere");
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_changes_and_undo_show_and_take_back_what_an_agent_did() {
    let (server, home) = (Program::start(&[]), scratch());
    let directory = server.path("");
    server.post("/terminal/start", KEY, &json!({"command": "sleep 60"})).await.ok();
    let (well, text) = ask(&directory, home.path(), &["processes"]);
    assert!(well && text.contains("proc_1") && text.contains("running") && text.contains("sleep 60"), "{text}");
    for content in ["first", "second"] {
        server.post("/filesystem/write", KEY, &json!({"path": "a.txt", "content": content})).await.ok();
    }
    let (well, text) = ask(&directory, home.path(), &["changes"]);
    assert!(well && text.matches("a.txt").count() == 2, "{text}");
    let (well, text) = ask(&directory, home.path(), &["undo"]);
    assert!(well && text.contains("a.txt"), "{text}");
    assert_eq!(fs::read_to_string(directory.join("a.txt")).unwrap(), "first");
    let (well, text) = ask(&directory, home.path(), &["undo"]);
    assert!(well && !directory.join("a.txt").exists(), "{text}");
    let redo = text.split("`undo ").nth(1).and_then(|rest| rest.split('`').next()).expect(&text);
    assert!(ask(&directory, home.path(), &["undo", redo]).0 && directory.join("a.txt").exists());
    let directory = server.kill();
    let (well, text) = ask(directory.path(), home.path(), &["changes"]);
    assert!(!well && text.contains("no bridge answers") && text.contains("start"), "{text}");
}

#[tokio::test]
async fn a_command_whose_reader_goes_away_ends_quietly() {
    let program = Program::start(&[]);
    program.post("/filesystem/list", KEY, &json!({"path": "."})).await.ok();
    program.history_line("filesystem_list");
    for words in [
        &["approve"][..],
        &["deny"],
        &["running"],
        &["agent", "list"],
        &["agent", "show", "default"],
        &["history", "--follow"],
        &["processes"],
        &["changes"],
        &["undo"],
        &["pause", "default"],
        &["resume"],
        &["permissions", "check"],
        &["permissions", "explain", "default", "ls"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = command(&program.path(""), &[]);
        let ended = command.args(words).stdout(Stdio::from(writer)).stderr(Stdio::piped()).output().unwrap();
        let complaint = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && complaint.is_empty(), "{words:?}: {:?} {complaint}", ended.status);
    }
}

#[tokio::test]
async fn the_history_of_an_agent_that_is_not_there_is_no_empty_one() {
    let program = Program::start(&[]);
    program.post("/filesystem/list", KEY, &json!({"path": "."})).await.ok();
    program.history_line("filesystem_list");
    let ask = |words: &[&str]| ask(&program.path(""), &program.path(""), words);
    for words in [&["history", "--agent", "typo"][..], &["history", "--agent", "typo", "--follow"]] {
        let (well, text) = ask(words);
        assert!(!well && text.contains("There is no agent typo: there are default; `person` is you"), "{text}");
    }
    for words in [&["history", "--agent", "person"][..], &["history", "--outcome", "stopped"]] {
        let (well, text) = ask(words);
        assert!(well && text.contains("Nothing of that was done on"), "{text}");
    }
}
