//! What an agent works with all day: edits, patches, moves, copies, looks.

use crate::server::Server;
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
};

fn edit(path: &str, edits: Value) -> Value {
    json!({"path": path, "edits": edits})
}

#[tokio::test]
async fn an_edit_says_the_digest_that_the_next_read_says() {
    let server = Server::start().await.with_file("f.txt", "one\ntwo\n");
    let edited = server.call("filesystem_edit", edit("f.txt", json!([{"old": "one", "new": "1"}]))).await;
    let read = server.call("filesystem_read", json!({"path": "f.txt"})).await;
    assert_eq!((&read["content"], &read["sha256"]), (&json!("1\ntwo\n"), &edited["sha256"]));
}

#[tokio::test]
async fn a_file_that_changed_since_it_was_read_is_left_alone() {
    let server = Server::start().await.with_file("f", "read");
    let sha256 = server.call("filesystem_read", json!({"path": "f"})).await["sha256"].clone();
    fs::write(server.path("f"), "changed").unwrap();
    let guarded = [
        ("write", json!({"path": "f", "content": "x"})),
        ("edit", edit("f", json!([{"old": "changed", "new": "x"}]))),
        ("move", json!({"path": "f", "to": "g"})),
        ("delete", json!({"path": "f"})),
    ];
    for (name, mut arguments) in guarded {
        arguments["expected_sha256"] = sha256.clone();
        let reply = server.post(&format!("/filesystem/{name}"), arguments).await;
        assert_eq!(reply.status, 409, "{name}: {}", reply.text);
    }
    assert_eq!(fs::read_to_string(server.path("f")).unwrap(), "changed");
}

#[tokio::test]
async fn a_patch_over_several_files_is_applied_whole_or_not_at_all() {
    let server =
        Server::start().await.with_file("p/a.txt", "1\n2\n3\n").with_file("p/b.txt", "x\n").with_file("p/c.txt", "c\n");
    let patch = "diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n\
        diff --git a/new/n.txt b/new/n.txt\nnew file mode 100755\n--- /dev/null\n+++ b/new/n.txt\n@@ -0,0 +1 @@\n+new\n\
        diff --git a/b.txt b/b.txt\ndeleted file mode 100644\n--- a/b.txt\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n\
        diff --git a/c.txt b/d.txt\nsimilarity index 100%\nrename from c.txt\nrename to d.txt\n";
    let reply = server.call("filesystem_patch", json!({"path": "p", "patch": patch})).await;
    let kinds: Vec<_> = reply["files"].as_array().unwrap().iter().map(|file| &file["kind"]).collect();
    assert_eq!(kinds, ["modified", "created", "deleted", "renamed"]);
    assert_eq!(fs::read_to_string(server.path("p/a.txt")).unwrap(), "1\ntwo\n3\n");
    assert_eq!(fs::metadata(server.path("p/new/n.txt")).unwrap().permissions().mode() & 0o111, 0o111);
    assert!(!server.path("p/b.txt").exists() && server.path("p/d.txt").exists() && !server.path("p/c.txt").exists());
    server.call("filesystem_undo", json!({"path": "p/b.txt"})).await;
    assert!(server.path("p/c.txt").exists() && server.path("p/b.txt").exists() && !server.path("p/new").exists());
}

#[tokio::test]
async fn moves_and_copies_leave_what_is_there_unless_told_otherwise() {
    let server = Server::start().await.with_file("a", "a").with_file("b", "b").with_file("d/x", "x");
    let post = |name: &'static str, arguments| server.post(name, arguments);
    for name in ["/filesystem/move", "/filesystem/copy"] {
        let taken = post(name, json!({"path": "a", "to": "b"})).await;
        assert_eq!(taken.status, 409, "{name}: {}", taken.text);
        assert_eq!(post(name, json!({"path": "a", "to": "d", "overwrite": true})).await.status, 409);
        assert_eq!(post(name, json!({"path": "d", "to": "d/inner"})).await.status, 400);
        assert_eq!(post(name, json!({"path": "missing", "to": "z"})).await.status, 404);
        assert_eq!(post(name, json!({"path": "a", "to": "/etc/z"})).await.status, 403);
    }
    fs::set_permissions(server.path("a"), fs::Permissions::from_mode(0o751)).unwrap();
    server.call("filesystem_copy", json!({"path": "a", "to": "new/folder/a"})).await;
    let (old, new) = (fs::metadata(server.path("a")).unwrap(), fs::metadata(server.path("new/folder/a")).unwrap());
    assert_eq!((old.mode(), old.mtime(), old.mtime_nsec()), (new.mode(), new.mtime(), new.mtime_nsec()));
    let copy = server.call("filesystem_copy", json!({"path": "d", "to": "e"})).await;
    assert_eq!((&copy["count"], &copy["skipped"]), (&json!(2), &json!(0)));
    server.call("filesystem_move", json!({"path": "a", "to": "b", "overwrite": true})).await;
    assert_eq!(fs::read_to_string(server.path("b")).unwrap(), "a");
    server.call("filesystem_move", json!({"path": "d", "to": "f/g"})).await;
    assert!(server.path("f/g/x").exists() && !server.path("d").exists());
}

