//! What an answer says beside the output of a command: what the confinement kept from it, and what to do instead.
#![cfg(target_os = "linux")]

use crate::{
    confinement::Started,
    server::{KEY, Server, scratch},
};
use serde_json::{Value, json};

/// A bridge whose user has a home with secrets in it.
fn at_home(settings: &[(&str, &str)]) -> Started {
    let mut command = std::process::Command::new(crate::program::BINARY);
    command.envs(settings.iter().copied());
    Started::plain(command).expect("it starts")
}

async fn execute(server: &Started, command: &str) -> Value {
    // In a script the guard does not look; the line says what the script is asked for.
    server.post("/terminal/execute", KEY, json!({"command": command, "timeout": 20})).await.ok()
}

/// The refusals that an answer names, each with its setting.
fn blocked(answer: &Value) -> Vec<(&str, Option<&str>)> {
    let all = answer["blocked"].as_array().map(Vec::as_slice).unwrap_or_default();
    let named = all.iter().map(|one| {
        let why = one["why"].as_str().unwrap();
        assert!(why.ends_with('.') && why.len() > 20 && one.get("setting").is_some(), "{one}");
        (one["what"].as_str().unwrap(), one["setting"].as_str())
    });
    named.collect()
}

#[tokio::test]
async fn a_command_that_the_boundary_stopped_says_what_it_was_refused_why_and_by_which_setting_it_is_had() {
    let server = at_home(&[]);
    let home = server.directory().to_owned();
    std::fs::create_dir(home.join(".aws")).unwrap();
    std::fs::write(home.join(".aws/credentials"), "secret").unwrap();
    let aws = home.join(".aws/credentials");
    let aws = aws.to_str().unwrap();
    let env = home.join(".env");
    // What the guard refuses on a line.
    std::fs::write(home.join("appends"), "echo x >> /etc/hosts").unwrap();
    for (command, what, setting) in [
        ("cat ~/.aws/credentials", aws, None),
        ("cat ~/.aws/credentials || true", aws, None),
        ("test -s \"$HOME/.aws/credentials\"", aws, None),
        ("grep -q KEY .env", env.to_str().unwrap(), None),
        ("python3 -c 'open(\"/etc/shadow\")'", "/etc/shadow", None),
        ("sh ./appends", "/etc/hosts", None),
        ("head -c 1 /dev/mem", "/dev/mem", Some("MCP_COMMAND_DEVICES")),
        ("node -e 'require(\"fs\").openSync(\"/dev/kvm\")'", "/dev/kvm", Some("MCP_COMMAND_DEVICES")),
        (
            "curl -sS --unix-socket /run/engine/engine.sock http://x/",
            "/run/engine/engine.sock",
            Some("MCP_COMMAND_SOCKETS"),
        ),
        ("touch tool && chmod u+s tool", "Set-user-id bits and capabilities of files", None),
        ("unshare -m true", "A namespace of its own", None),
    ] {
        let answer = execute(&server, command).await;
        let found = blocked(&answer);
        assert!(found.contains(&(what, setting)), "{command}: {answer}");
    }
    let mut refused = vec![
        ("su -c true < /dev/null", "More rights"),
        ("python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'", "Raw packets"),
        ("python3 -c 'import socket; socket.socket(socket.AF_VSOCK, 1)'", "Sockets of rare kinds"),
        ("python3 -c 'import os; os.chroot(\".\")'", "Mounts"),
    ];
    if rustix::process::geteuid().is_root() {
        refused.extend([
            ("mknod device c 1 3", "Device files"),
            ("hostname x", "The machine itself"),
            ("chrt -f 10 true", "Priorities"),
            ("python3 -c 'import os; os.nice(-5)'", "Priorities"),
        ]);
    }
    for (command, what) in refused {
        let answer = execute(&server, command).await;
        assert_eq!(blocked(&answer), [(what, None)], "{command}: {answer}");
    }
    if std::process::Command::new("docker").arg("--version").output().is_ok() {
        let answer = execute(&server, "docker ps").await;
        assert_eq!(answer["blocked"][0]["setting"], "MCP_COMMAND_SOCKETS", "{answer}");
    }
}

#[tokio::test]
async fn a_command_that_fails_by_itself_is_not_said_to_be_blocked() {
    let server = at_home(&[]);
    for command in ["cat missing.txt", "ls /nowhere", "false", "echo fine > /dev/null", "cat /proc/self/nothing"] {
        let answer = execute(&server, command).await;
        assert_eq!(answer.get("blocked"), None, "{answer}");
    }
    let open = at_home(&[("MCP_CONFINEMENT", "off")]);
    assert_eq!(execute(&open, "cat /etc/nothing ~/.aws/nothing").await.get("blocked"), None);
}

#[tokio::test]
async fn a_program_that_says_what_failed_is_not_said_to_be_the_cause_of_it() {
    let work = scratch();
    let root = work.path().to_str().unwrap();
    let server = Server::at_directory(work.path(), &[("MCP_ALLOWED_DIRS", root)]).await;
    for command in [
        "printf '#!/bin/sh\\necho hi\\n' > run.sh; ./run.sh",
        "ulimit -n 999999999",
        "kill -0 $PPID",
        "echo \"cat: $PWD/notes.txt: Permission denied\" >&2; false",
    ] {
        let answer = server.call("terminal_execute", json!({"command": command})).await;
        assert_ne!(answer["exit_code"], 0, "{command}: {answer}");
        assert_eq!(answer.get("blocked"), None, "{command}: {answer}");
    }
    // What the guard refuses on a line.
    std::fs::write(work.path().join("writes"), "echo x > /usr/share/made").unwrap();
    let answer = server.call("terminal_execute", json!({"command": "bash ./writes"})).await;
    assert_eq!(blocked(&answer), [("/usr/share/made", Some("MCP_ALLOWED_DIRS"))], "{answer}");
    server.stop().await;
}

