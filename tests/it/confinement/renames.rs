//! What commands rename, link and replace: harmless things go as outside, and nothing denied comes within reach.

use super::{
    SECRET,
    worlds::{Plan, World, in_each},
};
use crate::server::{KEY, Server, scratch};
use serde_json::{Value, json};
use std::{
    os::unix::fs::{MetadataExt, PermissionsExt},
    time::{Duration, Instant},
};

#[tokio::test]
async fn files_and_folders_go_from_one_folder_to_another() {
    let script = "set -e; cd project/open; mkdir a b; echo x > a/f; echo y > a/g
python3 -c \"import os; os.rename('a/f', 'b/f'); os.link('a/g', 'b/g'); os.rename('a', 'b/a')\"
ln b/f hard; mv b/g b/a/h; cat b/f b/a/h hard
python3 -c \"import os; os.rename('b/a', '../../other/a'); os.link('b/f', '../../other/g')\"
cd $(mktemp -d /dev/shm/bridge-test-XXXX); mkdir a b; echo z > a/f; python3 -c \"import os; os.rename('a/f', 'b/f')\"
rm b/f; rmdir a b $PWD";
    in_each(&Plan::default(), async |world| {
        let answer = world.run(script).await;
        assert_eq!(answer["stdout"], "x\ny\nx\n", "{}: {answer}", world.name);
        assert_eq!(answer["success"], true, "{}: {answer}", world.name);
    })
    .await;
}

#[tokio::test]
async fn git_moves_files_and_pushes_to_a_repository_beside() {
    let script =
        "set -e; cd project/open; export HOME=$PWD GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b
export GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b; git init -q --bare bare.git; git init -q r; cd r; mkdir src
echo x > f; git add f; git commit -qm first; git mv f src/g; git commit -qm moved; git push -q ../bare.git HEAD:main
git gc -q; git -C ../bare.git show --stat --format=%s main";
    in_each(&Plan::default(), async |world| {
        let answer = world.run(script).await;
        let output = answer["stdout"].as_str().unwrap();
        assert!(answer["success"] == true && output.starts_with("moved"), "{}: {answer}", world.name);
    })
    .await;
}

#[tokio::test]
async fn cargo_builds_a_library_with_a_program() {
    let script = "set -e; cd project/open; mkdir -p c/src; cd c
printf '[package]\nname = \"c\"\nversion = \"0.1.0\"\nedition = \"2021\"\n' > Cargo.toml
echo 'pub fn six() -> u32 { 6 }' > src/lib.rs; echo 'fn main() { println!(\"{}\", 7 * c::six()) }' > src/main.rs
cargo run -q --offline";
    in_each(&Plan::default(), async |world| {
        // Another user may not have the tools of this one.
        if has(&world.run("cargo --version").await) {
            let answer = world.run(script).await;
            assert_eq!(answer["stdout"], "42\n", "{}: {answer}", world.name);
        }
    })
    .await;
}

fn has(answer: &Value) -> bool {
    answer["success"] == true
}

/// Gives everything that leads to a secret another name, in every way that a program has.
const RENAMES: &str = "import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def exchange(a, b): libc.renameat2(-100, a.encode(), -100, b.encode(), 2)
def attempt(change, *names):
    try: change(*names)
    except OSError: pass
places = ['home/.config', 'home/.config/gh', 'home', 'home/.netrc', 'project/private/deep', 'project/private', 'project',
          'bridge/memory/undo', 'bridge/memory', 'bridge/.env', 'bridge']
attempt(os.mkdir, 'other/empty')
for number, place in enumerate(places):
    for holder in ['.', 'other', 'project/open', os.path.dirname(place) or '.']:
        new = f'{holder}/new{number}'
        attempt(os.rename, place, new)
        attempt(os.link, place, new + 'l')
        attempt(os.symlink, os.path.abspath(place), new + 's')
    exchange(place, 'other/empty')
    attempt(os.rename, 'other/empty', place)
    attempt(os.rmdir, place)
    attempt(os.unlink, place)
attempt(os.rename, '.', '../away')
attempt(os.rename, os.getcwd(), os.getcwd() + '-away')
";

#[tokio::test]
async fn no_rename_brings_a_denied_place_within_reach() {
    in_each(&Plan::default(), async |world| {
        std::fs::write(world.at("project/open/renames.py"), RENAMES).unwrap();
        for _ in 0..2 {
            let answer = world.run("python3 project/open/renames.py; find . -type f -exec cat {} + 2>&1; true").await;
            assert!(answer["success"] == true && !answer.to_string().contains(SECRET), "{}: {answer}", world.name);
            world.keeps_its_secret().await;
        }
    })
    .await;
}

#[tokio::test]
async fn no_command_moves_or_replaces_the_bridges_own_folder_or_gives_it_a_key() {
    let theirs = "the-key-of-an-attacker-0123456789";
    let script = format!(
        "mv bridge b2; mv bridge/memory bridge/m2; rmdir bridge/memory; mkdir -p bridge/memory
for place in bridge b2; do echo MCP_API_KEY={theirs} > $place/.env; echo MCP_API_KEY={theirs} > $place/new && mv -f $place/new $place/.env
echo x > $place/memory/made; echo x > $place/memory/.socket; ln -sf /etc $place/memory/undo; done; true"
    );
    in_each(&Plan::default(), async |world| {
        let was = world.at("bridge").metadata().unwrap().ino();
        world.run(&script).await;
        assert_eq!(world.at("bridge").metadata().unwrap().ino(), was, "{}", world.name);
        assert!(std::fs::read_to_string(world.at("bridge/.env")).unwrap().contains(KEY), "{}", world.name);
        assert!(!world.at("bridge/memory/made").exists() && world.at("bridge/memory/undo").is_dir(), "{}", world.name);
        assert!(world.takes(KEY).await && !world.takes(theirs).await, "{}", world.name);
    })
    .await;
}

