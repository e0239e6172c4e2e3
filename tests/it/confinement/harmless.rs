//! Settings that programs need and that lie in denied places, and devices: commands get what is harmless of them.

use super::hosts::Started;
use serde_json::json;
use std::{os::unix::fs::symlink, path::Path, process::Command};

/// Parts of what must come out of nothing.
const TOKENS: [&str; 5] = ["npm_0123456789", "ghp_0123456789", "c2VjcmV0", "OPENSSH", "s3cret"];

fn lay_out(home: &Path) {
    let write = |name: &str, text: &str| {
        let path = home.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        ".npmrc",
        "registry=https://npm.example.org/\n//npm.example.org/:_authToken=npm_0123456789abcdefghij\n_auth=c2VjcmV0\nsave-exact=true\n",
    );
    write(
        ".gitconfig",
        "[user]\n\tname = Ada\n[url \"https://ada:ghp_0123456789abcdefghijabcdefghijabcdef@github.com/\"]\n\tinsteadOf = gh:\n[credential]\n\thelper = \"!f() { echo password=s3cret; }; f\"\n",
    );
    write(".ssh/config", "Host forge\n  HostName forge.example.org\n  User git\n  SetEnv API_TOKEN=s3cret\n");
    write(
        ".ssh/known_hosts",
        "forge.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINr2dQiolpl6qODZ+0cboXmAM79LPAycHI+zCmsj8h7+\n",
    );
    write(".ssh/id_ed25519", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n");
    write(".config/pip/pip.conf", "[global]\nindex-url = https://ada:s3cret@pypi.example.org/simple\ntimeout = 60\n");
}

/// Bridges of a user whose home is laid out: with the whole disk, and with a root beside the home.
fn bridges(settings: &[(&str, &str)]) -> Vec<Started> {
    after("exec \"$@\"", settings).expect("they start")
}

/// The same after a script, in which `$HOME` is the home; none where the machine lets nobody run it.
fn after(script: &str, settings: &[(&str, &str)]) -> Option<Vec<Started>> {
    let begin = |has_root: bool| {
        let directory = crate::server::scratch();
        let (home, work) = (directory.path().join("home"), directory.path().join("work"));
        std::fs::create_dir_all(&work).unwrap();
        lay_out(&home);
        std::fs::write(work.join(".env"), format!("MCP_API_KEY={}\n", crate::server::KEY)).unwrap();
        let mut command = Command::new("sh");
        command.args(["-ec", script, "sh", crate::program::BINARY, "--directory"]).arg(&work);
        command.env("HOME", &home).env_remove("MCP_API_KEY").envs(settings.iter().copied());
        if has_root {
            command.env("MCP_ALLOWED_DIRS", &work);
        }
        Started::run(command, directory)
    };
    [false, true].map(begin).into_iter().collect()
}

#[tokio::test]
async fn settings_of_git_npm_and_ssh_are_read_by_commands_without_their_tokens_and_by_no_file_route() {
    for (server, git) in bridges(&[]).into_iter().zip(["", "~/.gitconfig"]) {
        let run = async |command: &str| server.call("execute", json!({"command": command})).await;
        for (command, expected) in [
            ("cat ~/.npmrc", "registry=https://npm.example.org/\nsave-exact=true\n"),
            ("git config --global user.name", "Ada\n"),
            ("ssh -G forge -F ~/.ssh/config | grep -x 'hostname .*'", "hostname forge.example.org\n"),
            ("wc -l < ~/.ssh/known_hosts; ls ~/.ssh", "1\nconfig\nknown_hosts\n"),
        ] {
            let answer = run(command).await;
            assert_eq!(answer["stdout"], expected, "{answer}");
        }
        // Where the home is seen, `.gitconfig` is the file itself, as for the file routes.
        let read = format!("cat {git} ~/.npmrc ~/.ssh/* ~/.ssh/id_ed25519; grep -r . /run/settings");
        let all = run(&read).await.to_string();
        for token in TOKENS {
            assert!(!all.contains(token), "{token}: {all}");
        }
        for change in ["echo x >> ~/.npmrc", "rm -f ~/.ssh/config", "mv ~/.npmrc ~/.other"] {
            assert_eq!(run(change).await["success"], false, "{change}");
        }
        let home = server.directory().join("home");
        for name in [".npmrc", ".ssh/config", ".ssh/known_hosts"] {
            let reply = server.post("/filesystem/read", crate::server::KEY, json!({"path": home.join(name)})).await;
            assert_eq!(reply.status, 403, "{name}");
        }
        assert!(std::fs::read_to_string(home.join(".npmrc")).unwrap().contains(TOKENS[0]), "the file stays as it was");
    }
}

#[tokio::test]
async fn a_secret_file_that_the_settings_give_is_read_whole_by_commands_and_by_no_file_route() {
    let given = [("MCP_COMMAND_FILES", "~/.npmrc, ~/.config/pip/pip.conf, ~/work/.env, ~/notes, ~/.netrc")];
    for server in bridges(&given) {
        let home = server.directory().join("home");
        std::fs::write(home.join("notes"), "secret by nothing").unwrap();
        let run = async |command: &str| server.call("execute", json!({"command": command})).await;
        let seen = run("cat ~/.npmrc ~/.config/pip/pip.conf").await;
        let text = seen["stdout"].as_str().unwrap();
        assert!(text.contains("_authToken=npm_0123456789abcdefghij") && text.contains("ada:s3cret@"), "{seen}");
        assert_eq!(run("cat ~/.ssh/id_ed25519").await["stdout"], "", "what is not named stays hidden");
        for change in ["echo x >> ~/.npmrc", "rm -f ~/.npmrc", "mv ~/.npmrc ~/.other"] {
            assert_eq!(run(change).await["success"], false, "{change}");
        }
        // It follows the file, also one that comes later, and ends with it.
        std::fs::write(home.join(".npmrc"), "//r/:_authToken=npm_another\n").unwrap();
        std::fs::write(home.join(".netrc"), "machine h password p\n").unwrap();
        let now = run("cat ~/.npmrc ~/.netrc").await;
        assert_eq!(now["stdout"], "//r/:_authToken=npm_another\nmachine h password p\n", "{now}");
        std::fs::remove_file(home.join(".npmrc")).unwrap();
        assert_eq!(run("cat ~/.npmrc").await["stdout"], "");
        for name in [".netrc", ".config/pip/pip.conf"] {
            let reply = server.post("/filesystem/read", crate::server::KEY, json!({"path": home.join(name)})).await;
            assert_eq!(reply.status, 403, "{name}");
        }
        // Nothing of the bridge's own comes out by another name.
        std::fs::hard_link(server.directory().join("work/.env"), home.join(".npmrc")).unwrap();
        assert_eq!(run("cat ~/.npmrc").await["stdout"], "");
        std::fs::remove_file(home.join(".npmrc")).unwrap();
        symlink(server.directory().join("work/.env"), home.join(".npmrc")).unwrap();
        assert_eq!(run("cat ~/.npmrc").await["stdout"], "");
    }
}

#[tokio::test]
async fn a_copy_follows_its_file_and_a_link_brings_nothing_else_out() {
    for server in bridges(&[]) {
        let home = server.directory().join("home");
        let read = async || server.call("execute", json!({"command": "cat ~/.npmrc"})).await["stdout"].clone();
        read().await;
        std::fs::write(home.join(".npmrc"), "fund=false\n//r/:_authToken=npm_0123456789\n").unwrap();
        assert_eq!(read().await, "fund=false\n");
        std::fs::create_dir_all(home.join(".gnupg")).unwrap();
        for name in [".gnupg/key", "other"] {
            std::fs::write(home.join(name), "plain words\n").unwrap();
        }
        std::fs::remove_file(home.join(".npmrc")).unwrap();
        symlink(home.join(".gnupg/key"), home.join(".npmrc")).unwrap();
        assert_eq!(read().await, "");
        std::fs::remove_file(home.join(".npmrc")).unwrap();
        for other in ["other", ".gnupg/key"] {
            std::fs::hard_link(home.join(other), home.join(".npmrc")).unwrap();
            assert_eq!(read().await, "", "{other}");
            std::fs::remove_file(home.join(".npmrc")).unwrap();
        }
    }
}

#[tokio::test]
async fn a_home_that_lies_behind_a_link_gives_copies_and_no_original() {
    let servers =
        after("mv \"$HOME\" \"$HOME-real\"; ln -s home-real \"$HOME\"; exec \"$@\"", &[]).expect("they start");
    for server in servers {
        let run = async |command: &str| server.call("execute", json!({"command": command})).await;
        let settings = run("cat ~/.npmrc; ls ~/.ssh").await;
        let expected = "registry=https://npm.example.org/\nsave-exact=true\nconfig\nknown_hosts\n";
        assert_eq!(settings["stdout"], expected, "{settings}");
        let real = server.directory().join("home-real").display().to_string();
        let all = run(&format!("cat {real}/.npmrc {real}/.ssh/* {real}/.ssh/id_ed25519 ~/.ssh/id_ed25519")).await;
        for token in TOKENS {
            assert!(!all.to_string().contains(token), "{token}: {all}");
        }
    }
}

#[tokio::test]
async fn what_is_mounted_at_the_place_of_settings_is_not_copied() {
    let script = "exec unshare -m sh -ec '
mkdir ~/.gnupg; cd ~/.gnupg; echo plain words > key; cp key pip.conf
mount --bind key ~/.npmrc; mount --bind key ~/.ssh/config; mount --bind . ~/.config/pip; exec \"$@\"' sh \"$@\"";
    let Some(servers) = after(script, &[]) else {
        return eprintln!("not tried: this test is not run by the superuser");
    };
    for server in servers {
        let command = "cat ~/.npmrc ~/.ssh/config ~/.config/pip/pip.conf; cat ~/.ssh/known_hosts";
        let answer = server.call("execute", json!({"command": command})).await;
        assert_eq!(
            answer["stdout"],
            "forge.example.org ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAINr2dQiolpl6qODZ+0cboXmAM79LPAycHI+zCmsj8h7+\n",
            "{answer}"
        );
    }
}

#[tokio::test]
async fn what_the_settings_deny_gets_no_copy() {
    for server in bridges(&[("MCP_DENIED_PATHS", "~/.npmrc,~/.ssh")]) {
        let answer = server.call("execute", json!({"command": "cat ~/.npmrc ~/.ssh/config"})).await;
        assert_eq!(answer["stdout"], "", "{answer}");
    }
}

#[tokio::test]
async fn sources_of_packages_are_read_and_nothing_else_of_their_manager() {
    if !Path::new("/etc/apt/sources.list.d").is_dir() {
        return eprintln!("not tried: this machine has no apt");
    }
    for server in bridges(&[]) {
        let answer =
            server.call("execute", json!({"command": "find /etc/apt -type f | sort; cat /etc/apt/auth.conf"})).await;
        let files = answer["stdout"].as_str().unwrap();
        assert!(files.lines().all(|file| file.contains("sources.list") || file.contains("preferences")), "{answer}");
        assert!(files.contains("sources.list"), "{answer}");
    }
}

#[tokio::test]
async fn a_device_is_used_when_the_settings_name_it() {
    // One that every machine has and no command gets by itself.
    let Some(device) =
        ["/dev/fuse", "/dev/net/tun", "/dev/kmsg", "/dev/ptmx"].iter().find(|it| std::fs::File::open(it).is_ok())
    else {
        return eprintln!("not tried: this machine has no such device");
    };
    let script = format!("test -c {device} && echo THERE; exec 3< {device} && echo OPENED");
    for (named, expected) in [("", ""), (device.rsplit_once('/').unwrap().0, ""), (*device, "THERE\nOPENED\n")] {
        if named == "/dev" {
            continue;
        }
        for server in bridges(&[("MCP_COMMAND_DEVICES", named)]) {
            let answer = server.call("execute", json!({"command": script})).await;
            assert_eq!(answer["stdout"], expected, "{named}: {answer}");
        }
    }
    let refused = crate::server::Server::try_settings(&[("MCP_COMMAND_DEVICES", "/etc/shadow")]).unwrap_err();
    assert!(refused.contains("MCP_COMMAND_DEVICES") && refused.contains("/etc/shadow"), "{refused}");
}
