//! What a command does to keep the bridge from seeing what is denied: it gains nothing by it.

use super::{
    SECRET,
    worlds::{Plan, World, in_each, worlds_by},
};
use crate::server::KEY;
use std::{os::unix::fs::PermissionsExt, path::Path};

fn allow_all(path: &Path) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o777)).unwrap();
}

async fn says_nothing(world: &World, script: &str) {
    let reply = world.try_to_run(script).await;
    assert!(!reply.text.contains(SECRET), "{}: {script}: {}", world.name, reply.text);
}

#[tokio::test]
async fn a_folder_that_a_command_shuts_before_the_bridge_looks_into_it_stays_shut() {
    in_each(&Plan::default(), async |world| {
        for mode in ["0", "0400", "0300"] {
            for (folder, file) in
                [("home/.config", "gh/hosts.yml"), ("home/.config/gh", "hosts.yml"), ("project", "private/deep/key")]
            {
                says_nothing(&world, &format!("chmod {mode} {folder}")).await;
                says_nothing(&world, &format!("chmod 700 {folder}; mv {folder} {folder}2; cat {folder}*/{file}")).await;
                allow_all(&world.at(folder));
            }
        }
        world.keeps_its_secret().await;
        // What is harmless beside it is not denied for that.
        std::fs::write(world.at("home/.config/harmless"), "fine").unwrap();
        let answer = world.run("cat home/.config/harmless").await;
        assert_eq!(answer["stdout"], "fine", "{}: {answer}", world.name);
    })
    .await;
}

#[tokio::test]
async fn the_bridges_own_folder_that_a_command_shuts_stays_shut() {
    in_each(&Plan::default(), async |world| {
        says_nothing(&world, "chmod 0 bridge").await;
        says_nothing(
            &world,
            "chmod 700 bridge; cat bridge/.env bridge/memory/undo/old; echo MCP_HOST=0.0.0.0 >> bridge/.env",
        )
        .await;
        allow_all(&world.at("bridge"));
        says_nothing(&world, "cat bridge/.env bridge/memory/undo/old").await;
        let env = std::fs::read_to_string(world.at("bridge/.env")).unwrap();
        assert!(env.contains(KEY) && !env.contains("MCP_HOST"), "{}: {env}", world.name);
    })
    .await;
}

#[tokio::test]
async fn a_folder_above_what_fits_a_pattern_is_no_way_around_when_it_is_shut() {
    let settings = [("MCP_DENIED_PATHS", "{}/project/**/*.pem")];
    in_each(&Plan { settings: &settings, ..Plan::default() }, async |world| {
        std::fs::create_dir_all(world.at("project/keys/deep")).unwrap();
        std::fs::write(world.at("project/keys/deep/a.pem"), SECRET).unwrap();
        for folder in ["project/keys", "project/keys/deep"] {
            allow_all(&world.at(folder));
        }
        for mode in ["0", "0300", "0400"] {
            says_nothing(&world, &format!("chmod {mode} project/keys")).await;
            says_nothing(&world, "chmod 700 project/keys; cat project/keys/deep/a.pem").await;
            allow_all(&world.at("project/keys"));
        }
    })
    .await;
}

#[tokio::test]
async fn what_fits_a_pattern_is_denied_on_every_host_from_the_next_command_on() {
    let settings = [("MCP_DENIED_PATHS", "{}/project/**/*.pem")];
    in_each(&Plan { settings: &settings, ..Plan::default() }, async |world| {
        for (name, denied) in [("project/a.pem", true), ("project/open/x/b.pem", true), ("project/open/x/b.txt", false)]
        {
            std::fs::create_dir_all(world.at(name).parent().unwrap()).unwrap();
            std::fs::write(world.at(name), SECRET).unwrap();
            assert_eq!(world.gives(name).await, [!denied; 2], "{}: {name}", world.name);
        }
        let moved = world
            .run("mv project/open/x/b.pem other/b.txt; mv project/open/x other/x; cat other/b.txt other/x/b.pem")
            .await;
        assert!(!moved.to_string().contains(SECRET), "{}: {moved}", world.name);
    })
    .await;
}

#[tokio::test]
async fn no_folder_between_a_root_and_another_one_in_it_can_be_renamed() {
    let before = "mkdir -p x/y/proj x/free; cp -r bridge x/y/proj/bridge";
    let settings = [("MCP_ALLOWED_DIRS", "{},{}/x/y/proj")];
    let plan = Plan { before, settings: &settings, bridge: Some("x/y/proj/bridge"), ..Plan::default() };
    in_each(&plan, async |world| {
        world.run("mv x x2; mv x/y x/y2; mv x/y y2; mv x/y/proj p2; mv x/y/proj x/y/p2; true").await;
        assert!(world.at("x/y/proj/bridge/.env").exists(), "{}", world.name);
        if world.name.starts_with("[]") {
            assert_eq!(world.run("mv x/free x/y/free && ls x/y").await["stdout"], "free\nproj\n", "{}", world.name);
        }
    })
    .await;
}

