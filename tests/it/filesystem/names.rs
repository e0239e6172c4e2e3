//! Names as people have them: accents in either form of Unicode, bytes that are no text, dots in front.

use crate::server::Server;
use serde_json::json;
use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt, path::PathBuf};

/// `é` as one character, and as two as macOS writes it.
const COMPOSED: &str = "\u{e9}t\u{e9}";
const DECOMPOSED: &str = "e\u{301}te\u{301}";

fn names(folder: PathBuf) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn a_name_is_found_in_either_form_of_unicode_and_no_write_makes_a_twin() {
    for (there, sent) in [(DECOMPOSED, COMPOSED), (COMPOSED, DECOMPOSED), ("e\u{301}t\u{e9}", COMPOSED)] {
        let server = Server::start().await.with_file(&format!("w/{there}/{there}.txt"), "one\n");
        let path = format!("w/{sent}/{sent}.txt");
        let mut expected = [format!("{there}.txt"), "new".to_owned()];
        expected.sort();
        assert_eq!(server.call("filesystem_read", json!({"path": path})).await["content"], "one\n");
        server.call("filesystem_write", json!({"path": path, "content": "two\n"})).await;
        server.call("filesystem_write", json!({"path": path, "content": "three\n", "mode": "a"})).await;
        server.call("filesystem_edit", json!({"path": path, "edits": [{"old": "two", "new": "2"}]})).await;
        let patch = format!("--- a/{path}\n+++ b/{path}\n@@ -2 +2 @@\n-three\n+3\n");
        server.call("filesystem_patch", json!({"patch": patch})).await;
        let taken = server.post("/filesystem/write", json!({"path": path, "content": "", "create_only": true})).await;
        assert_eq!(taken.status, 409);
        server.call("filesystem_mkdir", json!({"path": format!("w/{sent}")})).await;
        server.call("filesystem_write", json!({"path": format!("w/{sent}/new"), "content": ""})).await;
        assert_eq!(names(server.path("w")), [there]);
        assert_eq!(names(server.path(&format!("w/{there}"))), expected);
        assert_eq!(fs::read(server.path(&format!("w/{there}/{there}.txt"))).unwrap(), b"2\n3\n");
        server.call("filesystem_delete", json!({"path": path})).await;
        server.call("filesystem_undo", json!({"path": path})).await;
        assert_eq!(names(server.path(&format!("w/{there}"))), expected);
    }
}

#[tokio::test]
async fn where_both_forms_are_there_each_is_itself() {
    let server = Server::start().await.with_file(COMPOSED, "one").with_file(DECOMPOSED, "two");
    for (name, content) in [(COMPOSED, "one"), (DECOMPOSED, "two")] {
        assert_eq!(server.call("filesystem_read", json!({"path": name})).await["content"], content);
    }
    server.call("filesystem_delete", json!({"path": COMPOSED})).await;
    server.call("filesystem_undo", json!({"path": COMPOSED})).await;
    assert_eq!(fs::read(server.path(COMPOSED)).unwrap(), b"one");
}

#[tokio::test]
async fn a_denied_name_is_denied_in_either_form() {
    let server = Server::with_settings(&[("MCP_DENIED_PATHS", DECOMPOSED)]).await.with_file(DECOMPOSED, "secret");
    for name in [DECOMPOSED, COMPOSED] {
        assert_eq!(server.post("/filesystem/read", json!({"path": name})).await.status, 403);
        assert_eq!(server.post("/filesystem/write", json!({"path": name, "content": "x"})).await.status, 403);
    }
    assert_eq!(fs::read(server.path(DECOMPOSED)).unwrap(), b"secret");
}

#[tokio::test]
async fn a_search_finds_both_forms_in_names_and_in_lines() {
    let server = Server::start().await;
    let server = server.with_file(&format!("w/1-{COMPOSED}"), format!("x {COMPOSED} y\r\n"));
    let server = server.with_file(&format!("w/2-{DECOMPOSED}"), format!("x {DECOMPOSED} y\n"));
    for form in [COMPOSED, DECOMPOSED] {
        for (query, regex) in [(form.to_owned(), false), (format!(" {form} y$"), true), (format!("^x ({form})+"), true)]
        {
            let found = server.call("filesystem_search", json!({"path": "w", "query": query, "regex": regex})).await;
            assert_eq!(found["count"], 2, "{query}: {found}");
        }
        for name in [format!("*{form}"), format!("?-{form}"), format!("**/*{form}")] {
            let found = server.call("filesystem_search", json!({"path": "w", "name": name})).await;
            assert_eq!(found["count"], 2, "{name}: {found}");
        }
    }
}

