//! Output by cursor, streams apart, search and waiting.

use super::{start, start_in_terminal, start_with};
use crate::server::Server;
use serde_json::json;

#[tokio::test]
async fn a_process_without_a_terminal_keeps_its_streams_apart() {
    let server = Server::start().await;
    let process = start(&server, "echo one; echo two >&2; echo three; exit 3").await;
    let all = process.all().await;
    assert_eq!((all.stdout.as_str(), all.stderr.as_str(), all.exit_code), ("one\nthree\n", "two\n", Some(3)));
    assert_eq!(all.output, "");
    assert_eq!(process.listed().await["status"], "exited");
}

#[tokio::test]
async fn a_poll_returns_only_what_came_after_its_cursor() {
    let server = Server::start().await;
    let process = start(&server, "echo one; read line; echo $line").await;
    let first = process.shows("one").await;
    let poll = process.call("poll", json!({"cursor": first["cursor"]})).await;
    assert_eq!((&poll["stdout"], &poll["status"], &poll["more"]), (&json!(""), &json!("running"), &json!(false)));
    process.types("two\n", &[]).await;
    let next = process.call("poll", json!({"cursor": poll["cursor"], "timeout": 30})).await;
    assert_eq!(next["stdout"], "two\n");
    let back = process.call("poll", json!({"cursor": -4})).await;
    assert_eq!(back["stdout"], "two\n");
}

#[tokio::test]
async fn text_is_never_cut_inside_a_character() {
    let server = Server::start().await;
    let process = start(&server, "printf '%s' 'äöü€😀ß' ").await;
    process.all().await;
    let (mut cursor, mut text) = (json!(0), String::new());
    loop {
        let reply = process.call("poll", json!({"cursor": cursor, "max_bytes": 4})).await;
        text.push_str(reply["stdout"].as_str().unwrap());
        cursor = reply["cursor"].clone();
        if reply["more"] == false {
            break;
        }
    }
    assert_eq!(text, "äöü€😀ß");
}

#[tokio::test]
async fn a_cursor_that_is_not_reached_is_refused_with_the_end() {
    let server = Server::start().await;
    let process = start(&server, "echo hello").await;
    process.all().await;
    let reply = server.post("/terminal/poll", json!({"id": process.id, "cursor": 1000})).await;
    assert_eq!(reply.status, 422);
    assert!(reply.text.contains("past the end of the output, 6"), "{}", reply.text);
}

#[tokio::test]
async fn an_unknown_process_is_404_and_says_where_to_look() {
    let server = Server::start().await;
    for action in ["poll", "input", "resize", "signal", "stop", "output_search", "wait_for", "ticket"] {
        let all =
            json!({"id": "proc_99", "text": "x", "cols": 1, "rows": 1, "signal": "INT", "query": "x", "pattern": "x"});
        let reply = server.post(&format!("/terminal/{action}"), all).await;
        assert_eq!(reply.status, 404, "{action}: {}", reply.text);
        assert!(reply.detail().contains("terminal_processes"), "{}", reply.detail());
    }
}

#[tokio::test]
async fn waiting_for_a_pattern_gives_the_line_and_its_groups() {
    let server = Server::start().await;
    let process =
        start(&server, r"printf 'starting\n'; printf '\033[32mlistening on \033[0m127.0.0.1:81'; read x").await;
    let reply = process.shows(r"listening on (\S+):(\d+)").await;
    assert_eq!(reply["reason"], "pattern");
    assert_eq!(reply["line"], "listening on 127.0.0.1:81");
    assert_eq!(reply["groups"], json!(["127.0.0.1", "81"]));
}

#[tokio::test]
async fn waiting_in_vain_says_why_and_shows_the_end_of_the_output() {
    let server = Server::start().await;
    let failing = start(&server, "echo cannot bind >&2; exit 7").await;
    let reply = failing.call("wait_for", json!({"pattern": "ready"})).await;
    assert_eq!((&reply["success"], &reply["reason"], &reply["exit_code"]), (&json!(false), &json!("ended"), &json!(7)));
    assert_eq!(reply["output"], "cannot bind\n");
    let silent = start(&server, "read line").await;
    let reply = silent.call("wait_for", json!({"pattern": "ready", "timeout": 0.1})).await;
    assert_eq!((&reply["reason"], &reply["status"]), (&json!("timeout"), &json!("running")));
}

#[tokio::test]
async fn a_start_may_wait_until_the_process_is_ready() {
    let server = Server::start().await;
    let process =
        start_with(&server, json!({"command": "echo booting; echo ready; read x", "wait_for": {"pattern": "^ready$"}}))
            .await;
    assert_eq!((&process.started["success"], &process.started["waited"]["line"]), (&json!(true), &json!("ready")));
    let bad = server.post("/terminal/start", json!({"command": "true", "wait_for": {"pattern": "("}})).await;
    assert_eq!(bad.status, 422);
    assert!(bad.text.contains("regular expression"), "{}", bad.text);
}

