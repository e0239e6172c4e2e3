//! A process that is killed, and a disk that is full.

use super::{everything, remember};
use crate::{
    program::Program,
    server::{KEY, Server, client, scratch},
};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fs,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
};
use tokio::sync::Semaphore;

/// Adds until the server dies; every acknowledged content with its id.
async fn write(
    url: String,
    round: usize,
    writer: usize,
    acknowledged: Arc<Mutex<HashMap<String, String>>>,
    answers: Arc<Semaphore>,
) {
    let http = client();
    for number in 0.. {
        let content = format!("round {round} writer {writer} number {number}");
        let request = http.post(format!("{url}/memory/add")).bearer_auth(KEY).json(&json!({"content": content}));
        let Ok(reply) = request.send().await else { return };
        let Ok(body) = reply.json::<Value>().await else { return };
        acknowledged.lock().unwrap().insert(body["id"].as_str().expect("an add succeeds").to_owned(), content);
        answers.add_permits(1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_fifty_kills_every_acknowledged_entry_is_there_once() {
    let mut directory = scratch();
    let acknowledged = Arc::new(Mutex::new(HashMap::new()));
    let mut moments = 0x9E37_79B9_u32;
    for round in 0..50 {
        let program = Program::start_in(directory, &[("MCP_API_KEY", KEY)]);
        let answers = Arc::new(Semaphore::new(0));
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                tokio::spawn(write(program.url.clone(), round, writer, acknowledged.clone(), answers.clone()))
            })
            .collect();
        // Killed at a moment that differs each time: after so many answers, in the midst of the next ones.
        moments = moments.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        answers.acquire_many((moments >> 16) % 24).await.expect("it stays open").forget();
        directory = program.kill();
        for writer in writers {
            writer.await.expect("no add is refused");
        }
    }
    let server = Server::in_directory(directory, &[]).await;
    let found = server.call("memory_query", json!({"query": "", "limit": 1_000_000})).await;
    let mut there: HashMap<&str, usize> = HashMap::new();
    for entry in found["results"].as_array().unwrap() {
        *there.entry(entry["content"].as_str().unwrap()).or_default() += 1;
    }
    let acknowledged = acknowledged.lock().unwrap();
    assert!(acknowledged.len() > 50, "there was something to lose");
    for content in acknowledged.values() {
        assert_eq!(there.get(content.as_str()), Some(&1), "{content}");
    }
    assert!(there.values().all(|count| *count == 1), "nothing is there twice");
}

/// Adds entries; they are acknowledged when it returns.
async fn add(program: &Program, contents: &[String]) {
    let entries: Vec<Value> = contents.iter().map(|content| json!({"content": content})).collect();
    let request = client().post(format!("{}/memory/add_many", program.url)).bearer_auth(KEY);
    let reply = request.json(&json!({"entries": entries})).send().await.expect("the server answers");
    assert_eq!(reply.status(), 200);
}

/// What somebody does to a journal.
type Harm = fn(&Path);

#[tokio::test]
async fn a_journal_that_is_taken_away_while_the_server_runs_costs_nothing_acknowledged() {
    let harms: [(&str, Harm); 4] = [
        ("removed", |journal| fs::remove_file(journal).unwrap()),
        ("replaced", |journal| {
            fs::remove_file(journal).unwrap();
            fs::write(journal, vec![b'x'; 200_000]).unwrap();
        }),
        ("replaced by a folder", |journal| {
            fs::remove_file(journal).unwrap();
            fs::create_dir(journal).unwrap();
        }),
        ("cut", |journal| fs::OpenOptions::new().write(true).open(journal).unwrap().set_len(100).unwrap()),
    ];
    for (how, harm) in harms {
        let directory = scratch();
        let program = Program::start_in(directory, &[("MCP_API_KEY", KEY)]);
        // So many that the index file follows some time after the answer.
        let many: Vec<String> = (0..300).map(|number| format!("entry {number}")).collect();
        add(&program, &many).await;
        add(&program, &["just before".to_owned()]).await;
        harm(&program.path("memory/index_memory.journal"));
        add(&program, &["just after".to_owned()]).await;
        let directory = program.kill();
        let server = Server::in_directory(directory, &[]).await;
        let there = everything(&server).await;
        assert_eq!((there.len(), &*there[0], &*there[1]), (302, "just after", "just before"), "{how}");
        let files = fs::read_dir(server.path("memory")).unwrap().flatten();
        let kept = files.filter(|file| file.file_name().to_string_lossy().contains("damaged")).count();
        assert_eq!(kept, usize::from(how != "removed"), "{how}: what lay there is kept under another name");
    }
}

/// A small file system of its own, unmounted on drop.
struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    fn mount(path: &'a Path) -> Option<Self> {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=512k", "small"]).arg(path).output();
        mount.ok().filter(|output| output.status.success()).map(|_| Self(path))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).output();
    }
}

#[tokio::test]
async fn a_full_disk_refuses_adds_loses_nothing_and_reads_go_on() {
    let directory = scratch();
    let folder = directory.path().join("memory");
    fs::create_dir(&folder).unwrap();
    let Some(disk) = SmallDisk::mount(&folder) else {
        eprintln!("not shown: a file system of its own can only be mounted by root");
        return;
    };
    let server = Server::in_directory(directory, &[]).await;
    let mut kept = Vec::new();
    let refusal = loop {
        let content = format!("{} {}", kept.len(), "x".repeat(8000));
        let reply = server.post("/memory/add", json!({"content": content})).await;
        if reply.status != 200 {
            break reply;
        }
        kept.push(content);
    };
    assert_eq!(refusal.status, 507, "{}", refusal.text);
    assert!(refusal.detail().contains("disk is full"), "{}", refusal.detail());
    let mut there = everything(&server).await;
    there.reverse();
    assert_eq!(there, kept);
    // Room again: adds go on, and what was refused left nothing behind.
    let ballast = Command::new("mount").args(["-o", "remount,size=8m"]).arg(&folder).status().unwrap();
    assert!(ballast.success());
    remember(&server, "room again", &[]).await;
    let directory = server.stop().await;
    let again = Server::in_directory(directory, &[]).await;
    let there = everything(&again).await;
    assert_eq!((there.len(), there[0].as_str()), (kept.len() + 1, "room again"));
    let directory = again.stop().await;
    drop(disk);
    drop(directory);
}