#[tokio::test]
async fn a_denied_place_that_a_person_moved_stays_denied_under_its_new_name() {
    in_each(&Plan::default(), async |world| {
        world.run("true").await;
        std::fs::rename(world.at("home/.config"), world.at("home/conf2")).unwrap();
        std::fs::rename(world.at("project"), world.at("project2")).unwrap();
        std::fs::create_dir_all(world.at("project/open")).unwrap();
        let read = json!({"path": world.at("project2/private/deep/key")});
        assert_eq!(world.post("/filesystem/read", read).await.status, 403, "{}", world.name);
        let all = json!({"path": world.at("project2"), "recursive": true});
        let listed = world.post("/filesystem/list", all).await;
        assert!(!listed.text.contains("deep"), "{}: {}", world.name, listed.text);
        let away = json!({"path": world.at("project2"), "recursive": true});
        assert_eq!(world.post("/filesystem/delete", away).await.status, 403, "{}", world.name);
        world.keeps_its_secret().await;
    })
    .await;
}

#[tokio::test]
async fn a_key_counts_only_in_the_folder_and_the_file_that_are_the_bridges() {
    let other = "another-key-0123456789abcdef";
    in_each(&Plan::default(), async |world| {
        let file = world.at("bridge/.env");
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).unwrap();
        std::fs::write(&file, format!("MCP_API_KEY={other}\n")).unwrap();
        assert!(world.takes(KEY).await && !world.takes(other).await, "{}: others could have written it", world.name);
        std::fs::rename(world.at("bridge"), world.at("other/bridge")).unwrap();
        std::fs::create_dir(world.at("bridge")).unwrap();
        std::fs::write(&file, format!("MCP_API_KEY={other}\n")).unwrap();
        assert!(world.takes(KEY).await && !world.takes(other).await, "{}: another folder", world.name);
        let kept = world.at("other/bridge/.env");
        std::fs::set_permissions(&kept, PermissionsExt::from_mode(0o600)).unwrap();
        assert!(world.takes(other).await, "{}: the bridge's own folder, wherever it is", world.name);
    })
    .await;
}

#[tokio::test]
async fn where_the_key_comes_from_the_environment_no_command_can_make_an_env() {
    let world = World::with_key_in_environment().expect("it starts");
    let file = world.at("bridge/.env");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let script = "echo MCP_HOST=0.0.0.0 > bridge/.env; rm -f bridge/.env; mv other bridge/.env; true";
    world.run(script).await;
    assert!(file.is_file() && !std::fs::read_to_string(&file).unwrap().contains("MCP_HOST"));
}

#[tokio::test]
async fn the_folder_that_stands_in_for_a_home_cannot_be_swapped_for_another_one() {
    let (outside, directory) = (scratch(), scratch());
    std::fs::write(outside.path().join("secret"), SECRET).unwrap();
    let hidden = format!("{},{}", outside.path().display(), std::env::home_dir().unwrap().display());
    let server = Server::at_directory(directory.path(), &[("MCP_DENIED_PATHS", &hidden)]).await;
    let mark = format!("mark-{}", std::process::id());
    let script = format!(
        "touch ~/{mark}; for folder in /tmp/bridge-*; do if [ -e $folder/home/{mark} ]; then echo FOUND
mv $folder/home $folder/h2; mv $folder $folder-away; mkdir -p $folder; ln -s {} $folder/home; fi; done 2>/dev/null; true",
        outside.path().display()
    );
    let server = server.with_file("script", script);
    let answer = server.call("terminal_execute", json!({"command": "sh ./script"})).await;
    assert_eq!(answer["stdout"], "FOUND\n", "{answer}");
    let answer = server.call("terminal_execute", json!({"command": "cat ~/secret; ls ~"})).await;
    let output = answer["stdout"].as_str().unwrap();
    assert!(output.contains(&mark) && !output.contains(SECRET), "{answer}");
}

/// For how long names are swapped in each world, which run side by side: a moment, unless `BRIDGE_RACE_SECONDS` says more.
fn race() -> Duration {
    let asked = std::env::var("BRIDGE_RACE_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(asked.unwrap_or(2))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_denied_is_read_while_a_command_renames_what_holds_it_back_and_forth() {
    let swap = "import os, sys
pairs = [('home/.config', 'home/c2'), ('project', 'p2'), ('home', 'h2'), ('bridge', 'b2'), ('other', 'o2')]
while True:
    for a, b in pairs:
        for x, y in ((a, b), (b, a)):
            try: os.rename(x, y)
            except OSError: pass
";
    in_each(&Plan::default(), async |world| {
        std::fs::write(world.at("project/open/swap.py"), swap).unwrap();
        let start =
            json!({"command": format!("python3 {}", world.at("project/open/swap.py").display()), "cwd": world.at("")});
        let started = world.post("/terminal/start", start).await.ok();
        let end = Instant::now() + race();
        while Instant::now() < end {
            for name in
                ["home/c2/gh/hosts.yml", "p2/private/deep/key", "h2/.netrc", "b2/.env", "home/.config/gh/hosts.yml"]
            {
                let reply = world.post("/filesystem/read", json!({"path": world.at(name)})).await;
                assert!(!reply.text.contains(SECRET), "{}: {name}", world.name);
            }
            let reply =
                world.post("/terminal/execute", json!({"command": "cat */*/* */.* 2>&1", "cwd": world.at("")})).await;
            assert!(!reply.text.contains(SECRET), "{}: {}", world.name, reply.text);
        }
        let stop = json!({"id": started["id"]});
        world.post("/terminal/stop", stop).await.ok();
    })
    .await;
}
