//! Patches, edits and documents as folders: a bug report becomes one. What lies in them is said in CONTRIBUTING.md.

use crate::server::Server;
use serde_json::{Map, Value, json};
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

/// A folder `tests/scenarios/NNN_name`.
struct Scenario {
    folder: PathBuf,
    name: String,
}

impl Scenario {
    fn all() -> Vec<Self> {
        let folders = fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/scenarios")).unwrap();
        let of = |folder: PathBuf| Self { name: folder.file_name().unwrap().to_str().unwrap().to_owned(), folder };
        let mut all: Vec<Self> = folders.map(|entry| of(entry.unwrap().path())).collect();
        all.sort_by(|left, right| left.name.cmp(&right.name));
        all
    }

    fn json(&self, name: &str) -> Option<Map<String, Value>> {
        let text = fs::read_to_string(self.folder.join(format!("{name}.json"))).ok()?;
        Some(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}/{name}.json: {error}", self.name)))
    }

    /// What is called, and with which arguments.
    fn call(&self) -> (&'static str, Map<String, Value>) {
        let said = ["edit", "read", "patch"].into_iter().filter_map(|action| Some((action, self.json(action)?)));
        let mut said: Vec<_> = said.collect();
        let patch = fs::read_to_string(self.folder.join("patch")).ok();
        assert!(said.len() <= 1 && (patch.is_some() || !said.is_empty()), "{} is one call", self.name);
        let (action, mut arguments) = said.pop().unwrap_or_else(|| ("patch", Map::new()));
        let path = arguments.get("path").and_then(Value::as_str).map_or_else(String::new, |path| format!("/{path}"));
        arguments.insert("path".into(), format!("{}{path}", self.name).into());
        arguments.extend(patch.map(|patch| ("patch".to_owned(), patch.into())));
        (action, arguments)
    }

    /// The status, what the answer must have, and the files that must be there afterwards.
    fn expected(&self) -> (u64, Value, Tree) {
        let mut answer = self.json("answer").unwrap_or_default();
        let status = answer.remove("status").map_or(200, |status| status.as_u64().unwrap());
        let after = ["expected", "input"].map(|name| self.folder.join(name)).into_iter().find(|folder| folder.exists());
        (status, answer.into(), tree(&after.expect("a scenario has an input")))
    }

    /// What is wrong with what comes of it, if anything.
    async fn run(&self, server: &Server) -> Option<String> {
        plant(&server.path(&self.name), &tree(&self.folder.join("input")));
        let (action, arguments) = self.call();
        let reply = server.post(&format!("/filesystem/{action}"), arguments.into()).await;
        let (status, answer, files) = self.expected();
        let after = tree(&server.path(&self.name));
        if u64::from(reply.status) != status || !has(&reply.body, &answer) {
            return Some(format!("{}: {} {}\nand not {status} {answer}", self.name, reply.status, reply.text));
        }
        let shown =
            |tree: &Tree| format!("{:?}", tree.iter().map(|(path, bytes)| (path, bytes.escape_ascii().to_string())));
        (after != files).then(|| format!("{}: {}\nand not {}", self.name, shown(&after), shown(&files)))
    }
}

/// Whether an answer has what is wanted of it: of an object those fields, `null` for one that must not be there.
fn has(found: &Value, wanted: &Value) -> bool {
    match (found, wanted) {
        (Value::Object(found), Value::Object(wanted)) => {
            let null = Value::Null;
            wanted.iter().all(|(name, wanted)| has(found.get(name).unwrap_or(&null), wanted))
        }
        (Value::Array(found), Value::Array(wanted)) => {
            found.len() == wanted.len() && found.iter().zip(wanted).all(|(found, wanted)| has(found, wanted))
        }
        (Value::String(found), Value::String(wanted)) => is_like(found, wanted),
        _ => found == wanted,
    }
}

/// Whether a text is the wanted one, in which `…` at either end stands for anything.
fn is_like(found: &str, wanted: &str) -> bool {
    match (wanted.strip_prefix('…'), wanted.strip_suffix('…')) {
        (Some(rest), Some(_)) => found.contains(rest.trim_end_matches('…')),
        (Some(end), None) => found.ends_with(end),
        (None, Some(start)) => found.starts_with(start),
        (None, None) => found == wanted,
    }
}

#[test]
fn an_answer_is_held_to_the_fields_that_a_scenario_names() {
    let found = json!({"detail": "f: it does not fit. Nearest is line 2", "files": [{"kind": "created", "hunks": 1}]});
    for right in [
        json!({}),
        json!({"detail": "f: it…"}),
        json!({"detail": "…line 2", "files": [{"kind": "created"}], "change_id": null}),
        json!({"detail": "…not fit…"}),
    ] {
        assert!(has(&found, &right), "{right}");
    }
    for wrong in [
        json!({"detail": "f: it"}),
        json!({"detail": "…fit"}),
        json!({"detail": "it…"}),
        json!({"detail": "…nowhere…"}),
        json!({"files": []}),
        json!({"files": [{"kind": "deleted"}]}),
        json!({"files": null}),
        json!({"change_id": "1"}),
    ] {
        assert!(!has(&found, &wrong), "{wrong}");
    }
}

#[tokio::test]
async fn each_scenario_comes_to_what_its_folder_says() {
    let server = Server::start().await;
    let all = Scenario::all();
    assert!(all.len() > 100, "the scenarios are there");
    let mut wrong = Vec::new();
    for scenario in all {
        wrong.extend(scenario.run(&server).await);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
