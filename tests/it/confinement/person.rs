//! No command becomes the person, or another agent, by what lies in the bridge's folder.

use super::worlds::worlds;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_reaches_neither_the_owners_token_nor_a_socket_nor_rules_by_the_command_line() {
    for world in worlds().await {
        let bridge = world.at("bridge");
        let token = std::fs::read_to_string(bridge.join("memory/owner.token")).unwrap();
        let before = std::fs::read_to_string(bridge.join("memory/agents.json")).ok();
        for command in attempts(bridge.to_str().unwrap()) {
            let reply = world.try_to_run(&command).await;
            let is_refused = reply.status == 403 || reply.body["exit_code"].as_i64().is_some_and(|code| code != 0);
            assert!(is_refused && !reply.text.contains(&token), "{}: {command}: {}", world.name, reply.text);
        }
        assert_eq!(std::fs::read_to_string(bridge.join("memory/agents.json")).ok(), before, "{}", world.name);
    }
}

/// Commands by which an agent would become the person, or another agent.
fn attempts(folder: &str) -> Vec<String> {
    let own = crate::program::BINARY;
    let knock = |name: &str| {
        format!(
            "python3 -c 'import socket; s=socket.socket(socket.AF_UNIX); s.connect(\"{folder}/memory/{name}\"); print(1)'"
        )
    };
    vec![
        format!("cat {folder}/memory/owner.token"),
        format!("cp {folder}/memory/owner.token {folder}/mine"),
        format!("cat {folder}/memory/owner.passphrase"),
        format!("echo none > {folder}/memory/owner.passphrase"),
        format!("rm -f {folder}/memory/owner.passphrase"),
        format!("ln {folder}/memory/owner.passphrase {folder}/link && cat {folder}/link"),
        knock(".control"),
        knock(".socket"),
        format!("curl -sS --fail --unix-socket {folder}/memory/.control http://localhost/control/resume -d '{{}}'"),
        format!("{own} --directory {folder} agent add mine"),
        format!("{own} --directory {folder} pause"),
        format!("mv {folder}/memory {folder}/elsewhere && cat {folder}/elsewhere/owner.token"),
        format!("ln -s {folder}/memory/owner.token {folder}/link && cat {folder}/link"),
        format!("ln {folder}/memory/owner.token {folder}/link && cat {folder}/link"),
        format!("cd {folder}/memory && cat ./owner.token"),
        format!("grep -r . {folder}/memory/owner.token"),
        format!("tar cf {folder}/all.tar {folder}/memory/owner.token && tar xOf {folder}/all.tar | grep ."),
    ]
}
