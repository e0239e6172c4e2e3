//! Secrets stay out of what is kept, and ordinary lines stay in it as they were.

use crate::{
    program::Program,
    server::{KEY, Server},
};
use serde::Deserialize;
use serde_json::{Value, json};

/// A line of a corpus.
#[derive(Deserialize)]
struct Row {
    text: String,
    #[serde(default)]
    secrets: Vec<String>,
}

fn rows(corpus: &str) -> Vec<Row> {
    corpus.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The texts as the history shows them, in the order asked.
async fn kept(rows: &[Row]) -> Vec<String> {
    let server = Server::with_settings(&[("MCP_MAX_CALLS_PER_SECOND", "0")]).await;
    for row in rows {
        server.call("memory_query", json!({"query": row.text})).await;
    }
    let lines = server.history().await;
    lines.iter().map(|line| line["details"]["query"].as_str().unwrap().to_owned()).collect()
}

/// Whether a text shows a secret or a telling part of it: a word of it that has five characters.
fn shows(text: &str, secret: &str) -> bool {
    text.contains(secret) || secret.split_whitespace().any(|word| word.len() >= 5 && text.contains(word))
}

#[tokio::test]
async fn no_secret_of_the_corpus_is_in_the_history() {
    let rows = rows(include_str!("../corpora/secrets.jsonl"));
    assert!(rows.len() >= 480);
    let kept = kept(&rows).await;
    let shown: Vec<_> =
        rows.iter().zip(&kept).filter(|(row, kept)| row.secrets.iter().any(|it| shows(kept, it))).collect();
    let shown: Vec<_> = shown.into_iter().map(|(row, kept)| (&row.text, kept)).collect();
    assert!(shown.is_empty(), "{} of {}: {shown:#?}", shown.len(), rows.len());
}

#[tokio::test]
async fn of_five_hundred_ordinary_lines_at_most_one_in_a_hundred_is_changed() {
    let rows = rows(include_str!("../corpora/ordinary-history.jsonl"));
    assert_eq!(rows.len(), 500);
    let kept = kept(&rows).await;
    let changed: Vec<_> =
        rows.iter().zip(&kept).filter(|(row, kept)| row.text != **kept).map(|(_, kept)| kept).collect();
    assert!(changed.len() <= 5, "{} changed: {changed:#?}", changed.len());
}

#[tokio::test]
async fn what_only_looks_like_a_secret_stays_in_the_history_as_it_was() {
    let rows = rows(include_str!("../corpora/look-alikes.jsonl"));
    let kept = kept(&rows).await;
    let texts: Vec<_> = rows.iter().map(|row| &row.text).collect();
    assert_eq!(kept.iter().collect::<Vec<_>>(), texts);
}

#[tokio::test]
async fn of_a_field_that_a_route_does_not_know_only_the_name_is_kept() {
    let server = Server::start().await;
    let unknown = json!({"command": "true", "stdin": "hunter2", "foo": {"bar": "hunter2"}, "typed": ["a", "hunter2"]});
    server.post("/terminal/execute", unknown.clone()).await;
    server.post("/terminal/start", unknown).await;
    server.post("/terminal/input", json!({"id": "x", "text": ["a", "hunter2"]})).await;
    let lines = server.history().await;
    assert!(!json!(lines).to_string().contains("hunter2"), "{lines:?}");

    for line in &lines[..2] {
        assert_eq!(line["details"]["command"], "true");
        assert_eq!(line["details"]["stdin"], "(7 characters, not kept)");
        assert!(line["details"]["foo"].is_string(), "{line}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn of_what_is_typed_into_a_program_only_the_length_and_the_keys_are_kept() {
    let server = Server::start().await;
    let id = server.call("terminal_start", json!({"command": "cat", "pty": true})).await["id"].clone();
    let keys = json!(["h", "u", "shift-n", "tab", "ctrl-c"]);
    server.call("terminal_input", json!({"id": id, "text": "hunter2 typed\n", "keys": keys})).await;
    // Refused calls leave a line too, with whatever was sent under whatever name.
    server.post("/terminal/input", json!({"id": id, "text": 5, "input": "hunter2 typed", "keys": "hunter2"})).await;
    server.post("/sandbox/run", json!({"command": "cat", "stdin": "hunter2 typed"})).await;
    let lines = server.history().await;
    let said = &lines[1]["details"];
    assert_eq!((&said["id"], &said["text"]), (&id, &json!("(14 characters, not kept)")));
    let hidden = "(1 characters, not kept)";
    assert_eq!(said["keys"], json!([hidden, hidden, "(7 characters, not kept)", "tab", "ctrl-c"]));
    assert_eq!(lines[3]["details"], json!({"command": "cat", "stdin": "(13 characters, not kept)"}));
    assert!(!json!(lines).to_string().contains("hunter2"), "{lines:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_password_on_a_command_line_is_in_no_list_of_processes() {
    let server = Server::start().await;
    let command = format!("true --password hunter2 {KEY}; cat");
    server.call("terminal_start", json!({"command": command})).await;
    let list = server.call("terminal_processes", json!({})).await;
    assert_eq!(list["items"][0]["command"], "true --password [removed] [removed]; cat");
    let kept = std::fs::read_to_string(server.path("memory/processes/list.jsonl")).unwrap();
    assert!(kept.contains("--password [removed]") && !kept.contains("hunter2") && !kept.contains(KEY), "{kept}");
}

#[tokio::test]
async fn secrets_in_lists_and_in_pairs_of_a_name_and_a_value_are_left_out() {
    let server = Server::start().await;
    let metadata = json!({
        "args": ["curl", "-u", "ana:hunter2", "http://x"],
        "more": ["--password", "hunter2", "--quiet"],
        "vars": [{"name": "DB_PASSWORD", "value": "hunter2"}, {"name": "TZ", "value": "UTC"}],
        "options": {"max_tokens": 100, "has_password": true, "deep": {"apiKey": "hunter2"}},
    });
    let content = "password=hunter2 ".repeat(2000);
    server.post("/memory/add", json!({"content": content, "metadata": metadata})).await;
    server.post("/sandbox/notebook", json!({"notebook": metadata})).await;
    server.post("/terminal/execute", json!({"command": "true", "env": {"HARMLESS": "hunter2"}})).await;
    let lines = server.history().await;
    assert!(!json!(lines).to_string().contains("hunter2"), "{lines:?}");
    let details = &lines.iter().find(|line| line["action"] == "sandbox_notebook").unwrap()["details"]["notebook"];
    assert_eq!(details["args"], json!(["curl", "-u", "ana:[removed]", "http://x"]), "{lines:?}");
    assert_eq!(details["more"], json!(["--password", "[removed]", "--quiet"]));
    assert_eq!(details["vars"][1], json!({"name": "TZ", "value": "UTC"}));
    assert_eq!(details["options"]["max_tokens"], 100);
}

#[tokio::test]
async fn of_the_headers_of_a_fetch_the_values_that_may_open_something_are_not_kept() {
    let server = Server::start().await;
    let names = "Key X-Api-Key X-API-KEY apikey Authorization Proxy-Authorization Cookie Cookie2 X-Auth-Token X-Token \
        Ocp-Apim-Subscription-Key X-Functions-Key x-goog-api-key PRIVATE-TOKEN X-Vault-Token X-CSRF-Token X-Session \
        X-Hub-Signature-256 X-Access X-Acme-Ticket DD-APPLICATION-KEY Api X-Pin X-Whatever cf-access-client-id";
    let secret: serde_json::Map<_, _> =
        names.split_whitespace().map(|name| (name.into(), "hunter2 of ana".into())).collect();
    let plain = json!({"Accept": "text/html", "accept-language": "fr", "User-Agent": "curl/8", "If-None-Match": "\"a\"",
        "Content-Type": "text/plain", "X-Request-Id": "42", "Origin": "http://x", "Sec-Fetch-Mode": "cors"});
    let mut both = plain.as_object().unwrap().clone();
    both.extend(secret.clone());
    let pairs =
        json!([{"name": "Key", "value": "hunter2"}, ["Key", "hunter2"], "Key: hunter2", "Accept: a\nKey: hunter2"]);
    for headers in [json!(both), json!(secret), pairs, json!("Key: hunter2"), json!({"Key": ["hunter2"], "n": 7})] {
        server.post("/internet/fetch", json!({"url": "http://127.0.0.1:1/", "headers": headers})).await;
        server.call("memory_add", json!({"content": "x", "metadata": {"http_headers": headers}})).await;
        server.post("/sandbox/notebook", json!({"notebook": {"requestHeaders": headers}})).await;
    }
    let long = json!({"Key": "hunter2 ".repeat(4000)});
    server.post("/internet/fetch", json!({"url": "http://127.0.0.1:1/", "headers": long})).await;
    let lines = server.history().await;
    assert!(!json!(lines).to_string().contains("hunter2"), "{lines:#?}");
    let kept = &lines[0]["details"]["headers"];
    for (name, value) in plain.as_object().unwrap() {
        assert_eq!(&kept[name], value, "{name}");
    }
    assert_eq!(kept["X-Whatever"], "[removed]");
}

#[tokio::test]
async fn a_header_in_a_command_that_is_called_key_is_not_kept() {
    let server = Server::start().await;
    let commands = [
        ("curl -H 'Key: hunter2 x' http://a", "curl -H 'Key: [removed]' http://a"),
        ("curl -H \"X-Signature: hunter2\" -s http://a", "curl -H \"X-Signature: [removed]\" -s http://a"),
        ("curl --header=Key:hunter2 http://a", "curl --header=Key:[removed] http://a"),
        ("curl -HKey:hunter2", "curl -HKey:[removed]"),
        ("curl -H 'Idempotency-Key: 42-a' -H 'Accept: text/html' http://a", ""),
        ("curl -H \"Key: $KEY\" http://a", ""),
    ];
    for (command, _) in &commands {
        server.call("memory_query", json!({"query": command})).await;
    }
    for (line, (command, kept)) in server.history().await.iter().zip(commands) {
        assert_eq!(line["details"]["query"], if kept.is_empty() { command } else { kept });
    }
}

#[tokio::test]
async fn a_secret_that_the_cut_of_the_history_falls_into_goes_as_a_whole() {
    let server = Server::start().await;
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", "MIIEvQIBADAN\n".repeat(200));
    let secrets = [format!("ghp_{}", "a1B2".repeat(9)), key, format!("eyJhbGciOiJIUzI1NiJ9.{}.x", "eyJz".repeat(900))];
    for (secret, before) in secrets.iter().flat_map(|secret| [60, 93, 96, 99].map(|before| (secret, before))) {
        let content = format!("{} {secret}", ". ".repeat(before / 2));
        server.call("memory_add", json!({"content": content, "metadata": {"x": content}})).await;
        server.post("/filesystem/write", json!({"path": "/no/such\u{0}place", "content": content})).await;
        server.post("/filesystem/write", json!({"path": "/no/\u{0}", "content": content + &"y".repeat(20_000)})).await;
    }
    let lines = Value::from(server.history().await).to_string();
    for beginning in ["ghp", "-BEGIN", "MII", "eyJ"] {
        assert!(!lines.contains(beginning), "{beginning}");
    }
}

#[tokio::test]
async fn a_token_in_an_address_is_not_in_the_servers_log() {
    let mut server = Program::start(&[("LOG_LEVEL", "DEBUG")]);
    let token = format!("ghp_{}", "a1B2".repeat(9));
    server.get(&format!("/{token}")).await;
    server.get(&format!("/{}/{}", &KEY[..KEY.len() / 2], &KEY[KEY.len() / 2..])).await;
    server.get(&format!("/{}", &KEY[..KEY.len() - 1])).await;
    server.terminate();
    assert!(server.wait().success());
    let log = server.stderr();
    assert!(log.contains("GET /[removed] 404") && !log.contains(&token), "{log}");
    assert!(!KEY.as_bytes().windows(10).any(|part| log.contains(str::from_utf8(part).unwrap())), "{log}");
}
