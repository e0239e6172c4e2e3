//! Files are a boundary: the corpus of attacks, and the race in which a directory is swapped while it is read.
#![cfg(unix)]

use crate::server::{Reply, Server, scratch};
use serde::Deserialize;
use serde_json::{Value, json};
use skynet_bridge::settings::Settings;
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};
use tempfile::TempDir;

const SECRET: &str = "OUTSIDE-SECRET";

/// A row of the corpus.
#[derive(Clone, Deserialize)]
struct Row {
    id: String,
    path: String,
    label: String,
    op: String,
    tier: String,
    setup: Vec<Vec<String>>,
}

/// The directories that a row speaks of, and a server that is allowed only one of them.
struct Scene {
    server: Server,
    base: TempDir,
    /// Whose it is: rows that are set up alike and change nothing share one.
    row: Row,
}

impl Scene {
    async fn of(row: &Row) -> Self {
        let base = scratch();
        let at = |name: &str| base.path().join(name);
        for folder in ["allowed/sub", "outside", "allowed-evil"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at("allowed/ok.txt"), "fine").unwrap();
        fs::write(at("allowed/sub/in.txt"), "fine").unwrap();
        fs::write(at("allowed/.env"), format!("MCP_API_KEY={SECRET}")).unwrap();
        fs::write(at("outside/secret.txt"), SECRET).unwrap();
        fs::write(at("allowed-evil/secret.txt"), SECRET).unwrap();
        let mut root = at("allowed");
        for step in &row.setup {
            match step[0].as_str() {
                "race" => symlink(at("outside"), filled(&step[1], base.path())).unwrap(),
                "root_via_symlink" => {
                    root = at("link/allowed");
                    symlink(base.path(), at("link")).unwrap();
                }
                _ => set_up(step, base.path()),
            }
        }
        let root = root.to_str().unwrap();
        let server = Server::at_directory(Path::new(root), &[("MCP_ALLOWED_DIRS", root)]).await;
        Self { server, base, row: row.clone() }
    }

    /// This one if it serves the row as well, else another one.
    async fn for_row(scene: Option<Self>, row: &Row) -> Self {
        match scene {
            Some(scene) if row.op != "write" && scene.row.op != "write" && scene.row.setup == row.setup => scene,
            other => {
                if let Some(scene) = other {
                    scene.server.stop().await;
                }
                Self::of(row).await
            }
        }
    }

    async fn ask(&self, row: &Row) -> Reply {
        let path = filled(&row.path, self.base.path());
        let arguments = match row.op.as_str() {
            "write" => json!({"path": path, "content": "written"}),
            "search" => json!({"path": path, "query": SECRET}),
            "list" => json!({"path": path, "recursive": true}),
            _ => json!({"path": path}),
        };
        self.server.post(&format!("/filesystem/{}", row.op), arguments).await
    }

    /// Every file outside the root, with what is in it.
    fn outside(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let all = walkdir::WalkDir::new(self.base.path()).sort_by_file_name().into_iter().map(Result::unwrap);
        let outside = all.filter(|entry| !entry.path().starts_with(self.base.path().join("allowed")));
        let files = outside.filter(|entry| entry.file_type().is_file());
        files.map(|entry| (entry.path().to_owned(), fs::read(entry.path()).unwrap())).collect()
    }
}

fn filled(text: &str, base: &Path) -> String {
    let base = base.to_str().unwrap();
    let filled = text.replace("{ROOT}", &format!("{base}/allowed")).replace("{OUT}", &format!("{base}/outside"));
    let memory = format!("{base}/allowed/memory");
    filled.replace("{BRIDGE_ENV}", &format!("{base}/allowed/.env")).replace("{BRIDGE_MEMORY}", &memory)
}

fn set_up(step: &[String], base: &Path) {
    let place = PathBuf::from(filled(&step[1], base));
    let target = step.get(2).map(|text| filled(text, base));
    match step[0].as_str() {
        "dir" => fs::create_dir_all(place).unwrap(),
        "file" => fs::write(place, target.unwrap()).unwrap(),
        "symlink" => symlink(target.unwrap(), place).unwrap(),
        "hardlink" => fs::hard_link(target.unwrap(), place).unwrap(),
        "fifo" => assert!(Command::new("mkfifo").arg(place).status().unwrap().success()),
        "sock" => drop(std::os::unix::net::UnixListener::bind(place).unwrap()),
        other => panic!("the corpus has a step that this test does not know: {other}"),
    }
}

