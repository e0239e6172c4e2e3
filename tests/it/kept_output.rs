//! What a command wrote is kept, however it ends.

use crate::{
    mcp::{params, text},
    server::{KEY, Server},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn execute(server: &Server, arguments: Value) -> Value {
    server.call("terminal_execute", arguments).await
}

#[tokio::test]
async fn a_command_that_runs_out_of_time_answers_with_what_it_wrote_and_what_was_running() {
    let server = Server::start().await;
    let command = "echo CRITICAL; echo aside >&2; printf 'half a line'; sleep 7101 | cat";
    let reply = server.post("/terminal/execute", json!({"command": command, "timeout": 1})).await;
    assert_eq!((reply.status, reply.detail()), (408, "Command timed out after 1s"));
    assert_eq!(reply.body["stdout"], "CRITICAL\nhalf a line");
    assert_eq!(reply.body["stderr"], "aside\n");
    let running: Vec<&str> =
        reply.body["running"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
    assert!(running.contains(&"sleep 7101") && running.contains(&"cat") && running.len() == 2, "{running:?}");
    let hint = reply.body["hint"].as_str().unwrap();
    assert!(hint.contains("/terminal/start") && hint.contains("MAX_COMMAND_TIMEOUT"), "{hint}");
}

#[tokio::test]
async fn of_much_output_a_command_that_runs_out_of_time_shows_the_first_and_the_last_of_a_mebibyte() {
    let server = Server::start().await;
    let command = "echo FIRST; head -c 3000000 /dev/zero; echo LAST; sleep 7103";
    let reply = server.post("/terminal/execute", json!({"command": command, "timeout": 2})).await;
    assert_eq!((reply.status, &reply.body["truncated"], &reply.body["stderr"]), (408, &json!(true), &json!("")));
    let stdout = reply.body["stdout"].as_str().unwrap();
    assert!(stdout.starts_with("FIRST\n\0") && stdout.ends_with("\0LAST\n"), "{} bytes", stdout.len());
    assert!(stdout.contains("\n[... 1951435 bytes left out ...]\n"), "3,000,011 bytes came, 1,048,576 are shown");
}

#[tokio::test]
async fn over_mcp_too_a_command_that_runs_out_of_time_shows_what_it_wrote() {
    let server = Server::start().await;
    let client = server.client().await;
    let command = "seq 100000; echo CRITICAL >&2; sleep 7102";
    let result = client.call_tool(params("terminal_execute", json!({"command": command, "timeout": 1}))).await.unwrap();
    assert_eq!(result.is_error, Some(true));
    let said = text(&result);
    assert!(said.starts_with("Command timed out after 1s\n"), "{said}");
    assert!(said.contains("terminal_start") && said.contains("running:\nsleep 7102"), "{said}");
    assert!(said.contains("stdout:\n1\n2\n") && said.contains("\n99999\n100000\n"), "{said}");
    assert!(said.contains("stderr:\nCRITICAL"), "{said}");
    assert!(said.len() < 52_000, "{} bytes", said.len());
}

#[tokio::test]
async fn of_output_past_the_limit_the_start_and_the_end_are_kept_and_the_command_goes_on_to_its_end() {
    let server = Server::with_settings(&[("MAX_OUTPUT_BYTES", "100000")]).await;
    let answer = execute(&server, json!({"command": "seq 100000; echo THE END; exit 3"})).await;
    let stdout = answer["stdout"].as_str().unwrap();
    assert!(stdout.starts_with("1\n2\n3\n") && stdout.ends_with("\n99999\n100000\nTHE END\n"), "{stdout}");
    assert!(stdout.contains("\n[... 488903 bytes left out ...]\n"), "588,903 bytes came: {}", &stdout[49_900..50_100]);
    assert_eq!((&answer["truncated"], &answer["exit_code"]), (&json!(true), &json!(3)));
    let errors = execute(&server, json!({"command": "seq 100000 >&2; echo now"})).await;
    assert_eq!((&errors["truncated"], &errors["stdout"]), (&json!(true), &json!("now\n")));
    assert!(errors["stderr"].as_str().unwrap().ends_with("\n100000\n"));
    let exact = execute(&server, json!({"command": "head -c 100000 /dev/zero | tr '\\0' x"})).await;
    assert_eq!((exact["stdout"].as_str().unwrap().len(), exact.get("truncated")), (100_000, None));
}

#[tokio::test]
async fn a_command_that_floods_is_ended_and_its_last_words_are_there() {
    let server = Server::with_settings(&[("MAX_OUTPUT_BYTES", "100000")]).await;
    let answer = execute(&server, json!({"command": "yes", "timeout": 30})).await;
    assert_eq!(
        (&answer["truncated"], &answer["exit_code"], &answer["success"]),
        (&json!(true), &json!(-9), &json!(false))
    );
    let stdout = answer["stdout"].as_str().unwrap();
    assert!(stdout.contains("bytes left out") && stdout.len() < 100_100, "{} bytes", stdout.len());
}

#[tokio::test]
async fn a_call_says_how_much_of_the_start_and_the_end_it_wants() {
    let server = Server::start().await;
    let shown = async |mut arguments: Value| {
        arguments["command"] = json!("echo start; seq 1000; echo end");
        execute(&server, arguments).await["stdout"].as_str().unwrap().to_owned()
    };
    let both = shown(json!({"max_bytes": 12})).await;
    assert_eq!(both, "start\n\n[... 3891 bytes left out ...]\n0\nend\n");
    assert_eq!(shown(json!({"max_bytes": 10, "tail_bytes": 4})).await, "start\n\n[... 3893 bytes left out ...]\nend\n");
    assert_eq!(shown(json!({"tail_bytes": 4})).await, "\n[... 3899 bytes left out ...]\nend\n");
    assert_eq!(shown(json!({"max_bytes": 6, "tail_bytes": 0})).await, "start\n\n[... 3897 bytes left out ...]\n");
    assert_eq!(shown(json!({"max_bytes": 4000, "tail_bytes": null})).await.len(), 3903);
    let late = json!({"command": "seq 1000; sleep 7103", "timeout": 1, "tail_bytes": 5});
    let reply = server.post("/terminal/execute", late).await;
    assert_eq!(reply.body["stdout"], "\n[... 3888 bytes left out ...]\n1000\n");
    assert_eq!(reply.body["truncated"], true);
}

#[tokio::test]
async fn a_watched_command_that_runs_out_of_time_has_told_its_output_before_the_error() {
    let server = Server::with_settings(&[("MAX_OUTPUT_BYTES", "100000")]).await;
    let watch = async |command: &str| {
        let request = server.request("/terminal/execute").bearer_auth(KEY).header("accept", "text/event-stream");
        request.json(&json!({"command": command, "timeout": 2})).send().await.unwrap().text().await.unwrap()
    };
    let events = watch("echo CRITICAL; sleep 7104").await;
    assert!(events.contains(r#"{"text":"CRITICAL\n"}"#), "{events}");
    let error = events.split("event: error\ndata: ").nth(1).expect("an error comes last");
    let error: Value = serde_json::from_str(error.trim()).unwrap();
    assert_eq!((&error["status"], &error["detail"]), (&json!(408), &json!("Command timed out after 2s")));
    assert_eq!((&error["running"], error.get("stdout")), (&json!(["sleep 7104"]), None));
    let long = watch("seq 100000; echo THE END").await;
    assert!(
        long.contains(r#"{"text":"1\n2\n"#) && long.contains("bytes left out") && long.contains(r"\n100000\nTHE END\n")
    );
}

#[tokio::test]
async fn a_command_that_runs_out_of_time_can_go_on_in_the_background() {
    let server = Server::start().await;
    let command = "echo before; echo aside >&2; sleep 1.5; echo after; cat; exit 4";
    let arguments = json!({"command": command, "timeout": 1, "on_timeout": "background"});
    let answer = execute(&server, arguments).await;
    assert_eq!((&answer["stdout"], &answer["stderr"]), (&json!("before\n"), &json!("aside\n")));
    assert_eq!(
        (&answer["exit_code"], &answer["success"], &answer["status"]),
        (&json!(null), &json!(false), &json!("running"))
    );
    let id = answer["id"].as_str().expect("a process to poll").to_owned();
    assert!(answer["message"].as_str().unwrap().contains("terminal_poll"), "{answer}");
    let waited = server.call("terminal_wait_for", json!({"id": id, "pattern": "after"})).await;
    assert_eq!(waited["success"], true, "{waited}");
    let deadline = Instant::now() + Duration::from_secs(10);
    let mut new = String::new();
    let (mut cursor, mut last) = (answer["cursor"].clone(), Value::Null);
    while last["status"] != "exited" {
        assert!(Instant::now() < deadline, "{last}");
        last = server.call("terminal_poll", json!({"id": id, "cursor": cursor, "timeout": 5})).await;
        new.push_str(last["stdout"].as_str().unwrap());
        cursor = last["cursor"].clone();
    }
    assert_eq!((new.as_str(), &last["exit_code"]), ("after\n", &json!(4)));
    let all = server.call("terminal_poll", json!({"id": id})).await;
    assert_eq!((&all["stdout"], &all["stderr"]), (&json!("before\nafter\n"), &json!("aside\n")));
    let listed = server.call("terminal_processes", json!({})).await;
    assert!(listed.to_string().contains(command), "{listed}");
}

#[tokio::test]
async fn one_that_ends_in_time_leaves_no_process_and_one_in_the_background_can_be_stopped() {
    let server = Server::with_settings(&[("MAX_PROCESSES", "1")]).await;
    let quick = execute(&server, json!({"command": "echo done", "on_timeout": "background"})).await;
    assert_eq!((&quick["stdout"], quick.get("id"), quick.get("status")), (&json!("done\n"), None, None));
    assert_eq!(server.call("terminal_processes", json!({})).await["items"], json!([]));
    let arguments = json!({"command": "echo CRITICAL; sleep 7105", "timeout": 1, "on_timeout": "background"});
    let first = execute(&server, arguments.clone()).await;
    // There is no room for another one: it is ended as usual, and says why.
    let second = server.post("/terminal/execute", arguments).await;
    assert_eq!((second.status, second.detail()), (408, "Command timed out after 1s"));
    assert_eq!(second.body["stdout"], "CRITICAL\n");
    assert!(second.body["hint"].as_str().unwrap().contains("MAX_PROCESSES"), "{}", second.text);
    let stopped = server.call("terminal_stop", json!({"id": first["id"]})).await;
    assert_eq!(stopped["status"], "stopped");
    let bad = server.post("/terminal/execute", json!({"command": "true", "on_timeout": "detach"})).await;
    assert_eq!((bad.status, &bad.body["detail"][0]["loc"]), (422, &json!(["body", "on_timeout"])), "{}", bad.text);
}
