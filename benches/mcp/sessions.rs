//! What many sessions at once take of the program's memory.

use super::{
    KEY,
    client::{Client, Way, connect},
    program::Program,
};
use serde_json::json;
use std::{net::SocketAddr, path::Path};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// How many there are.
const SESSIONS: usize = 200;

/// The most that the program may take then, in MiB.
const GOAL: f64 = 100.0;

/// Each session has its stream open and calls a tool, all at the same time.
pub(crate) async fn print(folder: &Path) {
    let program = Program::start(&folder.join("sessions"));
    let idle = program.memory("VmRSS");
    let work = (0..SESSIONS).map(|_| tokio::spawn(session(program.address)));
    let mut open = Vec::new();
    for session in work.collect::<Vec<_>>() {
        open.push(session.await.expect("a session does not fail"));
    }
    let (now, most) = (program.memory("VmRSS"), program.memory("VmHWM"));
    let verdict = if most <= GOAL { "met" } else { "missed" };
    println!("\n| The program | resident memory | goal |\n|---|---|---|");
    println!("| idle | {idle:.1} MiB | |");
    println!("| {} sessions open, after their calls | {now:.1} MiB | |", open.len());
    println!("| at its most meanwhile | {most:.1} MiB | ≤ {GOAL} MiB: {verdict} |");
}

/// A session with its stream, which stays open as long as what this returns.
async fn session(address: SocketAddr) -> (Client, BufReader<TcpStream>) {
    let mut client = Client::new(address, Way::InSession, "memory_add", &json!({"content": "of a session"})).await;
    let session = &client.session;
    let mut stream = connect(address).await;
    let head = "host: localhost\r\naccept: text/event-stream";
    let wait = format!("GET /mcp HTTP/1.1\r\n{head}\r\nauthorization: {KEY}\r\nmcp-session-id: {session}\r\n\r\n");
    stream.write_all(wait.as_bytes()).await.expect("the server reads");
    let mut status = String::new();
    stream.read_line(&mut status).await.expect("the server answers");
    assert!(status.contains(" 200 "), "{status}");
    for _ in 0..5 {
        client.call().await;
    }
    (client, stream)
}
