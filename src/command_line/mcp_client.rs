//! What `doctor` needs of an MCP client: a few requests over HTTP, each answered by one piece of JSON. The whole client
//! side of the SDK, with its streams and its child processes, would be built into every server for this.

use super::target::http;
use reqwest::{
    StatusCode,
    header::{ACCEPT, HeaderValue},
};
use serde_json::{Value, json};

/// The revision of the protocol that is spoken.
const REVISION: &str = "2025-06-18";

const SESSION: &str = "mcp-session-id";

/// Why a request failed.
pub(crate) enum Failure {
    /// The key does not fit.
    ShutOut,
    /// Nothing came in time.
    Silence,
    /// What the server said, or what it cannot have said.
    Other(String),
}

/// A client with a session of its own.
pub(crate) struct McpClient<'a> {
    http: reqwest::Client,
    url: String,
    key: &'a str,
    session: Option<HeaderValue>,
    /// How many requests were sent: no id comes twice in a session.
    asked: u64,
}

impl<'a> McpClient<'a> {
    /// Gets in at the server of an address.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(crate) async fn connect(url: &str, key: &'a str) -> Result<Self, Failure> {
        let mut client = Self { http: http(), url: format!("{url}/mcp"), key, session: None, asked: 0 };
        let info = json!({"name": "mcp-server doctor", "version": env!("CARGO_PKG_VERSION")});
        let hello = json!({"protocolVersion": REVISION, "capabilities": {}, "clientInfo": info});
        client.ask("initialize", &hello).await?;
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await?;
        Ok(client)
    }

    /// Every tool, as it is published.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub(crate) async fn tools(&mut self) -> Result<Vec<Value>, Failure> {
        let (mut tools, mut cursor) = (Vec::new(), Value::Null);
        loop {
            let page = if cursor.is_null() { json!({}) } else { json!({"cursor": cursor}) };
            let mut page = self.ask("tools/list", &page).await?;
            let Some(some) = page["tools"].as_array_mut() else { return Err(strange(&page)) };
            tools.append(some);
            cursor = page["nextCursor"].take();
            if cursor.is_null() {
                return Ok(tools);
            }
        }
    }

    /// The result of a request.
    ///
    /// # Errors
    /// When the server does not answer in time, refuses the key, or answers with an error.
    pub(crate) async fn ask(&mut self, method: &str, params: &Value) -> Result<Value, Failure> {
        self.asked += 1;
        let text = self.send(&json!({"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params})).await?;
        let mut answer: Value = serde_json::from_str(&text).map_err(|_| strange(&text))?;
        match answer["error"]["message"].as_str() {
            Some(error) => Err(Failure::Other(error.to_owned())),
            None => Ok(answer["result"].take()),
        }
    }

    async fn send(&mut self, message: &Value) -> Result<String, Failure> {
        let request = self.http.post(&self.url).bearer_auth(self.key).header(ACCEPT, "application/json").json(message);
        let request = match &self.session {
            Some(session) => request.header(SESSION, session).header("mcp-protocol-version", REVISION),
            None => request,
        };
        let reply = request.send().await.map_err(|error| match error.is_timeout() {
            true => Failure::Silence,
            false => Failure::Other(error.to_string()),
        })?;
        let status = reply.status();
        self.session = reply.headers().get(SESSION).cloned().or_else(|| self.session.take());
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Err(Failure::ShutOut);
        }
        let text = reply.text().await.map_err(|error| Failure::Other(error.to_string()))?;
        if status.is_success() { Ok(text) } else { Err(Failure::Other(format!("{status}: {text}"))) }
    }

    /// Ends the session.
    pub(crate) async fn leave(self) {
        if let Some(session) = self.session {
            // The server ends it by itself, later.
            let _ = self.http.delete(&self.url).bearer_auth(self.key).header(SESSION, session).send().await;
        }
    }
}

fn strange(answer: &impl std::fmt::Display) -> Failure {
    Failure::Other(format!("it answered {answer}"))
}
