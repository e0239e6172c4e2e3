//! Long silence: the clock of the runtime is paused and put forward, so that ten minutes and an hour pass in a moment, for
//! the bridge and the SDK's sessions alike. Streams are not read meanwhile: the SDK's comments in them go by another clock.

use super::{ACCEPT, answer, call, fixtures::with_fixtures, initialize};
use crate::server::{KEY, Server};
use axum::{
    Router,
    body::Body,
    http::{Request, Response, StatusCode},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use skynet_bridge::server;
use std::time::Duration;
use tokio::time::Instant;
use tower::ServiceExt;

const MINUTE: Duration = Duration::from_secs(60);

/// The whole service without a socket, whose readiness no clock can foresee.
fn service(server: &Server) -> Router {
    let handler = server::mcp::Mcp::new(server.bridge.clone(), &with_fixtures());
    server::router_with(server.bridge.clone(), handler)
}

async fn send(service: &Router, method: &str, session: Option<&str>, message: Option<&Value>) -> Response<Body> {
    let request = Request::builder().method(method).uri("/mcp").header("host", "localhost");
    let request =
        request.header("authorization", KEY).header("accept", ACCEPT).header("content-type", "application/json");
    let request = match session {
        Some(session) => request.header("mcp-session-id", session),
        None => request,
    };
    let body = message.map(Value::to_string).unwrap_or_default();
    service.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
}

/// In the words of revision 2026-07-28.
async fn send_modern(service: &Router, message: &Value) -> Response<Body> {
    let mut message = message.clone();
    message["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let request = Request::post("/mcp").header("host", "localhost").header("authorization", KEY);
    let request = request.header("accept", ACCEPT).header("content-type", "application/json");
    let request = request.header("mcp-protocol-version", "2026-07-28").header("mcp-method", "tools/call");
    let request = request.header("mcp-name", message["params"]["name"].as_str().unwrap());
    service.clone().oneshot(request.body(Body::from(message.to_string())).unwrap()).await.unwrap()
}

async fn open(service: &Router) -> String {
    let opened = send(service, "POST", None, Some(&initialize("2025-11-25"))).await;
    let session = opened.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(send(service, "POST", Some(&session), Some(&ready)).await.status(), 202);
    session
}

/// Time goes by, in steps that let everything happen that is due.
async fn pass(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        tokio::time::advance(Duration::from_secs(1)).await;
    }
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_silent_for_ten_minutes_is_answered_in_every_revision() {
    let server = Server::start().await;
    let service = service(&server);
    let session = open(&service).await;
    let message = call(3, "test_wait", json!({"milliseconds": 600_000}));
    let in_session = send(&service, "POST", Some(&session), Some(&message)).await;
    let without = send_modern(&service, &message).await;
    assert_eq!((in_session.status(), without.status()), (StatusCode::OK, StatusCode::OK));
    pass(11 * MINUTE).await;
    for response in [in_session, without] {
        let said = text(response).await;
        assert_eq!(answer(&said)["result"]["structuredContent"]["milliseconds"], 600_000, "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_idle_for_an_hour_is_still_there() {
    let server = Server::start().await;
    let service = service(&server);
    let session = open(&service).await;
    let stream = send(&service, "GET", Some(&session), None).await;
    assert_eq!(stream.status(), StatusCode::OK);
    pass(60 * MINUTE).await;
    open(&service).await;
    let reply = send(&service, "POST", Some(&session), Some(&list())).await;
    assert_eq!(reply.status(), StatusCode::OK);
    assert!(answer(&text(reply).await)["result"]["tools"].is_array());
    drop(stream);
}

#[tokio::test(start_paused = true)]
async fn a_session_idle_for_longer_than_the_setting_ends_when_another_opens() {
    let server = Server::with_settings(&[("MCP_SESSION_IDLE_HOURS", "2")]).await;
    let service = service(&server);
    let session = open(&service).await;
    for (minutes, expected) in [(119, StatusCode::OK), (121, StatusCode::NOT_FOUND)] {
        pass(minutes * MINUTE).await;
        open(&service).await;
        let reply = send(&service, "POST", Some(&session), Some(&list())).await;
        assert_eq!(reply.status(), expected, "after {minutes} minutes");
        text(reply).await;
    }
}

fn list() -> Value {
    json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"})
}
