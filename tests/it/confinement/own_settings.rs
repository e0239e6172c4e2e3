//! The bridge's own `.env`, whose name comes free while the bridge runs: what a command puts there does not count.

use super::worlds::{Plan, World, in_each, worlds};
use crate::{
    program::{Program, command, run},
    server::{KEY, scratch},
};
use serde_json::json;

const THEIRS: &str = "the-key-of-an-attacker-0123456789";

/// What a command puts in the place of `.env`, in each way that there is.
fn take_over() -> String {
    format!(
        "printf 'MCP_API_KEY={THEIRS}\\nMCP_CONFINEMENT=off\\n' > project/open/new
cat project/open/new > bridge/.env; cp project/open/new bridge/new; mv -f bridge/new bridge/.env
cp project/open/new bridge/new; python3 -c 'import os; os.replace(\"bridge/new\", \"bridge/.env\")'; true"
    )
}

#[tokio::test]
async fn where_a_person_moved_env_away_no_command_makes_another_one() {
    let mut all = worlds().await;
    all.extend(World::with_key_in_environment());
    for world in all {
        for away in [true, false] {
            if away {
                std::fs::rename(world.at("bridge/.env"), world.at("bridge/.env.bak")).unwrap();
            } else {
                std::fs::remove_file(world.at("bridge/.env")).unwrap();
            }
            world.run(&take_over()).await;
            assert!(world.takes(KEY).await && !world.takes(THEIRS).await, "{}", world.name);
            let text = std::fs::read_to_string(world.at("bridge/.env")).unwrap_or_default();
            assert!(!text.contains(THEIRS), "{}: {text}", world.name);
        }
    }
}

#[tokio::test]
async fn a_file_that_a_command_puts_there_in_the_moment_the_name_is_free_counts_neither_now_nor_after_a_restart() {
    let script = format!(
        "cat > project/open/race.py <<'END'
import os
open('ready', 'w').close()
while True:
    try: file = os.open('../../bridge/.env', os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600); break
    except OSError: pass
os.write(file, b'MCP_API_KEY={THEIRS}\\nMCP_CONFINEMENT=off\\n')
print('PUT', flush=True)
END
cd project/open && exec python3 race.py"
    );
    in_each(&Plan::default(), async |world| {
        std::fs::write(world.at("other/script"), &script).unwrap();
        let command = format!("exec sh {}", world.at("other/script").display());
        let start = json!({"command": command, "cwd": world.at("")});
        let id = world.post("/terminal/start", start).await.ok()["id"].clone();
        crate::server::until("the script runs", || world.at("project/open/ready").exists()).await;
        std::fs::rename(world.at("bridge/.env"), world.at("bridge/.env~")).unwrap();
        let polled = world.post("/terminal/poll", json!({"id": id, "cursor": 0, "timeout": 2})).await.ok();
        let put = polled.to_string().contains("PUT");
        assert!(world.takes(KEY).await && !world.takes(THEIRS).await, "{}", world.name);
        world.post("/terminal/stop", json!({"id": id})).await.ok();
        world.run("true").await;
        assert!(!world.takes(THEIRS).await, "{}", world.name);
        let name = world.name.clone();
        if put {
            assert!(world.try_to_restart().await.is_none(), "{name}: the start is refused");
        }
    })
    .await;
}

#[tokio::test]
async fn a_key_that_a_person_saves_by_renaming_is_taken_while_no_command_runs() {
    let mine = "the-key-of-its-owner-0123456789";
    in_each(&Plan::default(), async |world| {
        world.run("true").await;
        std::fs::write(world.at("bridge/new"), format!("MCP_API_KEY={mine}\n")).unwrap();
        let owner = world.at("bridge/.env");
        std::os::unix::fs::chown(world.at("bridge/new"), Some(uid(&owner)), Some(uid(&owner))).unwrap();
        std::fs::rename(world.at("bridge/new"), &owner).unwrap();
        assert!(world.takes(mine).await && !world.takes(KEY).await, "{}", world.name);
    })
    .await;
}

fn uid(path: &std::path::Path) -> u32 {
    std::os::unix::fs::MetadataExt::uid(&path.metadata().unwrap())
}

#[tokio::test]
async fn a_bridge_whose_env_has_another_name_does_not_start_and_says_why() {
    let directory = scratch();
    std::fs::write(directory.path().join("e"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    std::fs::hard_link(directory.path().join("e"), directory.path().join(".env")).unwrap();
    let output = run(command(directory.path(), &[]));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("another name"), "{said}");
    std::fs::remove_file(directory.path().join("e")).unwrap();
    let server = Program::start_in(directory, &[]);
    assert_eq!(server.post("/terminal/info", KEY, &json!({})).await.status, 200, "without it it starts");
}

#[tokio::test]
async fn a_persons_own_rules_hold_and_no_command_changes_them() {
    const RULES: &str = "deny frobnicate *\n";
    let before = format!("printf '{}' > bridge/rules.txt", RULES.replace('\n', "\\n"));
    let settings = [("MCP_COMMAND_RULES", "rules.txt")];
    in_each(&Plan { before: &before, settings: &settings, ..Plan::default() }, async |world| {
        let answer = world
            .run(
                "echo runs; : > bridge/rules.txt; echo 'allow *' >> bridge/rules.txt; rm -f bridge/rules.txt
echo 'allow *' > project/open/new; mv -f project/open/new bridge/rules.txt; mv bridge/rules.txt project/open/old; true",
            )
            .await;
        assert_eq!(answer["stdout"], "runs\n", "{}: {answer}", world.name);
        assert_eq!(std::fs::read_to_string(world.at("bridge/rules.txt")).unwrap(), RULES, "{}", world.name);
        let refused = world.post("/terminal/execute", json!({"command": "frobnicate all"})).await;
        assert_eq!(refused.status, 403, "{}: {}", world.name, refused.text);
    })
    .await;
}