#[tokio::test]
async fn a_place_outside_the_roots_or_on_the_list_of_the_settings_is_named_with_that_setting() {
    let (work, outside) = (scratch(), scratch());
    std::fs::write(outside.path().join("file"), "x").unwrap();
    let outside = outside.path().join("file");
    let outside = outside.to_str().unwrap();
    let root = work.path().to_str().unwrap();
    let server = Server::at_directory(
        work.path(),
        &[("MCP_ALLOWED_DIRS", root), ("MCP_DENIED_PATHS", "private"), ("MCP_TERMINAL_NETWORK", "off")],
    )
    .await
    .with_file("private/file", "x");
    let private = server.at("private/file");
    for (command, what, setting) in [
        (format!("cat {outside}"), outside, "MCP_ALLOWED_DIRS"),
        ("touch /usr/share/made".into(), "/usr/share/made", "MCP_ALLOWED_DIRS"),
        ("cat private/file".into(), &private, "MCP_DENIED_PATHS"),
        ("curl -sS http://example.org/".into(), "The network", "MCP_TERMINAL_NETWORK"),
    ] {
        let answer = server.call("terminal_execute", json!({"command": command})).await;
        assert!(blocked(&answer).contains(&(what, Some(setting))), "{command}: {answer}");
        let started = server.call("terminal_start", json!({"command": command})).await;
        let id = &started["id"];
        let mut polled = Value::Null;
        while polled["status"] != "exited" {
            polled = server.call("terminal_poll", json!({"id": id, "timeout": 10})).await;
        }
        assert!(blocked(&polled).contains(&(what, Some(setting))), "{command}: {polled}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_server_that_a_command_left_in_the_background_is_said_to_have_ended_and_how_it_is_started() {
    for confinement in ["require", "off"] {
        let server = at_home(&[("MCP_CONFINEMENT", confinement)]);
        let answer = execute(&server, "nohup sleep 7023 > log.txt 2>&1 &").await;
        let hint = answer["hint"].as_str().unwrap_or_else(|| panic!("{confinement}: {answer}"));
        assert!(hint.contains("/terminal/start") && hint.contains(r#"{"command":"sleep 7023"}"#), "{hint}");
        assert_eq!(execute(&server, "sleep 0.01 & wait; echo done").await.get("hint"), None);
    }
}

#[tokio::test]
async fn a_process_is_known_by_its_id_alone_where_no_command_could_use_its_number() {
    let server = at_home(&[]);
    let started = server.call("start", json!({"command": "sleep 7024"})).await;
    assert_eq!(started.get("pid"), None, "{started}");
    assert_eq!(server.call("processes", json!({})).await["items"][0].get("pid"), None);
    for command in ["kill 7024", "echo 7024 > s.pid; kill -9 $(cat s.pid)", "pkill no-such-server; kill 7024"] {
        let answer = execute(&server, command).await;
        let hint = answer["hint"].as_str().unwrap_or_else(|| panic!("{answer}"));
        assert!(hint.contains("/terminal/stop") && hint.contains("/terminal/signal"), "{hint}");
    }
    let open = at_home(&[("MCP_CONFINEMENT", "off")]);
    let started = open.call("start", json!({"command": "sleep 7025"})).await;
    let answer = execute(&open, &format!("kill {}", started["pid"])).await;
    assert_eq!((&answer["exit_code"], answer.get("hint")), (&json!(0), None), "{answer}");
}

#[tokio::test]
async fn git_keeps_the_message_that_is_there_and_asks_for_one_that_is_not() {
    let server = at_home(&[]);
    let git = "export GIT_CONFIG_GLOBAL=$PWD/gitconfig; cd work 2>/dev/null || { mkdir work; cd work; }";
    let run = async |line: &str| execute(&server, &format!("{git}; {line}")).await;
    let made = "git config --global user.name Ada; git config --global user.email a@b.c; git config --global init.defaultBranch main
git init -q; echo one > f; git add f; git commit -qm first; git switch -qc other; echo other > f; git commit -qam other
git switch -q main; echo main > f; git commit -qam main; git rebase -q other; echo both > f; git add f";
    run(made).await;
    for line in ["git rebase --continue", "git commit --amend", "git revert --no-edit HEAD", "git revert HEAD"] {
        assert_eq!(run(line).await["exit_code"], 0, "{line}");
    }
    assert_eq!(run("git log --format=%s other..HEAD | tail -n 1").await["stdout"], "main\n");
    for line in
        ["git commit --allow-empty", "git tag -a v1", "git rebase -i HEAD~1", "sh -c '$EDITOR f' || eval \"$VISUAL f\""]
    {
        let answer = run(line).await;
        assert!(answer["stderr"].as_str().unwrap().contains("/terminal/start"), "{line}: {answer}");
        assert_ne!(answer["exit_code"], 0, "{line}");
    }
    let own = json!({"command": format!("{git}; git tag -a v1 && git tag -n"), "env": {"GIT_EDITOR": "sed -i 1imine"}});
    assert_eq!(server.call("execute", own).await["stdout"], "v1              mine\n");
}
