//! Which shell runs a command.

use crate::server::Server;
use serde_json::{Value, json};
use skynet_bridge::{policy::Shells, settings::Settings};
use std::{ffi::OsStr, process::Command};

fn has(shell: &str) -> bool {
    Command::new(shell).args(["-c", "true"]).output().is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn what_people_write_daily_runs_by_bash() {
    let server = Server::start().await.with_file("vars", "X=sourced\n");
    for (line, expected) in [
        ("source ./vars; echo $X", "sourced\n"),
        ("[[ abc == a* ]] && echo yes", "yes\n"),
        ("cat <(echo one) <(echo two)", "one\ntwo\n"),
        ("cat <<< here", "here\n"),
        ("echo {1..3}", "1 2 3\n"),
        ("set -o pipefail; false | true; echo $?", "1\n"),
        ("a=(x y z); echo ${a[1]} ${#a[@]}", "y 3\n"),
    ] {
        let answer = server.call("terminal_execute", json!({"command": line})).await;
        assert_eq!((&answer["stdout"], &answer["stderr"]), (&json!(expected), &json!("")), "{line}");
        let command = format!("{line}; sleep 0");
        let started = server.call("terminal_start", json!({"command": command, "wait_for": {"pattern": "."}})).await;
        assert_eq!(started["success"], true, "{started}");
    }
    let info = server.call("terminal_info", json!({})).await;
    assert!(info["shell"].as_str().unwrap().ends_with("/bash"), "{info}");
    assert!(info["shells"].as_array().unwrap().contains(&json!("sh")), "{info}");
}

#[tokio::test]
async fn a_call_and_a_setting_choose_the_shell() {
    let server = Server::start().await;
    let name = |arguments: Value| async {
        let mut arguments = arguments;
        arguments["command"] = json!("ps -p $$ -o comm= || readlink /proc/$$/exe");
        server.call("terminal_execute", arguments).await["stdout"].as_str().unwrap().trim().to_owned()
    };
    assert_eq!(name(json!({})).await, "bash");
    assert_eq!(name(json!({"shell_program": null})).await, "bash");
    assert_eq!(name(json!({"shell_program": "dash"})).await, "dash");
    let by_sh = Server::with_settings(&[("MCP_SHELL", "dash")]).await;
    let line = json!({"command": "echo {1..3}"});
    assert_eq!(by_sh.call("terminal_execute", line).await["stdout"], "{1..3}\n");
    assert!(by_sh.call("terminal_info", json!({})).await["shell"].as_str().unwrap().ends_with("/dash"));
    let bash = json!({"command": "echo {1..3}", "shell_program": "bash"});
    assert_eq!(by_sh.call("terminal_execute", bash).await["stdout"], "1 2 3\n");
}

#[tokio::test]
async fn a_shell_may_be_named_by_its_path_and_the_folder_as_a_shell_names_it() {
    let server = Server::start().await;
    let shell = json!({"command": "echo $BASH_VERSION", "shell_program": "/bin/bash"});
    assert_ne!(server.call("terminal_execute", shell).await["stdout"], "\n");
    let refused = server.post("/terminal/execute", json!({"command": "ls", "shell_program": "/bin/python3"})).await;
    let message = refused.body["detail"][0]["msg"].as_str().unwrap();
    assert!(message.contains("send the name of one") && message.contains("bash"), "{message}");
    let open = Server::with_settings(&[("MCP_CONFINEMENT", "off")]).await;
    let home = open.call("terminal_execute", json!({"command": "echo ~; pwd", "cwd": "~"})).await;
    let lines: Vec<&str> = home["stdout"].as_str().unwrap().lines().collect();
    assert_eq!(lines[0], lines[1], "{home}");
    assert_eq!(open.call("terminal_check", json!({"command": "ls", "cwd": "~/"})).await["allowed"], true);
}

#[tokio::test]
async fn only_shells_that_the_guard_can_read_run_lines() {
    let server = Server::start().await.with_file("bash", "#!/bin/sh\necho mine\n");
    let own = server.at("bash");
    for program in ["python3", "fish", "/bin/../bin/python3", own.as_str(), "", "bash -x", "../bash", "BASH", "env"] {
        for (route, arguments) in [
            ("/terminal/execute", json!({"command": "echo hi", "shell_program": program})),
            ("/terminal/start", json!({"command": "echo hi", "shell_program": program})),
            ("/terminal/check", json!({"command": "echo hi", "shell_program": program})),
        ] {
            let reply = server.post(route, arguments).await;
            let loc = &reply.body["detail"][0]["loc"];
            assert_eq!((reply.status, loc), (422, &json!(["body", "shell_program"])), "{program:?}: {}", reply.text);
        }
    }
    let none = json!({"command": "echo hi", "shell": false, "shell_program": "bash"});
    assert_eq!(server.post("/terminal/execute", none).await.status, 422);
    for (setting, said) in
        [("python3", "no shell that the guard can read"), ("/no/such/bash", "there is no"), ("bin/bash", "there is no")]
    {
        let error = Server::try_settings(&[("MCP_SHELL", setting)]).unwrap_err();
        assert!(error.contains("MCP_SHELL") && error.contains(said), "{error}");
    }
    Server::try_settings(&[("MCP_SHELL", "/bin/sh")]).unwrap();
    Settings::from_pairs([("MCP_SHELL", "")]).unwrap();
}

#[tokio::test]
async fn a_prompt_that_a_call_sets_is_there_for_the_shells_that_it_starts() {
    let server = Server::start().await;
    let arguments = json!({"command": "sh -c 'printf %s \"$PS1\"'", "env": {"PS1": "it's > "}});
    assert_eq!(server.call("terminal_execute", arguments).await["stdout"], "it's > ");
    let without = server.call("terminal_execute", json!({"command": "echo \"[$PS1]\""})).await;
    assert_eq!(without["stdout"], "[]\n");
}

#[test]
fn shells_are_looked_for_in_absolute_folders_alone() {
    let shells = Shells::find("", OsStr::new(".:relative")).unwrap();
    let bash = shells.named(Some("bash")).unwrap();
    assert!(bash.program().is_absolute(), "{bash:?}");
}

#[tokio::test]
async fn zsh_runs_lines_without_the_users_startup_files() {
    if !has("zsh") {
        return;
    }
    let server = Server::start().await.with_file("home/.zshenv", "echo startup\n");
    let env = json!({"ZDOTDIR": server.at("home"), "HOME": server.at("home")});
    let arguments = json!({"command": "x='a b'; print -l $x", "shell_program": "zsh", "env": env});
    assert_eq!(server.call("terminal_execute", arguments).await["stdout"], "a b\n");
}
