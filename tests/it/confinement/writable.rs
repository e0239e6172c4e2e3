//! Places that commands may read and not change, on each kind of host: nothing gets a change through.

use super::worlds::{Plan, World, in_each};
use serde_json::json;

/// What may be changed: a folder, and by pattern files in others.
const SETTINGS: [(&str, &str); 1] = [("MCP_WRITABLE_PATHS", "{}/project/open,{}/project/notes/*.md")];

/// Files that are there before the bridge starts.
const BEFORE: &str =
    "mkdir project/notes; echo kept > other/file; echo note > project/notes/a.md; echo b > project/notes/b.txt";

/// Everything that a command could do to change what it may not. Each line is tried by itself.
const ATTACKS: &str = "echo x > other/new
echo x >> other/file
: > other/file
rm -f other/file
mv other/file project/open/stolen
mv project/open project/away
mv project/open other/away
rmdir project/open
mkdir other/made
ln -s x other/link
ln other/file project/open/hard && echo x >> project/open/hard
ln -s ../../other project/open/way; echo x >> project/open/way/file
truncate -s 0 other/file
cp project/open/mine other/file
python3 -c 'import os; os.replace(\"project/open/mine\", \"other/file\")'
mount -o remount,bind,rw other; mount --bind project/open other; echo x > other/new
unshare -Urm sh -c 'mount -o remount,bind,rw other; umount -l other; echo x > other/new'
exec 3< other/file; echo x > /proc/self/fd/3
echo x > /proc/self/cwd/other/file
echo x > project/new
echo x > project/notes/new.md
echo x > project/notes/b.txt
rm -f project/notes/b.txt
mv project/notes other/notes
echo x > bridge/new";

/// Landlock does not hold these.
const OF_ATTRIBUTES: &str = "chmod 777 other/file
chmod 777 other
touch -d 2001-01-01 other/file
exec 3< other/file; chmod 777 /proc/self/fd/3";

async fn run(world: &World, script: &str) -> serde_json::Value {
    let work = world.at("");
    world.run(&format!("cd {}\nmkdir -p project/open; echo mine > project/open/mine\n{script}", work.display())).await
}

/// What is in the places that may not be changed, as the test sees it.
fn kept(world: &World) -> String {
    let script = "find other project/notes bridge -maxdepth 1 ! -name script ! -name '.*' ! -path 'bridge/memory*' -printf '%p %y %m %TY %s\n' | sort; cat other/file";
    let output = std::process::Command::new("sh").args(["-c", script]).current_dir(world.at("")).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn nothing_changes_what_may_only_be_read() {
    in_each(&Plan { settings: &SETTINGS, before: BEFORE, ..Plan::default() }, async |world| {
        let before = kept(&world);
        let info = world.post("/terminal/info", json!({})).await.ok();
        let of_attributes = if info["confinement"] == "kernel+namespaces" { OF_ATTRIBUTES } else { "" };
        for attack in ATTACKS.lines().chain(of_attributes.lines()) {
            let answer = run(&world, attack).await;
            assert_eq!(kept(&world), before, "{}: {attack}: {answer}", world.name);
            assert!(world.at("project/open").is_dir(), "{}: {attack}", world.name);
        }
    })
    .await;
}

#[tokio::test]
async fn what_may_be_changed_is_changed_and_all_is_read() {
    let script = "set -e; cat other/file project/notes/b.txt; echo more >> project/notes/a.md; cd project/open
mkdir -p a/b; echo x > a/f; mv a/f a/b/g; ln a/b/g hard; ln -s a/b link; cat link/g; rm -r a; rm hard link
echo t > $(mktemp); t=/tmp/bridge-test-$$; python3 -c 'import tempfile; tempfile.TemporaryFile().write(b\"x\")'; : > made";
    in_each(&Plan { settings: &SETTINGS, before: BEFORE, ..Plan::default() }, async |world| {
        let answer = run(&world, script).await;
        assert_eq!(
            (&answer["stdout"], &answer["success"]),
            (&json!("kept\nb\nx\n"), &json!(true)),
            "{}: {answer}",
            world.name
        );
        assert_eq!(std::fs::read_to_string(world.at("project/notes/a.md")).unwrap(), "note\nmore\n", "{}", world.name);
        assert!(world.at("project/open/made").exists(), "{}", world.name);
    })
    .await;
}

#[tokio::test]
async fn a_file_that_comes_to_fit_can_be_changed_from_the_next_command_on() {
    in_each(&Plan { settings: &SETTINGS, before: BEFORE, ..Plan::default() }, async |world| {
        run(&world, "true").await;
        let new = world.at("project/notes/new.md");
        std::fs::write(&new, "new\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o666);
        std::fs::set_permissions(&new, mode).unwrap();
        let answer = run(&world, "echo more >> project/notes/new.md").await;
        assert_eq!(std::fs::read_to_string(&new).unwrap(), "new\nmore\n", "{}: {answer}", world.name);
    })
    .await;
}

#[tokio::test]
async fn where_nothing_may_be_changed_commands_run_and_read() {
    let settings = [("MCP_WRITABLE_PATHS", "none")];
    in_each(&Plan { settings: &settings, before: BEFORE, ..Plan::default() }, async |world| {
        let before = kept(&world);
        let script = format!(
            "cd {}; cat other/file; echo x > project/open/x || echo refused; echo x > $(mktemp)",
            world.at("").display()
        );
        let answer = world.run(&script).await;
        assert_eq!(answer["stdout"], "kept\nrefused\n", "{}: {answer}", world.name);
        assert_eq!(kept(&world), before, "{}", world.name);
        assert!(answer["blocked"].to_string().contains("MCP_WRITABLE_PATHS"), "{}: {answer}", world.name);
    })
    .await;
}
