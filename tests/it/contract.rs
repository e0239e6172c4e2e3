//! What holds for every route: the key, the errors, the methods.

use crate::server::{KEY, KeyIn, Pipe, Reply, Server, nothing};
use serde_json::json;

#[tokio::test]
async fn health_needs_no_key() {
    let server = Server::start().await;
    let health = server.get("/health").await.ok();
    assert_eq!((&health["status"], &health["uptime"]), (&json!("healthy"), &json!("running")));
    assert!(health["uptime_seconds"].is_u64());
}

#[tokio::test]
async fn the_index_names_every_route() {
    let server = Server::start().await;
    let index = server.get("/").await.ok();
    assert_eq!(index["status"], "🟢 MCP Server Online");
    assert_eq!(index["version"], "1.0.0");
    assert!(index["endpoints"].as_array().unwrap().contains(&json!("/sandbox/run")));
}

#[tokio::test]
async fn a_request_without_a_key_is_401_and_with_a_wrong_one_403() {
    let server = Server::start().await;
    let none = server.request("/sandbox/build").json(&nothing()).pipe(Reply::send).await;
    assert_eq!((none.status, none.detail()), (401, "Missing API key"));
    // What a shell sends whose variable is not set.
    let empty =
        server.request("/sandbox/build").header("authorization", "Bearer ").json(&nothing()).pipe(Reply::send).await;
    assert_eq!((empty.status, empty.detail()), (401, "Missing API key"));
    let wrong = server.request("/sandbox/build").bearer_auth("wrong").json(&nothing()).pipe(Reply::send).await;
    assert_eq!((wrong.status, wrong.detail()), (403, "Invalid API key"));
}

#[tokio::test]
async fn the_key_may_come_in_a_header_the_body_or_the_query() {
    let server = Server::start().await;
    let build = || server.request("/sandbox/build");
    let right = [
        build().header("authorization", KEY).json(&nothing()),
        build().bearer_auth(KEY).json(&nothing()),
        build().json(&json!({"auth": KEY})),
        build().query(&[("auth", KEY)]),
        build().header("authorization", "Basic Zm9v").json(&json!({"auth": KEY})),
    ];
    for request in right {
        let reply = Reply::send(request).await;
        assert_eq!(reply.status, 503, "{}", reply.text);
    }
    for near in [&format!(" {KEY}"), &KEY.to_uppercase(), &format!("{KEY} ")] {
        let reply = build().json(&json!({"auth": near})).pipe(Reply::send).await;
        assert_eq!(reply.status, 403, "{near:?}");
    }
}

#[tokio::test]
async fn each_route_answers_the_same_wherever_the_key_is() {
    let server = Server::start().await;
    let index = server.get("/").await.ok();
    for route in index["endpoints"].as_array().unwrap().iter().map(|route| route.as_str().unwrap()) {
        // An argument that is wrong everywhere: nothing is done.
        let send = |way| server.post_with(way, route, json!({"path": 7, "limit": [], "x": "long".repeat(10_000)}));
        let first = send(KeyIn::Bearer).await;
        for way in KeyIn::ALL {
            let reply = send(way).await;
            assert_eq!(reply.status, first.status, "{way:?} {route}: {}", reply.text);
        }
    }
}

#[tokio::test]
async fn twenty_megabytes_go_both_ways_wherever_the_key_is() {
    let server = Server::start().await;
    let content = "x".repeat(20_000_000);
    for way in KeyIn::ALL {
        let write = json!({"path": "large", "content": content});
        assert_eq!(
            server.post_with(way, "/filesystem/write", write).await.ok()["bytes_written"],
            20_000_000,
            "{way:?}"
        );
        let read = server.post_with(way, "/filesystem/read", json!({"path": "large"})).await.ok();
        assert!(read["content"] == content, "{way:?}");
        let edits = json!([{"old": content, "new": "y"}]);
        server.post_with(way, "/filesystem/edit", json!({"path": "large", "edits": edits})).await.ok();
        let line = "y".repeat(10_000_000);
        let patch = format!("--- a/large\n+++ b/large\n@@ -1 +1 @@\n-y\n\\ No newline at end of file\n+{line}\n");
        server.post_with(way, "/filesystem/patch", json!({"patch": patch})).await.ok();
        assert_eq!(std::fs::metadata(server.path("large")).unwrap().len(), 10_000_001, "{way:?}");
    }
}

