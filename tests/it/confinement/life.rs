//! Programs that mean no harm run as outside, and greedy ones are bounded.

use super::{SECRET, Scene, process_with};
use crate::server::Server;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test]
async fn programs_run_as_a_developer_expects() {
    let scene = Scene::new();
    let server = scene.server("require").await;
    for (program, command) in [
        (
            "git",
            "git init -q r && cd r && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m m && git log",
        ),
        ("python3", "python3 -c 'import ssl, json, multiprocessing as m; print(m.Pool(2).map(abs, [-1]))'"),
        ("node", "node -e 'require(\"fs\").writeFileSync(\"n\", \"x\"); console.log(require(\"os\").cpus().length)'"),
        ("npm", "mkdir -p p && cd p && npm init -y"),
        ("pip", "pip --version"),
        ("cc", "printf 'int main(){return 0;}' > m.c && cc m.c -o m && ./m"),
        ("cargo", "cargo new -q --vcs none c && cd c && cargo run -q --offline"),
        ("mktemp", "t=$(mktemp) && echo x > $t && cat $t && rm $t"),
        ("sh", "echo x > ~/x && cat ~/x && whoami && date && getconf ARG_MAX && umask"),
    ] {
        let found = server.call("terminal_execute", json!({"command": format!("command -v {program}")})).await;
        let exists = std::process::Command::new("sh").args(["-c", &format!("command -v {program}")]).output().unwrap();
        assert_eq!(found["success"], exists.status.success(), "{program} is found as outside");
        if found["success"] == true {
            let answer = server.call("terminal_execute", json!({"command": command, "timeout": 30})).await;
            assert_eq!(answer["success"], true, "{program}: {answer}");
        }
    }
}

#[tokio::test]
async fn without_the_network_only_the_command_itself_can_be_reached() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let connect = format!("python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}), 2)'");
    for (network, expected) in [("on", true), ("off", false)] {
        let server = Server::with_settings(&[("MCP_TERMINAL_NETWORK", network)]).await;
        let answer = server.call("terminal_execute", json!({"command": connect})).await;
        assert_eq!(answer["success"], expected, "{network}: {answer}");
        let own = "python3 -c 'import socket; s = socket.create_server((\"127.0.0.1\", 0)); socket.create_connection(s.getsockname())'";
        assert_eq!(server.call("terminal_execute", json!({"command": own})).await["success"], true, "{network}");
    }
}

/// The slowest answer of `/health` while `hog` runs.
async fn slowest_health(server: &Server, hog: Value) -> Duration {
    let hog = server.post("/terminal/execute", hog);
    tokio::pin!(hog);
    let mut slowest = Duration::ZERO;
    loop {
        let started = Instant::now();
        let health = server.get("/health");
        tokio::select! {
            _ = &mut hog => return slowest,
            health = health => assert_eq!(health.status, 200),
        }
        slowest = slowest.max(started.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn health_answers_within_a_second_through_a_fork_bomb_and_nothing_of_it_is_left() {
    let server = Server::with_settings(&[("MAX_COMMAND_PROCESSES", "400")]).await;
    let sleep = format!("sleep {}", crate::processes::long_time());
    let server = server.with_file("bomb", format!("b() {{ {sleep} & b | b & }}; b; {sleep}"));
    let slowest = slowest_health(&server, json!({"command": "sh ./bomb", "timeout": 3})).await;
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    // The answer waits for the end of all of them for a time only; the rest ends behind it.
    crate::server::until("all of them have ended", || process_with(&sleep).is_none()).await;
}

/// Processes that start others and leave them behind, which end at once: their ends come as fast as they can be taken in.
const ORPHANS: &str = "import os, sys, time
for n in range(100):
    if os.fork() == 0:
        while True:
            try:
                child = os.fork()
                if child == 0:
                    if os.fork() == 0: os._exit(0)
                    os._exit(0)
                os.waitpid(child, 0)
            except OSError: pass
time.sleep(float(sys.argv[1]))
";

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_runs_out_of_time_is_answered_soon_whatever_its_processes_do() {
    let server = Server::start().await.with_file("orphans.py", ORPHANS);
    let time = crate::processes::long_time();
    let run = async || {
        let started = Instant::now();
        let command = json!({"command": format!("python3 orphans.py {time}"), "timeout": 2});
        let reply = server.post("/terminal/execute", command).await;
        (reply.status, started.elapsed())
    };
    for (status, took) in futures::future::join_all([run(), run(), run()]).await {
        assert_eq!(status, 408);
        assert!(took < Duration::from_secs(2 + 5 + 1), "{took:?}");
    }
    crate::server::until("all of them have ended", || crate::processes::count_with(&time) == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_answers_within_a_second_through_a_memory_hog() {
    let server = Server::with_settings(&[("MAX_COMMAND_MEMORY_MIB", "200")]).await;
    let server = server.with_file("hog.py", "x = []\nwhile True: x.append(bytearray(1 << 24))");
    let slowest = slowest_health(&server, json!({"command": "python3 hog.py", "timeout": 20})).await;
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    let answer = server.call("terminal_execute", json!({"command": "python3 hog.py", "timeout": 20})).await;
    assert_eq!(answer["memory_exceeded"], true, "{answer}");
}

#[tokio::test]
async fn what_is_denied_is_covered_when_it_comes_or_changes_after_the_start() {
    let scene = Scene::new();
    let server = scene.server("require").await;
    let read = |name: &'static str| server.call("terminal_execute", json!({"command": format!("sh -c 'cat {name}'")}));
    std::fs::write(scene.work("late"), "harmless").unwrap();
    assert_eq!(read("late").await["stdout"], "harmless");
    for turn in ["it comes", "it is replaced"] {
        std::fs::write(scene.work("new"), SECRET).unwrap();
        std::fs::rename(scene.work("new"), scene.work(".env")).unwrap();
        let answer = read(".e*").await;
        assert!(answer["success"] == false && !answer.to_string().contains(SECRET), "{turn}: {answer}");
    }
}

#[tokio::test]
async fn orphans_of_a_command_are_reaped_while_it_runs() {
    let server = Server::start().await;
    let command = "for i in $(seq 30); do (true &); done; while grep -qs '^State:.Z' /proc/[0-9]*/status; do :; done";
    let answer = server.call("terminal_execute", json!({"command": format!("{command}; echo none left")})).await;
    assert_eq!(answer["stdout"], "none left\n", "{answer}");
}
