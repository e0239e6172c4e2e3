//! Denied names that are links: what they lead to is denied, and a link that a program makes takes nothing away.

use super::{
    SECRET,
    worlds::{Plan, in_each, worlds_by},
};
use crate::{
    program::{command, run},
    server::{KEY, scratch},
};
use std::os::unix::fs::symlink;

#[tokio::test]
async fn what_a_link_led_to_at_the_start_stays_denied_when_the_link_is_gone_also_after_a_restart() {
    let before =
        "[ -d data ] || { mkdir -p data/gitlab data/conf/doctl; echo the-secret-of-the-outside > data/gitlab/token
echo the-secret-of-the-outside > data/conf/doctl/config.yaml; ln -s $PWD/data/gitlab home/.config/glab-cli
ln -s ../../data/conf/doctl home/.config/doctl; }";
    in_each(&Plan { before, ..Plan::default() }, async |world| {
        world.run("rm home/.config/glab-cli home/.config/doctl").await;
        for link in ["home/.config/glab-cli", "home/.config/doctl"] {
            let _ = std::fs::remove_file(world.at(link));
        }
        let world = world.restart().await;
        for name in ["data/gitlab/token", "data/conf/doctl/config.yaml"] {
            assert_eq!(world.gives(name).await, [false; 2], "{}: {name}", world.name);
        }
        let list = world.at("bridge/memory/linked_denials.txt");
        let text = std::fs::read_to_string(&list).unwrap();
        assert!(text.contains("data/gitlab\n"), "{text}");
        world.run("echo > bridge/memory/linked_denials.txt; rm bridge/memory/linked_denials.txt").await;
        assert_eq!(std::fs::read_to_string(&list).unwrap(), text, "{}: no command changes it", world.name);
        // The person whose place it is takes it out.
        std::fs::write(&list, "").unwrap();
        let world = world.restart().await;
        assert_eq!(world.gives("data/gitlab/token").await, [true; 2], "{}", world.name);
    })
    .await;
}

#[tokio::test]
async fn a_link_that_comes_later_denies_what_it_leads_to_as_long_as_it_is_there() {
    in_each(&Plan::default(), async |world| {
        std::fs::create_dir_all(world.at("project/data")).unwrap();
        std::fs::write(world.at("project/data/file"), SECRET).unwrap();
        assert_eq!(world.gives("project/data/file").await, [true; 2], "{}", world.name);
        symlink(world.at("project/data"), world.at("home/.pgpass")).unwrap();
        assert!(!world.gives("project/data/file").await[1], "{}", world.name);
        assert_eq!(world.gives("project/data/file").await, [false; 2], "{}", world.name);
        std::fs::remove_file(world.at("home/.pgpass")).unwrap();
        assert!(world.gives("project/data/file").await[1], "{}", world.name);
        assert_eq!(world.gives("project/data/file").await, [true; 2], "{}", world.name);
    })
    .await;
}

/// Denied names, and what a link there must not take away.
const SPARED: [(&str, &str); 8] = [
    (".bash_history", "/dev/null"),
    (".zsh_history", "/usr"),
    (".sqlite_history", "/usr/bin"),
    (".psql_history", "/"),
    (".mysql_history", "/tmp"),
    (".pgpass", "{}"),
    (".my.cnf", "{}/bridge"),
    (".git-credentials", "{}/home"),
];

#[tokio::test]
async fn a_link_at_a_denied_name_takes_neither_programs_nor_devices_nor_the_workspace_away() {
    // As they lie there at the start, and as they come later.
    let links = SPARED.map(|(name, target)| format!("ln -s {} home/{name}", target.replace("{}", "$PWD")));
    for before in ["", &links.join("\n")] {
        for world in worlds_by(&Plan { before, ..Plan::default() }).await {
            let work = world.at("");
            for (name, target) in SPARED.iter().filter(|_| before.is_empty()) {
                let target = target.replace("{}", work.to_str().unwrap().trim_end_matches('/'));
                symlink(target, world.at("home").join(name)).unwrap();
            }
            let answer =
                world.run("echo x > /dev/null && /usr/bin/env true && echo y > other/made && cat other/made").await;
            assert_eq!(answer["stdout"], "y\n", "{}: {answer}", world.name);
        }
    }
}

#[test]
fn a_memory_that_is_a_link_stops_the_start_and_the_message_says_how_to_fix_it() {
    let (directory, elsewhere) = (scratch(), scratch());
    std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    symlink(elsewhere.path(), directory.path().join("memory")).unwrap();
    let output = run(command(directory.path(), &[]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("memory is a link") && said.contains("move"), "{said}");
}

#[test]
fn an_env_that_is_a_link_stops_the_start_and_the_message_says_how_to_fix_it() {
    let (directory, elsewhere) = (scratch(), scratch());
    std::fs::write(elsewhere.path().join("env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    symlink(elsewhere.path().join("env"), directory.path().join(".env")).unwrap();
    let output = run(command(directory.path(), &[]));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains(".env") && said.contains("not a link"), "{said}");
}