#[tokio::test]
async fn every_wrong_argument_is_named_at_once_in_field_order() {
    let server = Server::start().await;
    let reply = server.post("/sandbox/run", json!({"code": 1, "timeout": "soon", "command": ["ls"]})).await;
    assert_eq!(reply.status, 422);
    let problems = reply.body["detail"].as_array().unwrap();
    let brief: Vec<_> = problems.iter().map(|problem| (&problem["type"], &problem["loc"], &problem["input"])).collect();
    let expected = [
        (json!("string_type"), json!(["body", "command"]), json!(["ls"])),
        (json!("int_parsing"), json!(["body", "timeout"]), json!("soon")),
        (json!("string_type"), json!(["body", "code"]), json!(1)),
    ];
    assert_eq!(brief, expected.iter().map(|(kind, place, input)| (kind, place, input)).collect::<Vec<_>>());
}

#[tokio::test]
async fn integers_are_taken_from_text_and_whole_floats_but_not_from_fractions() {
    let server = Server::start().await;
    for good in [json!("5"), json!(5.0), json!(5)] {
        let reply = server.post("/sandbox/run", json!({"command": "true", "timeout": good})).await;
        assert_eq!(reply.status, 503, "{}", reply.text);
    }
    for bad in [json!(1.5), json!("five"), json!(0), json!(-3), json!([5])] {
        let reply = server.post("/sandbox/run", json!({"command": "true", "timeout": bad})).await;
        assert_eq!(reply.status, 422, "{bad}: {}", reply.text);
    }
}

