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
    for file in [
        "secret/a.txt",
        "deep/x/keys/prod.pem",
        "deep/y/keys/prod.pem",
        "My Documents, all/a.txt",
        "open/a.txt",
        " trail /a.txt",
        "a # b/a.txt",
        "caf\u{e9}/a.txt",
        "cafe\u{301}/a.txt",
    ] {
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
        ("MCP_DENIED_PATHS='\"{}/My Documents, all\"'", "My Documents, all/a.txt"),
        ("MCP_DENIED_PATHS=\"{}/ trail \"", " trail /a.txt"),
        ("MCP_DENIED_PATHS={}/nothing,'{}/ trail '", " trail /a.txt"),
        ("MCP_DENIED_PATHS=\"{}/a # b\"", "a # b/a.txt"),
        ("MCP_DENIED_PATHS={}/caf\u{e9}", "cafe\u{301}/a.txt"),
        ("MCP_DENIED_PATHS={}/cafe\u{301}", "caf\u{e9}/a.txt"),
        ("MCP_DENIED_PATHS={}/caf\u{e9}*/*.txt", "cafe\u{301}/a.txt"),
        ("MCP_DENIED_PATHS={}/[s]ec[r]et", "secret/a.txt"),
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

#[test]
fn a_comma_that_belongs_to_a_name_is_never_taken_for_one_between_paths() {
    let places = scratch();
    for name in ["s,c", "s", "c", "one, two"] {
        fs::create_dir(places.path().join(name)).unwrap();
    }
    let below = places.path().display();
    for value in [format!("{below}/s,c"), format!("\"{below}/s,c\""), format!("'{below}/one, two'")] {
        for name in ["MCP_DENIED_PATHS", "MCP_ALLOWED_DIRS"] {
            let text = super::refused(format!("{name}={value}\n").as_bytes());
            assert!(text.contains(name) && (text.contains("quotes") || text.contains("not there")), "{value}: {text}");
        }
    }
}

#[test]
fn a_comment_in_the_environment_is_no_part_of_a_path() {
    for value in ["/srv/real # c", "/srv/a,/srv/real #c"] {
        let directory = scratch();
        let output = crate::program::run(command(directory.path(), &[("MCP_DENIED_PATHS", value)]));
        let text = super::stopped(&output, value);
        assert!(text.contains("comment") && text.contains("MCP_DENIED_PATHS"), "{text}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_a_denied_link_will_lead_to_is_denied_as_soon_as_it_is_there() {
    use std::os::unix::fs::symlink;
    let home = scratch();
    symlink("later", home.path().join("dangling")).unwrap();
    symlink(home.path().join("deeper/x/../y"), home.path().join("second")).unwrap();
    symlink("loop", home.path().join("loop")).unwrap();
    let work = tempfile::Builder::new().tempdir_in(home.path()).unwrap();
    let places = ["dangling", "second", "loop"].map(|name| home.path().join(name).display().to_string()).join(",");
    fs::write(work.path().join(".env"), format!("MCP_DENIED_PATHS={places}\nMCP_API_KEY={KEY}\n")).unwrap();
    let server = Program::start_in(work, &[]);
    for file in ["later/a.txt", "deeper/y/a.txt"] {
        put(&home.path().join(file));
        assert_eq!(reads(&server, &home.path().join(file)).await, [false, false], "{file}");
    }
    put(&home.path().join("open.txt"));
    assert_eq!(reads(&server, &home.path().join("open.txt")).await, [true, true]);
}
