//! How near the bridge comes to the least that the same work can cost: each route beside a bare axum route that does
//! the same file or process work, in turns, in one run. `cargo bench --bench http` prints a Markdown table;
//! `cargo bench --bench http -- read` only the rows that hold this word.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    reason = "the limit that is measured against is the bare work itself"
)]

mod bare;
mod load;
mod start;

use load::{Load, Row};
use serde_json::json;
use skynet_bridge::{bridge::Bridge, caller::Keys, server, settings::Settings};
use std::{path::Path, sync::Arc};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const KEY: &str = "benchmark-key-0123456789";

#[tokio::main]
async fn main() {
    let scratch = tempfile::Builder::new().prefix("bridge-bench-").tempdir_in("/tmp").unwrap();
    let folder = scratch.path();
    fill(folder);
    let bridge = start_bridge(folder).await;
    let bare = start_bare().await;
    println!(
        "| Work | bridge, requests/s | bare route, requests/s | ratio | bridge p50 | goal |\n|---|---|---|---|---|---|"
    );
    let only = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    for row in rows(folder) {
        if only.as_ref().is_some_and(|word| !row.name.contains(word)) {
            continue;
        }
        println!("{}", Load { bridge, bare, key: KEY }.compare(&row).await);
    }
    if only.is_some() {
        return;
    }
    println!("\n| Memory | at entries | p50 | p95 | goal |\n|---|---|---|---|---|");
    let load = Load { bridge, bare, key: KEY };
    let mut entries = 0;
    for size in [1_000, 10_000] {
        load.fill_memory(size - entries).await;
        entries = size;
        println!(
            "{}",
            load.latency("add", size, "/memory/add", &json!({"content": "one more", "tags": ["bench"]})).await
        );
        println!("{}", load.latency("query", size, "/memory/query", &json!({"query": "entry 77"})).await);
    }
    start::print(folder).await;
}

/// The work that is compared.
fn rows(folder: &Path) -> Vec<Row> {
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    vec![
        Row::new("`/health`", "/health", None, 20_000, None),
        // Before the others have filled the heap: each command begins as a fork of this process.
        Row::new("execute `true`", "/terminal/execute", Some(json!({"command": "true"})), 400, Some(0.8)),
        Row::new("read 1 KiB", "/filesystem/read", Some(json!({"path": at("small.txt")})), 8_000, Some(0.8)),
        Row::new("read 1 MiB", "/filesystem/read", Some(json!({"path": at("large.txt")})), 400, Some(0.8)),
        Row::new(
            "write 1 KiB",
            "/filesystem/write",
            Some(json!({"path": at("written.txt"), "content": "x".repeat(1024)})),
            2_000,
            None,
        ),
        Row::new("list 1,000 files", "/filesystem/list", Some(json!({"path": at("many")})), 300, Some(0.8)),
    ]
}

fn fill(folder: &Path) {
    std::fs::write(folder.join("small.txt"), "a line of text\n".repeat(69)).unwrap();
    std::fs::write(folder.join("large.txt"), "a line of text\n".repeat(69_906)).unwrap();
    std::fs::create_dir(folder.join("many")).unwrap();
    for number in 0..1_000 {
        std::fs::write(folder.join(format!("many/file-{number:04}.txt")), "x").unwrap();
    }
}

async fn start_bridge(folder: &Path) -> std::net::SocketAddr {
    let settings = Settings::from_pairs([("MCP_API_KEY", KEY)]).unwrap();
    let bridge = Arc::new(Bridge::open(settings, Keys::new(KEY), folder).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(server::serve(listener, server::router(bridge), 1024, CancellationToken::new()));
    address
}

async fn start_bare() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, bare::router()).await });
    address
}
