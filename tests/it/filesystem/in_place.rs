//! Files that no other may replace: they are written where they are, and stay what they are.

use crate::{
    program::{BINARY, Program, command, copy_program},
    server::{KEY, Server, scratch},
};
use rustix::fs::{XattrFlags, getxattr, setxattr};
use serde_json::{Value, json};
use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::Command,
};

/// A mount that ends with the test.
pub(crate) struct Mount(PathBuf);

impl Mount {
    /// `None` where the test may not mount: only root may.
    pub(crate) fn new(arguments: &[&str], at: &Path) -> Option<Self> {
        let mounted = Command::new("mount").args(arguments).arg(at).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }

    /// A file that is a mount of its own.
    pub(crate) fn of_file(file: &Path, at: &Path) -> Option<Self> {
        Self::new(&["--bind", file.to_str().unwrap()], at)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A server of an ordinary user, who belongs to the group 54321 too; `None` where the test is none of root's.
fn as_nobody() -> Option<Program> {
    let directory = scratch();
    fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    for path in [directory.path().to_owned(), directory.path().join(".env")] {
        chown(path, Some(65534), Some(65534)).ok()?;
    }
    // Where the program lies, another user may not be let in.
    let program = directory.path().join("program");
    copy_program(BINARY, &program);
    let wanted = command(directory.path(), &[]);
    let mut started = Command::new("setpriv");
    started.args(["--reuid=65534", "--regid=65534", "--groups=65534,54321", "--"]).arg(program);
    started.args(wanted.get_args()).env_clear();
    started.envs(wanted.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Some(Program::start_as(started, directory))
}

/// Puts a file there that belongs to somebody.
fn plant(path: &Path, content: &str, owner: (u32, u32), mode: u32) {
    fs::write(path, content).unwrap();
    chown(path, Some(owner.0), Some(owner.1)).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn folder(path: &Path, owner: u32, mode: u32) {
    fs::create_dir(path).unwrap();
    chown(path, Some(owner), Some(owner)).unwrap();
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn a_file_that_is_a_mount_of_its_own_is_written_edited_patched_and_undone() {
    let server = Server::start().await.with_file("outside", "one\n").with_file("f", "");
    let Some(_mount) = Mount::of_file(&server.path("outside"), &server.path("f")) else { return };
    let read = || fs::read_to_string(server.path("outside")).unwrap();
    let written = server.call("filesystem_write", json!({"path": "f", "content": "one two\n"})).await;
    assert_eq!(read(), "one two\n");
    server.call("filesystem_edit", json!({"path": "f", "edits": [{"old": "two", "new": "three"}]})).await;
    server.call("filesystem_patch", json!({"patch": "--- a/f\n+++ b/f\n@@\n-one three\n+four\n"})).await;
    assert_eq!(read(), "four\n");
    for _ in 0..3 {
        server.call("filesystem_undo", json!({"path": "f"})).await;
    }
    assert_eq!((read().as_str(), &written["undoable"]), ("one\n", &json!(true)));
    let names: Vec<_> = fs::read_dir(server.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_str().unwrap().starts_with(".bridge-")), "{names:?}");
}

#[tokio::test]
async fn a_writable_file_in_a_folder_that_is_not_writable_is_written() {
    let Some(program) = as_nobody() else { return };
    folder(&program.path("closed"), 0, 0o755);
    plant(&program.path("closed/f"), "old\n", (0, 0), 0o666);
    let post = async |path: &str, arguments: Value| program.post(path, KEY, &arguments).await;
    post("/filesystem/write", json!({"path": "closed/f", "content": "new\n"})).await.ok();
    let edits = json!([{"old": "new", "new": "newer"}]);
    post("/filesystem/edit", json!({"path": "closed/f", "edits": edits})).await.ok();
    assert_eq!(fs::read_to_string(program.path("closed/f")).unwrap(), "newer\n");
    let data = fs::metadata(program.path("closed/f")).unwrap();
    assert_eq!((data.uid(), data.mode() & 0o7777), (0, 0o666));
    post("/filesystem/undo", json!({"path": "closed/f"})).await.ok();
    assert_eq!(fs::read_to_string(program.path("closed/f")).unwrap(), "new\n");
    let refused = post("/filesystem/write", json!({"path": "closed/g", "content": "x"})).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
}

#[tokio::test]
async fn a_file_keeps_another_owner_and_group() {
    let Some(program) = as_nobody() else { return };
    folder(&program.path("ours"), 65534, 0o755);
    let owned = |name: &str| {
        let data = fs::metadata(program.path(name)).unwrap();
        (data.uid(), data.gid(), data.mode() & 0o7777)
    };
    for (name, owner) in [("ours/root", (0, 54321)), ("ours/group", (65534, 54321))] {
        plant(&program.path(name), "old\n", owner, 0o664);
        program.post("/filesystem/write", KEY, &json!({"path": name, "content": "new\n"})).await.ok();
        let edits = json!([{"old": "new", "new": "newer"}]);
        program.post("/filesystem/edit", KEY, &json!({"path": name, "edits": edits})).await.ok();
        let patch = format!("--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-newer\n+newest\n");
        program.post("/filesystem/patch", KEY, &json!({"patch": patch})).await.ok();
        assert_eq!(fs::read_to_string(program.path(name)).unwrap(), "newest\n");
        assert_eq!(owned(name), (owner.0, owner.1, 0o664), "{name}");
    }
    plant(&program.path("ours/foreign"), "old\n", (0, 0), 0o644);
    let write = |force: bool| json!({"path": "ours/foreign", "content": "new\n", "force": force});
    let refused = program.post("/filesystem/write", KEY, &write(false)).await;
    assert_eq!(refused.status, 403, "{}", refused.text);
    assert!(refused.detail().contains("belongs to user 0") && refused.detail().contains("force"), "{}", refused.text);
    program.post("/filesystem/write", KEY, &write(true)).await.ok();
    assert_eq!(
        (fs::read_to_string(program.path("ours/foreign")).unwrap().as_str(), owned("ours/foreign").0),
        ("new\n", 65534)
    );
}

#[tokio::test]
async fn a_file_that_was_made_read_only_is_changed_only_by_force() {
    let server = Server::start().await.with_file("f", "old\n").with_file("g", "other\n");
    fs::set_permissions(server.path("f"), Permissions::from_mode(0o444)).unwrap();
    let patch = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-old\n+new\n";
    for (route, mut arguments) in [
        ("/filesystem/write", json!({"path": "f", "content": "new\n"})),
        ("/filesystem/write", json!({"path": "f", "content": "new\n", "mode": "a"})),
        ("/filesystem/edit", json!({"path": "f", "edits": [{"old": "old", "new": "new"}]})),
        ("/filesystem/patch", json!({"patch": patch})),
        ("/filesystem/copy", json!({"path": "g", "to": "f", "overwrite": true})),
    ] {
        let refused = server.post(route, arguments.clone()).await;
        assert_eq!((refused.status, fs::read_to_string(server.path("f")).unwrap().as_str()), (403, "old\n"), "{route}");
        assert!(refused.detail().contains("read-only") && refused.detail().contains("force"), "{}", refused.detail());
        arguments["force"] = true.into();
        let change = server.post(route, arguments).await.ok()["change_id"].clone();
        assert_ne!(fs::read_to_string(server.path("f")).unwrap(), "old\n", "{route}");
        server.call("filesystem_undo", json!({"id": change})).await;
        let mode = fs::metadata(server.path("f")).unwrap().permissions().mode() & 0o7777;
        assert_eq!((fs::read_to_string(server.path("f")).unwrap().as_str(), mode), ("old\n", 0o444), "{route}");
    }
}

#[tokio::test]
async fn a_file_that_was_made_read_only_is_moved_replaced_or_deleted_only_by_force() {
    let server = Server::start().await.with_file("f", "old\n").with_file("g", "other\n").with_file("d/x", "x");
    server.call("filesystem_archive", json!({"path": "d", "to": "x.tar"})).await;
    let mut header = tar::Builder::new(Vec::new());
    header.append_path_with_name(server.path("g"), "f").unwrap();
    fs::write(server.path("f.tar"), header.into_inner().unwrap()).unwrap();
    fs::set_permissions(server.path("f"), Permissions::from_mode(0o444)).unwrap();
    for (route, mut arguments) in [
        ("/filesystem/move", json!({"path": "f", "to": "elsewhere"})),
        ("/filesystem/move", json!({"path": "g", "to": "f", "overwrite": true})),
        ("/filesystem/delete", json!({"path": "f"})),
        ("/filesystem/archive", json!({"path": "d", "to": "f", "format": "zip", "overwrite": true})),
        ("/filesystem/extract", json!({"path": "f.tar", "to": ".", "overwrite": true})),
    ] {
        let refused = server.post(route, arguments.clone()).await;
        assert_eq!((refused.status, fs::read_to_string(server.path("f")).unwrap().as_str()), (403, "old\n"), "{route}");
        assert!(refused.detail().contains("read-only") && refused.detail().contains("force"), "{}", refused.detail());
        arguments["force"] = true.into();
        let change = server.post(route, arguments).await.ok()["change_id"].clone();
        assert!(!fs::read(server.path("f")).is_ok_and(|content| content == b"old\n"), "{route}");
        server.call("filesystem_undo", json!({"id": change})).await;
        let mode = fs::metadata(server.path("f")).unwrap().permissions().mode() & 0o7777;
        assert_eq!((fs::read_to_string(server.path("f")).unwrap().as_str(), mode), ("old\n", 0o444), "{route}");
    }
    // A repository's objects are read-only: what lies in a folder goes with it.
    fs::set_permissions(server.path("d/x"), Permissions::from_mode(0o444)).unwrap();
    server.call("filesystem_move", json!({"path": "d", "to": "e"})).await;
    server.call("filesystem_delete", json!({"path": "e", "recursive": true})).await;
}

/// `user::rw-, user:1234:rw-, group::r--, mask::rw-, other::r--`, as the kernel keeps it.
fn access_list() -> Vec<u8> {
    let entries: [(u16, u16, u32); 5] =
        [(1, 6, u32::MAX), (2, 6, 1234), (4, 4, u32::MAX), (16, 6, u32::MAX), (32, 4, u32::MAX)];
    let bytes = entries
        .iter()
        .flat_map(|(tag, bits, id)| [&tag.to_le_bytes()[..], &bits.to_le_bytes()[..], &id.to_le_bytes()[..]].concat());
    2u32.to_le_bytes().into_iter().chain(bytes).collect()
}

#[tokio::test]
async fn attributes_and_access_lists_are_kept_and_go_with_a_copy() {
    let server = Server::start().await.with_file("f", "a\n").with_file("plain", "a\n");
    let wanted = [("user.note", b"kept".to_vec()), ("system.posix_acl_access", access_list())];
    for (name, value) in &wanted {
        if setxattr(server.path("f"), *name, value, XattrFlags::empty()).is_err() {
            return; // This file system has none.
        }
    }
    let has = |path: &str| {
        wanted.iter().all(|(name, value)| {
            let mut buffer = [0; 200];
            getxattr(server.path(path), *name, &mut buffer[..]).is_ok_and(|length| buffer[..length] == value[..])
        })
    };
    assert!(has("f") && !has("plain"));
    server.call("filesystem_write", json!({"path": "f", "content": "b\n"})).await;
    assert!(has("f"), "after a write");
    server.call("filesystem_edit", json!({"path": "f", "edits": [{"old": "b", "new": "c"}]})).await;
    assert!(has("f"), "after an edit");
    server.call("filesystem_patch", json!({"patch": "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-c\n+d\n"})).await;
    assert!(has("f"), "after a patch");
    server.call("filesystem_undo", json!({"path": "f"})).await;
    assert!(has("f"), "after an undo");
    server.call("filesystem_copy", json!({"path": "f", "to": "copy"})).await;
    assert!(has("copy"), "of a copy");
}

#[tokio::test]
async fn a_read_only_mount_is_named_as_such() {
    let server = Server::start().await.with_file("small/x", "");
    let Some(_mount) = Mount::new(&["-t", "tmpfs", "-o", "size=64k", "tmpfs"], &server.path("small")) else { return };
    fs::write(server.path("small/f"), "old").unwrap();
    assert!(Command::new("mount").args(["-o", "remount,ro"]).arg(server.path("small")).status().unwrap().success());
    for (path, mode) in [("small/f", "w"), ("small/f", "a"), ("small/new", "w")] {
        let reply = server.post("/filesystem/write", json!({"path": path, "content": "x", "mode": mode})).await;
        assert_eq!(reply.status, 403, "{}", reply.text);
        assert!(reply.detail().contains("mounted read-only"), "{}", reply.detail());
    }
    assert_eq!(fs::read_to_string(server.path("small/f")).unwrap(), "old");
}

#[tokio::test]
async fn what_does_not_fit_the_disk_leaves_a_file_that_is_written_in_place_as_it_was() {
    let server = Server::start().await.with_file("small/x", "").with_file("f", "");
    let Some(_small) = Mount::new(&["-t", "tmpfs", "-o", "size=64k", "tmpfs"], &server.path("small")) else { return };
    fs::write(server.path("small/f"), "old").unwrap();
    let Some(_mount) = Mount::of_file(&server.path("small/f"), &server.path("f")) else { return };
    let reply = server.post("/filesystem/write", json!({"path": "f", "content": "x".repeat(1 << 20)})).await;
    assert_eq!((reply.status, fs::read_to_string(server.path("f")).unwrap().as_str()), (507, "old"), "{}", reply.text);
}
