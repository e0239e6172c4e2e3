//! What is sent otherwise than the schema has it: by other names, as null, as an empty text, as JSON in a text.

use crate::{
    mcp::text,
    server::{Server, nothing},
};
use serde_json::{Value, json};

/// Each is sent over REST and as a tool call; what came back is the same.
async fn on_both_faces(server: &Server, name: &str, arguments: Value) -> Value {
    let rest = server.call(name, arguments.clone()).await;
    let tool = as_tool(server, name, arguments).await.unwrap_or_else(|text| panic!("{name}: {text}"));
    assert_eq!(rest["ignored"], tool["ignored"], "{name}");
    tool
}

async fn as_tool(server: &Server, name: &str, arguments: Value) -> Result<Value, String> {
    let client = server.client().await;
    let result = client.call_tool(crate::mcp::params(name, arguments)).await.expect("the tool answers");
    client.cancel().await.expect("the client ends");
    match result.is_error {
        Some(true) => Err(text(&result)),
        _ => Ok(result.structured_content.expect("a success is structured")),
    }
}

#[tokio::test]
async fn an_append_by_another_name_appends_and_loses_nothing() {
    let server = Server::start().await.with_file("log.txt", "one\n");
    let path = server.at("log.txt");
    let more = json!({"file_path": path, "text": "two\n", "append": true});
    assert_eq!(on_both_faces(&server, "filesystem_write", more).await["mode"], "a");
    let more = json!({"filePath": path, "file-content": "x\n", "append": "yes", "Mode": null});
    assert_eq!(server.call("filesystem_write", more).await["mode"], "a");
    assert_eq!(std::fs::read_to_string(server.path("log.txt")).unwrap(), "one\ntwo\ntwo\nx\n");
    let whole = json!({"filename": path, "contents": "new", "append": false});
    assert_eq!(server.call("filesystem_write", whole).await["mode"], "w");
    let other = json!({"path": path, "content": "lost?", "overwrite": false});
    assert_eq!(server.post("/filesystem/write", other).await.status, 409);
    assert_eq!(std::fs::read_to_string(server.path("log.txt")).unwrap(), "new");
}

#[tokio::test]
async fn a_command_runs_in_the_folder_that_other_names_say() {
    let server = Server::start().await.with_file("sub/x", "");
    for name in ["working_directory", "workingDirectory", "workdir", "working_dir", "directory"] {
        let answer = on_both_faces(&server, "terminal_execute", json!({"cmd": "pwd", name: server.at("sub")})).await;
        assert_eq!(answer["stdout"].as_str().unwrap().trim(), server.at("sub"), "{name}");
        assert_eq!(answer["ignored"], Value::Null);
    }
    let answer = server.call("filesystem_list", json!({"directory": server.at(""), "recursiv": true})).await;
    assert_eq!(answer["count"], 2 + answer["items"].as_array().unwrap().len() - 2);
    assert!(answer["items"].as_array().unwrap().iter().any(|item| item["path"] == server.at("sub/x")));
}

#[tokio::test]
async fn what_no_field_is_called_is_named_in_the_answer_and_never_refused() {
    let server = Server::start().await.with_file("a.txt", "caf\u{e9}");
    let path = server.at("a.txt");
    let ignored = async |name: &str, arguments: Value| on_both_faces(&server, name, arguments).await["ignored"].clone();
    for (sent, expected) in [
        (json!({"encodng": "latin-1"}), json!([{"field": "encodng", "did_you_mean": "encoding"}])),
        (json!({"wobble": {"x": 1}, "zzz": null}), json!([{"field": "wobble"}, {"field": "zzz"}])),
        // The field itself was sent, and says the same.
        (json!({"file_path": path}), Value::Null),
        // A value that does not fit never counts.
        (json!({"digest_": 1, "checksum": "abc"}), json!([{"field": "checksum", "did_you_mean": "digest"}])),
        // Another unit is another thing.
        (json!({"limit": 5}), json!([{"field": "limit", "did_you_mean": "end_line"}])),
    ] {
        let mut arguments = sent.clone();
        arguments["path"] = path.clone().into();
        assert_eq!(ignored("filesystem_read", arguments).await, expected, "{sent}");
    }
    assert_eq!(ignored("filesystem_read", json!({"path": path})).await, Value::Null);
    let deep = json!({"path": path, "dry_run": true, "edits": [{"old": "caf", "new": "x"}, {"old_string": "x", "newText": "y", "lin": 1}]});
    let answer = on_both_faces(&server, "filesystem_edit", deep).await;
    assert_eq!((&answer["replacements"], &answer["ignored"]), (&json!(2), &json!([{"field": "edits[1].lin"}])));
    // What a map holds is the caller's own.
    let own = json!({"content": "x", "metadata": {"file_path": "a", "n": null}});
    assert_eq!(ignored("memory_add", own).await, Value::Null);
}

