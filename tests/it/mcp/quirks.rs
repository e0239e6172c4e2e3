//! What real clients do that the protocol does not say, and what only some revisions of it have.

use super::{answer, call, initialize, wire::modern};
use crate::server::{KEY, Pipe, Reply, Server, nothing};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The events of a stream that carry no message.
fn empty_events(text: &str) -> usize {
    text.lines().filter(|line| line.strip_prefix("data:").is_some_and(|data| data.trim().is_empty())).count()
}

#[tokio::test]
async fn streams_begin_with_an_empty_event_only_since_the_revision_that_has_it() {
    let server = Server::start().await;
    for (revision, expected) in [("2024-11-05", 0), ("2025-03-26", 0), ("2025-06-18", 0), ("2025-11-25", 1)] {
        let opened = Reply::send(server.mcp(&initialize(revision))).await;
        assert_eq!(empty_events(&opened.text), 0, "{revision}: {}", opened.text);
        let session = server.session(revision).await;
        let called = Reply::send(server.said(&session, &call(3, "memory_tags", nothing()))).await;
        assert_eq!(empty_events(&called.text), expected, "{revision}: {}", called.text);
        assert_eq!(answer(&called.text)["result"]["structuredContent"]["success"], true);
        let listen = server.http.get(format!("{}/mcp", server.url)).bearer_auth(KEY).header("mcp-session-id", &session);
        let mut stream = listen.header("accept", "text/event-stream").send().await.unwrap();
        if expected == 1 {
            let first = String::from_utf8(stream.chunk().await.unwrap().unwrap().to_vec()).unwrap();
            assert_eq!(empty_events(&first), 1, "{revision}: {first}");
        } else {
            let first = tokio::time::timeout(Duration::from_millis(300), stream.chunk()).await;
            assert!(first.is_err(), "{revision}: nothing is there to be told: {first:?}");
        }
    }
}

#[tokio::test]
async fn a_client_that_takes_json_alone_gets_json() {
    let server = Server::with_fixtures(&[]).await;
    let ask = |request: reqwest::RequestBuilder| {
        let mut request = request.build().unwrap();
        request.headers_mut().insert("accept", "application/json".parse().unwrap());
        server.http.execute(request)
    };
    let opened = Reply::of(ask(server.mcp(&initialize("2025-06-18"))).await.unwrap()).await;
    assert_eq!(opened.headers["content-type"], "application/json");
    assert_eq!(opened.body["result"]["protocolVersion"], "2025-06-18", "{}", opened.text);
    let session = opened.headers["mcp-session-id"].to_str().unwrap();
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(ask(server.said(session, &ready)).await.unwrap().status(), 202);
    let mut message = call(3, "test_wait", json!({"milliseconds": 10, "reports": 3}));
    message["params"]["_meta"] = json!({"progressToken": "token"});
    for request in [server.said(session, &message), modern(&server, &message)] {
        let called = Reply::of(ask(request).await.unwrap()).await;
        assert_eq!(called.headers["content-type"], "application/json");
        assert_eq!(called.body["result"]["structuredContent"]["milliseconds"], 10, "{}", called.text);
    }
    let started = Instant::now();
    let long = ask(server.said(session, &call(4, "test_wait", json!({"milliseconds": 3500})))).await.unwrap();
    assert!(started.elapsed() < Duration::from_millis(3400), "the head of a long answer comes early");
    assert_eq!(long.headers()["content-type"], "application/json");
    assert_eq!(long.json::<Value>().await.unwrap()["result"]["structuredContent"]["milliseconds"], 3500);
    let refused = Reply::of(ask(server.said("gone", &message)).await.unwrap()).await;
    assert_eq!((refused.status, &refused.body["error"]["code"]), (404, &json!(-32001)));
}

#[tokio::test]
async fn a_client_that_takes_any_form_gets_an_answer() {
    let server = Server::start().await;
    for accept in
        ["*/*", "application/*, text/*", "Application/JSON;q=0.9, text/event-stream;q=0.1", "application/json, */*"]
    {
        let request = server.request("/mcp").bearer_auth(KEY).header("accept", accept).json(&initialize("2025-11-25"));
        let reply = Reply::send(request).await;
        assert_eq!(answer(&reply.text)["result"]["protocolVersion"], "2025-11-25", "{accept}: {}", reply.text);
    }
    let nothing_known = server.request("/mcp").bearer_auth(KEY).header("accept", "text/html");
    assert_eq!(nothing_known.json(&initialize("2025-11-25")).pipe(Reply::send).await.status, 406);
}

#[tokio::test]
async fn arguments_that_are_a_text_of_json_are_what_it_says() {
    let server = Server::start().await.with_file("a.txt", "found");
    let session = server.session("2025-11-25").await;
    let path = json!({"path": "a.txt"});
    for arguments in [json!(path.to_string()), json!(format!(" {path}\n"))] {
        let said = server.tool(&session, "filesystem_read", arguments.clone()).await;
        assert_eq!(said["result"]["structuredContent"]["content"], "found", "{arguments}: {said}");
        let modern = Reply::send(modern(&server, &call(2, "filesystem_read", arguments))).await;
        assert!(modern.text.contains("found"), "{}", modern.text);
    }
    for nothing in [json!(""), json!("{}"), Value::Null] {
        let said = server.tool(&session, "memory_tags", nothing.clone()).await;
        assert_eq!(said["result"]["structuredContent"]["success"], true, "{nothing}: {said}");
    }
    for broken in [json!("{\"a\": "), json!([1]), json!(7)] {
        let said = server.tool(&session, "memory_tags", broken.clone()).await;
        assert_eq!((&said["id"], &said["result"]["isError"]), (&json!(7), &json!(true)), "{broken}: {said}");
        assert!(said["result"]["content"][0]["text"].as_str().unwrap().starts_with("arguments: "), "{said}");
    }
}

