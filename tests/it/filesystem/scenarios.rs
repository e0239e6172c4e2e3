//! Patches as folders: `tests/scenarios/NNN_name/` holds `input/`, the `patch`, and what it leaves in `expected/`. One
//! that must be refused has a part of the sentence in `refusal`; other arguments than the patch are in `arguments.json`.

use crate::server::Server;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

type Tree = BTreeMap<PathBuf, Vec<u8>>;

/// The files below a folder. Git keeps no empty folder: `.keep` stands for nothing.
fn tree(top: &Path) -> Tree {
    let all = walkdir::WalkDir::new(top).into_iter().filter_map(Result::ok);
    let files = all.filter(|entry| entry.file_type().is_file() && entry.file_name() != ".keep");
    let relative = |path: &Path| path.strip_prefix(top).unwrap().to_owned();
    files.map(|entry| (relative(entry.path()), fs::read(entry.path()).unwrap())).collect()
}

fn plant(top: &Path, tree: &Tree) {
    fs::create_dir_all(top).unwrap();
    for (path, content) in tree {
        fs::create_dir_all(top.join(path).parent().unwrap()).unwrap();
        fs::write(top.join(path), content).unwrap();
    }
}

#[tokio::test]
async fn each_patch_of_the_scenarios_leaves_what_it_must() {
    let server = Server::start().await;
    let all = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios")).unwrap();
    let mut folders: Vec<PathBuf> = all.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(folders.len() > 40, "the scenarios are there");
    let mut wrong = Vec::new();
    for folder in folders {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        plant(&server.path(&name), &tree(&folder.join("input")));
        let read = |part: &str| fs::read_to_string(folder.join(part)).ok();
        let mut arguments: Value =
            read("arguments.json").map_or_else(|| json!({}), |text| serde_json::from_str(&text).unwrap());
        arguments["path"] = name.as_str().into();
        arguments["patch"] = read("patch").unwrap().into();
        let reply = server.post("/filesystem/patch", arguments).await;
        let is_right = match read("refusal") {
            None => reply.status == 200,
            Some(refusal) => {
                matches!(reply.status, 400 | 409 | 422)
                    && reply.body.to_string().contains(&json!(refusal.trim()).to_string().trim_matches('"').to_owned())
            }
        };
        if !is_right || tree(&server.path(&name)) != tree(&folder.join("expected")) {
            wrong.push(format!("{name}: {} {}", reply.status, reply.text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
