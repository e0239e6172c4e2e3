//! What goes over the wire: keys, origins, revisions, messages that are none.

use super::{ACCEPT, REVISIONS, answer, call, initialize};
use crate::server::{KEY, Pipe, Reply, Server, nothing, route};
use serde_json::{Value, json};

#[tokio::test]
async fn every_capability_is_a_tool_and_every_tool_a_route() {
    let server = Server::start().await;
    let client = server.client_at("/mcp/all").await;
    let tools = client.list_all_tools().await.unwrap();
    let names: Vec<String> = tools.iter().map(|tool| route(&tool.name)).collect();
    let document = server.get("/openapi.json").await.ok();
    let posts = document["paths"].as_object().unwrap().iter().filter(|(_, item)| item["post"].is_object());
    let described: Vec<&String> =
        posts.filter(|(_, item)| item["post"]["operationId"].is_string()).map(|(path, _)| path).collect();
    for name in &names {
        assert!(described.contains(&name), "{name} is no route");
    }
    assert!(names.contains(&"/sandbox/run".to_owned()));
    assert_eq!(client.list_all_tools().await.unwrap(), tools, "the order is stable");
}

#[tokio::test]
async fn every_tool_says_what_a_model_needs_to_choose_it() {
    let server = Server::start().await;
    let client = server.client_at("/mcp/all").await;
    for tool in client.list_all_tools().await.unwrap() {
        let name = &tool.name;
        assert!(name.len() <= 40 && name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        assert!(tool.title.is_some() && tool.description.is_some_and(|text| text.len() > 20), "{name}");
        let notes = tool.annotations.unwrap();
        let all = [notes.read_only_hint, notes.destructive_hint, notes.idempotent_hint, notes.open_world_hint];
        assert!(all.iter().all(Option::is_some), "{name}: {all:?}");
        let (input, output) = (json!(tool.input_schema), json!(tool.output_schema));
        assert_eq!((&input["type"], &output["type"]), (&json!("object"), &json!("object")), "{name}");
        let written = format!("{input}{output}");
        for foreign in ["\"uint", "\"int64\"", "\"double\"", "$schema"] {
            assert!(!written.contains(foreign), "{name}: {foreign} in {written}");
        }
        assert!(!input.to_string().contains("$ref"), "{name}: {input}");
        check_portable(name, &input);
        assert!(!input.to_string().contains("anyOf"), "{name}: a field of several types in {input}");
        check_portable(name, &output);
    }
}

/// What readers of schemas with a smaller language understand too: one type a node, no node that says nothing, and only
/// words that the types of Gemini and the strict mode of OpenAI have.
fn check_portable(tool: &str, node: &Value) {
    const KNOWN: [&str; 15] = [
        "type",
        "description",
        "properties",
        "required",
        "items",
        "enum",
        "default",
        "anyOf",
        "additionalProperties",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
    ];
    assert!(!node["type"].is_array(), "{tool}: a list of types in {node}");
    assert!(node["type"] != "array" || node["items"].is_object(), "{tool}: a list of anything in {node}");
    let foreign = node.as_object().unwrap().keys().find(|word| !KNOWN.contains(&word.as_str()));
    assert_eq!(foreign, None, "{tool}: {node}");
    let others = node.get("additionalProperties");
    assert!(others.is_none_or(Value::is_object), "{tool}: {node}");
    let properties = node["properties"].as_object().into_iter().flat_map(|all| all.values());
    let branches = node["anyOf"].as_array().into_iter().flatten();
    for below in properties.chain(branches).chain(node.get("items")).chain(others) {
        assert!(below.get("type").or(below.get("anyOf")).is_some(), "{tool}: anything goes in {below}");
        check_portable(tool, below);
    }
}

#[tokio::test]
async fn without_a_key_or_with_a_wrong_one_it_is_401_with_a_challenge() {
    let server = Server::start().await;
    for path in ["/mcp", "/mcp/"] {
        let ask = |request: reqwest::RequestBuilder| {
            request.header("accept", ACCEPT).json(&initialize("2025-11-25")).pipe(Reply::send)
        };
        let none = ask(server.request(path)).await;
        assert_eq!((none.status, none.detail()), (401, "Missing API key"));
        let challenge = none.headers["www-authenticate"].to_str().unwrap();
        assert!(!challenge.contains("resource_metadata"), "{challenge}");
        let wrong = ask(server.request(path).bearer_auth("wrong")).await;
        assert_eq!((wrong.status, wrong.detail()), (401, "Invalid API key"));
        assert!(wrong.headers["www-authenticate"].to_str().unwrap().starts_with("Bearer error=\"invalid_token\""));
        let query = ask(server.request(&format!("{path}?auth={KEY}"))).await;
        assert_eq!(query.status, 401, "only headers carry the key");
        let body = json!({"auth": KEY, "jsonrpc": "2.0", "id": 1, "method": "ping"});
        let body = server.request(path).header("accept", ACCEPT).json(&body).pipe(Reply::send).await;
        assert_eq!(body.status, 401);
        for (name, value) in [("authorization", KEY.to_owned()), ("x-api-key", KEY.to_owned())] {
            let right = ask(server.request(path).header(name, value)).await;
            assert_eq!(right.status, 200, "{name}: {}", right.text);
        }
    }
}

#[tokio::test]
async fn there_is_no_authorization_server_and_probes_are_told_so() {
    let server = Server::start().await;
    for path in [
        "oauth-protected-resource",
        "oauth-protected-resource/mcp",
        "oauth-authorization-server",
        "openid-configuration",
    ] {
        assert_eq!(server.get(&format!("/.well-known/{path}")).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_is_refused_with_the_setting_that_allows_it() {
    let server = Server::start().await;
    let from = |server: &Server, origin: &str| {
        server.mcp(&initialize("2025-11-25")).header("origin", origin.to_owned()).pipe(Reply::send)
    };
    for origin in ["https://evil.example", "null", "http://localhost.evil.example", "file://", "not an origin"] {
        let reply = from(&server, origin).await;
        assert_eq!(reply.status, 403, "{origin}");
        assert!(reply.detail().contains("MCP_CORS_ORIGINS"), "{}", reply.detail());
    }
    for origin in ["http://localhost:6274", "http://127.0.0.1:3000", "http://[::1]:8080"] {
        assert_eq!(from(&server, origin).await.status, 200, "{origin}");
    }
    let open = Server::with_settings(&[("MCP_CORS_ORIGINS", "https://chat.example")]).await;
    assert_eq!(from(&open, "https://chat.example").await.status, 200);
    assert_eq!(from(&open, "https://evil.example").await.status, 403);
}

#[tokio::test]
async fn a_foreign_host_is_refused() {
    let server = Server::start().await;
    let reply = server.mcp(&initialize("2025-11-25")).header("host", "evil.example").pipe(Reply::send).await;
    assert_eq!(reply.status, 403);
}

#[tokio::test]
async fn every_revision_with_sessions_is_spoken() {
    let server = Server::start().await;
    for revision in &REVISIONS[..3] {
        let reply = Reply::send(server.mcp(&initialize(revision))).await;
        let result = &answer(&reply.text)["result"];
        assert_eq!(result["protocolVersion"], *revision);
        assert_eq!(result["serverInfo"]["name"], "mcp-server");
        let id = reply.headers["mcp-session-id"].to_str().unwrap();
        let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
        let reply = server.said(id, &list).header("mcp-protocol-version", *revision).pipe(Reply::send).await;
        assert!(answer(&reply.text)["result"]["tools"].is_array(), "{revision}: {}", reply.text);
    }
}

#[tokio::test]
async fn the_revision_without_sessions_is_spoken() {
    let server = Server::start().await;
    let reply = Reply::send(modern(&server, &call(2, "sandbox_run", json!({"timeout": 0})))).await;
    let result = &answer(&reply.text)["result"];
    assert_eq!(result["isError"], true, "{}", reply.text);
    assert!(!reply.headers.contains_key("mcp-session-id"));
    let unknown =
        Reply::send(modern(&server, &json!({"jsonrpc": "2.0", "id": 3, "method": "ping", "params": {}}))).await;
    assert_eq!((unknown.status, &answer(&unknown.text)["error"]["code"]), (404, &json!(-32601)), "{}", unknown.text);
}

/// A message in the words of revision 2026-07-28.
pub(crate) fn modern(server: &Server, message: &Value) -> reqwest::RequestBuilder {
    let mut message = message.clone();
    let meta = &mut message["params"]["_meta"];
    meta["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    meta["io.modelcontextprotocol/clientInfo"] = json!({"name": "test", "version": "1"});
    meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
    let request = server.mcp(&message).header("mcp-protocol-version", "2026-07-28");
    let request = request.header("mcp-method", message["method"].as_str().unwrap());
    match message["params"]["name"].as_str() {
        Some(name) => request.header("mcp-name", name),
        None => request,
    }
}

#[tokio::test]
async fn bad_arguments_are_a_result_that_a_model_can_mend() {
    let server = Server::start().await;
    let session = server.session("2025-11-25").await;
    let missing = server.tool(&session, "sandbox_run", nothing()).await;
    let result = &missing["result"];
    assert_eq!(result["isError"], true, "{missing}");
    let sentence = result["content"][0]["text"].as_str().unwrap();
    let rest = server.post("/sandbox/run", nothing()).await;
    let detail = &rest.body["detail"][0];
    assert_eq!(sentence, format!("command: {}", detail["msg"].as_str().unwrap()));
    let below = server.tool(&session, "sandbox_run", json!({"command": "true", "timeout": 0})).await;
    assert_eq!(below["result"]["isError"], true);
    let extra = server.tool(&session, "sandbox_run", json!({"timeout": "x", "auth": KEY, "nonsense": 1})).await;
    assert_eq!(extra["result"]["isError"], true);
    assert!(!json!(server.history().await).to_string().contains(KEY));
}

#[tokio::test]
async fn an_unknown_tool_is_an_error_of_the_protocol() {
    let server = Server::start().await;
    let session = server.session("2025-11-25").await;
    let unknown = server.tool(&session, "sandbox_fly", nothing()).await;
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
    assert!(unknown["error"]["message"].as_str().unwrap().contains("sandbox_fly"));
}

#[tokio::test]
async fn what_is_no_message_is_told_what_is_wrong_with_it() {
    let server = Server::start().await;
    let session = server.session("2025-11-25").await;
    let send = |body: &'static str| {
        let request =
            server.request("/mcp").bearer_auth(KEY).header("accept", ACCEPT).header("mcp-session-id", &session);
        request.header("content-type", "application/json").body(body).pipe(Reply::send)
    };
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"ping"},{"jsonrpc":"2.0","id":2,"method":"ping"}]"#;
    for (body, code, word) in [
        (batch, -32600, "Batches"),
        ("{\"jsonrpc\": \"2.0\", ", -32700, "JSON"),
        ("", -32700, "JSON"),
        ("{\"hello\": 1}", -32600, "JSON-RPC"),
        ("7", -32600, "JSON-RPC"),
    ] {
        let reply = send(body).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.text);
        assert_eq!(reply.body["error"]["code"], code, "{body}");
        assert!(reply.body["error"]["message"].as_str().unwrap().contains(word), "{}", reply.text);
    }
    let plain =
        server.request("/mcp").bearer_auth(KEY).header("content-type", "text/plain").body("{}").pipe(Reply::send);
    assert_eq!(plain.await.status, 415);
}

/// Half of a character is what is left when a text is cut inside an emoji.
pub(crate) const HALF: &str = r#"{"jsonrpc":"2.0","id":"n-7","method":"tools/call","params":{"name":"filesystem_write","arguments":{"path":"cut.txt","content":"cut \ud83d"}}}"#;

#[tokio::test]
async fn half_a_character_is_answered_with_the_id_and_changes_nothing() {
    let server = Server::start().await;
    let session = server.session("2025-11-25").await;
    let last = r#"{"params":{"uri":"\udc00"},"method":"resources/read","jsonrpc":"2.0","id":8}"#;
    for (body, id) in [(HALF, json!("n-7")), (last, json!(8))] {
        let request = server.request("/mcp").bearer_auth(KEY).header("accept", ACCEPT);
        let request = request.header("mcp-session-id", &session).header("content-type", "application/json").body(body);
        let reply = request.pipe(Reply::send).await;
        assert_eq!((reply.status, &reply.body["id"]), (200, &id), "{}", reply.text);
        assert!(reply.text.contains("half of a character"), "{}", reply.text);
        assert_eq!(reply.body["result"]["isError"] == true, id == "n-7");
    }
    let body = format!(r#"{{"path": "{}", "content": "cut \ud83d"}}"#, server.at("cut.txt"));
    let rest =
        server.request("/filesystem/write").bearer_auth(KEY).header("content-type", "application/json").body(body);
    let rest = Reply::send(rest).await;
    assert_eq!(rest.status, 422);
    assert!(rest.body["detail"][0]["msg"].as_str().unwrap().contains("half of a character"), "{}", rest.text);
    assert!(!server.path("cut.txt").exists());
}

#[tokio::test]
async fn json_nested_too_deep_is_refused() {
    let server = Server::start().await;
    let deep = format!("{{\"jsonrpc\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let request = server.request("/mcp").bearer_auth(KEY).header("content-type", "application/json").body(deep);
    assert_eq!(Reply::send(request).await.status, 400);
}

#[tokio::test]
async fn a_message_of_20_mb_is_taken_and_one_past_the_limit_is_413() {
    let server = Server::start().await;
    let session = server.session("2025-11-25").await;
    let large = server.tool(&session, "sandbox_run", json!({"code": "x".repeat(20 << 20), "timeout": 0})).await;
    assert_eq!(large["result"]["isError"], true);
    let small = Server::with_settings(&[("MCP_MAX_REQUEST_MIB", "1")]).await;
    let reply = Reply::send(small.mcp(&call(1, "sandbox_run", json!({"code": "x".repeat(3 << 20)})))).await;
    assert_eq!(reply.status, 413);
}

#[tokio::test]
async fn an_unknown_session_is_404_and_none_is_400() {
    let server = Server::start().await;
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
    let unknown = Reply::send(server.said("no-such-session", &list)).await;
    assert_eq!((unknown.status, &unknown.body["error"]["code"]), (404, &json!(-32001)), "{}", unknown.text);
    assert!(unknown.body["error"]["message"].as_str().unwrap().contains("Initialize again"), "{}", unknown.text);
    assert_eq!(Reply::send(server.mcp(&list)).await.status, 400);
    let session = server.session("2025-11-25").await;
    let end = server.http.delete(format!("{}/mcp", server.url)).bearer_auth(KEY).header("mcp-session-id", &session);
    assert!(Reply::send(end).await.status < 300);
    assert_eq!(Reply::send(server.said(&session, &list)).await.status, 404);
}

#[tokio::test]
async fn a_call_is_in_the_history_like_one_over_rest() {
    let server = Server::start().await;
    let session = server.session("2025-06-18").await;
    server.tool(&session, "sandbox_run", json!({"command": "true", "timeout": "soon"})).await;
    server.post("/sandbox/run", json!({"command": "true", "timeout": "soon"})).await;
    let lines = server.history().await;
    let brief: Vec<_> =
        lines.iter().map(|line| (&line["action"], &line["caller"], &line["outcome"], &line["details"])).collect();
    assert_eq!(brief.len(), 2);
    assert_eq!(brief[0], brief[1]);
}
