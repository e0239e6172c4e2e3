//! A client that costs little: one prepared request over a kept connection, as a route or as a tool.

use super::{KEY, middle};
use serde_json::{Value, json};
use std::{net::SocketAddr, time::Instant};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// How a capability is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Its REST route.
    Route,
    /// As a tool, in a session of revision 2025-11-25.
    InSession,
    /// As a tool, in the words of revision 2026-07-28.
    WithoutSession,
}

/// A connection and what is sent over it.
pub(crate) struct Client {
    address: SocketAddr,
    stream: BufReader<TcpStream>,
    request: Vec<u8>,
    /// The session that it calls in.
    pub session: String,
}

/// An answer.
pub(crate) struct Answer {
    /// The session that it opened.
    pub session: Option<String>,
    /// Its body.
    pub body: String,
}

impl Client {
    /// Prepares a call of a capability.
    pub(crate) async fn new(address: SocketAddr, way: Way, name: &str, arguments: &Value) -> Self {
        let mut client = Self { address, stream: connect(address).await, request: Vec::new(), session: String::new() };
        let call = json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": name, "arguments": arguments}});
        client.request = match way {
            Way::Route => request(&format!("/{}", name.replacen('_', "/", 1)), "", arguments),
            Way::InSession => {
                client.session = client.open_session().await;
                request("/mcp", &format!("mcp-session-id: {}\r\n", client.session), &call)
            }
            Way::WithoutSession => request("/mcp", &modern_headers(name), &modern(call)),
        };
        client
    }

    async fn open_session(&mut self) -> String {
        let hello = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}});
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello});
        let session = self.send(&request("/mcp", "", &hello)).await.session.expect("a session is opened");
        let ready = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        self.send(&request("/mcp", &format!("mcp-session-id: {session}\r\n"), &ready)).await;
        session
    }

    /// Calls once.
    pub(crate) async fn call(&mut self) {
        let request = std::mem::take(&mut self.request);
        let answer = self.send(&request).await.body;
        self.request = request;
        assert!(answer.contains("success") && !answer.contains("\"isError\":true"), "{answer}");
    }

    /// The middle of the times of this many calls, in milliseconds.
    pub(crate) async fn middle_of(&mut self, calls: usize) -> f64 {
        // The bridge hangs up on a connection that is silent for 10 s, as it is while others have their turn.
        self.stream = connect(self.address).await;
        let mut times = Vec::with_capacity(calls);
        for _ in 0..calls {
            let started = Instant::now();
            self.call().await;
            times.push(started.elapsed().as_secs_f64() * 1000.0);
        }
        middle(times)
    }

    /// Sends a request and reads its whole answer.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Answer {
        self.stream.get_mut().write_all(request).await.expect("the server reads");
        let status = self.line().await;
        assert!(status.contains(" 20"), "{status}");
        let (mut length, mut chunked, mut session) = (0, false, None);
        loop {
            let line = self.line().await;
            let (name, value) = line.split_once(':').unwrap_or((&line, ""));
            match name {
                "content-length" => length = value.trim().parse().expect("a length is a number"),
                "transfer-encoding" => chunked = true,
                "mcp-session-id" => session = Some(value.trim().to_owned()),
                "" => break,
                _ => {}
            }
        }
        let body = if chunked { self.chunks().await } else { self.bytes(length).await };
        Answer { session, body: String::from_utf8(body).expect("answers are text") }
    }

    async fn chunks(&mut self) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let size = usize::from_str_radix(&self.line().await, 16).expect("a chunk has a size");
            let chunk = self.bytes(size + 2).await;
            all.extend_from_slice(&chunk[..size]);
            if size == 0 {
                return all;
            }
        }
    }

    async fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut bytes = vec![0; count];
        self.stream.read_exact(&mut bytes).await.expect("the answer is complete");
        bytes
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).await.expect("the server answers");
        line.trim_end().to_ascii_lowercase()
    }
}

/// A connection.
pub(crate) async fn connect(address: SocketAddr) -> BufReader<TcpStream> {
    let stream = TcpStream::connect(address).await.expect("the server listens");
    stream.set_nodelay(true).expect("a socket takes options");
    BufReader::with_capacity(64 * 1024, stream)
}

fn request(path: &str, headers: &str, body: &Value) -> Vec<u8> {
    let body = body.to_string();
    let common = "host: localhost\r\ncontent-type: application/json\r\naccept: application/json, text/event-stream";
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\n{common}\r\nauthorization: {KEY}\r\n{headers}content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

fn modern_headers(name: &str) -> String {
    format!("mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: {name}\r\n")
}

fn modern(mut message: Value) -> Value {
    message["params"]["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    message
}