#[tokio::test]
async fn who_speaks_mcp_to_the_root_is_told_where_it_is() {
    let server = Server::start().await;
    let lost = Reply::send(server.request("/").json(&initialize("2025-11-25"))).await;
    assert_eq!((lost.status, lost.detail()), (405, "Method Not Allowed"));
    assert_eq!(lost.headers["allow"], "GET,HEAD");
    assert!(lost.body["hint"].as_str().unwrap().contains("/mcp"), "{}", lost.text);
    let other = Reply::send(server.request("/health").json(&nothing())).await;
    assert_eq!(other.body, json!({"detail": "Method Not Allowed", "hint": "Send GET"}));
}

#[tokio::test]
async fn a_refusal_names_tools_and_not_routes() {
    let server = Server::with_fixtures(&[]).await;
    let session = server.session("2025-11-25").await;
    let calls = [
        ("internet_search", json!({"query": "x"}), "internet_fetch", "/internet/fetch"),
        ("sandbox_session_run", json!({"id": "ses_none", "code": "1"}), "sandbox_session_start", "/sandbox/session"),
    ];
    for (tool, arguments, named, route) in calls {
        let said = server.tool(&session, tool, arguments.clone()).await;
        let sentence = said["result"]["content"][0]["text"].as_str().unwrap();
        assert!(sentence.contains(named) && !sentence.contains(route), "{sentence}");
        let rest = server.post(&crate::server::route(tool), arguments).await;
        assert_eq!(rest.detail(), sentence, "both faces say the same");
    }
}

#[tokio::test]
async fn a_route_in_a_refusal_is_the_tool_of_that_name() {
    let server = Server::with_fixtures(&[]).await;
    let session = server.session("2025-11-25").await;
    let said = server.tool(&session, "test_refuse", nothing()).await;
    let expected =
        "Use terminal_start or sandbox_session_run, not /srv/terminal/start or /terminal/nowhere. See terminal_stop";
    assert_eq!(said["result"]["content"][0]["text"], expected);
}

#[tokio::test]
async fn instructions_and_prompts_send_a_model_to_memory_recall() {
    let server = Server::start().await;
    let opened = answer(&Reply::send(server.mcp(&initialize("2025-11-25"))).await.text);
    let session = server.session("2025-11-25").await;
    let prompt = json!({"name": "remember", "arguments": {"content": "tea"}});
    let asked = json!({"jsonrpc": "2.0", "id": 2, "method": "prompts/get", "params": prompt});
    let remember = answer(&Reply::send(server.said(&session, &asked)).await.text);
    let texts = [&opened["result"]["instructions"], &remember["result"]["messages"][0]["content"]["text"]];
    for text in texts.map(|text| text.as_str().unwrap()) {
        assert!(text.contains("memory_recall") && !text.contains("memory_query"), "{text}");
    }
}

#[tokio::test]
async fn a_session_of_an_earlier_process_goes_on_and_one_that_ended_does_not() {
    let earlier = Server::start().await;
    let [one, two] = [earlier.session("2025-11-25").await, earlier.session("2025-03-26").await];
    let server = Server::in_directory(earlier.stop().await, &[]).await;
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
    for session in [&one, &two] {
        let mut other = list.clone();
        other["id"] = json!(3);
        let (first, second) =
            tokio::join!(Reply::send(server.said(session, &list)), Reply::send(server.said(session, &other)));
        for reply in [first, second] {
            assert!(answer(&reply.text)["result"]["tools"].is_array(), "{}", reply.text);
        }
        assert_eq!(
            server.tool(session, "memory_tags", nothing()).await["result"]["structuredContent"]["success"],
            true
        );
    }
    let listen = server.http.get(format!("{}/mcp", server.url)).bearer_auth(KEY).header("mcp-session-id", &one);
    assert_eq!(listen.header("accept", "text/event-stream").send().await.unwrap().status(), 200);
    assert_eq!(Reply::send(server.request("/mcp").header("mcp-session-id", &one).json(&list)).await.status, 401);
    let mine = server.session("2025-11-25").await;
    let end = server.http.delete(format!("{}/mcp", server.url)).bearer_auth(KEY).header("mcp-session-id", &mine);
    assert_eq!(Reply::send(end).await.status, 204);
    for unknown in [mine.as_str(), &mine[..40], "bridge-x-y", "5d1a1b1e-8a3c-4c55-9d53-2f6f0d6a9b11"] {
        let reply = Reply::send(server.said(unknown, &list)).await;
        assert_eq!((reply.status, &reply.body["error"]["code"]), (404, &json!(-32001)), "{unknown}: {}", reply.text);
    }
}