#[tokio::test]
async fn two_names_of_one_field_that_say_different_things_are_refused_and_both_named() {
    let server = Server::start().await.with_file("a.txt", "old").with_file("b.txt", "old");
    let (a, b) = (server.at("a.txt"), server.at("b.txt"));
    for (name, sent, said) in [
        (
            "filesystem_write",
            json!({"path": a, "content": "x", "mode": "w", "append": true}),
            r#"mode: mode says "w", and append says true, which is "a": both are mode, so send one of them"#.to_owned(),
        ),
        (
            "filesystem_write",
            json!({"path": a, "content": "x", "file_path": b}),
            format!(r#"path: path says "{a}", and file_path says "{b}": both are path"#),
        ),
        (
            "filesystem_delete",
            json!({"filename": a, "filePath": b}),
            format!(r#"path: filename says "{a}", and filePath says "{b}": both are path"#),
        ),
        (
            "filesystem_edit",
            json!({"path": a, "edits": [{"old": "old", "old_string": "o", "new": "x"}]}),
            r#"edits[0].old: old says "old", and old_string says "o""#.to_owned(),
        ),
        (
            "terminal_execute",
            json!({"command": "touch one", "cmd": "touch two"}),
            r#"command says "touch one", and cmd says "touch two""#.to_owned(),
        ),
        ("terminal_execute", json!({"command": "true", "timeout": 5, "timeout_s": 6}), "timeout_s says 6".to_owned()),
    ] {
        let reply = server.post(&crate::server::route(name), sent.clone()).await;
        assert_eq!((reply.status, &reply.body["detail"][0]["type"]), (422, &json!("value_error")), "{}", reply.text);
        assert_eq!(reply.body["detail"].as_array().unwrap().len(), 1, "{}", reply.text);
        let text = as_tool(&server, name, sent).await.unwrap_err();
        assert!(text.contains(&said), "{text}");
    }
    assert!(["a.txt", "b.txt"].iter().all(|name| std::fs::read_to_string(server.path(name)).unwrap() == "old"));
    assert!(!server.path("one").exists() && !server.path("two").exists());
    // What says the same is said twice, and no more.
    let same = json!({"path": a, "file_path": a, "content": "new", "mode": "a", "append": "yes", "write_mode": "a"});
    assert_eq!(on_both_faces(&server, "filesystem_write", same).await["ignored"], Value::Null);
    let same = json!({"command": "true", "timeout": 5, "timeout_seconds": "5.0", "timeout_s": 5.0});
    assert_eq!(on_both_faces(&server, "terminal_execute", same).await["ignored"], Value::Null);
}

#[tokio::test]
async fn an_edit_whose_texts_stand_beside_the_path_is_made() {
    let server = Server::start().await.with_file("a.txt", "one one two\n");
    let path = server.at("a.txt");
    for (sent, left) in [
        (json!({"file_path": path, "old_string": "two", "new_string": "2", "replace_all": false}), "one one 2\n"),
        (json!({"path": path, "old_str": "one one", "new_str": "1", "start_line": 1}), "1 2\n"),
        (json!({"path": path, "oldText": "1 2", "newText": "", "expected_replacements": 1}), "\n"),
    ] {
        assert_eq!(server.call("filesystem_edit", sent).await["ignored"], Value::Null);
        assert_eq!(std::fs::read_to_string(server.path("a.txt")).unwrap(), left);
    }
    std::fs::write(server.path("a.txt"), "a a").unwrap();
    let all = json!({"path": path, "old_string": "a", "new_string": "b", "replace_all": true});
    let reply = server.post("/filesystem/edit", all).await;
    assert_eq!(reply.status, 409, "{}", reply.text);
    let advice = "expected_replacements, which says how often old is there";
    assert_eq!(reply.body["ignored"], json!([{"field": "edits[0].replace_all", "did_you_mean": advice}]));
    let half = server.post("/filesystem/edit", json!({"path": path, "old_string": "a"})).await;
    assert_eq!((half.status, &half.body["detail"][0]["loc"]), (422, &json!(["body", "edits", 0, "new"])));
}

#[tokio::test]
async fn what_other_agents_send_is_answered_with_the_way_to_say_it_here() {
    let server = Server::start().await;
    for (name, field, value, advice) in [
        (
            "terminal_execute",
            "stdin",
            json!("x"),
            Some("command with a pipe or a here-document, or terminal_start and terminal_input"),
        ),
        ("terminal_execute", "run_in_background", json!(true), Some("terminal_start, which runs it in the background")),
        ("terminal_execute", "is_background", json!(false), None),
        ("terminal_execute", "timeout_ms", json!(5000), Some("timeout")),
        ("terminal_start", "stdin", json!("x"), Some("terminal_input, once it runs")),
    ] {
        let mut sent = json!({"command": "true"});
        sent[field] = value;
        let answer = on_both_faces(&server, name, sent).await;
        let expected = advice.map_or(Value::Null, |advice| json!([{"field": field, "did_you_mean": advice}]));
        assert_eq!(answer["ignored"], expected, "{name}");
    }
    // An empty place of a form is nothing.
    let empty =
        json!({"command": "true", "working_directory": "", "cwd": "", "stdin": "", "shell_program": "", "env": ""});
    assert_eq!(as_tool(&server, "terminal_execute", empty).await.unwrap()["ignored"], Value::Null);
}

#[tokio::test]
async fn a_failure_names_what_did_not_count_too() {
    let server = Server::start().await;
    let wrong = json!({"path": server.at("none"), "encodin": "x"});
    let reply = server.post("/filesystem/read", wrong.clone()).await;
    let expected = json!({"detail": "File not found", "ignored": [{"field": "encodin", "did_you_mean": "encoding"}]});
    assert_eq!((reply.status, &reply.body["ignored"]), (404, &expected["ignored"]));
    let text = as_tool(&server, "filesystem_read", wrong).await.unwrap_err();
    assert!(text.lines().next().unwrap().ends_with("Ignored: encodin (did you mean encoding?)"), "{text}");
}

#[tokio::test]
async fn a_missing_field_names_the_near_one_that_came() {
    let server = Server::start().await;
    for (name, sent, field, near) in [
        ("filesystem_read", json!({"pth": "a"}), "path", "'pth' came, did you mean 'path'?"),
        ("filesystem_read", json!({"file_path": 5}), "path", "'file_path' came, did you mean 'path'?"),
        ("filesystem_write", json!({"path": "a", "contnet": "x"}), "content", "'contnet' came"),
        ("filesystem_delete", json!({"file_path": 1, "filename": 2}), "path", "'file_path' and 'filename' came"),
        ("terminal_execute", json!({"comand_": "ls"}), "command", "'comand_' came"),
        ("filesystem_edit", json!({"path": "a", "edits": [{"old": "a", "nwe": "b"}]}), "new", "'nwe' came"),
    ] {
        let reply = server.post(&crate::server::route(name), sent.clone()).await;
        assert_eq!(reply.status, 422, "{sent} {}", reply.text);
        let problem = &reply.body["detail"][0];
        assert_eq!(
            (&problem["type"], problem["loc"].as_array().unwrap().last().unwrap()),
            (&json!("missing"), &json!(field))
        );
        let message = problem["msg"].as_str().unwrap();
        assert!(message.starts_with("Field required: ") && message.contains(near), "{message}");
        assert!(as_tool(&server, name, sent).await.unwrap_err().contains(near));
    }
    let plain = server.post("/filesystem/read", nothing()).await;
    assert_eq!(plain.body["detail"][0]["msg"], "Field required");
}

#[tokio::test]
async fn null_in_a_field_that_has_a_default_is_absence_on_both_faces() {
    let server = Server::start().await.with_file("a.txt", "text");
    let path = server.at("a.txt");
    for (name, arguments) in [
        ("filesystem_read", json!({"path": path, "encoding": null, "digest": null, "as": null, "offset": null})),
        ("filesystem_list", json!({"path": server.at(""), "recursive": null, "limit": null, "cursor": null})),
        ("filesystem_tree", json!({"path": server.at(""), "depth": null, "exclude": null})),
        ("terminal_execute", json!({"command": "true", "timeout": null, "shell": null, "env": null, "cwd": null})),
        ("memory_add", json!({"content": "a", "tags": null, "metadata": null, "source": null, "dedupe": null})),
        ("memory_query", json!({"query": "", "tags": null, "limit": null})),
        ("memory_recall", json!({"query": "a", "all_tags": null, "cursor": null, "min_score": null})),
        ("memory_add_many", json!({"entries": [{"content": "b", "tags": null, "source": null}], "dedupe": null})),
        (
            "filesystem_edit",
            json!({"path": path, "edits": [{"old": "text", "new": "text", "expected_replacements": null}]}),
        ),
    ] {
        on_both_faces(&server, name, arguments).await;
    }
    assert_eq!(server.post("/filesystem/read", json!({"path": null})).await.status, 422);
    let query = server.request("/internet/search?query=x&max_results=").bearer_auth(crate::server::KEY);
    assert_eq!(crate::server::Reply::send(query).await.status, 422);
}

#[tokio::test]
async fn an_empty_text_in_an_optional_field_of_a_tool_is_absence() {
    let server = Server::start().await.with_file("a.txt", "text");
    server.call("memory_add", json!({"content": "found", "source": "me", "id": "one"})).await;
    let all = json!({"query": "found", "source": "", "since": "", "until": "", "tags": "", "limit": "", "metadata": "",
                     "result_cursor": ""});
    assert_eq!(as_tool(&server, "memory_recall", all).await.unwrap()["count"], 1);
    let read = json!({"path": server.at("a.txt"), "encoding": "", "start_line": "", "as": "", "result_cursor": ""});
    assert_eq!(as_tool(&server, "filesystem_read", read).await.unwrap()["content"], "text");
    // What must be there may be empty.
    let write = json!({"path": server.at("b.txt"), "content": "", "mode": "", "session": ""});
    as_tool(&server, "filesystem_write", write).await.unwrap();
    assert_eq!(std::fs::read(server.path("b.txt")).unwrap(), b"");
    let update = json!({"id": "one", "content": "", "tags": ["t"], "expires_at": ""});
    assert_eq!(as_tool(&server, "memory_update", update).await.unwrap()["entry"]["content"], "found");
    let soon = json!({"id": "one", "expires_at": "2999-01-01T00:00:00"});
    assert!(as_tool(&server, "memory_update", soon).await.unwrap()["entry"]["expires_at"].is_string());
    let never = json!({"id": "one", "expires_at": "never"});
    assert!(as_tool(&server, "memory_update", never).await.unwrap()["entry"]["expires_at"].is_null());
}

#[tokio::test]
async fn lists_and_objects_in_texts_are_decoded_where_such_are_wanted() {
    let server = Server::start().await.with_file("a.txt", "text");
    let path = server.at("a.txt");
    let read = on_both_faces(&server, "filesystem_read_many", json!({"paths": json!([path]).to_string()})).await;
    assert_eq!(read["items"][0]["content"], "text");
    let edits = json!([{"old": "te", "new": "TE"}]);
    for edits in [edits.to_string(), format!(" {edits}\n")] {
        let edit = json!({"path": path, "dry_run": true, "edits": edits});
        assert_eq!(on_both_faces(&server, "filesystem_edit", edit).await["replacements"], 1);
    }
    let each = json!({"path": path, "dry_run": true, "edits": [r#"{"old": "te", "new": "TE"}"#]});
    assert_eq!(on_both_faces(&server, "filesystem_edit", each).await["replacements"], 1);
    let env = json!({"command": "echo $A$B", "env": r#"{"A": "1", "B": "2"}"#});
    assert_eq!(on_both_faces(&server, "terminal_execute", env).await["stdout"], "12\n");
    server
        .call("memory_add", json!({"content": "x", "tags": "[\"a\", \"b\"]", "metadata": "{\"k\": 1}", "id": "m"}))
        .await;
    let entry = server.call("memory_get", json!({"id": "m"})).await["entry"].clone();
    assert_eq!((&entry["tags"], &entry["metadata"]), (&json!(["a", "b"]), &json!({"k": 1})));
    // A text stays a text, and what is no JSON is refused as before.
    server.call("filesystem_write", json!({"path": path, "content": "[1, 2]"})).await;
    assert_eq!(std::fs::read(server.path("a.txt")).unwrap(), b"[1, 2]");
    for tags in [json!("a, b"), json!("[1"), json!("{\"a\": 1}")] {
        let reply = server.post("/memory/add", json!({"content": "x", "tags": tags})).await;
        assert_eq!((reply.status, &reply.body["detail"][0]["type"]), (422, &json!("list_type")), "{tags}");
    }
}

#[tokio::test]
async fn what_is_typed_stays_out_of_the_history_by_whatever_name_it_came() {
    let server = Server::start().await;
    let id = server.call("terminal_start", json!({"command": "cat"})).await["id"].clone();
    for name in ["input", "data", "Text", "txt"] {
        server.post("/terminal/input", json!({"id": id, name: "pilgrim-soul-77"})).await;
    }
    server.post("/terminal/execute", json!({"command": "true", "environment": {"X": "pilgrim-soul-78"}})).await;
    let history = json!(server.history().await).to_string();
    assert!(!history.contains("pilgrim-soul"), "{history}");
    server.call("terminal_stop", json!({"id": id})).await;
}