/// All rows, those that are set up alike beside each other.
fn rows() -> Vec<Row> {
    let corpora = [include_str!("../corpora/paths.jsonl"), include_str!("../corpora/paths-more.jsonl")];
    let lines = corpora.iter().flat_map(|corpus| corpus.lines());
    let mut rows: Vec<Row> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    rows.sort_by_key(|row| (row.op == "write", row.setup.clone()));
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn every_escape_of_the_corpora_is_denied_and_every_harmless_path_is_served() {
    let mut last = None;
    for row in rows().iter().filter(|row| row.tier == "core") {
        let scene = Scene::for_row(last.take(), row).await;
        let before = scene.outside();
        let started = Instant::now();
        let reply = scene.ask(row).await;
        assert!(started.elapsed() < Duration::from_secs(5), "{} was slow", row.id);
        assert!(!reply.text.contains(SECRET), "{}: {}", row.id, reply.text);
        match row.label.as_str() {
            "allow" => assert_eq!(reply.status, 200, "{}: {}", row.id, reply.text),
            _ => assert!((400..500).contains(&reply.status), "{}: {} {}", row.id, reply.status, reply.text),
        }
        assert_eq!(scene.outside(), before, "{} changed something outside", row.id);
        last = Some(scene);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_on_which_people_differ_never_change_anything_outside() {
    let mut last = None;
    for row in rows().iter().filter(|row| row.tier == "policy") {
        let scene = Scene::for_row(last.take(), row).await;
        let before = scene.outside();
        let reply = scene.ask(row).await;
        assert!(reply.status < 500 && !reply.text.contains(SECRET), "{}: {}", row.id, reply.text);
        assert_eq!(scene.outside(), before, "{} changed something outside", row.id);
        last = Some(scene);
    }
}

/// Swaps a name between a directory and a link to the outside until it is told to stop.
fn swap(base: &Path, stop: &AtomicBool) {
    let (race, real, link) = (base.join("allowed/race"), base.join("allowed/real"), base.join("allowed/link"));
    symlink(base.join("outside"), &link).unwrap();
    while !stop.load(Ordering::Relaxed) {
        for place in [&real, &link] {
            // A write may have made the directory in the moment when nothing had the name.
            while fs::rename(place, &race).is_err() {
                let _ = fs::remove_dir_all(&race);
            }
            // Whatever a write does meanwhile, and however it fails: this is not its own to remove.
            fs::rename(&race, place).unwrap();
        }
    }
}

/// Ends the swapping also when the test fails.
struct Stops<'a>(&'a AtomicBool);

impl Drop for Stops<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_thousand_tries_in_a_swap_race_none_escapes() {
    let base = scratch();
    for folder in ["allowed/real", "outside"] {
        fs::create_dir_all(base.path().join(folder)).unwrap();
    }
    fs::write(base.path().join("allowed/real/f.txt"), "inside").unwrap();
    fs::write(base.path().join("outside/f.txt"), SECRET).unwrap();
    let root = base.path().join("allowed");
    let server = Server::at_directory(&root, &[("MCP_ALLOWED_DIRS", root.to_str().unwrap())]).await;
    let stop = AtomicBool::new(false);
    let (mut served, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| swap(base.path(), &stop));
        let _stops = Stops(&stop);
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for turn in 0..10_000 {
                    let reply = match turn % 20 {
                        0 => server.post("/filesystem/list", json!({"path": "race"})).await,
                        1 => server.post("/filesystem/search", json!({"path": ".", "query": "SECRET"})).await,
                        2 => server.post("/filesystem/write", json!({"path": "race/w.txt", "content": "x"})).await,
                        _ => server.post("/filesystem/read", json!({"path": "race/f.txt"})).await,
                    };
                    assert!(!reply.text.contains(SECRET), "{}", reply.text);
                    assert!(reply.status < 500, "{}", reply.text);
                    if reply.status == 200 { served += 1 } else { refused += 1 }
                }
            });
        });
    });
    assert!(!base.path().join("outside/w.txt").exists(), "a write escaped");
    assert!(served > 100 && refused > 100, "the race took place: {served} served, {refused} refused");
}