#[tokio::test]
async fn the_output_is_searched_by_line_with_what_stands_around_it() {
    let server = Server::start().await;
    let process =
        start(&server, r"for i in $(seq 1 50); do echo line $i; done; printf '\033[31mError\033[0m: bad\n'; echo end")
            .await;
    process.all().await;
    let reply = process.call("output_search", json!({"query": "error: BAD", "context": 1})).await;
    let found = &reply["items"][0];
    assert_eq!((&reply["count"], &found["line"], &found["text"]), (&json!(1), &json!(51), &json!("Error: bad")));
    assert_eq!((&found["before"], &found["after"]), (&json!(["line 50"]), &json!(["end"])));
    let there = process.call("poll", json!({"cursor": found["cursor"], "plain": true})).await;
    assert_eq!(there["stdout"], "Error: bad\nend\n");
    let many = process.call("output_search", json!({"query": "^line [0-9]$", "regex": true, "limit": 5})).await;
    assert_eq!((&many["count"], &many["truncated"]), (&json!(5), &json!(true)));
    let bad = server.post("/terminal/output_search", json!({"id": process.id, "query": "(", "regex": true})).await;
    assert_eq!(bad.status, 422);
}

#[tokio::test]
async fn a_process_in_a_terminal_has_one_stream_and_a_size() {
    let server = Server::start().await;
    let command = json!({"command": "stty size; tty; echo error >&2", "pty": true, "cols": 101, "rows": 33});
    let process = start_with(&server, command).await;
    let all = process.all().await;
    assert!(all.output.starts_with("33 101\r\n/dev/console\r\n"), "{all:?}");
    assert!(all.output.ends_with("error\r\n"), "{all:?}");
    assert_eq!((all.stdout.as_str(), all.exit_code), ("", Some(0)));
}

#[tokio::test]
async fn input_that_says_nothing_or_presses_no_key_is_refused_before_anything_is_sent() {
    let server = Server::start().await;
    let process = start_in_terminal(&server, "cat").await;
    let nothing = server.post("/terminal/input", json!({"id": process.id})).await;
    assert_eq!(nothing.status, 422, "{}", nothing.text);
    let wrong = json!({"id": process.id, "text": "lost?\n", "keys": ["enter", "f13", "hyper-x"]});
    let wrong = server.post("/terminal/input", wrong).await;
    assert_eq!(wrong.status, 422);
    let places: Vec<_> = wrong.body["detail"].as_array().unwrap().iter().map(|problem| &problem["loc"]).collect();
    assert_eq!(places, [&json!(["body", "keys", 1]), &json!(["body", "keys", 2])]);
    process.types("kept", &["enter", "ctrl-d"]).await;
    assert!(!process.all().await.output.contains("lost"));
}

#[tokio::test]
async fn a_pipe_takes_text_until_eof_and_then_no_more() {
    let server = Server::start().await;
    let process = start(&server, "sort").await;
    process.types("b\na\n", &[]).await;
    process.call("input", json!({"text": "c\n", "eof": true})).await;
    assert_eq!(process.all().await.stdout, "a\nb\nc\n");
    let late = server.post("/terminal/input", json!({"id": process.id, "text": "d"})).await;
    assert_eq!(late.status, 409, "{}", late.text);
}

#[tokio::test]
async fn a_password_that_is_typed_stays_out_of_the_history() {
    let server = Server::start().await;
    let process = start_in_terminal(&server, "stty -echo; echo password?; read p; stty echo; echo got ${#p}").await;
    process.shows("password").await;
    process.types("hunter2secret\n", &[]).await;
    process.shows("got 13").await;
    assert!(!json!(server.history().await).to_string().contains("hunter2"));
}

#[tokio::test]
async fn a_wait_in_vain_shows_the_end_of_long_output() {
    let server = Server::start().await;
    let wanted = json!({"pattern": "ready"});
    let failing = start_with(&server, json!({"command": "seq 1 2000; exit 1", "wait_for": wanted})).await;
    let waited = &failing.started["waited"];
    assert_eq!((&failing.started["success"], &waited["reason"]), (&json!(false), &json!("ended")));
    assert!(waited["output"].as_str().unwrap().ends_with("1999\n2000\n"), "{waited}");
    let talking = start(&server, "yes").await;
    let reply = talking.call("wait_for", json!({"pattern": "ready", "timeout": 0.5})).await;
    assert_eq!((&reply["reason"], &reply["status"]), (&json!("timeout"), &json!("running")));
    assert!(reply["output"].as_str().unwrap().len() <= 2000, "{reply}");
}

#[tokio::test]
async fn a_poll_from_the_begin_says_how_much_is_no_longer_kept() {
    let server = Server::with_settings(&[("PROCESS_OUTPUT_MIB", "1")]).await;
    let process = start(&server, "seq 1 400000").await;
    process.all().await;
    let reply = process.call("poll", json!({})).await;
    let missed = reply["missed"].as_u64().expect("some is gone");
    assert_eq!(process.call("poll", json!({"cursor": 0})).await["missed"], missed);
    assert!(missed > 0 && !reply["stdout"].as_str().unwrap().starts_with("1\n"), "{missed}");
}

#[tokio::test]
async fn a_search_of_output_goes_on_from_its_cursor() {
    let server = Server::start().await;
    let process = start(&server, "for i in $(seq 1 20); do echo hit $i; echo miss; done").await;
    process.all().await;
    let (mut found, mut cursor) = (vec![], json!(null));
    loop {
        let asked = json!({"query": "hit", "limit": 8, "cursor": cursor});
        let reply = process.call("output_search", asked).await;
        found.extend(reply["items"].as_array().unwrap().iter().map(|found| found["text"].clone()));
        cursor = reply["next_cursor"].clone();
        assert_eq!(reply["truncated"] == true, cursor.is_u64());
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(found, (1..=20).map(|i| json!(format!("hit {i}"))).collect::<Vec<_>>());
    let empty = server.post("/terminal/output_search", json!({"id": process.id, "query": ""})).await;
    assert_eq!(empty.status, 422);
}
