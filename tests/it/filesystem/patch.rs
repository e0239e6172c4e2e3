//! Diffs as `diff` writes them. Those of models are in `tests/scenarios/`.

use crate::server::Server;
use serde_json::{Value, json};
use std::{fs, process::Command};

#[tokio::test]
async fn new_and_deleted_files_of_diff_are_made_and_deleted() {
    let server = Server::start().await;
    for (name, content) in [("f", "1\n"), ("gone", "g\n"), ("emptied", "e\n")] {
        for folder in ["a", "p"] {
            fs::create_dir_all(server.path(folder)).unwrap();
            fs::write(server.path(folder).join(name), content).unwrap();
        }
    }
    fs::create_dir(server.path("b")).unwrap();
    for (name, content) in [("f", "1\n2\n"), ("new", "n\n"), ("emptied", "")] {
        fs::write(server.path("b").join(name), content).unwrap();
    }
    let diff = Command::new("diff").args(["-ruN", "a", "b"]).current_dir(server.path("")).output().unwrap().stdout;
    let arguments = json!({"path": "p", "patch": std::str::from_utf8(&diff).unwrap()});
    let reply = server.call("filesystem_patch", arguments).await;
    let kinds: Vec<&Value> = reply["files"].as_array().unwrap().iter().map(|file| &file["kind"]).collect();
    assert_eq!(kinds, ["modified", "modified", "deleted", "created"]);
    let texts = ["emptied", "f", "gone", "new"].map(|name| fs::read_to_string(server.path("p").join(name)).ok());
    assert_eq!(texts, [Some(String::new()), Some("1\n2\n".into()), None, Some("n\n".into())]);
    // What the diff was made from is what it fits.
    let diff = Command::new("diff").args(["-u", "a/f", "b/f"]).current_dir(server.path("")).output().unwrap().stdout;
    let whole = json!({"patch": std::str::from_utf8(&diff).unwrap(), "strip": 0});
    let reply = server.call("filesystem_patch", whole).await;
    assert_eq!(reply["files"][0]["path"], "a/f");
}
