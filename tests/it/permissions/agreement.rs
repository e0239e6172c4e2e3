//! What a profile decides is what the file routes and confined commands hold, by the settings that it yields.

use super::{decide, facts};
use crate::server::{Server, scratch};
use serde_json::json;
use skynet_bridge::{
    catalog,
    permissions::{Base, Effect, Facts, Profiles},
    policy::paths::Intent,
    settings::{ConfinementMode, PathList, SettingValue, Settings, WritablePaths},
};
use std::{fs, path::Path};

const FILE: &str = r#"
[profile.a]
inherits = "trusted"
grants = ["gpu"]
network.commands = "off"
[profile.a.files]
read = ["p", "docs"]
write = ["p/notes", "@workspace/../../p/deep"]
deny = ["{}/p/**/*.pem", "p/secret"]
"#;

const FILES: [&str; 7] =
    ["p/a.txt", "p/notes/a.txt", "p/deep/a.txt", "p/deep/k.pem", "p/secret/a", "docs/a.txt", "other/a.txt"];

#[tokio::test]
async fn what_is_decided_of_a_place_is_what_routes_and_commands_do_there() {
    let directory = scratch();
    let home = directory.path().canonicalize().unwrap();
    for file in FILES {
        fs::create_dir_all(home.join(file).parent().unwrap()).unwrap();
        fs::write(home.join(file), "there").unwrap();
    }
    let text = FILE.replace("{}", home.to_str().unwrap()).replace("@workspace/../../p/deep", "p/deep");
    let base = Settings::from_pairs([("MCP_CONFINEMENT", "require")]).unwrap();
    let profiles =
        Profiles::read(&text, &Base { directory: &home, settings: &base, tools: &catalog::tools() }).unwrap();
    let settings = profiles.get("a").unwrap().settings(&base);
    assert!(!settings.terminal_network && settings.command_devices.contains(&"/dev/dri".to_owned()));
    assert_eq!(settings.confinement, ConfinementMode::Require);
    let server = Server::with(home.clone(), settings).await;
    for file in FILES {
        let path = home.join(file);
        let decided = |tool, intent| {
            let paths: [(&Path, Intent); 1] = [(&path, intent)];
            decide(&profiles, "a", &Facts { paths: &paths, ..facts(tool) }).0 == Effect::Allow
        };
        let read = server.post("/filesystem/read", json!({"path": path})).await.status == 200;
        assert_eq!(read, decided("filesystem_read", Intent::Read), "reading {file}");
        let script = |command: &str| json!({"command": command, "cwd": home.join("p"), "env": {"FILE": path}});
        let shown = server.post("/terminal/execute", script("cat \"$FILE\"")).await;
        assert_eq!(shown.text.contains("there"), read, "a command reading {file}: {}", shown.text);
        let may_change = decided("filesystem_write", Intent::Write);
        let written = server.post("/filesystem/write", json!({"path": path, "content": "!", "mode": "a"})).await;
        assert_eq!(written.status == 200, may_change, "changing {file}: {}", written.text);
        server.post("/terminal/execute", script("sh -c 'echo changed >> \"$FILE\"'")).await;
        let changed = fs::read_to_string(&path).unwrap().contains("changed");
        assert_eq!(changed, may_change, "a command changing {file}");
    }
}

#[test]
fn what_a_profile_leaves_out_is_as_the_settings_have_it() {
    let directory = scratch();
    let pairs = [("MCP_ALLOWED_DIRS", "."), ("MCP_DENIED_PATHS", "x"), ("MCP_TERMINAL_NETWORK", "off")];
    let base = Settings::from_pairs(pairs).unwrap();
    let tools = catalog::tools();
    let text = "[profile.a]\ninherits = \"trusted\"\nfiles.deny = [\"y\"]\n[profile.b]\ninherits = \"careful\"\n";
    let profiles = Profiles::read(text, &Base { directory: directory.path(), settings: &base, tools: &tools }).unwrap();
    let of = |name: &str| profiles.get(name).unwrap().settings(&base);
    assert_eq!(format!("{:?}", of("trusted")), format!("{base:?}"));
    let a = of("a");
    assert_eq!((&*a.allowed_dirs, &*a.denied_paths), (&[".".to_owned()][..], &["x".to_owned(), "y".to_owned()][..]));
    assert!(!a.terminal_network && a.writable_paths == WritablePaths::All);
    assert_eq!(of("b").writable_paths, WritablePaths::Only(PathList::parse(".").unwrap()));
    assert_eq!(of("read-only").writable_paths, WritablePaths::Only(PathList::default()));
}