#[tokio::test]
async fn links_inside_the_allowed_area_are_followed() {
    let base = scratch();
    fs::create_dir_all(base.path().join("allowed/deep/er")).unwrap();
    fs::write(base.path().join("allowed/deep/er/f.txt"), "inside").unwrap();
    let root = base.path().join("allowed");
    symlink("deep/er", root.join("relative")).unwrap();
    symlink(root.join("deep"), root.join("absolute")).unwrap();
    symlink("../deep/er/f.txt", root.join("deep/upward")).unwrap();
    symlink("deep/er/new.txt", root.join("dangling")).unwrap();
    let server = Server::at_directory(&root, &[("MCP_ALLOWED_DIRS", root.to_str().unwrap())]).await;
    for path in ["relative/f.txt", "absolute/er/f.txt", "absolute/upward"] {
        assert_eq!(server.call("filesystem_read", json!({"path": path})).await["content"], "inside", "{path}");
    }
    assert_eq!(server.post("/filesystem/read", json!({"path": "dangling"})).await.status, 404);
    server.call("filesystem_write", json!({"path": "dangling", "content": "through"})).await;
    assert_eq!(fs::read_to_string(root.join("deep/er/new.txt")).unwrap(), "through");
    assert!(root.join("dangling").is_symlink());
}

#[tokio::test]
async fn the_bridges_own_secrets_are_out_of_reach_under_any_name() {
    let server = Server::start().await.with_file(".env", format!("MCP_API_KEY={SECRET}"));
    fs::hard_link(server.path(".env"), server.path("harmless.txt")).unwrap();
    symlink(".env", server.path("link.txt")).unwrap();
    for path in [".env", "harmless.txt", "link.txt", "./.env", "memory/undo/x"] {
        let reply = server.post("/filesystem/read", json!({"path": path})).await;
        assert_eq!((reply.status, reply.detail()), (403, "Unsafe file path"), "{path}");
    }
    for path in [".env", "memory/index_memory.json", "memory/new/x"] {
        let reply = server.post("/filesystem/write", json!({"path": path, "content": "x"})).await;
        assert_eq!(reply.status, 403, "{path}");
    }
    let found = server.call("filesystem_search", json!({"path": ".", "query": SECRET, "include_hidden": true})).await;
    assert_eq!(found["count"], 0, "{found}");
}

#[tokio::test]
async fn what_lies_outside_is_refused_whether_it_is_there_or_not() {
    let base = scratch();
    fs::create_dir_all(base.path().join("allowed")).unwrap();
    fs::write(base.path().join("there.txt"), SECRET).unwrap();
    let root = base.path().join("allowed");
    symlink(base.path(), root.join("up")).unwrap();
    let denied = base.path().join("allowed/private");
    let settings = [("MCP_ALLOWED_DIRS", root.to_str().unwrap()), ("MCP_DENIED_PATHS", denied.to_str().unwrap())];
    let server = Server::at_directory(&root, &settings).await;
    for path in ["up/there.txt", "up/missing.txt", "up/missing/x", "up/there.txt/x", "private", "private/x"] {
        let reply = server.post("/filesystem/read", json!({"path": path})).await;
        assert_eq!((reply.status, reply.detail()), (403, "Unsafe file path"), "{path}");
        let reply = server.post("/filesystem/list", json!({"path": path})).await;
        assert_eq!((reply.status, reply.detail()), (403, "Unsafe directory path"), "{path}");
    }
}

#[tokio::test]
async fn relative_paths_start_at_the_first_root_when_the_servers_directory_is_outside() {
    let base = scratch();
    fs::create_dir_all(base.path().join("allowed")).unwrap();
    fs::write(base.path().join("allowed/ok.txt"), "fine").unwrap();
    let server = Server::with_settings(&[("MCP_ALLOWED_DIRS", base.path().join("allowed").to_str().unwrap())]).await;
    let read: Value = server.call("filesystem_read", json!({"path": "ok.txt"})).await;
    assert_eq!(read["content"], "fine");
}

#[test]
fn paths_that_are_joined_as_in_path_stop_the_start_instead_of_denying_nothing() {
    for name in ["MCP_DENIED_PATHS", "MCP_ALLOWED_DIRS"] {
        for text in ["/data/a:/data/b", "~/a:/b", "/a;/b"] {
            let error = Settings::from_pairs([(name, text)]).unwrap_err().to_string();
            assert!(error.contains(name) && error.contains("separated by commas"), "{error}");
        }
        assert!(Settings::from_pairs([(name, "/data/a, /data/b:c, C:/data")]).is_ok());
    }
}
