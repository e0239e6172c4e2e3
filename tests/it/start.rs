//! A person's first minutes: what the start says, which port it takes, and how it ends.

use crate::{
    program::{Program, command, run},
    server::{KEY, scratch},
};
use serde_json::json;
use std::{
    fs,
    net::TcpListener,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

/// A port that somebody listens on.
fn taken() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    (listener, port)
}

fn signal(program: &Program, name: &str) {
    let sent = Command::new("kill").args([name, &program.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Waits for the end, which must come well before the time that running requests have.
fn ends_soon(program: &mut Program) -> Option<i32> {
    let started = Instant::now();
    let code = program.wait().code();
    assert!(started.elapsed() < Duration::from_secs(7), "{:?}", started.elapsed());
    code
}

#[test]
fn a_key_is_shown_until_somebody_has_seen_it_also_after_a_start_that_failed() {
    let (_listener, port) = taken();
    let directory = scratch();
    let mut failing = command(directory.path(), &[]);
    failing.args(["--port", &port]);
    let output = run(failing);
    assert!(!output.status.success(), "{}", said(&output));
    let env = fs::read_to_string(directory.path().join(".env")).unwrap();
    let key = env.lines().find_map(|line| line.strip_prefix("MCP_API_KEY=")).unwrap().to_owned();
    assert!(!said(&output).contains(&key) && key.len() > 40);
    let server = Program::start_in(directory, &[]);
    assert!(server.stdout().contains(&format!("Key   {key}\n")), "{}", server.stdout());
    let again = Program::start_in(server.kill(), &[]);
    assert!(!again.stdout().contains(&key), "it was seen: {}", again.stdout());
}

#[tokio::test]
async fn the_start_says_where_mcp_and_the_docs_are_how_to_connect_check_and_stop_and_what_it_prints_works() {
    let server = Program::start(&[]);
    let printed = server.stdout();
    let mcp = printed.lines().find_map(|line| line.trim().strip_prefix("MCP   ")).expect("an address for MCP");
    assert_eq!(mcp, format!("{}/mcp", server.url));
    let docs = printed.lines().find_map(|line| line.trim().strip_prefix("Docs  ")).expect("an address for the docs");
    assert_eq!(server.http.get(docs).send().await.unwrap().status(), 200);
    assert!(printed.contains("Ctrl-C stops") && printed.contains(" connect claude-code --write"), "{printed}");
    let doctor = printed.lines().find_map(|line| line.strip_prefix("Check everything:")).expect("a line to check");
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", doctor]).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", server.path(""));
    let output = shell.output().await.unwrap();
    assert!(said(&output).contains(&format!("The server answers at {}", server.url)), "{doctor}: {}", said(&output));
}

#[tokio::test]
async fn a_server_for_all_addresses_prints_one_that_works_and_warns() {
    let directory = scratch();
    fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    let mut start = command(directory.path(), &[]);
    start.args(["serve", "--host", "0.0.0.0"]);
    let server = Program::start_as(start, directory);
    assert!(server.url.starts_with("http://127.0.0.1:"), "{}", server.url);
    assert_eq!(server.get("/health").await.status, 200);
    let printed = server.stdout();
    assert!(printed.contains("WARNING") && printed.contains("unencrypted"), "{printed}");
    assert!(!Program::start(&[]).stdout().contains("WARNING"), "loopback needs no warning");
}

#[test]
fn a_chosen_port_that_is_taken_is_an_error_that_names_who_has_it() {
    let (_listener, port) = taken();
    let directory = scratch();
    let mut start = command(directory.path(), &[]);
    start.args(["--port", &port]);
    let text = said(&run(start));
    assert!(text.contains(&format!("port {port} is in use by")) && text.contains("--port"), "{text}");
    assert!(!cfg!(target_os = "linux") || text.contains(&format!("(process {})", std::process::id())), "{text}");
    let text = said(&run(command(directory.path(), &[("MCP_HOST", "192.0.2.1"), ("MCP_API_KEY", KEY)])));
    assert!(text.contains("no address of this machine") && !text.contains("in use"), "{text}");
}

#[tokio::test]
async fn without_a_chosen_port_the_next_free_one_is_taken_and_the_commands_find_it() {
    // Held by this test, or by whoever has it already.
    let _listener = TcpListener::bind("127.0.0.1:7860");
    let directory = scratch();
    let mut start = command(directory.path(), &[("MCP_API_KEY", KEY)]);
    start.env_remove("MCP_PORT");
    let server = Program::start_as(start, directory);
    let port: u16 = server.url.rsplit(':').next().unwrap().parse().unwrap();
    assert!((7861..7910).contains(&port), "{}", server.url);
    assert!(server.stdout().contains("port 7860 is in use by"), "{}", server.stdout());
    assert_eq!(server.get("/health").await.status, 200);
    let mut connect = command(&server.path(""), &[("MCP_API_KEY", KEY)]);
    connect.env_remove("MCP_PORT").args(["connect", "cursor"]);
    let text = said(&run(connect));
    assert!(text.contains(&format!("{}/mcp", server.url)), "{text}");
    let mut second = command(&server.path(""), &[("MCP_API_KEY", KEY)]);
    second.env_remove("MCP_PORT");
    let text = said(&run(second));
    assert!(text.contains("in use by another bridge") && text.contains(&server.url), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_ends_streams_at_once() {
    let mut server = Program::start(&[]);
    let asked = |path: &str| server.http.post(format!("{}{path}", server.url)).bearer_auth(KEY);
    let mut watch = asked("/filesystem/watch").json(&json!({"path": "."})).send().await.unwrap();
    assert!(watch.chunk().await.unwrap().is_some(), "it is ready");
    let execute = asked("/terminal/execute").header("accept", "text/event-stream");
    let mut output = execute.json(&json!({"command": "echo begun; sleep 29", "timeout": 30})).send().await.unwrap();
    assert!(output.chunk().await.unwrap().is_some(), "it has begun");
    signal(&server, "-INT");
    let rest = output.text().await.unwrap();
    assert!(rest.contains("event: error") && rest.contains("stopping"), "{rest}");
    while watch.chunk().await.is_ok_and(|chunk| chunk.is_some()) {}
    assert_eq!(tokio::task::spawn_blocking(move || ends_soon(&mut server)).await.unwrap(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_ctrl_c_ends_everything_at_once() {
    let mut server = Program::start(&[]);
    let request = server.http.post(format!("{}/terminal/execute", server.url)).bearer_auth(KEY);
    let marker = server.path("begun");
    let command = format!("echo x > {}; sleep 29", marker.display());
    let running = tokio::spawn(request.json(&json!({"command": command, "timeout": 30})).send());
    crate::server::until("the command runs", || marker.exists()).await;
    signal(&server, "-INT");
    server.logged("press Ctrl-C again");
    let code = tokio::task::spawn_blocking(move || {
        let end = Instant::now() + Duration::from_secs(7);
        // The second one counts once it cannot be an echo of the first.
        while Command::new("kill").args(["-INT", &server.id().to_string()]).status().unwrap().success() {
            assert!(Instant::now() < end, "it goes on");
            if server.has_ended() {
                break;
            }
        }
        server.wait().code()
    });
    assert_eq!(code.await.unwrap(), Some(130));
    running.abort();
}

/// A server that another program starts in its place.
fn started_by(words: &[&str]) -> Program {
    let directory = scratch();
    fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    let direct = command(directory.path(), &[]);
    let mut other = Command::new(words[0]);
    other.args(&words[1..]).arg(direct.get_program()).args(direct.get_args()).env_clear().stdin(Stdio::null());
    other.envs(direct.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Program::start_as(other, directory)
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_up_stops_a_server_unless_nohup_started_it() {
    // However the tests themselves were started.
    let mut server = started_by(&["env", "--default-signal=HUP"]);
    signal(&server, "-HUP");
    assert_eq!(ends_soon(&mut server), Some(0));
    let mut stays = started_by(&["nohup"]);
    signal(&stays, "-HUP");
    assert_eq!(stays.get("/health").await.status, 200);
    signal(&stays, "-TERM");
    assert_eq!(ends_soon(&mut stays), Some(0));
    assert!(!stays.stderr().contains("panicked"), "{}", stays.stderr());
}

#[tokio::test]
async fn in_a_repository_of_git_an_agent_adds_all_and_none_of_the_bridges_files() {
    let directory = scratch();
    let git = |words: &[&str]| Command::new("git").current_dir(directory.path()).args(words).output().unwrap();
    assert!(git(&["init", "-q"]).status.success());
    let folder = directory.path().join("tools/my bridge");
    fs::create_dir_all(&folder).unwrap();
    fs::write(directory.path().join("a.txt"), "a").unwrap();
    let mut command = command(&folder, &[("MCP_API_KEY", KEY)]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let program = Program::start_as(command, directory);
    let top = program.path("");
    let line = "git add --all && git -c user.name=a -c user.email=a@b commit -qm all && git ls-files";
    for _ in 0..2 {
        let answer = program.post("/terminal/execute", KEY, &json!({"command": line, "cwd": top})).await.ok();
        if answer["success"] == true {
            assert_eq!(answer["stdout"], "a.txt\n", "{answer}");
        }
        fs::write(top.join("b.txt"), "b").unwrap();
        let status =
            program.post("/terminal/execute", KEY, &json!({"command": "git status --short", "cwd": top})).await;
        assert_eq!(status.body["stdout"], "?? b.txt\n", "{}", status.body);
        fs::remove_file(top.join("b.txt")).unwrap();
    }
    let excluded = fs::read_to_string(top.join(".git/info/exclude")).unwrap();
    assert_eq!(excluded.matches("/tools/my\\ bridge/.env\n").count(), 1, "{excluded}");
}

#[cfg(unix)]
#[test]
fn what_a_command_put_in_the_place_of_gits_files_is_not_written_to() {
    let directory = scratch();
    fs::create_dir_all(directory.path().join(".git/info")).unwrap();
    fs::write(directory.path().join("victim"), "as it was").unwrap();
    std::os::unix::fs::symlink(directory.path().join("victim"), directory.path().join(".git/info/exclude")).unwrap();
    let program = Program::start_in(directory, &[("MCP_API_KEY", KEY)]);
    program.logged("cannot be written");
    assert_eq!(fs::read_to_string(program.path("victim")).unwrap(), "as it was");
}
