//! Whoever listens outside is out of reach, but for those that a setting names; a command's own servers are not.

use crate::{
    processes::{has, start, until},
    server::{Server, scratch},
};
use serde_json::{Value, json};
use std::{
    os::unix::net::{UnixDatagram, UnixListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Sends a word to a socket of whatever kind; says when somebody is there who could take it.
const KNOCK: &str = "import socket, sys
for path in sys.argv[1:]:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        s = socket.socket(socket.AF_UNIX, kind)
        s.settimeout(2)
        try:
            s.connect(path)
            s.send(b'knock')
            print('REACHED', path)
        except OSError as error: print('not', path, kind, error)
";

/// Listens at paths until it is ended; the second word of each is the kind.
const LISTEN: &str = "import os, socket, sys, time
kept = []
for word in sys.argv[1:]:
    path, kind = word.split('=')
    folder, name = os.path.split(path)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM if kind == 'datagram' else socket.SOCK_STREAM)
    if kind == 'relative':
        os.chdir(folder)
        path = name
    s.bind(path)
    if kind != 'datagram': s.listen()
    if kind == 'renamed': os.rename(path, path + '.new')
    kept.append(s)
print('listening', flush=True)
time.sleep(1000)
";

/// A program outside, ended with the test.
struct Outside(Child);

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Listens outside, and waits until it does.
fn listen(before: &[&str], words: &[String]) -> Option<Outside> {
    use std::io::BufRead;
    let all: Vec<&str> = before.iter().copied().chain(["python3", "-c", LISTEN]).collect();
    let mut command = Command::new(all[0]);
    let child = command.args(&all[1..]).args(words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut outside = Outside(child.ok()?);
    let mut line = String::new();
    std::io::BufReader::new(outside.0.stdout.take()?).read_line(&mut line).ok()?;
    (line == "listening\n").then_some(outside)
}

async fn server(confinement: &str, sockets: &str) -> Server {
    let server = Server::with_settings(&[("MCP_CONFINEMENT", confinement), ("MCP_COMMAND_SOCKETS", sockets)]).await;
    server.with_file("knock.py", KNOCK).with_file("listen.py", LISTEN)
}

async fn run(server: &Server, script: &str) -> Value {
    std::fs::write(server.path("script"), script).unwrap();
    server.call("terminal_execute", json!({"command": "sh ./script", "timeout": 30})).await
}

/// Whether a command reaches a socket.
async fn reaches(server: &Server, path: &Path) -> bool {
    let answer = knock(server, path).await;
    answer["stdout"].as_str().unwrap().contains("REACHED")
}

async fn knock(server: &Server, path: &Path) -> Value {
    let answer = run(server, &format!("python3 knock.py {}", path.display())).await;
    assert_eq!(answer["success"], true, "{answer}");
    answer
}

/// Each of these servers listens outside: confined it cannot be reached, without confinement or named it can.
async fn is_held(path: &Path) {
    let named = path.to_str().unwrap();
    for (confinement, sockets, expected) in [("require", "", false), ("off", "", true), ("require", named, true)] {
        let server = server(confinement, sockets).await;
        assert_eq!(reaches(&server, path).await, expected, "{confinement} {sockets}: {named}");
    }
}

#[tokio::test]
async fn servers_outside_cannot_be_reached_whatever_their_kind_or_the_form_of_their_name() {
    let scratch = scratch();
    let at = |name: &str| scratch.path().join(name);
    for folder in ["relative", "renamed"] {
        std::fs::create_dir(at(folder)).unwrap();
    }
    let words = [("stream", "stream"), ("relative/x", "relative"), ("renamed/x", "renamed"), ("datagram", "datagram")];
    let words = words.map(|(name, kind)| format!("{}={kind}", at(name).display()));
    let _outside = listen(&[], &words).expect("it listens");
    // The kernel takes one for connected to which anyone has connected.
    let sender = UnixDatagram::unbound().unwrap();
    sender.connect(at("datagram")).unwrap();
    for name in ["stream", "datagram", "relative/x", "renamed/x.new"] {
        is_held(&at(name)).await;
    }
}

#[tokio::test]
async fn a_server_outside_is_covered_from_the_next_command_on_and_wherever_it_was_moved() {
    let scratch = scratch();
    let server = server("require", "").await;
    let folder = scratch.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    let path = folder.join("late.sock");
    assert!(!reaches(&server, &path).await);
    let _late = UnixListener::bind(&path).unwrap();
    assert!(!reaches(&server, &path).await, "it came between two commands");
    let moves = format!("mv {0} {0}2; mv {0}2/late.sock {0}2/other.sock; ls {0}2", folder.display());
    run(&server, &moves).await;
    let other = scratch.path().join("folder2");
    for name in ["late.sock", "other.sock"] {
        assert!(!reaches(&server, &other.join(name)).await, "{name}");
    }
    std::fs::rename(&other, scratch.path().join("third")).unwrap();
    let third = scratch.path().join("third");
    let place = ["late.sock", "other.sock"].map(|name| third.join(name)).into_iter().find(|path| path.exists());
    let place = place.expect("it is still somewhere");
    assert!(!reaches(&server, &place).await);
    std::fs::remove_file(&place).unwrap();
    let _new = UnixDatagram::bind(&place).unwrap();
    assert!(!reaches(&server, &place).await, "another one took its place");
}

#[tokio::test]
async fn a_real_tmux_and_a_real_agent_outside_obey_no_command() {
    if !has("tmux") || !has("ssh-agent") {
        return eprintln!("not tried: there is no tmux or no ssh-agent here");
    }
    let scratch = scratch();
    let [tmux, agent] = ["tmux.sock", "agent.sock"].map(|name| scratch.path().join(name));
    let started = Command::new("ssh-agent").arg("-D").arg("-a").arg(&agent).stdout(Stdio::null()).spawn();
    let _agent = Outside(started.unwrap());
    let outside = |words: &[&str]| Command::new("tmux").arg("-S").arg(&tmux).args(words).output().unwrap();
    assert!(outside(&["-f", "/dev/null", "new-session", "-d", "sleep 1000"]).status.success());
    until("the agent listens", || agent.exists()).await;
    let script = format!(
        "tmux -S {} new-window 'sleep 1001' && echo DRIVEN; SSH_AUTH_SOCK={} ssh-add -l; [ $? = 1 ] && echo ASKED",
        tmux.display(),
        agent.display()
    );
    let both = format!("{},{}", tmux.display(), agent.display());
    for (confinement, sockets, expected) in [("require", "", ""), ("off", "", "both"), ("require", &*both, "both")] {
        let answer = run(&server(confinement, sockets).await, &script).await;
        let output = answer["stdout"].as_str().unwrap();
        let found = ["DRIVEN", "ASKED"].map(|word| output.contains(word));
        assert_eq!(found, [expected == "both"; 2], "{confinement} {sockets}: {answer}");
    }
    outside(&["kill-server"]);
}

#[tokio::test]
async fn a_known_kind_of_server_in_another_network_is_covered_too() {
    let scratch = tempfile::Builder::new().prefix("ssh-").tempdir_in("/tmp").unwrap();
    let path = scratch.path().join("agent.7021");
    let words = [format!("{}=stream", path.display())];
    let Some(_outside) = listen(&["unshare", "-n"], &words) else {
        return eprintln!("not tried: this test is not run by the superuser");
    };
    is_held(&path).await;
}

#[tokio::test]
async fn the_servers_of_a_command_stay_within_reach_of_the_next_ones() {
    for network in ["on", "off"] {
        let server = Server::with_settings(&[("MCP_TERMINAL_NETWORK", network)]).await;
        let server = server.with_file("knock.py", KNOCK).with_file("listen.py", LISTEN);
        let place = tempfile::Builder::new().prefix("tmux-").tempdir_in("/tmp").unwrap();
        let [default, datagram] = ["default", "datagram"].map(|name| place.path().join(name));
        let command = format!("python3 listen.py {}=stream {}=datagram", default.display(), datagram.display());
        let process = start(&server, &command).await;
        process.shows("listening").await;
        for path in [&default, &datagram] {
            let answer = knock(&server, path).await;
            assert!(answer["stdout"].as_str().unwrap().contains("REACHED"), "network {network}: {answer}");
        }
        process.call("stop", json!({})).await;
        std::fs::remove_file(&default).unwrap();
        std::fs::remove_file(&datagram).unwrap();
        let again = start(&server, &command).await;
        again.shows("listening").await;
        assert!(reaches(&server, &default).await, "network {network}: it was started again");
        again.call("stop", json!({})).await;
    }
}

#[tokio::test]
async fn a_tmux_that_a_command_started_is_driven_by_the_next_one() {
    if !has("tmux") {
        return eprintln!("not tried: there is no tmux here");
    }
    let scratch = scratch();
    let server = server("require", "").await;
    let socket = scratch.path().join("sock");
    for _ in 0..2 {
        let command = format!("tmux -S {} -f /dev/null -D", socket.display());
        let process = start(&server, &command).await;
        until("tmux listens", || socket.exists()).await;
        let ask = format!("tmux -S {0} new-session -d 'sleep 1000' && tmux -S {0} list-sessions", socket.display());
        let answer = run(&server, &ask).await;
        assert_eq!(answer["success"], true, "{answer}");
        process.call("stop", json!({})).await;
        let _ = std::fs::remove_file(&socket);
    }
}

#[tokio::test]
async fn a_named_socket_in_run_is_shown_and_others_there_are_not() {
    let Ok(folder) = tempfile::Builder::new().prefix("bridge-test-").tempdir_in("/run") else {
        return eprintln!("not tried: this test is not run by the superuser");
    };
    let paths = ["named.sock", "other.sock"].map(|name| folder.path().join(name));
    let _listeners = paths.clone().map(|path| UnixListener::bind(path).unwrap());
    let pattern = folder.path().join("na*.sock");
    let server = server("require", pattern.to_str().unwrap()).await;
    let found: Vec<bool> = [reaches(&server, &paths[0]).await, reaches(&server, &paths[1]).await].into();
    assert_eq!(found, [true, false]);
    let refused = Server::try_settings(&[("MCP_COMMAND_SOCKETS", "run/docker.sock")]);
    let refused = refused.expect_err("a relative path is none");
    assert!(refused.contains("MCP_COMMAND_SOCKETS") && refused.contains("run/docker.sock"), "{refused}");
}

#[tokio::test]
async fn the_variable_of_a_named_socket_is_kept_and_others_are_not() {
    let scratch = scratch();
    let socket: PathBuf = scratch.path().join("agent.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    for (sockets, expected) in [("", "\n"), (socket.to_str().unwrap(), &*format!("{}\n", socket.display()))] {
        let mut command = Command::new(crate::program::BINARY);
        command.env("SSH_AUTH_SOCK", &socket).env("DISPLAY", ":7021").env("MCP_COMMAND_SOCKETS", sockets);
        let server = super::hosts::Started::plain(command).expect("it starts");
        let answer = server.call("execute", json!({"command": "echo $SSH_AUTH_SOCK$DISPLAY"})).await;
        assert_eq!(answer["stdout"], expected, "{answer}");
    }
}
