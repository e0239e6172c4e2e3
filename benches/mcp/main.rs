//! What the protocol costs: tools beside the REST routes of the same capabilities, in turns, and the memory that many
//! sessions take of the program. `cargo bench --bench mcp` prints Markdown tables; times are middle ones. A session is
//! of revision 2025-11-25, a call without one of 2026-07-28.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    reason = "a bench makes its scratch files and starts the program itself"
)]

mod client;
mod program;
mod sessions;

use client::{Client, Way};
use program::Program;
use serde_json::{Value, json};
use std::{net::SocketAddr, path::Path};

const KEY: &str = "benchmark-key-0123456789";

/// Turns, each way of calling in each; the middle ratio counts.
const TURNS: usize = 9;

/// The most that a tool call may take, as a multiple of its route.
const GOAL: f64 = 1.5;

/// A capability that is called in each way.
struct Row {
    name: &'static str,
    tool: &'static str,
    arguments: Value,
    calls: usize,
}

#[tokio::main]
async fn main() {
    let scratch = tempfile::Builder::new().prefix("bridge-bench-").tempdir_in("/tmp").unwrap();
    let program = Program::start(&scratch.path().join("calls"));
    let address = program.address;
    remember(address).await;
    println!(
        "| Call | its route | tool in a session | ratio | tool without one | ratio | goal |\n|---|---|---|---|---|---|---|"
    );
    for row in rows(scratch.path()) {
        println!("{}", compare(address, &row).await);
    }
    drop(program);
    sessions::print(scratch.path()).await;
}

fn rows(folder: &Path) -> [Row; 3] {
    let path = folder.join("one-kib.txt");
    std::fs::write(&path, "a line of text\n".repeat(69)).unwrap();
    let memory = json!({"query": "entry 77"});
    [
        Row { name: "read 1 KiB", tool: "filesystem_read", arguments: json!({"path": path}), calls: 1000 },
        Row { name: "execute `true`", tool: "terminal_execute", arguments: json!({"command": "true"}), calls: 60 },
        Row { name: "memory query, 1,000 entries", tool: "memory_query", arguments: memory, calls: 500 },
    ]
}

async fn remember(address: SocketAddr) {
    for number in 0..1000 {
        let entry =
            json!({"content": format!("entry {number} about a cat and the weather of that day"), "tags": ["b"]});
        let mut client = Client::new(address, Way::Route, "memory_add", &entry).await;
        client.call().await;
    }
}

/// One line of the table. One call at a time, so that a time is that call's own.
async fn compare(address: SocketAddr, row: &Row) -> String {
    let mut clients = Vec::new();
    for way in [Way::Route, Way::InSession, Way::WithoutSession] {
        clients.push((Client::new(address, way, row.tool, &row.arguments).await, Vec::new()));
    }
    for turn in 0..=TURNS {
        for (client, times) in &mut clients {
            let time = client.middle_of(row.calls).await;
            // The first turn warms up.
            times.extend((turn > 0).then_some(time));
        }
    }
    let [route, old, new] = [0, 1, 2].map(|way| &clients[way].1);
    let ratio = |ours: &[f64]| middle(ours.iter().zip(route).map(|(ours, route)| ours / route).collect());
    let (first, second) = (ratio(old), ratio(new));
    let verdict = if first <= GOAL && second <= GOAL { "met" } else { "missed" };
    let time = |times: &[f64]| format!("{:.3} ms", middle(times.to_vec()));
    format!(
        "| {} | {} | {} | {first:.2} | {} | {second:.2} | ≤ {GOAL}: {verdict} |",
        row.name,
        time(route),
        time(old),
        time(new)
    )
}

/// The middle one.
fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
