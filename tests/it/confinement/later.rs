//! Secrets that come while the bridge runs, and those that get other names.

use super::{SECRET, worlds::worlds};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

/// Copies of places, what is left over of writing, and places of programs that have a home of their own.
const LATER: [&str; 10] = [
    ".netrc~",
    ".netrc (copy)",
    ".ssh.bak/id_rsa",
    ".docker/config.json.bak",
    ".docker/.config.json.swp",
    ".bash_history-1234.tmp",
    ".config.bak/gh/hosts.yml",
    "snap/any/7/.config/gh/hosts.yml",
    ".var/app/org.any.Any/data/keyrings/login.keyring",
    ".local/share/atuin/key",
];

#[tokio::test]
async fn a_copy_of_a_secret_is_denied_at_once_to_the_file_routes_and_to_commands_from_the_next_one_on() {
    for world in worlds().await {
        world.run("true").await;
        for name in LATER.map(|name| format!("home/{name}")) {
            std::fs::create_dir_all(world.at(&name).parent().unwrap()).unwrap();
            std::fs::write(world.at(&name), SECRET).unwrap();
            assert_eq!(world.gives(&name).await, [false; 2], "{}: {name}", world.name);
        }
        for name in ["home/.config/notes", "home/.docker/notes", "home/.netrc.md"] {
            std::fs::write(world.at(name), SECRET).unwrap();
            assert_eq!(world.gives(name).await, [true; 2], "{}: {name}", world.name);
        }
    }
}

#[tokio::test]
async fn what_comes_into_a_folder_that_a_command_shut_is_denied_and_the_rest_of_it_comes_back() {
    for world in worlds().await {
        let folder = world.at("home/.config");
        for (mode, late) in [(0, "doctl"), (0o400, "hub"), (0o300, "op")] {
            world.run(&format!("chmod {mode:o} home/.config")).await;
            std::fs::create_dir(folder.join(late)).unwrap();
            std::fs::write(folder.join(late).join("token"), SECRET).unwrap();
            std::fs::write(folder.join("harmless"), "fine").unwrap();
            let token = format!("home/.config/{late}/token");
            let open = world.run(&format!("chmod 700 home/.config; cat {token}")).await;
            assert!(!open.to_string().contains(SECRET), "{}: {mode:o}: {open}", world.name);
            std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).unwrap();
            let answer = world.run(&format!("cat home/.config/harmless {token}")).await;
            assert_eq!(answer["stdout"], "fine", "{}: {mode:o}: {answer}", world.name);
        }
    }
}

#[tokio::test]
async fn what_comes_where_a_link_led_at_the_start_is_denied_as_if_it_lay_in_the_home() {
    let before = "mkdir data; mv home/.config data/conf; ln -s ../data/conf home/.config";
    let plan = super::worlds::Plan { before, ..Default::default() };
    for world in super::worlds::worlds_by(&plan).await {
        for name in ["data/conf/doctl", "data/conf/gh.bak", "data/conf/google-chrome/Cookies"] {
            std::fs::create_dir_all(world.at(name).parent().unwrap()).unwrap();
            std::fs::write(world.at(name), SECRET).unwrap();
            assert_eq!(world.gives(name).await, [false; 2], "{}: {name}", world.name);
        }
        std::fs::write(world.at("data/conf/notes"), SECRET).unwrap();
        assert_eq!(world.gives("data/conf/notes").await, [true; 2], "{}", world.name);
    }
}

#[tokio::test]
async fn a_list_and_a_tree_say_nothing_of_a_denied_place_that_was_moved() {
    for world in worlds().await {
        world.run("true").await;
        for (from, to) in [("home/.netrc", "other/plain-a"), ("home/.config/gh", "other/plain-b")] {
            std::fs::rename(world.at(from), world.at(to)).unwrap();
        }
        std::fs::write(world.at("other/plain-c"), "x").unwrap();
        for route in ["list", "tree"] {
            for path in ["other", ""] {
                let asked = match route {
                    "list" => json!({"path": world.at(path), "recursive": true}),
                    _ => json!({"path": world.at(path), "sizes": true, "include_hidden": true}),
                };
                let text = world.post(&format!("/filesystem/{route}"), asked).await.text;
                let shown = ["a", "b", "c"].map(|name| text.contains(&format!("plain-{name}")));
                assert_eq!(shown, [false, false, true], "{}: {route} {path}: {text}", world.name);
            }
        }
    }
}
