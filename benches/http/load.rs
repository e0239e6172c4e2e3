//! A load client that costs little: prepared requests over kept connections.

use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// Connections that ask at once: as many as there are processors, and one more.
const CLIENTS: usize = 3;

/// Turns, bridge and bare in each; the middle ratio counts.
const TURNS: usize = 5;

pub(crate) struct Row {
    pub name: &'static str,
    path: &'static str,
    body: Option<Value>,
    requests: usize,
    goal: Option<f64>,
}

impl Row {
    pub(crate) fn new(
        name: &'static str,
        path: &'static str,
        body: Option<Value>,
        requests: usize,
        goal: Option<f64>,
    ) -> Self {
        Self { name, path, body, requests, goal }
    }
}

pub(crate) struct Load {
    pub bridge: SocketAddr,
    pub bare: SocketAddr,
    pub key: &'static str,
}

impl Load {
    /// One line of the table.
    pub(crate) async fn compare(&self, row: &Row) -> String {
        let request = self.request(row.path, row.body.as_ref());
        let (mut bridge, mut bare, mut times) = (Vec::new(), Vec::new(), Vec::new());
        run(self.bridge, &request, row.requests / 10).await;
        run(self.bare, &request, row.requests / 10).await;
        for _ in 0..TURNS {
            let (rate, taken) = run(self.bridge, &request, row.requests).await;
            bridge.push(rate);
            times.extend(taken);
            bare.push(run(self.bare, &request, row.requests).await.0);
        }
        let ratio = middle(bridge.iter().zip(&bare).map(|(ours, limit)| ours / limit).collect());
        let goal = row.goal.map(|goal| format!("≥ {goal}: {}", if ratio >= goal { "met" } else { "missed" }));
        let (bridge, bare) = (middle(bridge), middle(bare));
        let p50 = percentile(&mut times, 0.5);
        format!("| {} | {bridge:.0} | {bare:.0} | {ratio:.2} | {p50:.2} ms | {} |", row.name, goal.unwrap_or_default())
    }

    /// Adds entries until there are `count` more.
    pub(crate) async fn fill_memory(&self, count: usize) {
        let body = json!({"content": "entry about a cat, a dog and the weather of that day", "tags": ["bench"]});
        run(self.bridge, &self.request("/memory/add", Some(&body)), count).await;
    }

    /// One line of the memory table.
    pub(crate) async fn latency(&self, name: &str, entries: usize, path: &str, body: &Value) -> String {
        let (_, mut times) = run(self.bridge, &self.request(path, Some(body)), 300).await;
        let (p50, p95) = (percentile(&mut times, 0.5), percentile(&mut times, 0.95));
        let goal = if name == "query" && entries == 10_000 { "p50 < 2 ms" } else { "" };
        format!("| {name} | {entries} | {p50:.2} ms | {p95:.2} ms | {goal} |")
    }

    fn request(&self, path: &str, body: Option<&Value>) -> Vec<u8> {
        let Some(body) = body else { return format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes() };
        let body = body.to_string();
        let head = "host: localhost\r\ncontent-type: application/json";
        let (key, length) = (self.key, body.len());
        format!("POST {path} HTTP/1.1\r\n{head}\r\nauthorization: {key}\r\ncontent-length: {length}\r\n\r\n{body}")
            .into_bytes()
    }
}

/// Sends `requests` of them from a few connections; requests a second and every time taken.
async fn run(to: SocketAddr, request: &[u8], requests: usize) -> (f64, Vec<Duration>) {
    let started = Instant::now();
    let share = (requests / CLIENTS).max(1);
    let clients = (0..CLIENTS).map(|_| tokio::spawn(client(to, request.to_vec(), share)));
    let mut times = Vec::new();
    for client in clients.collect::<Vec<_>>() {
        times.extend(client.await.expect("a client does not fail"));
    }
    ((share * CLIENTS) as f64 / started.elapsed().as_secs_f64(), times)
}

async fn client(to: SocketAddr, request: Vec<u8>, requests: usize) -> Vec<Duration> {
    let mut stream = BufReader::with_capacity(64 * 1024, TcpStream::connect(to).await.expect("the server listens"));
    stream.get_ref().set_nodelay(true).expect("a socket takes options");
    let (mut times, mut body, mut line) = (Vec::with_capacity(requests), Vec::new(), String::new());
    for _ in 0..requests {
        let started = Instant::now();
        stream.get_mut().write_all(&request).await.expect("the server reads");
        let mut length = 0;
        let mut status = String::new();
        loop {
            line.clear();
            stream.read_line(&mut line).await.expect("the server answers");
            if status.is_empty() {
                status.clone_from(&line);
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a length is a number");
            }
            if line.trim().is_empty() {
                break;
            }
        }
        body.resize(length, 0);
        stream.read_exact(&mut body).await.expect("the answer is complete");
        assert!(status.contains(" 200 "), "{status}{}", String::from_utf8_lossy(&body));
        times.push(started.elapsed());
    }
    times
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// In milliseconds.
fn percentile(times: &mut [Duration], part: f64) -> f64 {
    times.sort();
    times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0
}
