//! The bridge dies in the middle of a change: what was there is there, or what was to be; never a mix.

use super::{in_place::Mount, undo::tree};
use crate::{program::Program, server::KEY};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// How often the program is killed.
const ROUNDS: u64 = 12;

fn plant(top: &Path) {
    for folder in ["t", "src"] {
        fs::create_dir_all(top.join(folder).join("deep")).unwrap();
        for number in 0..10 {
            fs::write(top.join(format!("{folder}/{number}.txt")), format!("{number}").repeat(20_000)).unwrap();
            fs::write(top.join(format!("{folder}/deep/{number}.txt")), "x").unwrap();
        }
    }
    fs::create_dir(top.join("p")).unwrap();
    for number in 1..=3 {
        fs::write(top.join(format!("p/{number}.txt")), "version 0\n").unwrap();
    }
    fs::write(top.join("w.txt"), "z".repeat(1_000_000)).unwrap();
    fs::write(top.join("log.txt"), line_of("0")).unwrap();
    for place in ["in-place.txt", "../mounted.txt"] {
        fs::write(top.join(place), "z".repeat(1_000_000)).unwrap();
    }
}

/// A long line: to write it takes a while.
fn line_of(letter: &str) -> String {
    letter.repeat(200_000) + "\n"
}

fn changes(turn: usize) -> Vec<(&'static str, Value)> {
    let patch: String = (1..=3)
        .map(|file| {
            let (old, new) = (turn, turn + 1);
            format!("--- a/{file}.txt\n+++ b/{file}.txt\n@@ -1 +1 @@\n-version {old}\n+version {new}\n")
        })
        .collect();
    let letter = char::from(b'a' + u8::try_from(turn % 26).unwrap()).to_string();
    let (from, to) = if turn.is_multiple_of(2) { ("work/t", "work/u") } else { ("work/u", "work/t") };
    let copy = format!("work/c{turn}");
    vec![
        ("write", json!({"path": "work/w.txt", "content": letter.repeat(1_000_000)})),
        ("write", json!({"path": "work/in-place.txt", "content": letter.repeat(1_000_000)})),
        ("write", json!({"path": "work/log.txt", "content": line_of(&letter), "mode": "a"})),
        ("patch", json!({"path": "work/p", "patch": patch})),
        ("copy", json!({"path": "work/src", "to": copy})),
        ("move", json!({"path": from, "to": to})),
        ("archive", json!({"path": "work/src", "to": format!("work/{turn}.zip")})),
        ("move", json!({"path": copy, "to": format!("work/d{turn}/deep/copy")})),
        ("delete", json!({"path": format!("work/d{turn}"), "recursive": true})),
    ]
}

/// Makes changes until the program is gone.
async fn work(http: reqwest::Client, url: String) {
    for turn in 0.. {
        for (name, arguments) in changes(turn) {
            let request = http.post(format!("{url}/filesystem/{name}")).bearer_auth(KEY).json(&arguments);
            match request.send().await {
                Ok(reply) => assert_eq!(reply.status(), 200, "{name} {arguments}"),
                Err(_) => return,
            }
        }
    }
}

/// Waits until the journal has grown by `bytes`: a change has just begun, or has just ended.
fn wait_for_journal(path: &Path, from: u64, bytes: u64) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while fs::metadata(path).map_or(0, |data| data.len()) < from + bytes {
        assert!(std::time::Instant::now() < end, "the journal does not grow");
        std::thread::yield_now();
    }
}

fn files_in(folder: &Path) -> usize {
    walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file()).count()
}

fn is_of_one_letter(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    assert_eq!(text.len(), 1_000_000);
    assert!(text.bytes().all(|byte| byte == text.as_bytes()[0]), "{} is a mix", path.display());
}

/// What must hold even before the program starts again: each file is whole, and a tree is in one place.
fn each_is_whole(top: &Path) {
    is_of_one_letter(&top.join("w.txt"));
    assert_eq!(files_in(&top.join("t")) + files_in(&top.join("u")), 20, "the moved tree is in one place");
}

/// What must hold once it has started again.
fn all_is_old_or_new(top: &Path) {
    each_is_whole(top);
    is_of_one_letter(&top.join("in-place.txt"));
    let versions: Vec<String> =
        (1..=3).map(|file| fs::read_to_string(top.join(format!("p/{file}.txt"))).unwrap()).collect();
    assert!(versions.iter().all(|version| *version == versions[0]), "the patch is a mix: {versions:?}");
    let log = fs::read_to_string(top.join("log.txt")).unwrap();
    assert!(log.split_inclusive('\n').all(|line| line == line_of(&line[..1])), "a part of an append is there");
    let repeated = log.lines().zip(log.lines().skip(1)).any(|(line, next)| line == next);
    assert!(!repeated, "an append was made twice");
    for entry in fs::read_dir(top).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        assert!(!name.starts_with(".bridge-"), "{name} was left behind");
        if name.starts_with(['c', 'd']) {
            assert_eq!(files_in(&entry.path()), 20, "{name} is a mix");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_of_any_change_it_leaves_old_or_new_and_undo_still_works() {
    let mut program = Program::start(&[]);
    plant(&program.path("work"));
    // Where the test may mount, no other file can take the place of this one.
    let _mount = Mount::of_file(&program.path("mounted.txt"), &program.path("work/in-place.txt"));
    let before = tree(&program.path("work"));
    for round in 0..ROUNDS {
        let journal = program.path("memory/undo/journal.jsonl");
        let from = fs::metadata(&journal).unwrap().len();
        let since = skynet_bridge::clock::timestamp();
        let working = tokio::spawn(work(program.http.clone(), program.url.clone()));
        // Somewhere in the first two dozen changes, at another place each time.
        tokio::task::block_in_place(|| wait_for_journal(&journal, from, 1 + round * 4_783 % 60_000));
        let directory = program.kill();
        working.await.unwrap();
        each_is_whole(&directory.path().join("work"));
        program = Program::start_in(directory, &[]);
        all_is_old_or_new(&program.path("work"));
        let undone = program.post("/filesystem/undo", KEY, &json!({"since": since})).await;
        // It may have been killed before it had changed anything.
        assert!(undone.body["success"] == true || undone.status == 404, "{}", undone.text);
        let after = tree(&program.path("work"));
        for (path, was) in &before {
            assert_eq!(after.get(path), Some(was), "round {round}: {}", path.display());
        }
        assert_eq!(after.len(), before.len(), "round {round}: nothing is left over");
    }
}