#[tokio::test]
async fn a_body_that_is_no_json_object_is_refused() {
    let server = Server::start().await;
    let send = |text: &'static [u8]| server.request("/sandbox/run").bearer_auth(KEY).body(text).pipe(Reply::send);
    for (text, kind) in [
        (&b"{\"command\": "[..], "json_invalid"),
        (b"{\"timeout\": NaN}", "json_invalid"),
        (b"[1]", "model_attributes_type"),
        (b"7", "model_attributes_type"),
        (b"null", "missing"),
        (b"", "missing"),
    ] {
        let reply = send(text).await;
        assert_eq!((reply.status, &reply.body["detail"][0]["type"]), (422, &json!(kind)), "{}", reply.text);
        assert_eq!(reply.body["detail"][0]["loc"][0], "body");
    }
    let wide = send("{\"command\": \"é字😀\" x}".as_bytes()).await;
    assert_eq!(wide.body["detail"][0]["loc"], json!(["body", 18]), "{}", wide.text);
    assert_eq!(send(b"{\"command\": \"\xff\"}").await.status, 400);
    assert_eq!(send(br#"{"command": "\ud800"}"#).await.status, 422);
}

#[tokio::test]
async fn json_nested_a_hundred_thousand_deep_is_refused() {
    let server = Server::start().await;
    let deep = format!("{{\"command\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let reply = server.request("/sandbox/run").bearer_auth(KEY).body(deep).pipe(Reply::send).await;
    assert_eq!(reply.status, 422, "{}", &reply.text[..200.min(reply.text.len())]);
}

#[tokio::test]
async fn another_content_type_is_refused_so_that_a_simple_cross_site_post_never_runs() {
    let server = Server::start().await;
    let request = server.request("/sandbox/build").bearer_auth(KEY).header("content-type", "text/plain").body("{}");
    let reply = Reply::send(request).await;
    assert_eq!((reply.status, &reply.body["detail"][0]["loc"]), (422, &json!(["body"])));
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let server = Server::start().await;
    let missing = server.post("/nowhere", nothing()).await;
    assert_eq!((missing.status, missing.detail()), (404, "Not Found"));
    let method = server.get("/sandbox/run").await;
    assert_eq!((method.status, method.detail()), (405, "Method Not Allowed"));
    assert_eq!(method.headers["allow"], "POST");
    let slash = server.post_with(KeyIn::Bearer, "/sandbox/run/?x=1", nothing()).await;
    assert_eq!((slash.status, slash.headers["location"].to_str().unwrap()), (307, "/sandbox/run?x=1"));
}

#[tokio::test]
async fn a_browser_of_any_origin_gets_its_preflight_and_reads_errors() {
    let server = Server::start().await;
    let preflight = server
        .http
        .request(reqwest::Method::OPTIONS, format!("{}/sandbox/run", server.url))
        .header("origin", "https://chat.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let reply = Reply::send(preflight).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers["access-control-allow-origin"], "*");
    assert_eq!(reply.headers["access-control-allow-headers"], "authorization,content-type");
    assert_eq!(reply.headers["access-control-max-age"], "600");
    let error = server.request("/nowhere").header("origin", "https://chat.example").pipe(Reply::send).await;
    assert_eq!((error.status, &error.headers["access-control-allow-origin"]), (404, &"*".parse().unwrap()));
}

#[tokio::test]
async fn a_foreign_host_on_loopback_is_refused_with_the_setting_that_allows_it() {
    let server = Server::start().await;
    let reply =
        server.http.get(format!("{}/health", server.url)).header("host", "evil.example").pipe(Reply::send).await;
    assert_eq!(reply.status, 403);
    assert!(reply.detail().contains("MCP_ALLOWED_HOSTS"), "{}", reply.detail());
    let open = Server::with_settings(&[("MCP_ALLOWED_HOSTS", "bridge.example")]).await;
    let reply =
        open.http.get(format!("{}/health", open.url)).header("host", "bridge.example:80").pipe(Reply::send).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn a_request_over_the_limit_is_413() {
    let server = Server::with_settings(&[("MCP_MAX_REQUEST_MIB", "1")]).await;
    let reply = server.post("/sandbox/run", json!({"code": "x".repeat(3 << 20)})).await;
    assert_eq!(reply.status, 413);
    assert!(reply.detail().contains("MCP_MAX_REQUEST_MIB"));
}

#[tokio::test]
async fn every_call_leaves_one_line_in_the_history_and_no_key_in_it() {
    let server = Server::start().await;
    server.post("/sandbox/run", json!({"command": format!("echo {KEY}"), "auth": KEY})).await;
    server.post("/sandbox/run", json!({"timeout": "x"})).await;
    let _ = server.request("/sandbox/run").bearer_auth("wrong-key").json(&nothing()).pipe(Reply::send).await;
    let lines = server.history().await;
    let outcomes: Vec<_> = lines.iter().map(|line| line["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["unavailable", "invalid", "refused"]);
    assert!(!json!(lines).to_string().contains(KEY));
    assert_eq!(lines[0]["action"], "sandbox_run");
}

#[tokio::test]
async fn pages_of_origins_that_are_not_named_are_refused_once_some_are() {
    let server = Server::with_settings(&[("MCP_CORS_ORIGINS", "https://chat.example")]).await;
    let from = |origin: &str| {
        let request = server.request("/internet/search").bearer_auth(KEY).json(&json!({"query": "x"}));
        Reply::send(request.header("origin", origin))
    };
    for (origin, status) in [
        ("https://chat.example", 501),
        (server.url.as_str(), 501),
        ("https://evil.example", 403),
        ("https://chat.example.evil.example", 403),
        ("null", 403),
    ] {
        assert_eq!(from(origin).await.status, status, "{origin}");
    }
    let any = Server::start().await;
    let request = any.request("/internet/search").bearer_auth(KEY).json(&json!({"query": "x"}));
    assert_eq!(Reply::send(request.header("origin", "https://evil.example")).await.status, 501);
}

#[tokio::test]
async fn no_other_page_may_frame_the_bridges() {
    let server = Server::start().await;
    for path in ["/docs", "/redoc", "/health", "/nowhere"] {
        let reply = server.get(path).await;
        assert_eq!(
            (&reply.headers["x-frame-options"], &reply.headers["x-content-type-options"]),
            (&"DENY".parse().unwrap(), &"nosniff".parse().unwrap())
        );
    }
}
