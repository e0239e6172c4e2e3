//! The program from its start to its end: what it says, what it leaves on disk, how it stops.

use crate::{
    program::{Program, command, run},
    server::{KEY, scratch},
};
use serde_json::json;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

fn mode(path: impl AsRef<Path>) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// The key that was printed after `Key`.
fn printed_key(text: &str) -> String {
    let after = text.split_once("Key   ").expect("it prints the key").1;
    after.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_start_makes_a_key_for_its_owner_alone_and_the_printed_line_works() {
    let server = Program::start_in(scratch(), &[]);
    let printed = server.stdout();
    let key = printed_key(&printed);
    let env = fs::read_to_string(server.path(".env")).unwrap();
    assert!(env.contains(&format!("MCP_API_KEY={key}\n")) && env.contains("MCP_PORT"), "{env}");
    assert!(key.len() >= 43, "256 bits need 43 characters of base64");
    for (name, expected) in [(".env", 0o600), ("memory", 0o700), ("memory/history", 0o700)] {
        assert_eq!(mode(server.path(name)), expected, "{name}");
    }
    let curl = printed.lines().find(|line| line.trim_start().starts_with("curl ")).expect("it prints a line to try");
    let output = Command::new("sh").args(["-c", curl]).output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect(curl);
    assert_eq!(answer["stdout"], "hello\n", "{answer}");
}

#[tokio::test]
async fn the_second_start_keeps_the_key_and_does_not_print_it() {
    let directory = scratch();
    fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    fs::set_permissions(directory.path().join(".env"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::create_dir(directory.path().join("memory")).unwrap();
    fs::write(directory.path().join("memory/index_memory.json"), "[]").unwrap();
    let server = Program::start_in(directory, &[]);
    assert_eq!(server.post("/internet/search", KEY, &json!({"query": "x"})).await.status, 501);
    assert!(!(server.stdout() + &server.stderr()).contains(KEY));
    for (name, expected) in [(".env", 0o600), ("memory", 0o700), ("memory/index_memory.json", 0o600)] {
        assert_eq!(mode(server.path(name)), expected, "{name} was open to others");
    }
}

#[test]
fn a_port_that_is_taken_is_said_and_ends_with_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let directory = scratch();
    let mut command = command(directory.path(), &[]);
    command.args(["--port", &port]);
    let output = run(command);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains(&port) && said(&output).contains("--port"), "{}", said(&output));
}

#[test]
fn what_is_wrong_with_the_directory_is_named_and_nothing_is_changed() {
    type Break = fn(&Path);
    let cases: [(Break, &str); 5] = [
        (|path| fs::create_dir(path.join(".env")).unwrap(), ".env"),
        (|path| fs::write(path.join(".env"), b"MCP_API_KEY=\xff\n").unwrap(), ".env"),
        (|path| fs::write(path.join(".env"), b"this is no setting\n").unwrap(), ".env"),
        (|path| fs::write(path.join(".env"), b"MCP_PORT=many\n").unwrap(), "MCP_PORT"),
        (|path| fs::write(path.join("memory"), b"mine").unwrap(), "memory"),
    ];
    for (break_it, named) in cases {
        let directory = scratch();
        break_it(directory.path());
        let mut command = command(directory.path(), &[("MCP_API_KEY", KEY)]);
        if named == "MCP_PORT" {
            command.env_remove("MCP_PORT");
        }
        let output = run(command);
        assert_eq!(output.status.code(), Some(1), "{named}: {}", said(&output));
        assert!(said(&output).contains(named), "{named}: {}", said(&output));
        assert!(
            !directory.path().join("memory").is_file() || fs::read(directory.path().join("memory")).unwrap() == b"mine"
        );
    }
    let output = run(command(Path::new("/tmp/nowhere/at/all"), &[]));
    assert!(output.status.code() == Some(1) && said(&output).contains("/tmp/nowhere/at/all"), "{}", said(&output));
}

#[test]
fn a_key_that_others_may_know_is_refused_with_the_mend() {
    for (key, host, words) in [
        ("CHANGE_ME_TO_A_SECRET_KEY", "127.0.0.1", "placeholder"),
        ("your_api_key", "127.0.0.1", "placeholder"),
        ("VOTRE_CLE_SECRETE_ICI", "127.0.0.1", "placeholder"),
        ("short", "0.0.0.0", "16 characters"),
    ] {
        let directory = scratch();
        let mut command = command(directory.path(), &[("MCP_API_KEY", key)]);
        command.args(["--host", host]);
        let output = run(command);
        assert_eq!(output.status.code(), Some(1), "{key}");
        assert!(said(&output).contains(words) && said(&output).contains("remove the line"), "{}", said(&output));
    }
    let warned = Program::start_in(scratch(), &[("MCP_API_KEY", "short")]);
    warned.logged("16 characters");
}

#[test]
fn help_and_version_are_printed_and_nothing_is_made() {
    for (flag, words) in [("--help", "--directory"), ("--version", env!("CARGO_PKG_VERSION")), ("-h", "key")] {
        let directory = scratch();
        let mut command = command(directory.path(), &[]);
        let output = run({
            command.arg(flag);
            command
        });
        assert!(output.status.success() && said(&output).contains(words), "{}", said(&output));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
    let directory = scratch();
    let mut command = command(directory.path(), &[]);
    command.arg("--no-such-flag");
    assert_eq!(run(command).status.code(), Some(2));
}

#[tokio::test]
async fn flags_win_over_the_environment_which_wins_over_the_file() {
    let directory = scratch();
    fs::write(directory.path().join(".env"), "MCP_API_KEY=from-the-file-0123456\nMCP_PORT=1\nMCP_HOST=192.0.2.1\n")
        .unwrap();
    let mut command = command(directory.path(), &[("MCP_API_KEY", KEY), ("MCP_HOST", "192.0.2.2"), ("MCP_PORT", "1")]);
    command.args(["--host", "127.0.0.1", "--port", "0"]);
    let server = Program::start_as(command, directory);
    assert_eq!(server.post("/internet/search", KEY, &json!({"query": "x"})).await.status, 501);
    let other = server.post("/internet/search", "from-the-file-0123456", &json!({"query": "x"})).await;
    assert_eq!(other.status, 403);
}

#[tokio::test]
async fn a_new_key_is_accepted_at_once_and_the_old_one_no_longer() {
    let server = Program::start(&[]);
    let ask = async |key: &str| server.post("/internet/search", key, &json!({"query": "x"})).await.status;
    let mut old = KEY.to_owned();
    for _ in 0..3 {
        assert_eq!(ask(&old).await, 501);
        let mut rotate = command(&server.path(""), &[]);
        let output = run({
            rotate.args(["key", "rotate"]);
            rotate
        });
        assert!(output.status.success(), "{}", said(&output));
        let new = printed_key(&said(&output));
        assert_eq!((ask(&old).await, ask(&new).await), (403, 501));
        old = new;
    }
    assert_eq!(mode(server.path(".env")), 0o600);
    fs::write(server.path(".env"), "MCP_API_KEY=CHANGE_ME\n").unwrap();
    assert_eq!((ask("CHANGE_ME").await, ask(&old).await), (403, 501), "a placeholder is not followed");
    fs::write(server.path(".env"), "MCP_API_KEY=written-by-hand-0123\n").unwrap();
    assert_eq!((ask(&old).await, ask("written-by-hand-0123").await), (403, 501));
}

#[tokio::test]
async fn what_runs_while_the_key_is_rotated_does_not_see_the_new_one() {
    let server = Program::start(&[]);
    let rotate = || {
        let mut rotate = command(&server.path(""), &[]);
        rotate.args(["key", "rotate"]);
        printed_key(&said(&run(rotate)))
    };
    let key = rotate();
    let looking = json!({"command": "i=0; while :; do cat .e*; i=$((i+1)); echo turn $i; done 2>&1"});
    let id = server.post("/terminal/start", &key, &looking).await.ok()["id"].clone();
    let new = rotate();
    let turns = async |least: u64| {
        let wanted = json!({"id": id, "pattern": format!("turn {least}$"), "timeout": 60});
        assert_eq!(server.post("/terminal/wait_for", &new, &wanted).await.ok()["success"], true);
        server.post("/terminal/poll", &new, &json!({"id": id, "cursor": -4096})).await.ok()["stdout"].to_string()
    };
    let seen = turns(1).await;
    let last = seen.rsplit("turn ").next().and_then(|rest| rest.split('\\').next()).unwrap().parse::<u64>();
    // The last look that may have been before the key was new, and one more.
    let seen = turns(last.unwrap() + 2).await;
    assert!(seen.contains("turn") && !seen.contains("MCP_API_KEY"), "{seen}");
}

#[test]
fn a_key_of_the_environment_cannot_be_rotated_in_the_file() {
    let directory = scratch();
    let mut command = command(directory.path(), &[("MCP_API_KEY", KEY)]);
    command.args(["key", "rotate"]);
    let output = run(command);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("environment") && !directory.path().join(".env").exists(), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_lets_running_requests_finish_and_takes_no_new_ones() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = upstream.local_addr().unwrap();
    let mut server = Program::start(&[("MCP_FETCH_ALLOW_PRIVATE", "true")]);
    let (asked, arguments) = (server.http.clone(), json!({"url": format!("http://{address}/")}));
    let url = format!("{}/internet/fetch", server.url);
    let running = tokio::spawn(async move { asked.post(url).bearer_auth(KEY).json(&arguments).send().await });
    let (mut slow, _) = upstream.accept().await.unwrap();
    let started = Instant::now();
    server.terminate();
    let is_refused = async || tokio::net::TcpStream::connect(server.url.trim_start_matches("http://")).await.is_err();
    while !is_refused().await {
        assert!(started.elapsed() < Duration::from_secs(5), "it still takes connections");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    slow.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nlate").await.unwrap();
    let reply = crate::server::Reply::of(running.await.unwrap().expect("the request is answered")).await;
    assert_eq!(reply.ok()["content"], "late");
    assert_eq!(server.wait().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_does_not_end_holds_a_stop_up_for_ten_seconds_at_most() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", upstream.local_addr().unwrap());
    let mut server = Program::start(&[("MCP_FETCH_ALLOW_PRIVATE", "true")]);
    let request = server.http.post(format!("{}/internet/fetch", server.url)).bearer_auth(KEY);
    let running = tokio::spawn(request.json(&json!({"url": url})).send());
    let _never_answered = upstream.accept().await.unwrap();
    let started = Instant::now();
    server.terminate();
    let status = tokio::task::spawn_blocking(move || server.wait()).await.unwrap();
    let took = started.elapsed();
    assert!(status.success() && took > Duration::from_secs(8) && took < Duration::from_secs(13), "{took:?} {status}");
    running.abort();
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_what_it_asked_for() {
    let upstream = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", upstream.local_addr().unwrap());
    let server = Program::start(&[("MCP_FETCH_ALLOW_PRIVATE", "true")]);
    let request = server.http.post(format!("{}/internet/fetch", server.url)).bearer_auth(KEY);
    let running = tokio::spawn(request.json(&json!({"url": url})).send());
    let (mut asked, _) = upstream.accept().await.unwrap();
    running.abort();
    let closed = async { while asked.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {} };
    tokio::time::timeout(Duration::from_secs(10), closed).await.expect("the bridge hangs up too");
    assert_eq!(server.history_line("internet_fetch")["outcome"], "cancelled");
}

#[tokio::test]
async fn what_it_writes_in_a_clone_is_ignored_by_git() {
    let directory = scratch();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    fs::create_dir(directory.path().join("memory")).unwrap();
    for name in [".gitignore", ".env.example", "memory/.gitkeep"] {
        fs::copy(root.join(name), directory.path().join(name)).unwrap();
    }
    let git = |arguments: &[&str], place: &Path| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=test", "-c", "user.email=test@example.com"]).args(arguments).current_dir(place);
        let output = git.output().expect("git is there");
        assert!(output.status.success(), "{}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    git(&["init", "-q"], directory.path());
    git(&["add", "-A"], directory.path());
    git(&["commit", "-qm", "clone"], directory.path());
    let server = Program::start_in(directory, &[]);
    let key = printed_key(&server.stdout());
    server.post("/memory/add", &key, &json!({"content": "x"})).await;
    server.post("/internet/search", &key, &json!({"query": "x"})).await;
    assert_eq!(git(&["status", "--porcelain"], &server.path("")), "");
}

#[tokio::test]
async fn a_command_of_a_server_that_was_started_in_the_background_still_hears_signals() {
    let directory = scratch();
    fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    let direct = command(directory.path(), &[]);
    // What a shell without job control does before it starts something with `&`, and nohup for SIGHUP.
    let mut background = Command::new("sh");
    background
        .args(["-c", "trap '' INT QUIT HUP; exec \"$0\" \"$@\""])
        .arg(direct.get_program())
        .args(direct.get_args());
    background.env_clear().stdin(std::process::Stdio::null());
    background.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let server = Program::start_as(background, directory);
    let reply = server.post("/terminal/execute", KEY, &json!({"command": "grep SigIgn /proc/self/status"})).await;
    let ignored = reply.body["stdout"].as_str().unwrap().trim_start_matches("SigIgn:").trim();
    let ignored = u64::from_str_radix(ignored, 16).expect("proc(5) writes hexadecimal digits");
    // Those above the standard ones belong to the C library.
    assert_eq!(ignored & 0x7fff_ffff, 0, "{}", reply.body);
}
