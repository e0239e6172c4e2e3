//! A client that says exactly what a test wants said, and one of the SDK for the rest.

use crate::server::{KEY, Reply, Server, client};
use rmcp::{
    ClientHandler, ServiceExt,
    model::{CallToolRequestParams, CallToolResult, ClientConfig},
    service::{RoleClient, RunningService},
    transport::{StreamableHttpClientTransport, streamable_http_client::StreamableHttpClientTransportConfig},
};
use serde_json::{Value, json};

pub(crate) const ACCEPT: &str = "application/json, text/event-stream";

/// The revisions that clients may speak.
pub(crate) const REVISIONS: [&str; 4] = ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"];

impl Server {
    /// A POST to `/mcp` with the key.
    pub(crate) fn mcp(&self, message: &Value) -> reqwest::RequestBuilder {
        self.request("/mcp").bearer_auth(KEY).header("accept", ACCEPT).json(message)
    }

    /// Opens a session by hand and returns its id.
    pub(crate) async fn session(&self, revision: &str) -> String {
        let reply = Reply::send(self.mcp(&initialize(revision))).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        let id = reply.headers["mcp-session-id"].to_str().unwrap().to_owned();
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        let reply = Reply::send(self.mcp(&ready).header("mcp-session-id", &id)).await;
        assert_eq!(reply.status, 202, "{}", reply.text);
        id
    }

    /// One message of a session.
    pub(crate) fn said(&self, session: &str, message: &Value) -> reqwest::RequestBuilder {
        self.mcp(message).header("mcp-session-id", session)
    }

    /// A tool call of a session, answered.
    pub(crate) async fn tool(&self, session: &str, name: &str, arguments: Value) -> Value {
        let message = call(7, name, arguments);
        answer(&Reply::send(self.said(session, &message)).await.text)
    }

    /// A client of the SDK.
    pub(crate) async fn client(&self) -> RunningService<RoleClient, Quiet> {
        self.client_with(Quiet).await
    }

    /// The same at another path.
    pub(crate) async fn client_at(&self, path: &str) -> RunningService<RoleClient, Quiet> {
        connect_to(&format!("{}{path}", self.url), KEY, Quiet).await
    }

    pub(crate) async fn client_with<H: ClientHandler>(&self, handler: H) -> RunningService<RoleClient, H> {
        connect(&self.url, KEY, handler).await
    }
}

/// A client of the SDK with a key.
pub(crate) async fn connect<H: ClientHandler>(url: &str, key: &str, handler: H) -> RunningService<RoleClient, H> {
    connect_to(&format!("{url}/mcp"), key, handler).await
}

/// The same at an address of its own.
pub(crate) async fn connect_to<H: ClientHandler>(
    address: &str,
    key: &str,
    handler: H,
) -> RunningService<RoleClient, H> {
    let config = StreamableHttpClientTransportConfig::with_uri(address).auth_header(key);
    let transport = StreamableHttpClientTransport::with_client(client(), config);
    handler.serve(transport).await.expect("the client gets in")
}

/// A client that handles nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Quiet;

impl ClientHandler for Quiet {
    fn get_info(&self) -> ClientConfig {
        ClientConfig::default()
    }
}

pub(crate) fn initialize(revision: &str) -> Value {
    let client = json!({"name": "test", "version": "1"});
    let parameters = json!({"protocolVersion": revision, "capabilities": {}, "clientInfo": client});
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": parameters})
}

pub(crate) fn call(id: u64, name: &str, arguments: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
}

/// The last message of a reply, be it JSON or a stream.
pub(crate) fn answer(text: &str) -> Value {
    messages(text).pop().unwrap_or_else(|| panic!("no message in {text:?}"))
}

/// Every message of a reply.
pub(crate) fn messages(text: &str) -> Vec<Value> {
    if let Ok(one) = serde_json::from_str(text) {
        return vec![one];
    }
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|json| serde_json::from_str(json).ok()).collect()
}

/// Calls with arguments as a JSON object.
pub(crate) fn params(name: &str, arguments: Value) -> CallToolRequestParams {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    CallToolRequestParams::new(name.to_owned()).with_arguments(arguments)
}

/// The text of a result.
pub(crate) fn text(result: &CallToolResult) -> String {
    let texts = result.content.iter().filter_map(|block| block.as_text().map(|text| text.text.as_str()));
    texts.collect::<Vec<_>>().join("\n")
}
