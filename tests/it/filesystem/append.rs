//! Appending beside programs that write to the same file.

use crate::server::{Reply, Server};
use serde_json::{Value, json};
use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::MetadataExt,
    process::Command,
};

impl Server {
    async fn append(&self, path: &str, content: &str) -> Value {
        self.call("filesystem_write", json!({"path": path, "content": content, "mode": "a"})).await
    }

    async fn undo(&self, id: &Value) -> Reply {
        self.post("/filesystem/undo", json!({"id": id})).await
    }

    fn read_text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

#[tokio::test]
async fn no_line_of_a_program_that_logs_to_the_file_is_lost() {
    let server = Server::start().await.with_file("log", "");
    // It holds the file open all the time, as loggers do.
    let script = "i=0; while [ ! -e stop ]; do echo \"log $i\"; i=$((i+1)); done >>log; echo $i";
    let mut logger = Command::new("sh");
    logger.args(["-c", script]).current_dir(server.path("")).stdout(std::process::Stdio::piped());
    let logger = logger.spawn().unwrap();
    for number in 0..100 {
        server.append("log", &format!("ours {number}\n")).await;
    }
    fs::write(server.path("stop"), "").unwrap();
    let written = logger.wait_with_output().unwrap().stdout;
    let written: usize = String::from_utf8(written).unwrap().trim().parse().unwrap();
    let text = server.read_text("log");
    let of = |prefix: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.strip_prefix(prefix)).map(str::to_owned).collect()
    };
    let numbers = |count: usize| (0..count).map(|number| number.to_string()).collect::<Vec<_>>();
    assert!(written > 100, "the logger came to write only {written} lines");
    assert_eq!((of("log "), of("ours ")), (numbers(written), numbers(100)));
    assert_eq!(text.lines().count(), written + 100, "no line is broken");
}

#[tokio::test]
async fn a_file_that_another_program_makes_meanwhile_is_appended_to() {
    let server = Server::start().await;
    for round in 0..40 {
        let path = server.path(&format!("new/{round}"));
        fs::create_dir_all(server.path("new")).unwrap();
        let other = std::thread::spawn(move || {
            let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
            file.write_all(b"theirs\n").unwrap();
        });
        server.append(&format!("new/{round}"), "ours\n").await;
        other.join().unwrap();
        let text = server.read_text(&format!("new/{round}"));
        assert!(text.contains("theirs\n") && text.contains("ours\n") && text.len() == 12, "{text:?}");
    }
}

#[tokio::test]
async fn nothing_of_a_large_file_is_read_or_copied() {
    let server = Server::start().await;
    // What is a hole here would take minutes to read, and the undo store has no room for it.
    File::create(server.path("large")).unwrap().set_len(1 << 42).unwrap();
    let before = fs::metadata(server.path("large")).unwrap();
    let appended = server.append("large", "end").await;
    assert_eq!((&appended["sha256"], &appended["undoable"]), (&Value::Null, &json!(true)));
    let after = fs::metadata(server.path("large")).unwrap();
    assert_eq!((after.ino(), after.len()), (before.ino(), (1 << 42) + 3));
    server.undo(&appended["change_id"]).await.ok();
    assert_eq!(fs::metadata(server.path("large")).unwrap().len(), 1 << 42);
}

#[tokio::test]
async fn an_append_is_undone_and_made_again_unless_something_follows_it() {
    let server = Server::start().await.with_file("f", "one\n");
    let was = fs::metadata(server.path("f")).unwrap().modified().unwrap();
    let first = server.append("f", "two\n").await;
    let undone = server.undo(&first["change_id"]).await.ok();
    assert_eq!(server.read_text("f"), "one\n");
    assert_eq!(fs::metadata(server.path("f")).unwrap().modified().unwrap(), was);
    let again = server.undo(&undone["undone"][0]["undo_id"]).await.ok();
    assert_eq!(server.read_text("f"), "one\ntwo\n");
    OpenOptions::new().append(true).open(server.path("f")).unwrap().write_all(b"theirs\n").unwrap();
    let refused = server.undo(&again["undone"][0]["undo_id"]).await;
    assert_eq!(refused.status, 409, "{}", refused.text);
    assert!(refused.detail().contains("7 bytes were appended after this change"), "{}", refused.detail());
    assert_eq!(server.read_text("f"), "one\ntwo\ntheirs\n");
    fs::write(server.path("f"), "one\nTWO\n").unwrap();
    let refused = server.undo(&again["undone"][0]["undo_id"]).await;
    assert_eq!((refused.status, server.read_text("f").as_str()), (409, "one\nTWO\n"), "{}", refused.text);
    let changes = server.call("filesystem_changes", json!({"path": "f", "diff": true})).await;
    assert_eq!(changes["items"][0]["paths"][0]["kind"], "modified");
    assert!(changes["items"][0]["diff"].as_str().unwrap().contains("\n@@ at byte 4 @@\n+two\n"), "{changes}");
}

#[tokio::test]
async fn the_digest_comes_where_it_is_asked_for() {
    let server = Server::start().await;
    let asked = json!({"path": "f", "content": "a", "mode": "a", "digest": true});
    let first = server.call("filesystem_write", asked.clone()).await;
    let second = server.call("filesystem_write", asked).await;
    let read = server.call("filesystem_read", json!({"path": "f"})).await;
    assert_eq!((&second["sha256"], &read["content"]), (&read["sha256"], &json!("aa")));
    assert_ne!(first["sha256"], second["sha256"]);
    let stale = json!({"path": "f", "content": "b", "mode": "a", "expected_sha256": first["sha256"], "digest": true});
    assert_eq!(server.post("/filesystem/write", stale).await.status, 409);
    assert_eq!(server.append("f", "").await["bytes_written"], 0);
    assert_eq!(server.read_text("f"), "aa");
}

#[tokio::test]
async fn what_a_full_disk_let_through_of_an_append_is_taken_back() {
    let server = Server::start().await;
    let mount = server.path("small");
    fs::create_dir(&mount).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(&mount).status();
    if !mounted.is_ok_and(|status| status.success()) {
        return; // Only root may mount.
    }
    server.append("small/f", "old\n").await;
    let reply =
        server.post("/filesystem/write", json!({"path": "small/f", "content": "x".repeat(1 << 20), "mode": "a"})).await;
    let content = fs::read_to_string(mount.join("f")).unwrap();
    let fits = server.post("/filesystem/write", json!({"path": "small/f", "content": "new\n", "mode": "a"})).await;
    let after = fs::read_to_string(mount.join("f")).unwrap();
    // Lazily: a view of the disk that another test makes may hold it for a moment.
    assert!(Command::new("umount").arg("-l").arg(&mount).status().unwrap().success());
    assert_eq!((reply.status, content.as_str()), (507, "old\n"), "{}", reply.text);
    assert!(reply.detail().contains("nothing was changed"), "{}", reply.detail());
    assert_eq!((fits.status, after.as_str()), (200, "old\nnew\n"));
}
