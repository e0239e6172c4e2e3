//! `MCP_DENIED_PATHS` denies what it says, to the file routes and to commands, or the server does not start.

use crate::{
    program::{Program, command},
    server::{KEY, scratch},
};
use serde_json::json;
use std::{fs, path::Path};
use tempfile::TempDir;

const SECRET: &str = "what-must-stay-hidden";

/// A server in the folder `work` of a directory that is also the home, with this line in its `.env`.
fn server(line: &str, confinement: &str) -> (Program, TempDir) {
    let home = scratch();
    for file in
        ["secret/a.txt", "deep/x/keys/prod.pem", "deep/y/keys/prod.pem", "My Documents, all/a.txt", "open/a.txt"]
    {
        put(&home.path().join(file));
    }
    let work = tempfile::Builder::new().tempdir_in(home.path()).unwrap();
    let line = line.replace("{}", home.path().to_str().unwrap());
    fs::write(work.path().join(".env"), format!("{line}\nMCP_API_KEY={KEY}\nMCP_CONFINEMENT={confinement}\n")).unwrap();
    let mut start = command(work.path(), &[]);
    start.env("HOME", home.path());
    (Program::start_as(start, work), home)
}

fn put(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, SECRET).unwrap();
}

/// Whether a file can be read by the route, and by a command.
async fn reads(server: &Program, path: &Path) -> [bool; 2] {
    let read = server.post("/filesystem/read", KEY, &json!({"path": path})).await;
    // A command of its own for each, so that it sees what is there now.
    let shown =
        server.post("/terminal/execute", KEY, &json!({"command": "cat \"$FILE\"", "env": {"FILE": path}})).await;
    [read.text.contains(SECRET), shown.text.contains(SECRET)]
}

#[tokio::test]
async fn a_denied_place_is_denied_however_it_is_written_to_files_and_commands() {
    for (line, hidden) in [
        ("MCP_DENIED_PATHS={}/secret", "secret/a.txt"),
        ("MCP_DENIED_PATHS=\"{}/secret\"", "secret/a.txt"),
        ("MCP_DENIED_PATHS='{}/secret/'", "secret/a.txt"),
        ("MCP_DENIED_PATHS={}/nothing, \"{}/secret\" # mine", "secret/a.txt"),
        ("MCP_DENIED_PATHS=\"{}/My Documents, all\",'{}/nothing'", "My Documents, all/a.txt"),
        ("MCP_DENIED_PATHS=~/secret", "secret/a.txt"),
        ("MCP_DENIED_PATHS=\"~/secret\"", "secret/a.txt"),
        ("MCP_DENIED_PATHS=../secret", "secret/a.txt"),
        ("MCP_DENIED_PATHS={}//./deep/../secret", "secret/a.txt"),
        ("MCP_DENIED_PATHS={}/sec*", "secret/a.txt"),
        ("MCP_DENIED_PATHS=~/s[a-f]cre?/*.txt", "secret/a.txt"),
        ("MCP_DENIED_PATHS={}/deep/*/keys", "deep/y/keys/prod.pem"),
        ("MCP_DENIED_PATHS={}/deep/**/*.pem", "deep/x/keys/prod.pem"),
        ("MCP_DENIED_PATHS='{}/deep/**'", "deep/x/keys/prod.pem"),
    ] {
        let (server, home) = server(line, "auto");
        assert_eq!(reads(&server, &home.path().join(hidden)).await, [false, false], "{line}");
        assert_eq!(reads(&server, &home.path().join("open/a.txt")).await, [true, true], "{line}");
    }
}

#[tokio::test]
async fn what_comes_to_fit_a_pattern_is_denied_at_once() {
    let (server, home) = server("MCP_DENIED_PATHS={}/deep/**/*.pem,{}/later", "auto");
    for file in ["deep/new.pem", "deep/x/y/z/new.pem", "later/a.txt"] {
        let path = home.path().join(file);
        put(&path);
        assert_eq!(reads(&server, &path).await, [false, false], "{file}");
    }
    for file in ["deep/new.txt", "new.pem"] {
        let path = home.path().join(file);
        put(&path);
        assert_eq!(reads(&server, &path).await, [true, true], "{file}");
    }
}

#[tokio::test]
async fn a_folder_that_holds_what_fits_a_pattern_does_not_move_or_go_as_a_whole() {
    let (server, home) = server("MCP_DENIED_PATHS={}/deep/*/keys/*", "auto");
    for folder in ["deep", "deep/x", "deep/x/keys"] {
        let path = home.path().join(folder);
        let moved = server.post("/filesystem/move", KEY, &json!({"path": path, "to": home.path().join("away")})).await;
        let deleted = server.post("/filesystem/delete", KEY, &json!({"path": path, "recursive": true})).await;
        assert_eq!((moved.status, deleted.status), (403, 403), "{folder}: {} {}", moved.text, deleted.text);
    }
    let moved = json!({"path": home.path().join("open"), "to": home.path().join("away")});
    assert_eq!(server.post("/filesystem/move", KEY, &moved).await.status, 200);
}

#[tokio::test]
async fn a_relative_denied_path_holds_wherever_a_relative_path_may_start() {
    let (directory, root) = (scratch(), scratch());
    put(&root.path().join("secret/a.txt"));
    put(&directory.path().join("secret/a.txt"));
    let env = format!("MCP_API_KEY={KEY}\nMCP_ALLOWED_DIRS={}\nMCP_DENIED_PATHS=secret\n", root.path().display());
    fs::write(directory.path().join(".env"), env).unwrap();
    let server = Program::start_in(directory, &[]);
    assert_eq!(reads(&server, Path::new("secret/a.txt")).await, [false, false]);
    assert_eq!(reads(&server, &root.path().join("secret/a.txt")).await, [false, false]);
}

#[test]
fn a_pattern_that_begins_so_high_that_it_cannot_be_looked_through_stops_the_start() {
    let text = super::refused(b"MCP_DENIED_PATHS=/**/*.pem\n");
    assert!(text.contains("/**/*.pem") && text.contains("begin it deeper"), "{text}");
}