#[tokio::test]
async fn links_are_copied_as_links_and_what_is_no_file_is_told() {
    let server = Server::start().await.with_file("d/x", "x");
    std::os::unix::fs::symlink("d", server.path("link")).unwrap();
    std::os::unix::fs::symlink("nowhere", server.path("dangling")).unwrap();
    for name in ["link", "dangling"] {
        server.call("filesystem_copy", json!({"path": name, "to": format!("{name}-copy")})).await;
        let copied = fs::read_link(server.path(&format!("{name}-copy"))).unwrap();
        assert_eq!(copied, fs::read_link(server.path(name)).unwrap());
    }
    assert!(std::process::Command::new("mkfifo").arg(server.path("fifo")).status().unwrap().success());
    assert_eq!(server.post("/filesystem/copy", json!({"path": "fifo", "to": "other"})).await.status, 400);
    assert_eq!(server.post("/filesystem/mkdir", json!({"path": "dangling"})).await.status, 409);
    assert!(!server.path("nowhere").exists());
}

#[tokio::test]
async fn what_is_deleted_is_only_what_was_named() {
    let server = Server::start().await.with_file("d/x", "x").with_file(".env", "SECRET=1").with_file("keep", "k");
    std::os::unix::fs::symlink("keep", server.path("link")).unwrap();
    std::os::unix::fs::symlink("d", server.path("folder-link")).unwrap();
    assert_eq!(server.post("/filesystem/delete", json!({"path": "d"})).await.status, 409);
    for name in ["link", "folder-link"] {
        server.call("filesystem_delete", json!({"path": name, "recursive": true})).await;
    }
    assert!(server.path("keep").exists() && server.path("d/x").exists());
    for path in [".", ".env", "memory", "/", "/tmp/../tmp"] {
        let reply = server.post("/filesystem/delete", json!({"path": path, "recursive": true})).await;
        assert_eq!(reply.status, 403, "{path}: {}", reply.text);
    }
    let reply = server.call("filesystem_delete", json!({"path": "d", "recursive": true})).await;
    assert_eq!(reply["undoable"], true);
    assert!(!server.path("d").exists());
    assert!(server.path(".env").exists());
}

#[tokio::test]
async fn a_path_is_looked_at_without_being_read() {
    let server = Server::start().await.with_file("f.md", "abc");
    fs::set_permissions(server.path("f.md"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("f.md", server.path("link")).unwrap();
    let stat = server.call("filesystem_stat", json!({"path": "link", "digest": true})).await;
    assert_eq!((&stat["type"], &stat["size"], &stat["mode"]), (&json!("file"), &json!(3), &json!("0640")));
    assert_eq!((&stat["mime_type"], &stat["real_path"]), (&json!("text/markdown"), &json!(server.at("f.md"))));
    assert!(stat["sha256"].as_str().unwrap().starts_with("ba7816bf"));
    let link = server.call("filesystem_stat", json!({"path": "link", "follow": false})).await;
    assert_eq!((&link["type"], &link["link_target"]), (&json!("link"), &json!("f.md")));
    assert_eq!(server.call("filesystem_stat", json!({"path": "/"})).await["real_path"], "/");
    let device = server.call("filesystem_stat", json!({"path": "/dev/null"})).await;
    assert_eq!(device["type"], "special");
    assert_eq!(server.post("/filesystem/stat", json!({"path": "missing"})).await.status, 404);
}

#[tokio::test]
async fn a_tree_is_shown_to_its_depth_without_what_is_left_out() {
    let server = Server::start().await;
    let server = server
        .with_file("p/.gitignore", "out/\n")
        .with_file("p/out/x", "")
        .with_file("p/src/deep/er/x", "")
        .with_file("p/src/a.rs", "12")
        .with_file("p/node_modules/x", "")
        .with_file("p/.hidden", "");
    let tree = |more: Value| {
        let mut arguments = json!({"path": "p", "exclude": ["node_modules"]});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        server.call("filesystem_tree", arguments)
    };
    let paths = |reply: &Value| -> Vec<String> {
        reply["items"].as_array().unwrap().iter().map(|entry| entry["path"].as_str().unwrap().to_owned()).collect()
    };
    let two = tree(json!({"depth": 2, "sizes": true})).await;
    assert_eq!(paths(&two), ["p/src", "p/src/a.rs", "p/src/deep"]);
    let file =
        json!({"path": "p/src/a.rs", "type": "file", "depth": 2, "size": 2, "is_link": false, "link_target": null});
    assert_eq!(two["items"][1], file);
    let (mut all, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = tree(json!({"depth": 9, "limit": 2, "cursor": cursor})).await;
        assert_eq!(page["truncated"], !page["next_cursor"].is_null());
        all.extend(paths(&page));
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(all, paths(&tree(json!({"depth": 9})).await));
    assert_eq!(all.len(), 5);
}

#[tokio::test]
async fn many_files_are_read_and_one_that_fails_does_not_fail_the_others() {
    let server = Server::start().await.with_file("a", "1\n2\n").with_file("b", b"\xff");
    let reply = server
        .call("filesystem_read_many", json!({"paths": ["a", "missing", "b", "/etc/passwd"], "end_line": 1}))
        .await;
    assert_eq!((&reply["success"], &reply["count"]), (&json!(false), &json!(1)));
    let results = reply["items"].as_array().unwrap();
    assert_eq!(results[0]["content"], "1\n");
    let errors: Vec<_> = results[1..].iter().map(|result| result["error"].as_str().unwrap()).collect();
    assert_eq!(errors, ["File not found", "Cannot decode file with utf-8 encoding", "Unsafe file path"]);
}

#[tokio::test]
async fn a_directory_at_the_top_of_the_disk_stays() {
    let server = Server::start().await;
    // Without `recursive` nothing is lost even where it is not refused: it is not empty.
    let reply = server.post("/filesystem/delete", json!({"path": "/usr"})).await;
    assert_eq!(reply.status, 403, "{}", reply.text);
    assert!(reply.detail().contains("root of the file system"), "{}", reply.detail());
}