#[tokio::test]
async fn a_name_that_is_no_text_is_listed_and_used_by_one_spelling() {
    let server = Server::start().await.with_file("w/plain", "");
    let name = OsStr::from_bytes(b"caf\xe9 \xff\xc3.txt");
    let folder = OsStr::from_bytes(b"dossier \xe8");
    fs::create_dir(server.path("w").join(folder)).unwrap();
    let real = server.path("w").join(folder).join(name);
    fs::write(&real, "old needle\n").unwrap();
    let listed = server.call("filesystem_list", json!({"path": "w", "recursive": true})).await;
    let item = listed["items"].as_array().unwrap().iter().find(|item| item["type"] == "file" && item["size"] == 11);
    let path = item.unwrap()["path"].as_str().unwrap().to_owned();
    assert_eq!(path, "w/dossier \u{fffd}E8/caf\u{fffd}E9 \u{fffd}FF\u{fffd}C3.txt");
    // Everything that shows a path shows this one.
    let tree = server.call("filesystem_tree", json!({"path": "w"})).await;
    assert!(tree["items"].as_array().unwrap().iter().any(|entry| entry["path"] == path.as_str()), "{tree}");
    let found = server.call("filesystem_search", json!({"path": "w", "query": "needle"})).await;
    assert_eq!(found["items"][0]["path"], path.as_str());
    let stat = server.call("filesystem_stat", json!({"path": path})).await;
    assert!(stat["real_path"].as_str().unwrap().ends_with(&path), "{stat}");
    // And every route takes it.
    assert_eq!(server.call("filesystem_read", json!({"path": path})).await["content"], "old needle\n");
    server.call("filesystem_write", json!({"path": path, "content": "new\n"})).await;
    server.call("filesystem_edit", json!({"path": path, "edits": [{"old": "new", "new": "newer"}]})).await;
    assert_eq!(fs::read(&real).unwrap(), b"newer\n");
    let changes = server.call("filesystem_changes", json!({"path": path})).await;
    assert!(changes["items"][0]["paths"][0]["path"].as_str().unwrap().ends_with(&path), "{changes}");
    server.call("filesystem_copy", json!({"path": path, "to": "w/copy"})).await;
    server.call("filesystem_move", json!({"path": path, "to": "w/moved"})).await;
    assert!(!real.exists() && server.path("w/moved").exists() && server.path("w/copy").exists());
    server.call("filesystem_move", json!({"path": "w/moved", "to": path})).await;
    server.call("filesystem_delete", json!({"path": path})).await;
    assert!(!real.exists());
    server.call("filesystem_undo", json!({"path": path})).await;
    assert_eq!(fs::read(&real).unwrap(), b"newer\n");
    let run = json!({"command": "cat caf*", "cwd": "w/dossier \u{fffd}E8"});
    assert_eq!(server.call("terminal_execute", run).await["stdout"], "newer\n");
    server.call("filesystem_delete", json!({"path": "w/dossier \u{fffd}E8", "recursive": true})).await;
    assert_eq!(names(server.path("w")), ["copy", "plain"]);
}

#[tokio::test]
async fn a_name_that_holds_the_sign_of_the_spelling_has_another_spelling() {
    let server = Server::start().await.with_file("w/\u{fffd}E9", "sign").with_file("w/\u{fffd}x", "plain sign");
    fs::write(server.path("w").join(OsStr::from_bytes(b"\xe9")), "byte").unwrap();
    let listed = server.call("filesystem_list", json!({"path": "w"})).await;
    let mut contents = Vec::new();
    for item in listed["items"].as_array().unwrap() {
        let read = server.call("filesystem_read", json!({"path": item["path"]})).await;
        contents.push(read["content"].as_str().unwrap().to_owned());
    }
    contents.sort();
    assert_eq!(contents, ["byte", "plain sign", "sign"]);
    for spelled in ["w/\u{fffd}2F..", "\u{fffd}2E\u{fffd}2E/x"] {
        assert_eq!(server.post("/filesystem/read", json!({"path": spelled})).await.status, 404, "{spelled}");
    }
}

#[tokio::test]
async fn the_end_of_a_line_is_found_whatever_ends_it() {
    let server =
        Server::start().await.with_file("w/dos", "a needle\r\nneedle b\r\n\r\n").with_file("w/unix", "a needle\n");
    let search = async |query: &str| {
        let found = server.call("filesystem_search", json!({"path": "w", "query": query, "regex": true})).await;
        let found = found["items"].as_array().unwrap().iter();
        found.map(|found| format!("{}:{}", found["path"].as_str().unwrap(), found["line"])).collect::<Vec<_>>()
    };
    assert_eq!(search("needle$").await, ["w/dos:1", "w/unix:1"]);
    assert_eq!(search("^needle").await, ["w/dos:2"]);
    assert_eq!(search("^$").await, ["w/dos:3"]);
    assert_eq!(search(r"^a.*e$").await, ["w/dos:1", "w/unix:1"]);
}

#[tokio::test]
async fn a_glob_that_begins_with_a_dot_finds_what_is_hidden() {
    let files = [".hidden", "sub/.hidden", ".env.example", ".github/workflows/ci.yml", "seen", ".cache/seen"];
    let mut server = Server::start().await;
    for file in files {
        server = server.with_file(&format!("w/{file}"), "text");
    }
    for (name, expected) in [
        (".hidden", vec!["w/.hidden", "w/sub/.hidden"]),
        (".env*", vec!["w/.env.example"]),
        (".github/**/*.yml", vec!["w/.github/workflows/ci.yml"]),
        ("{.hidden,.env.example}", vec!["w/.env.example", "w/.hidden", "w/sub/.hidden"]),
        ("seen", vec!["w/seen"]),
        ("*", vec!["w/seen"]),
    ] {
        let found = server.call("filesystem_search", json!({"path": "w", "name": name})).await;
        let paths: Vec<&str> =
            found["items"].as_array().unwrap().iter().map(|found| found["path"].as_str().unwrap()).collect();
        assert_eq!(paths, expected, "{name}");
    }
}