#[tokio::test]
async fn no_folder_above_a_denied_home_can_be_renamed() {
    let before = "mkdir -p people/all; cp -r home people/all/ana";
    let settings = [("MCP_DENIED_PATHS", "{}/people/all/ana")];
    let plan = Plan { before, settings: &settings, home: Some("people/all/ana"), ..Plan::default() };
    in_each(&plan, async |world| {
        world.run("mv people people2; mv people/all people/all2; mv people/all/ana people/all/ben; true").await;
        assert!(world.at("people/all/ana/.netrc").exists(), "{}", world.name);
        assert_eq!(world.gives("people/all/ana/.netrc").await, [false; 2], "{}", world.name);
    })
    .await;
}

#[tokio::test]
async fn a_denied_name_that_leads_to_a_very_long_path_changes_nothing_of_how_commands_are_held() {
    for length in [4091, 4095] {
        // Where the bridge runs anew, so that nothing was found out before.
        let before = format!(
            "python3 -c \"
import os
here, left = os.getcwd(), {length} - len(os.getcwd())
while left > 0:
    step = min(left - 1, 250) if left - 1 - min(left - 1, 250) != 1 else 200
    here, left = here + '/' + 'd' * step, left - step - 1
assert len(here) == {length}
os.makedirs(os.path.dirname(here))
open(here, 'w').write('{SECRET}')
os.symlink(here, 'home/.pgpass')\""
        );
        for world in worlds_by(&Plan { before: &before, ..Plan::default() }).await {
            let answer =
                world.run("echo runs; cat home/.pgpass; cd d*; cd d*; cat d*/d*/d*/d*/d*/d*/d*/d*/d*/d*/d*/d*").await;
            let output = answer["stdout"].as_str().unwrap();
            assert!(
                output.starts_with("runs") && !answer.to_string().contains(SECRET),
                "{} {length}: {answer}",
                world.name
            );
        }
    }
}

#[tokio::test]
async fn more_denied_places_than_can_be_held_keep_commands_from_running_until_there_are_fewer() {
    let few = "ulimit -n 600; mkdir project/keys; for n in $(seq 400); do echo the-secret-of-the-outside > project/keys/$n.pem; done";
    let settings = [("MCP_DENIED_PATHS", "{}/project/keys/*.pem")];
    in_each(&Plan { before: few, settings: &settings, ..Plan::default() }, async |world| {
        for number in [1, 200, 300, 399, 400] {
            assert_eq!(world.gives(&format!("project/keys/{number}.pem")).await, [false; 2], "{} {number}", world.name);
        }
        assert_eq!(world.try_to_run("true").await.status, 500, "{}", world.name);
        for number in 101..=400 {
            std::fs::remove_file(world.at(&format!("project/keys/{number}.pem"))).unwrap();
        }
        assert_eq!(world.run("echo runs").await["stdout"], "runs\n", "{}", world.name);
    })
    .await;
}

#[tokio::test]
async fn a_denied_place_is_covered_under_every_name_that_a_mount_gives_it() {
    let before =
        "mkdir -p other/again other/part; mount --bind home other/again; mount --bind home/.config/gh other/part
touch other/file; mount --bind home/.netrc other/file";
    in_each(&Plan { before, ..Plan::default() }, async |world| {
        let script =
            "cat other/again/.netrc other/again/.config/gh/hosts.yml other/part/hosts.yml other/file; ls other/again";
        says_nothing(&world, script).await;
        for name in ["other/again/.netrc", "other/again/.config/gh/hosts.yml", "other/part/hosts.yml", "other/file"] {
            assert_eq!(world.gives(name).await, [false; 2], "{}: {name}", world.name);
        }
    })
    .await;
}

#[tokio::test]
async fn the_machines_private_keys_are_hidden_where_their_folder_is_a_link() {
    let before = "mkdir -p ../ssl/private ../etc; cp /etc/passwd /etc/group ../etc; ln -s $PWD/../ssl ../etc/ssl
echo the-secret-of-the-outside > ../ssl/private/key; echo fine > ../ssl/openssl.cnf; mount --bind ../etc /etc";
    in_each(&Plan { before, ..Plan::default() }, async |world| {
        let answer = world.run("cat /etc/ssl/openssl.cnf /etc/ssl/private/key ../ssl/private/key").await;
        assert!(!answer.to_string().contains(SECRET), "{}: {answer}", world.name);
        assert_eq!(answer["stdout"], "fine\n", "{}: {answer}", world.name);
    })
    .await;
}

#[tokio::test]
async fn the_old_env_stays_covered_under_another_name_when_an_editor_puts_a_new_one_in_its_place() {
    in_each(&Plan::default(), async |world| {
        world.run("true").await;
        std::fs::hard_link(world.at("bridge/.env"), world.at("bridge/.env~")).unwrap();
        std::fs::copy(world.at("bridge/.env"), world.at("bridge/new")).unwrap();
        std::fs::rename(world.at("bridge/new"), world.at("bridge/.env")).unwrap();
        for name in ["bridge/.env~", "bridge/.env"] {
            assert_eq!(world.gives(name).await, [false; 2], "{}: {name}", world.name);
        }
    })
    .await;
}

#[tokio::test]
async fn the_top_of_the_disk_as_a_root_is_confined_as_no_root_is() {
    let plan = Plan { settings: &[("MCP_ALLOWED_DIRS", "/")], ..Plan::default() };
    // Which level each of them must have is asserted where they begin.
    in_each(&plan, async |world| {
        world.keeps_its_secret().await;
    })
    .await;
}
