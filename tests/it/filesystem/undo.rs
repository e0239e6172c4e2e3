//! Taking changes back.

use crate::server::Server;
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// A tree as it is: for each path its mode, the time of its last change, and what it holds.
pub(crate) type Tree = BTreeMap<PathBuf, (u32, i64, i64, Vec<u8>)>;

pub(crate) fn tree(top: &Path) -> Tree {
    let all = walkdir::WalkDir::new(top).into_iter().map(|entry| entry.expect("the tree is readable"));
    let seen = all.map(|entry| {
        let data = entry.path().symlink_metadata().unwrap();
        let content = match () {
            () if data.is_symlink() => fs::read_link(entry.path()).unwrap().into_os_string().into_encoded_bytes(),
            () if data.is_file() => fs::read(entry.path()).unwrap(),
            () => vec![],
        };
        (entry.path().to_owned(), (data.mode(), data.mtime(), data.mtime_nsec(), content))
    });
    seen.collect()
}

/// A change that an agent might make; a number chooses among the names.
#[derive(Clone, Debug)]
enum Act {
    Write(usize, String),
    Append(usize, String),
    Edit(usize),
    Patch(usize),
    Mkdir(usize),
    Move(usize, usize, bool),
    Copy(usize, usize),
    Delete(usize),
}

const NAMES: [&str; 10] = ["a.txt", "b.txt", "d", "d/a.txt", "d/e", "d/e/b.txt", "f/g/h.txt", "f", "link", "d/tool.sh"];

fn act() -> impl Strategy<Value = Act> {
    let name = 0..NAMES.len();
    prop_oneof![
        3 => (name.clone(), "[a-c\n]{0,12}").prop_map(|(name, text)| Act::Write(name, text)),
        1 => (name.clone(), "[a-c\n]{0,12}").prop_map(|(name, text)| Act::Append(name, text)),
        2 => name.clone().prop_map(Act::Edit),
        1 => name.clone().prop_map(Act::Patch),
        1 => name.clone().prop_map(Act::Mkdir),
        2 => (name.clone(), name.clone(), any::<bool>()).prop_map(|(from, to, over)| Act::Move(from, to, over)),
        2 => (name.clone(), name.clone()).prop_map(|(from, to)| Act::Copy(from, to)),
        2 => name.prop_map(Act::Delete),
    ]
}

impl Act {
    fn call(&self, top: &str) -> (&'static str, Value) {
        let at = |name: &usize| format!("{top}/{}", NAMES[*name]);
        match self {
            Self::Write(name, text) => ("write", json!({"path": at(name), "content": text})),
            Self::Append(name, text) => ("write", json!({"path": at(name), "content": text, "mode": "a"})),
            Self::Edit(name) => ("edit", json!({"path": at(name), "edits": [{"old": "a", "new": "xyz"}]})),
            Self::Patch(name) => {
                let name = NAMES[*name];
                let patch = format!(
                    "--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+p\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-start\n+patched\n"
                );
                ("patch", json!({"path": top, "patch": patch}))
            }
            Self::Mkdir(name) => ("mkdir", json!({"path": at(name)})),
            Self::Move(from, to, over) => ("move", json!({"path": at(from), "to": at(to), "overwrite": over})),
            Self::Copy(from, to) => ("copy", json!({"path": at(from), "to": at(to), "overwrite": true})),
            Self::Delete(name) => ("delete", json!({"path": at(name), "recursive": true})),
        }
    }
}

