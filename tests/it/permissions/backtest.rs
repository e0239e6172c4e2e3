//! `mcp-server permissions backtest`: what another file would have made of what a real bridge recorded.

use crate::{
    agents::say,
    program::{Program, command, run},
    server::{KEY, scratch},
};
use serde_json::{Value, json};
use std::{fs, path::Path};

const PRESENT: &str = "[profile.worker]\ninherits = \"trusted\"\n";

const OTHER: &str = r#"[profile.worker]
inherits = "trusted"
ask = [{ tool = "filesystem_delete" }, { host = "never.example.org" }]
[profile.worker.files]
deny = ["secret", "unused"]
[profile.worker.commands]
default = "ask"
allow = ["ls *", "cat *"]
deny = ["make"]
"#;

/// What it prints, and whether it could be done.
fn backtest(directory: &Path, words: &[&str]) -> (bool, String) {
    let mut command = command(directory, &[]);
    command.args(["permissions", "backtest"]).args(words);
    let output = run(command);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

/// The numbers of a row of an agent's table.
fn row(said: &str, agent: &str, name: &str) -> Vec<usize> {
    let table = said.split_once(&format!("{agent}, by the profile")).unwrap_or_else(|| panic!("no {agent}: {said}")).1;
    let row = table.lines().map(str::trim_start).find_map(|line| line.strip_prefix(name)).expect("it has such a row");
    row.split_whitespace().map_while(|word| word.parse().ok()).collect()
}

/// A bridge that did something for two agents, when it is over.
async fn past() -> tempfile::TempDir {
    let directory = scratch();
    fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    fs::write(directory.path().join("permissions.toml"), PRESENT).unwrap();
    let program = Program::start_in(directory, &[]);
    let key = say(&program.path(""), &["agent", "add", "claude", "--profile", "worker"]).done();
    let calls = [
        ("/filesystem/write", json!({"path": "a", "content": "x"})),
        ("/filesystem/write", json!({"path": "secret", "content": "x"})),
        ("/filesystem/read", json!({"path": "secret"})),
        ("/filesystem/read", json!({"file_path": "a"})),
        ("/filesystem/read", json!({"path": format!("{}/a", "d".repeat(120))})),
        ("/filesystem/delete", json!({"path": "a"})),
        ("/terminal/execute", json!({"command": "ls -a; cat secret"})),
        ("/terminal/execute", json!({"command": "ls && make"})),
        ("/terminal/execute", json!({"command": "true; echo y"})),
        ("/terminal/execute", json!({"command": "touch b"})),
        ("/terminal/execute", json!({"command": "rm -rf /"})),
    ];
    for (route, arguments) in &calls {
        program.post(route, key.trim(), arguments).await;
    }
    program.post("/terminal/execute", KEY, &json!({"command": "make"})).await;
    program.stop()
}

#[tokio::test]
async fn what_another_file_would_have_decided_is_counted_beside_what_was_and_what_changes_is_shown() {
    let directory = past().await;
    fs::write(directory.path().join("other.toml"), OTHER).unwrap();
    let (is_done, said) = backtest(directory.path(), &["other.toml"]);
    assert!(is_done, "{said}");
    assert!(said.contains("claude, by the profile worker: 11 calls in 30 days"), "{said}");
    // In the history, by the rules now, by the file.
    assert_eq!(row(&said, "claude", "allowed"), [8, 8, 3], "{said}");
    assert_eq!(row(&said, "claude", "asked"), [0, 0, 2], "{said}");
    assert_eq!(row(&said, "claude", "refused"), [1, 1, 4], "{said}");
    assert_eq!(row(&said, "claude", "unjudged"), [2], "another name, and a path that is cut: {said}");
    assert_eq!(row(&said, "default", "allowed"), [1, 1, 1], "its profile is the preset in both: {said}");
    let changes = said.split_once("5 calls change their verdict, newest first:").unwrap_or_else(|| panic!("{said}")).1;
    let changes: Vec<&str> = changes.lines().filter(|line| line.contains(" → ")).collect();
    let wanted = ["touch b", "ls && make", "filesystem_delete", "filesystem_read", "filesystem_write"];
    for (line, wanted) in changes.iter().zip(wanted) {
        assert!(line.contains(wanted) && line.contains("claude"), "{said}");
    }
    assert!(changes[0].contains("allowed → asked") && changes[1].contains("allowed → refused"), "{said}");
    assert!(said.contains("line 9: commands.deny: make") && said.contains("line 5: files.deny: secret"), "{said}");
    let (met, never) = said.split_once("that never did: 2").unwrap_or_else(|| panic!("{said}"));
    for (times, line) in [(2, "files.deny: secret"), (2, "commands.allow: ls *"), (1, "commands.allow: cat *")] {
        let of_line = met.lines().find(|it| it.contains(" times, last ") && it.contains(line));
        assert!(of_line.is_some_and(|it| it.trim_start().starts_with(&format!("{times} times"))), "{line}: {said}");
    }
    assert!(never.contains("files.deny: unused") && never.contains("never.example.org"), "{said}");
}

#[tokio::test]
async fn another_profile_other_days_and_what_is_missing_or_wrong_are_said() {
    let directory = past().await;
    let file = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    file("other.toml", OTHER);
    let (_, said) = backtest(directory.path(), &["other.toml", "--profile", "worker"]);
    assert_eq!(row(&said, "default", "refused"), [0, 0, 1], "{said}");
    let (_, said) = backtest(directory.path(), &["other.toml", "--profile", "read-only"]);
    assert_eq!(row(&said, "claude", "refused")[2], 8, "{said}");
    assert!(said.contains("    the preset read-only: tools = "), "its words and whose they are: {said}");
    assert!(said.contains("that no agent with calls has, whose lines are not counted: worker"), "{said}");
    file("none.toml", "");
    let (_, said) = backtest(directory.path(), &["none.toml"]);
    assert!(said.contains("by none.toml all would be refused: there is no profile worker"), "{said}");
    assert_eq!(row(&said, "claude", "refused")[2], 9, "{said}");
    let (is_done, said) = backtest(directory.path(), &["none.toml", "--days", "0"]);
    assert!(!is_done && said.contains("at least 1"), "{said}");
    file("wrong.toml", "[profile.worker]\ninherits = \"carefull\"\n");
    let (is_done, said) = backtest(directory.path(), &["wrong.toml"]);
    assert!(!is_done && said.contains("wrong.toml:2:1: "), "{said}");
    let (is_done, said) = backtest(directory.path(), &["missing.toml"]);
    assert!(!is_done && said.contains("missing.toml cannot be read"), "{said}");
    let day = |ago| (chrono::Local::now().date_naive() - chrono::Days::new(ago)).to_string();
    let line = |agent: &str| {
        let line: Value = json!({"timestamp": "2026-01-01T10:00:00", "action": "terminal_execute",
            "details": {"command": "make"}, "caller": agent, "outcome": "asked", "duration_ms": 1});
        format!("{line}\nno line\n")
    };
    file(&format!("memory/history/{}.log", day(29)), &(line("claude") + &line("gone") + &line("person")));
    file(&format!("memory/history/{}.log", day(30)), &line("claude"));
    let (_, said) = backtest(directory.path(), &["other.toml"]);
    assert!(said.contains("claude, by the profile worker: 12 calls") && said.contains("1 call is of"), "{said}");
    assert_eq!(row(&said, "claude", "asked"), [1, 0, 2], "{said}");
    let (_, said) = backtest(directory.path(), &["other.toml", "--days", "1"]);
    assert!(said.contains("claude, by the profile worker: 11 calls"), "{said}");
}
