//! What the program costs by itself: its start, its memory when idle, and its search beside ripgrep's program.

use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Starts that are timed.
const STARTS: usize = 11;

/// Searches that are timed, of each program in turn.
const SEARCHES: usize = 7;

struct Program {
    child: Child,
    url: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) async fn print(folder: &Path) {
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let started = Instant::now();
        let program = start(folder).await;
        starts.push(started.elapsed());
        drop(program);
    }
    starts.sort();
    println!("\n| The program | measured | goal |\n|---|---|---|");
    println!("| start to first reply (median of {STARTS}) | {:.0} ms | < 50 ms |", milliseconds(starts[STARTS / 2]));
    let program = start(folder).await;
    println!("| resident memory when idle | {:.1} MiB | < 20 MiB |", resident(program.child.id()));
    match std::env::var("BRIDGE_BENCH_TREE") {
        Ok(tree) => println!("{}", search(&program, &tree).await),
        Err(_) => println!("| search | not measured: set BRIDGE_BENCH_TREE to a large tree | ≤ 1.3 of rg |"),
    }
}

/// The real program on a port that was free a moment ago, up when it answers.
async fn start(folder: &Path) -> Program {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-server"));
    command
        .args(["--port", &port.to_string(), "--directory"])
        .arg(folder.join("program").as_path())
        .env("MCP_API_KEY", super::KEY)
        .env("LOG_LEVEL", "ERROR")
        .stdout(Stdio::null());
    std::fs::create_dir_all(folder.join("program")).unwrap();
    let program = Program { child: command.spawn().unwrap(), url: format!("http://127.0.0.1:{port}") };
    let http = client();
    while http.get(format!("{}/health", program.url)).send().await.is_err() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    program
}

fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// In MiB.
fn resident(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1024.0
}

async fn search(program: &Program, tree: &str) -> String {
    let (http, pattern) = (client(), "unsafe fn [a-z_]+_unchecked");
    let (mut ours, mut theirs, mut found) = (Vec::new(), Vec::new(), (0, 0));
    for _ in 0..SEARCHES {
        let started = Instant::now();
        let request = http.post(format!("{}/filesystem/search", program.url)).bearer_auth(super::KEY);
        let arguments = json!({"path": tree, "query": pattern, "regex": true, "case_sensitive": true, "limit": 1_000});
        let answer: Value = request.json(&arguments).send().await.unwrap().json().await.unwrap();
        ours.push(started.elapsed().as_secs_f64());
        found.0 = answer["count"].as_u64().unwrap_or_else(|| panic!("{answer}"));
        let started = Instant::now();
        let output = Command::new("rg").args(["--json", pattern, tree]).output().expect("rg is installed");
        theirs.push(started.elapsed().as_secs_f64());
        found.1 = String::from_utf8_lossy(&output.stdout).matches("\"type\":\"match\"").count();
    }
    let mut ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[SEARCHES / 2];
    format!("| search, time against `rg` ({} and {} matching lines) | {ratio:.2} | ≤ 1.3 |", found.0, found.1)
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