fn plant(top: &Path) {
    fs::create_dir_all(top.join("d/e")).unwrap();
    fs::write(top.join("a.txt"), "start\n").unwrap();
    fs::write(top.join("d/a.txt"), "a b c\r\n").unwrap();
    fs::write(top.join("d/tool.sh"), b"#!/bin/sh\n\xff\0").unwrap();
    fs::set_permissions(top.join("d/tool.sh"), fs::Permissions::from_mode(0o4750)).unwrap();
    fs::set_permissions(top.join("d/e"), fs::Permissions::from_mode(0o1777)).unwrap();
    std::os::unix::fs::symlink("d/a.txt", top.join("link")).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_random_sequences_of_changes_are_undone_to_the_byte_with_modes_and_times() {
    let server = Server::start().await;
    let (case, made) = (Cell::new(0), Cell::new(0));
    let mut runner = TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let handle = tokio::runtime::Handle::current();
    let result = tokio::task::block_in_place(|| {
        runner.run(&prop::collection::vec(act(), 2..10), |acts| {
            case.set(case.get() + 1);
            let label = format!("case-{}", case.get());
            made.set(made.get() + handle.block_on(undone_to_the_byte(&server, &label, &acts))?);
            Ok(())
        })
    });
    result.unwrap();
    assert!(made.get() > 400, "only {} changes were made", made.get());
}

async fn undone_to_the_byte(server: &Server, label: &str, acts: &[Act]) -> Result<usize, TestCaseError> {
    let top = server.path(label);
    plant(&top);
    let before = tree(&top);
    let mut made = 0;
    for act in acts {
        let (name, mut arguments) = act.call(label);
        arguments["session"] = json!(label);
        let reply = server.post(&format!("/filesystem/{name}"), arguments).await;
        prop_assert!(reply.status < 500, "{:?}: {}", act, reply.text);
        made += usize::from(reply.status == 200);
    }
    let undone = server.post("/filesystem/undo", json!({"session": label})).await;
    // Nothing may have been changed, although calls succeeded.
    let undone = if undone.status == 404 { json!({"success": true, "undone": []}) } else { undone.ok() };
    prop_assert_eq!(&undone["success"], &json!(true), "{}", undone);
    let after = tree(&top);
    for (path, was) in &before {
        prop_assert_eq!(after.get(path), Some(was), "{}", path.display());
    }
    prop_assert_eq!(after.len(), before.len(), "nothing is left over");
    let redone = redo(server, &undone).await;
    prop_assert!(redone.is_ok(), "{:?}", redone);
    Ok(made)
}

/// Takes every undo back, the last one first, and undoes all again.
async fn redo(server: &Server, undone: &Value) -> Result<(), String> {
    for done in undone["undone"].as_array().unwrap().iter().rev() {
        let reply = server.post("/filesystem/undo", json!({"id": done["undo_id"]})).await;
        if reply.status != 200 {
            return Err(reply.text);
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_last_change_of_a_path_is_undone_and_redone() {
    let server = Server::start().await.with_file("f", "zero");
    for content in ["one", "two"] {
        server.call("filesystem_write", json!({"path": "f", "content": content})).await;
    }
    let read = || fs::read_to_string(server.path("f")).unwrap();
    let first = server.call("filesystem_undo", json!({"path": "f"})).await;
    assert_eq!((read(), &first["count"]), ("one".to_owned(), &json!(1)));
    let second = server.call("filesystem_undo", json!({"path": "f"})).await;
    assert_eq!(read(), "zero");
    let none = server.post("/filesystem/undo", json!({"path": "f"})).await;
    assert_eq!(none.status, 404);
    for (undone, content) in [(&second, "one"), (&first, "two")] {
        server.call("filesystem_undo", json!({"id": undone["undone"][0]["undo_id"]})).await;
        assert_eq!(read(), content);
    }
    server.call("filesystem_undo", json!({"path": "f"})).await;
    assert_eq!(read(), "one", "what was redone can be undone again");
}

#[tokio::test]
async fn what_someone_else_changed_meanwhile_is_named_and_never_overwritten() {
    let server = Server::start().await.with_file("f", "old").with_file("g", "old");
    for name in ["f", "g"] {
        server.call("filesystem_write", json!({"path": name, "content": "new", "session": "s"})).await;
    }
    fs::write(server.path("f"), "someone else's").unwrap();
    let refused = server.post("/filesystem/undo", json!({"path": "f"})).await;
    assert_eq!(refused.status, 409);
    assert!(refused.detail().contains(&server.at("f")), "{}", refused.detail());
    let partly = server.call("filesystem_undo", json!({"session": "s"})).await;
    assert_eq!((&partly["success"], &partly["count"]), (&json!(false), &json!(1)));
    assert_eq!(partly["conflicts"][0]["path"], server.at("f"));
    assert_eq!(fs::read_to_string(server.path("f")).unwrap(), "someone else's");
    assert_eq!(fs::read_to_string(server.path("g")).unwrap(), "old");
}

#[tokio::test]
async fn a_directory_that_was_made_stays_when_others_put_something_into_it() {
    let server = Server::start().await;
    server.call("filesystem_mkdir", json!({"path": "made/deep"})).await;
    fs::write(server.path("made/deep/theirs"), "x").unwrap();
    let refused = server.post("/filesystem/undo", json!({"path": "made/deep"})).await;
    assert_eq!(refused.status, 409);
    assert!(refused.detail().contains("theirs"), "{}", refused.detail());
    assert!(server.path("made/deep/theirs").exists());
}

#[tokio::test]
async fn changes_are_listed_newest_first_with_their_diff() {
    let server = Server::start().await;
    server.call("filesystem_write", json!({"path": "n/f.txt", "content": "a\nb\n", "session": "s"})).await;
    let edit = json!({"path": "n/f.txt", "edits": [{"old": "b", "new": "c"}]});
    server.call("filesystem_edit", edit).await;
    server.call("filesystem_delete", json!({"path": "n", "recursive": true})).await;
    let all = server.call("filesystem_changes", json!({"path": "n", "diff": true})).await;
    let actions: Vec<_> = all["items"].as_array().unwrap().iter().map(|change| &change["action"]).collect();
    assert_eq!(actions, ["filesystem_delete", "filesystem_edit", "filesystem_write"]);
    let edit = &all["items"][1];
    assert!(edit["diff"].as_str().unwrap().ends_with("@@ -1,2 +1,2 @@\n a\n-b\n+c\n"), "{edit}");
    assert_eq!(
        (&edit["caller"], &edit["undoable"], &edit["paths"][0]["kind"]),
        (&json!("default"), &json!(true), &json!("modified"))
    );
    let one = server.call("filesystem_changes", json!({"session": "s"})).await;
    assert_eq!((&one["count"], &one["items"][0]["path_count"]), (&json!(1), &json!(2)));
    let first = server.call("filesystem_changes", json!({"limit": 2})).await;
    let rest = server.call("filesystem_changes", json!({"limit": 2, "cursor": first["next_cursor"]})).await;
    assert_eq!((&rest["count"], rest.get("next_cursor")), (&json!(1), None));
    let since = first["items"][0]["timestamp"].clone();
    let undone = server.call("filesystem_undo", json!({"since": since})).await;
    assert_eq!(undone["count"], 1);
    assert_eq!(fs::read_to_string(server.path("n/f.txt")).unwrap(), "a\nc\n");
    assert_eq!(server.post("/filesystem/undo", json!({"since": "soon"})).await.status, 422);
    assert_eq!(server.post("/filesystem/undo", json!({})).await.status, 422);
}

#[tokio::test]
async fn what_is_kept_survives_a_restart_and_stays_within_its_size() {
    let server = Server::with_settings(&[("MCP_UNDO_MAX_MIB", "1")]).await.with_file("f", "x".repeat(400_000));
    for turn in 0..6 {
        server.call("filesystem_write", json!({"path": "f", "content": format!("{turn}").repeat(400_000)})).await;
    }
    let directory = server.stop().await;
    let kept = kept_in(directory.path());
    assert!(kept <= 1 << 20, "{kept} bytes are kept");
    let server = Server::in_directory(directory, &[("MCP_UNDO_MAX_MIB", "1")]).await;
    server.call("filesystem_undo", json!({"path": "f"})).await;
    assert!(fs::read_to_string(server.path("f")).unwrap().starts_with('4'));
}

/// How many bytes of old contents a directory's bridge keeps.
fn kept_in(directory: &Path) -> u64 {
    let all = walkdir::WalkDir::new(directory.join("memory/undo/contents")).into_iter();
    let files = all.filter_map(|entry| entry.unwrap().metadata().ok().filter(fs::Metadata::is_file));
    files.map(|data| data.len()).sum()
}

#[tokio::test]
async fn the_same_content_is_kept_once() {
    // Larger than what is kept to be shown as a diff.
    let same = "x".repeat(2_000_000);
    let server = Server::start().await.with_file("a", &same).with_file("b", &same).with_file("c", &same);
    for name in ["a", "b", "c"] {
        server.call("filesystem_write", json!({"path": name, "content": "new"})).await;
    }
    let kept = kept_in(&server.path(""));
    assert!((2_000_000..2_100_000).contains(&kept), "{kept} bytes are kept");
    for name in ["a", "b", "c"] {
        server.call("filesystem_undo", json!({"path": name})).await;
        assert_eq!(fs::read_to_string(server.path(name)).unwrap(), same);
    }
}

#[tokio::test]
async fn changes_older_than_the_limit_are_forgotten_with_what_they_kept() {
    let server = Server::start().await.with_file("f", "x".repeat(100_000));
    server.call("filesystem_write", json!({"path": "f", "content": "new"})).await;
    let directory = server.stop().await;
    assert!(kept_in(directory.path()) >= 100_000);
    let server = Server::in_directory(directory, &[("MCP_UNDO_MAX_DAYS", "0")]).await;
    assert_eq!(server.call("filesystem_changes", json!({})).await["count"], 0);
    assert_eq!(server.post("/filesystem/undo", json!({"path": "f"})).await.status, 404);
    assert_eq!(kept_in(&server.path("")), 0);
}

#[tokio::test]
async fn what_is_too_large_to_be_kept_is_changed_and_said_to_be_lost() {
    let server = Server::with_settings(&[("MCP_UNDO_MAX_MIB", "1")]).await.with_file("f", "x".repeat(3_000_000));
    server.call("filesystem_write", json!({"path": "f", "content": "new"})).await;
    let changes = server.call("filesystem_changes", json!({"path": "f"})).await;
    assert_eq!(changes["items"][0]["undoable"], false, "{changes}");
    let refused = server.post("/filesystem/undo", json!({"path": "f"})).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.detail().contains("too large"), "{}", refused.detail());
    assert_eq!(fs::read_to_string(server.path("f")).unwrap(), "new");
}

#[tokio::test]
async fn a_large_tree_is_deleted_and_brought_back_without_waiting_for_the_disk_at_each_file() {
    let server = Server::start().await;
    for number in 0..3_000 {
        let path = server.path(&format!("big/{}/{number}", number % 30));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("content {number}")).unwrap();
    }
    let before = tree(&server.path("big"));
    let started = std::time::Instant::now();
    server.call("filesystem_delete", json!({"path": "big", "recursive": true})).await;
    assert!(!server.path("big").exists());
    server.call("filesystem_undo", json!({"path": "big"})).await;
    assert!(tree(&server.path("big")) == before, "all is as it was");
    // Each file by itself takes some milliseconds for its content and as long for its name.
    assert!(started.elapsed() < std::time::Duration::from_secs(30), "{:?}", started.elapsed());
}
