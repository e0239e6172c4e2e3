//! Fields that ask for care: each counts by its usual names, or the call is refused and nothing happens.

use crate::{
    mcp::text,
    server::{KEY, Pipe, Reply, Server, route},
};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;

fn with(mut arguments: Value, name: &str, value: &Value) -> Value {
    arguments[name] = value.clone();
    arguments
}

async fn server() -> Server {
    Server::start().await.with_file("a.txt", "old").with_file("d/x.txt", "old")
}

/// The calls that change something here and have no trial.
fn calls(server: &Server) -> Vec<(&'static str, Value)> {
    let a = server.at("a.txt");
    vec![
        ("filesystem_delete", json!({"path": server.at("d"), "recursive": true})),
        ("filesystem_move", json!({"path": a, "to": server.at("b.txt")})),
        ("filesystem_copy", json!({"path": a, "to": server.at("b.txt")})),
        ("filesystem_write", json!({"path": a, "content": "new"})),
        ("terminal_execute", json!({"command": "touch made", "cwd": server.at("")})),
    ]
}

fn sha256_of(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_untouched(server: &Server) -> bool {
    let holds_old = |name: &str| fs::read_to_string(server.path(name)).is_ok_and(|text| text == "old");
    holds_old("a.txt") && holds_old("d/x.txt") && !server.path("b.txt").exists() && !server.path("made").exists()
}

#[tokio::test]
async fn a_trial_of_a_call_that_has_none_is_refused_and_nothing_happens() {
    let server = server().await;
    for (name, arguments) in calls(&server) {
        for (field, value) in
            [("dryRun", json!(true)), ("dry_run", json!("yes")), ("dry-run", json!("client")), ("simulate", json!(1))]
        {
            let reply = server.post(&route(name), with(arguments.clone(), field, &value)).await;
            assert_eq!((reply.status, &reply.body["detail"][0]["loc"][1]), (422, &json!(field)), "{}", reply.text);
            assert!(reply.text.contains("there is no trial of this call"), "{}", reply.text);
        }
    }
    let client = server.client().await;
    let asked = with(calls(&server).remove(0).1, "dryRun", &json!(true));
    let result = client.call_tool(crate::mcp::params("filesystem_delete", asked)).await.expect("the tool answers");
    assert!(result.is_error == Some(true) && text(&result).contains("dryRun"), "{}", text(&result));
    client.cancel().await.expect("the client ends");
    assert!(is_untouched(&server));
    let many: serde_json::Map<String, Value> = (0..60).map(|number| (format!("x{number}"), json!(0))).collect();
    let mut asked = Value::from(many);
    (asked["path"], asked["dry_run"]) = (json!(server.at("a.txt")), json!(true));
    assert_eq!(server.post("/filesystem/delete", asked).await.status, 422);
    // No asks for nothing, and what only reads has nothing to try.
    let no = json!({"path": server.at("a.txt"), "dry_run": false, "paths": [], "if_match": null});
    server.call("filesystem_read", json!({"path": server.at("a.txt"), "dry_run": true})).await;
    assert_eq!(server.call("filesystem_delete", no).await["success"], true);
}

#[tokio::test]
async fn a_write_only_where_the_file_is_new_or_unchanged_is_one_by_whatever_name() {
    let server = server().await;
    let a = server.at("a.txt");
    for field in ["creat_only", "createOnly", "if_not_exists", "no_clobber", "exclusive", "must_not_exist"] {
        let sent = with(json!({"path": a, "content": "new"}), field, &json!(true));
        assert_eq!(server.post("/filesystem/write", sent).await.status, 409, "{field}");
        let sent = with(json!({"path": server.at("d/x.txt"), "to": a}), field, &json!(true));
        assert_eq!(server.post("/filesystem/move", sent).await.status, 409, "{field}");
    }
    let (other, right) = ("0".repeat(64), sha256_of("old"));
    for field in ["expected_sha", "sha256", "if_match", "expectedHash", "expected_digest"] {
        for (name, arguments) in [
            ("filesystem_write", json!({"path": a, "content": "new"})),
            ("filesystem_edit", json!({"path": a, "edits": [{"old": "old", "new": "new"}]})),
            ("filesystem_delete", json!({"path": a})),
        ] {
            let reply = server.post(&route(name), with(arguments, field, &json!(other))).await;
            assert_eq!(reply.status, 409, "{name} {field}: {}", reply.text);
        }
    }
    let (name, asked) = calls(&server).pop().expect("a command is among them");
    for (field, value) in [("sha256", json!(other)), ("overwrite", json!(false)), ("create_only", json!(true))] {
        assert_eq!(server.post(&route(name), with(asked.clone(), field, &value)).await.status, 422, "{field}");
    }
    assert!(is_untouched(&server));
    server.call("filesystem_write", json!({"path": a, "content": "new", "sha256": right})).await;
    assert_eq!(fs::read_to_string(server.path("a.txt")).unwrap(), "new");
}

#[tokio::test]
async fn what_is_asked_for_twice_in_two_forms_is_refused_and_both_are_named() {
    let server = server().await;
    let a = server.at("a.txt");
    let both = json!({"path": a, "paths": [server.at("d/x.txt")]});
    let reply = server.post("/filesystem/delete", both).await;
    assert!(reply.status == 422 && reply.text.contains("paths beside path"), "{}", reply.text);
    let both = json!({"path": a, "edits": [{"old": "o", "new": "O"}], "old_string": "ld", "new_string": "LD"});
    let reply = server.post("/filesystem/edit", both).await;
    assert!(reply.status == 422 && reply.text.contains("old_string beside edits"), "{}", reply.text);
    assert!(is_untouched(&server));
}

#[tokio::test]
async fn an_upload_with_a_second_file_or_a_field_behind_the_file_writes_nothing() {
    let server = server().await;
    let part = |text: &'static str| Part::bytes(text.as_bytes()).file_name("x");
    let form = || Form::new().text("path", "b.txt").part("file", part("one"));
    for form in [form().part("file", part("two")), form().text("expected_sha256", "0".repeat(64))] {
        let reply = server.request("/filesystem/upload").bearer_auth(KEY).multipart(form).pipe(Reply::send).await;
        assert!(reply.status == 422 && reply.text.contains("nothing was written"), "{}", reply.text);
        assert_eq!(server.call("filesystem_upload_status", json!({"path": "b.txt"})).await["received"], 0);
    }
    assert!(is_untouched(&server));
    for (field, value) in [("dry_run", "true"), ("sha256", "00")] {
        let form = Form::new().text("path", "b.txt").text(field, value).part("file", part("one"));
        let reply = server.request("/filesystem/upload").bearer_auth(KEY).multipart(form).pipe(Reply::send).await;
        assert!(matches!(reply.status, 409 | 422), "{}", reply.text);
    }
    assert!(is_untouched(&server));
}
