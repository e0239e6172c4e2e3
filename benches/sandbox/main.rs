//! What a run costs beside the `docker run --rm` command and beside the engine's API driven directly, with the same
//! limits, in turns, in one run. `cargo bench --bench sandbox` prints a Markdown table. Needs the image bridge-test/base
//! (`tests/engine.sh up`, then `base`) or the one that SANDBOX_IMAGE names.
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    reason = "the limit that is measured against is the bare work itself"
)]

mod direct;

use serde_json::{Value, json};
use skynet_bridge::{bridge::Bridge, caller::Keys, server, settings::Settings};
use std::{
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

const KEY: &str = "benchmark-key-0123456789";

/// How often each way is measured.
const TURNS: usize = 25;

const PROGRAM: &str = "print(2+2)";

#[tokio::main]
async fn main() {
    let image = std::env::var("SANDBOX_IMAGE").unwrap_or_else(|_| "bridge-test/base".to_owned());
    let scratch = tempfile::Builder::new().prefix("bridge-bench-").tempdir_in("/tmp").unwrap();
    let pooled = Server::start(&scratch.path().join("pooled"), &image, "2").await;
    let cold = Server::start(&scratch.path().join("cold"), &image, "0").await;
    let session = pooled.call("/sandbox/session/start", json!({})).await["id"].clone();
    let engine = direct::Engine::connect(&image);
    let mut times: [Vec<Duration>; 5] = Default::default();
    for _ in 0..TURNS {
        times[0].push(measured(async { run_command(&image) }).await);
        rest().await;
        times[1].push(engine.run(PROGRAM).await);
        rest().await;
        times[2].push(measured(cold.run()).await);
        rest().await;
        times[3].push(measured(pooled.run()).await);
        rest().await;
        let cell = json!({"id": session, "code": PROGRAM});
        times[4].push(measured(pooled.call("/sandbox/session/run", cell)).await);
    }
    print(&mut times);
    print_health(&pooled).await;
    for server in [pooled, cold] {
        server.stop().await;
    }
}

async fn measured<T>(work: impl Future<Output = T>) -> Duration {
    let began = Instant::now();
    work.await;
    began.elapsed()
}

/// Lets the engine finish removing the last container and starting the pool's next: each way is measured by itself.
async fn rest() {
    tokio::time::sleep(Duration::from_millis(1000)).await;
}

fn run_command(image: &str) {
    let limits = "run --rm --pull never --network none --memory 256m --memory-swap 256m --cpus 0.5 --pids-limit 128 \
        --cap-drop ALL --security-opt no-new-privileges --security-opt seccomp=sandbox/seccomp.json --read-only --ipc none \
        --user 1000:1000 --workdir /home/sandbox/workspace --log-driver none --ulimit core=0 --ulimit nofile=1024 \
        --tmpfs /home/sandbox/workspace:rw,exec,nosuid,nodev,size=128m,uid=1000,gid=1000 --tmpfs /tmp:rw,exec,size=64m";
    let output = Command::new("docker")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(limits.split_whitespace())
        .args([image, "python3", "-c", PROGRAM])
        .stdin(Stdio::null())
        .output()
        .expect("docker is installed");
    assert_eq!(output.stdout, b"4\n", "{}", String::from_utf8_lossy(&output.stderr));
}

fn print(times: &mut [Vec<Duration>; 5]) {
    for list in times.iter_mut() {
        list.sort();
    }
    let middle = |place: usize| times[place][TURNS / 2].as_secs_f64() * 1000.0;
    let worst = |place: usize| times[place][TURNS * 19 / 20].as_secs_f64() * 1000.0;
    println!("| `{PROGRAM}` | p50 | p95 | goal | |\n|---|---|---|---|---|");
    let row = |name: &str, place: usize, goal: &str, ratio: String| {
        println!("| {name} | {:.1} ms | {:.1} ms | {goal} | {ratio} |", middle(place), worst(place));
    };
    row("`docker run --rm`", 0, "", String::new());
    row("the engine's API, driven directly", 1, "", String::new());
    let of_api = format!("{:.2} of the API", middle(2) / middle(1));
    row("`/sandbox/run`, cold", 2, "at most 1.1 of the API", of_api);
    let faster = format!("{:.1} times faster than the command", middle(0) / middle(3));
    row("`/sandbox/run`, from the pool", 3, "6 times faster than the command", faster);
    row("a cell of a session", 4, "10 ms", String::new());
}

/// `/health` while 8 programs compute.
async fn print_health(server: &Server) {
    let busy = json!({"code": "import time\nend = time.time() + 4\nwhile time.time() < end: pass", "timeout": 20});
    let runs = futures::future::join_all((0..8).map(|_| server.call("/sandbox/run", busy.clone())));
    let asking = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let mut times = Vec::new();
        while times.len() < 1_000 {
            times.push(measured(server.http.get(format!("{}/health", server.url)).send()).await);
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        times.sort();
        times
    };
    let (_, times) = tokio::join!(runs, asking);
    let at = |share: usize| times[times.len() * share / 1_000].as_secs_f64() * 1000.0;
    println!("| `/health` while 8 programs compute | {:.1} ms | p99 {:.1} ms | p99 5 ms | |", at(500), at(990));
}

/// A bridge over HTTP on loopback.
struct Server {
    url: String,
    http: reqwest::Client,
    bridge: Arc<Bridge>,
    stop: CancellationToken,
}

impl Server {
    async fn start(folder: &Path, image: &str, pool: &str) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        std::fs::create_dir_all(folder).unwrap();
        let settings = Settings::from_pairs([("SANDBOX_IMAGE", image), ("SANDBOX_POOL_SIZE", pool)]).unwrap();
        let bridge = Arc::new(Bridge::open(settings, Keys::new(KEY), folder).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(server::serve(listener, server::router(bridge.clone()), 1024, stop.clone()));
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let server = Self { url, http, bridge, stop };
        server.run().await;
        server
    }

    async fn call(&self, path: &str, arguments: Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(KEY).json(&arguments);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    async fn run(&self) {
        assert_eq!(self.call("/sandbox/run", json!({"code": PROGRAM})).await["stdout"], "4\n");
    }

    async fn stop(self) {
        self.stop.cancel();
        self.bridge.close().await;
    }
}
