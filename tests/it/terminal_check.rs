//! The guard through the server: what it refuses, what it says, and the user's own rules.

use crate::server::{Server, scratch};
use serde_json::{Value, json};
use skynet_bridge::{bridge::Bridge, caller::Keys, settings::Settings};

async fn check(server: &Server, command: &str) -> Value {
    server.call("terminal_check", json!({"command": command, "cwd": "/home/user/project"})).await
}

#[tokio::test]
async fn check_says_what_the_guard_would_do_and_runs_nothing() {
    let server = Server::start().await;
    let answer = server.call("terminal_check", json!({"command": "touch ran"})).await;
    assert_eq!(answer, json!({"success": true, "command": "touch ran", "allowed": true}));
    assert!(!server.path("ran").exists());
    let answer = check(&server, "cd / && rm -rf *").await;
    assert_eq!((&answer["allowed"], answer["success"].as_bool()), (&json!(false), Some(true)));
    assert_eq!(answer["rule"], "protected-path", "{answer}");
    assert!(answer["reason"].as_str().unwrap().contains("/*"), "{answer}");
}

#[tokio::test]
async fn checks_folder_need_not_exist_and_is_the_workspace() {
    let server = Server::start().await;
    assert_eq!(check(&server, "rm -rf target").await["allowed"], true);
    assert_eq!(check(&server, "rm -rf ..").await["allowed"], false);
    let elsewhere = json!({"command": "rm -rf /data/models", "cwd": "/data"});
    assert_eq!(server.call("terminal_check", elsewhere).await["allowed"], true);
}

#[tokio::test]
async fn with_roots_only_they_are_the_workspace() {
    let root = scratch();
    let path = root.path().to_str().unwrap().to_owned();
    let server = Server::with_settings(&[("MCP_ALLOWED_DIRS", &path)]).await;
    assert_eq!(check(&server, &format!("rm -rf {path}/build")).await["allowed"], true);
    assert_eq!(check(&server, "rm -rf /home/user/project/target/../src").await["allowed"], false);
}

#[tokio::test]
async fn execute_refuses_what_check_refuses_and_names_the_rule() {
    let server = Server::start().await;
    for command in
        ["rm -rf --no-preserve-root / --help-me", "exit 0; mkfs.ext4 /dev/sda", "curl -s http://127.0.0.1:1 | sh"]
    {
        let reply = server.post("/terminal/execute", json!({"command": command})).await;
        assert_eq!(reply.status, 403, "{}", reply.text);
        let rule = check(&server, command).await["rule"].as_str().unwrap().to_owned();
        assert!(reply.detail().starts_with(&format!("Dangerous command blocked: {rule}: ")), "{}", reply.detail());
    }
}

#[tokio::test]
async fn a_command_may_not_change_the_servers_own_files() {
    let server = Server::start().await.with_file(".env", "MCP_PORT=1");
    for command in
        ["echo x > .env", "sed -i s/1/2/ .env", "rm -rf memory", "mv .env x", "echo '{}' > memory/index_memory.json"]
    {
        let reply = server.post("/terminal/execute", json!({"command": command})).await;
        assert_eq!(reply.status, 403, "{command}: {}", reply.text);
    }
    assert_eq!(std::fs::read_to_string(server.path(".env")).unwrap(), "MCP_PORT=1");
}

#[tokio::test]
async fn the_users_rules_allow_and_deny_and_take_effect_when_the_file_changes() {
    let directory = scratch();
    let rules = directory.path().join("rules.txt");
    std::fs::write(&rules, "# mine\nallow systemctl reboot\ndeny git push*\n").unwrap();
    let server = Server::in_directory(directory, &[("MCP_COMMAND_RULES", "rules.txt")]).await;
    assert_eq!(check(&server, "sudo systemctl reboot").await["allowed"], true);
    assert_eq!(check(&server, "systemctl poweroff").await["rule"], "power");
    let denied = check(&server, "cd x && git push --force").await;
    assert_eq!((&denied["allowed"], &denied["rule"]), (&json!(false), &json!("user-rule")));
    assert!(denied["reason"].as_str().unwrap().contains("deny git push*"), "{denied}");

    std::fs::write(&rules, "deny curl *example.com*\n").unwrap();
    assert_eq!(check(&server, "git push").await["allowed"], true);
    assert_eq!(check(&server, "systemctl reboot").await["rule"], "power");
    assert_eq!(check(&server, "curl https://example.com/x").await["rule"], "user-rule");

    std::fs::write(&rules, "deny curl *example.com*\nforbid everything\n").unwrap();
    assert_eq!(
        check(&server, "curl https://example.com/x").await["rule"],
        "user-rule",
        "a damaged file changes nothing"
    );
}

#[tokio::test]
async fn the_users_rules_say_what_a_program_of_theirs_does() {
    let directory = scratch();
    let rules = "deploy:\n  runs rest behind --\n  refuse: replace what customers see\n    if prod\n  no deploy prod\n";
    std::fs::write(directory.path().join("rules.txt"), rules).unwrap();
    let server = Server::in_directory(directory, &[("MCP_COMMAND_RULES", "rules.txt")]).await;
    let refused = check(&server, "sudo deploy prod").await;
    assert_eq!((&refused["allowed"], &refused["rule"]), (&json!(false), &json!("user-rule")), "{refused}");
    assert!(refused["reason"].as_str().unwrap().contains("replace what customers see"), "{refused}");
    assert_eq!(check(&server, "deploy staging -- rm -rf /").await["rule"], "rm-root");
    assert_eq!(check(&server, "deploy staging -- make").await["allowed"], true);
}

#[tokio::test]
async fn the_rules_are_never_writable_through_the_bridge() {
    let directory = scratch();
    std::fs::write(directory.path().join("rules.txt"), "deny wget\n").unwrap();
    let server = Server::in_directory(directory, &[("MCP_COMMAND_RULES", "rules.txt")]).await;
    let write = server.post("/filesystem/write", json!({"path": "rules.txt", "content": "allow *"})).await;
    assert_eq!(write.status, 403, "{}", write.text);
    for command in
        ["echo 'allow *' > rules.txt", "echo 'allow *' | tee -a ./rules.txt", "cp x rules.txt", "rm rules.txt"]
    {
        let reply = server.post("/terminal/execute", json!({"command": command})).await;
        assert_eq!(reply.status, 403, "{command}: {}", reply.text);
    }
    assert_eq!(std::fs::read_to_string(server.path("rules.txt")).unwrap(), "deny wget\n");
}

#[tokio::test]
async fn a_rule_that_is_none_stops_the_start_and_names_its_line() {
    let directory = scratch();
    std::fs::write(directory.path().join("rules.txt"), "deny wget\nallow\n").unwrap();
    let settings = Settings::from_pairs([("MCP_COMMAND_RULES", "rules.txt")]).unwrap();
    let error =
        Bridge::open(settings, Keys::new("a-long-enough-test-key"), directory.path()).err().expect("it must not start");
    let text = format!("{error:#}");
    assert!(text.contains("line 2") && text.contains("names no program") && text.contains("rules.txt"), "{text}");
}
