//! The person answers while the disk is full.

use super::{begun, command, question};
use crate::{
    agents::say,
    filesystem::in_place::Mount,
    program::Program,
    server::{KEY, scratch},
};
use serde_json::json;
use std::fs;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_approved_where_it_cannot_be_written_and_the_call_goes_on_waiting() {
    let directory = scratch();
    let Some(_disk) = Mount::new(&["-t", "tmpfs", "-o", "size=4m", "tmpfs"], directory.path()) else { return };
    fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    let program = Program::start_in(directory, &[]);
    let directory = program.path("");
    let key = say(&directory, &["agent", "add", "of-careful", "--profile", "careful"]).done();
    let fill = || {
        let full = fs::write(program.path("filler"), vec![0; 8 << 20]).unwrap_err();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
    };
    for (line, has_file) in [("echo x | tee", false), ("echo x | sort -u", true)] {
        if has_file {
            // What is added needs another block of the disk.
            let text = fs::read_to_string(program.path("permissions.toml")).unwrap();
            let padded = format!("{text:#<4095}\n").replacen("##", "\n#", 1);
            fs::write(program.path("permissions.toml"), padded).unwrap();
        }
        let before = fs::read_to_string(program.path("permissions.toml")).ok();
        let line = json!({"command": line});
        let waiting = begun(&program, key.trim(), "/terminal/execute", &line);
        let (id, _) = question(&program).await;
        fill();
        let why = say(&directory, &["approve", &id, "--always"]).refused();
        assert!(why.contains("Nothing was approved") && why.contains("full"), "{why}");
        assert!(!waiting.is_finished());
        assert_eq!(question(&program).await.0, id);
        assert_eq!(fs::read_to_string(program.path("permissions.toml")).ok(), before);
        say(&directory, &["permissions", "check"]).done();
        fs::remove_file(program.path("filler")).unwrap();
        say(&directory, &["approve", &id, "--always"]).done();
        waiting.await.unwrap().ok();
        command(&program, key.trim(), line["command"].as_str().unwrap()).await.ok();
    }

    // An answer for an hour is kept nowhere, and what it lets pass is told as it comes out.
    let text =
        fs::read_to_string(program.path("permissions.toml")).unwrap() + "\n[profile.asks]\ninherits = \"trusted\"\n";
    fs::write(program.path("permissions.toml"), text + "ask = [{ access = \"write\" }]\n").unwrap();
    say(&directory, &["agent", "set", "of-careful", "--profile", "asks"]).done();
    let write = json!({"path": program.path("new.txt"), "content": "x".repeat(100_000)});
    let waiting = begun(&program, key.trim(), "/filesystem/write", &write);
    let (id, _) = question(&program).await;
    fill();
    assert!(say(&directory, &["approve", &id, "--hour"]).done().contains("approved for an hour"));
    let done = waiting.await.unwrap();
    assert!(done.status == 507 && done.detail().contains("full"), "{} {}", done.status, done.text);
    let waiting = begun(&program, key.trim(), "/filesystem/mkdir", &json!({"path": program.path("folder")}));
    let (id, _) = question(&program).await;
    say(&directory, &["deny", &id, "--reason", "The disk is full"]).done();
    assert!(waiting.await.unwrap().detail().ends_with("The disk is full"));
}
