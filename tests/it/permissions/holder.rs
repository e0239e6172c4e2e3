//! The file as a bridge follows it, and as no caller reaches it.

use crate::{
    confinement::worlds::{Plan, in_each},
    program::{command, run},
    server::{Server, scratch, until},
};
use serde_json::json;
use skynet_bridge::{catalog, permissions::Permissions, settings::Settings};
use std::{fs, path::Path, sync::Arc};

const ONE: &str = "[profile.one]\ninherits = \"careful\"\n";
const TWO: &str = "[profile.two]\ninherits = \"read-only\"\n";

fn open(directory: &Path) -> anyhow::Result<Permissions> {
    Permissions::open(directory, Arc::new(Settings::from_pairs([]).unwrap()), catalog::tools())
}

fn has(permissions: &Permissions, profile: &str) -> bool {
    permissions.current().get(profile).is_some()
}

/// As editors save: another file takes the name.
fn replace(path: &Path, text: &str) {
    let new = path.with_extension("new");
    fs::write(&new, text).unwrap();
    fs::rename(new, path).unwrap();
}

#[test]
fn a_change_counts_at_once_and_a_mistake_keeps_what_was_before() {
    let directory = scratch();
    let file = directory.path().join("permissions.toml");
    let permissions = open(directory.path()).unwrap();
    assert!(has(&permissions, "careful") && !has(&permissions, "one"), "without a file there are the presets");
    fs::write(&file, ONE).unwrap();
    assert!(has(&permissions, "one") && permissions.problem().is_none());
    fs::write(&file, "[profile.one]\ninherits = \"carful\"\n").unwrap();
    assert!(has(&permissions, "one"));
    let problem = permissions.problem().unwrap();
    assert!(problem.contains("line 2, column 1") && problem.contains("careful"), "{problem}");
    replace(&file, TWO);
    assert!(has(&permissions, "two") && !has(&permissions, "one") && permissions.problem().is_none());
    fs::remove_file(&file).unwrap();
    assert!(has(&permissions, "two") && permissions.problem().unwrap().contains("is gone"));
    fs::write(&file, "").unwrap();
    assert!(!has(&permissions, "two") && permissions.problem().is_none());
}

#[test]
fn what_is_no_file_of_the_person_s_own_stops_the_start_and_does_not_count_later() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let directory = scratch();
    let file = directory.path().join("permissions.toml");
    let other = directory.path().join("other.toml");
    fs::write(&other, ONE).unwrap();
    let said = || open(directory.path()).err().map(|error| format!("{error:#}")).unwrap_or_default();
    symlink(&other, &file).unwrap();
    assert!(said().contains("not a link"), "{}", said());
    fs::remove_file(&file).unwrap();
    fs::hard_link(&other, &file).unwrap();
    assert!(said().contains("another name"), "{}", said());
    fs::remove_file(&file).unwrap();
    fs::write(&file, ONE).unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o666)).unwrap();
    assert!(said().contains("other users may write it"), "{}", said());
    fs::write(&file, "[profile").unwrap();
    fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    assert!(said().contains("line 1"), "{}", said());
    fs::write(&file, TWO).unwrap();
    let permissions = open(directory.path()).unwrap();
    fs::remove_file(&file).unwrap();
    symlink(&other, &file).unwrap();
    assert!(has(&permissions, "two") && permissions.problem().unwrap().contains("not a link"));
}

#[tokio::test]
async fn a_file_that_comes_while_a_command_runs_counts_when_the_person_says_that_it_is_his() {
    let directory = scratch();
    let home = directory.path().canonicalize().unwrap();
    let file = home.join("permissions.toml");
    fs::write(&file, ONE).unwrap();
    let server = Server::at_directory(&home, &[]).await;
    let permissions = open(&home).unwrap();
    let start = json!({"command": "touch runs; exec sleep 1000"});
    let id = server.call("terminal_start", start).await["id"].clone();
    until("it runs", || home.join("runs").exists()).await;
    replace(&file, TWO);
    assert!(has(&permissions, "one") && permissions.problem().unwrap().contains("permissions accept"));
    server.call("terminal_stop", json!({"id": id})).await;
    assert!(has(&permissions, "one"), "it stays doubted when the command is over");
    assert!(open(&home).unwrap_err().to_string().contains("came while a command ran"));
    let mut accept = command(&home, &[]);
    accept.args(["permissions", "accept"]);
    assert!(run(accept).status.success());
    assert!(open(&home).is_ok());
}

#[tokio::test]
async fn an_edit_in_place_counts_while_commands_run() {
    let directory = scratch();
    let home = directory.path().canonicalize().unwrap();
    let server = Server::at_directory(&home, &[]).await;
    let permissions = open(&home).unwrap();
    let start = json!({"command": "touch runs; exec sleep 1000"});
    let id = server.call("terminal_start", start).await["id"].clone();
    until("it runs", || home.join("runs").exists()).await;
    // The bridge made an empty one before.
    fs::write(home.join("permissions.toml"), ONE).unwrap();
    assert!(has(&permissions, "one"), "{:?}", permissions.problem());
    server.call("terminal_stop", json!({"id": id})).await;
}

#[tokio::test]
async fn no_route_and_no_command_reads_makes_or_changes_the_file_on_any_host() {
    let theirs = "[profile.theirs]\ninherits = \"trusted\"\n";
    let attacks = format!(
        "printf '{}' > project/open/new; cat bridge/permissions.toml; cat project/open/new > bridge/permissions.toml
cp project/open/new bridge/new; mv -f bridge/new bridge/permissions.toml; rm -f bridge/permissions.toml
mv bridge/permissions.toml project/open/old; ln bridge/permissions.toml project/open/hard; cat project/open/hard
ln -s ../../bridge/permissions.toml project/open/link; cat project/open/link; cat project/open/new >> project/open/link; true",
        theirs.replace('\n', "\\n")
    );
    let mine = "# what-nobody-may-read\\n[profile.mine]\\ninherits = \"careful\"\\n";
    let before = format!("printf '{mine}' > bridge/permissions.toml");
    for before in ["", &before] {
        in_each(&Plan { before, ..Plan::default() }, async |world| {
            let file = world.at("bridge/permissions.toml");
            let kept = fs::read_to_string(&file).unwrap_or_default();
            let answer = world.run(&attacks).await;
            assert!(!answer.to_string().contains("what-nobody-may-read"), "{}: {answer}", world.name);
            for (route, arguments) in [
                ("/filesystem/read", json!({"path": file})),
                ("/filesystem/write", json!({"path": file, "content": theirs})),
                ("/filesystem/delete", json!({"path": file})),
                ("/filesystem/move", json!({"path": world.at("project/open/new"), "to": file, "overwrite": true})),
                ("/filesystem/copy", json!({"path": file, "to": world.at("project/open/copy")})),
            ] {
                let reply = world.post(route, arguments).await;
                assert_eq!(reply.status, 403, "{}: {route}: {}", world.name, reply.text);
            }
            let now = fs::read_to_string(&file).unwrap_or_default();
            assert!(!now.contains("theirs") && now.contains(&kept), "{}: {now}", world.name);
        })
        .await;
    }
}
