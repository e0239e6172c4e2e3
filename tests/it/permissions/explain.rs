//! `mcp-server permissions explain`: what it says is what is decided, and what routes and confined commands do.

use super::{decide, facts, read_in, reading};
use crate::{
    program::{command, run},
    server::{Server, scratch},
};
use serde_json::json;
use skynet_bridge::{
    catalog,
    permissions::{Base, Effect, Facts, Profiles},
    settings::Settings,
};
use std::{fs, path::Path};

const FILE: &str = r#"
[profile.worker]
inherits = "trusted"
[profile.worker.files]
read = ["p", "docs"]
write = ["p"]
deny = ["p/secret", "p/**/*.pem"]
[profile.worker.commands]
default = "ask"
guard = "ask"
allow = ["git status *"]
deny = ["curl"]
[profile.worker.network]
commands = "off"
fetch = { allow = ["docs.rs", "**.example.org", "10.0.0.1"], deny = ["x.example.org"] }
"#;

/// What it prints of a question, and whether that could be answered.
fn explain(directory: &Path, agent: &str, words: &[&str]) -> (bool, String) {
    let mut command = command(directory, &[("MCP_DENIED_PATHS", "hidden")]);
    command.args(["permissions", "explain", agent]).args(words);
    let output = run(command);
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said)
}

/// A line of an answer.
fn part<'a>(said: &'a str, name: &str) -> &'a str {
    let line = said.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in {said}")).trim_start()
}

#[test]
fn each_question_is_answered_with_the_verdict_and_the_line_that_decides() {
    let directory = scratch();
    for folder in ["p/secret", "docs", "hidden"] {
        fs::create_dir_all(directory.path().join(folder)).unwrap();
    }
    fs::write(directory.path().join("permissions.toml"), FILE).unwrap();
    let home = directory.path().canonicalize().unwrap().display().to_string();
    for (words, verdict, decided) in [
        (&["git status -s"][..], "allowed", "line 11: commands.allow: git status *"),
        (
            &["git status && make"],
            "asked: The person is asked before `make` runs",
            "line 9: commands.default = \"ask\"",
        ),
        (&["make"], "asked", "line 9"),
        (&["git status; curl x"], "refused", "line 12: commands.deny: curl"),
        (&["rm -rf ~ "], "asked", "line 10: commands.guard = \"ask\""),
        (&["{}/p/a.txt"], "allowed", "line 5: files.read: p"),
        (&["a.txt", "--as", "path", "--write"], "allowed", "line 6: files.write: p"),
        (&["{}/docs/a", "--write"], "refused: This profile may not change {}/docs/a", "line 6: files.write"),
        (&["{}/other"], "refused", "line 5: files.read"),
        (&["{}/p/secret/x"], "refused: {}/p/secret/x is denied", "line 7: files.deny: p/secret"),
        (&["{}/p/../p/deep/k.pem"], "refused", "line 7: files.deny: p/**/*.pem"),
        (&["https://docs.rs/serde"], "allowed", "line 15: network.fetch.allow: docs.rs"),
        (&["docs.rs", "--as", "host"], "allowed", "line 15"),
        (&["https://a.b.example.org:8443/"], "allowed", "**.example.org"),
        (&["x.example.org", "--as", "host"], "refused", "line 15: network.fetch.deny: x.example.org"),
        (&["https://example.com"], "refused: example.com is not among the hosts", "line 15: network.fetch.allow"),
        (&["10.0.0.1"], "refused: Unsafe URL: 10.0.0.1", "the boundary"),
        (&["10.0.0.2"], "refused: 10.0.0.2 is not among", "line 15"),
    ] {
        let words: Vec<String> = words.iter().map(|word| word.replace("{}", &home)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).chain(["--profile", "worker"]).collect();
        let (is_answered, said) = explain(directory.path(), "default", &words);
        assert!(is_answered && part(&said, "agent").contains("default, by the profile worker"), "{words:?}: {said}");
        assert!(part(&said, "verdict").starts_with(&verdict.replace("{}", &home)), "{words:?}: {said}");
        assert!(part(&said, "decided").contains(decided), "{words:?}: {said}");
    }
    for (words, verdict, decided) in [
        (&["git status && make"][..], "allowed", "the preset trusted: commands.default = \"allow\""),
        (&["rm -rf ~ "], "refused", "the preset trusted: commands.guard = \"deny\""),
        (&["{}/hidden/x"], "refused: Unsafe file path", "whatever the profile says: MCP_DENIED_PATHS denies it"),
        (&["{}/permissions.toml"], "refused", "what each agent may do"),
        (&["/etc/hosts"], "refused", "whatever the settings"),
        (&["~/.ssh/id_rsa"], "refused", "secrets of homes are always denied"),
        (&["{}/anything", "--write"], "allowed", "no line"),
        (&["https://localhost:3000"], "refused", "the boundary"),
    ] {
        let words: Vec<String> = words.iter().map(|word| word.replace("{}", &home)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (_, said) = explain(directory.path(), "default", &words);
        assert!(part(&said, "agent").contains("by the profile trusted"), "{said}");
        assert!(part(&said, "verdict").starts_with(verdict), "{words:?}: {said}");
        assert!(part(&said, "decided").contains(decided), "{words:?}: {said}");
    }
}

#[test]
fn what_it_says_of_commands_and_hosts_is_what_is_decided_of_these_facts() {
    let directory = scratch();
    let text =
        FILE.lines().filter(|line| !line.starts_with("read =") && !line.starts_with("write =")).collect::<Vec<_>>();
    let text = text.join("\n");
    fs::write(directory.path().join("permissions.toml"), &text).unwrap();
    let profiles = read_in(directory.path(), &[], &text).unwrap();
    for line in
        ["git status", "git push | cat", "curl x", "echo $(curl x)", "cd /; git status", "ls 'x", "bash -c make"]
    {
        let read = reading(line);
        let decided = decide(&profiles, "worker", &Facts { command: Some(&read), ..facts("terminal_execute") });
        agree(directory.path(), &[line, "--as", "command"], &decided);
    }
    for host in ["docs.rs", "a.example.org", "x.example.org", "example.com"] {
        let decided = decide(&profiles, "worker", &Facts { host: Some(host), ..facts("internet_fetch") });
        agree(directory.path(), &[host, "--as", "host"], &decided);
    }
}

fn agree(directory: &Path, words: &[&str], (effect, rule, why): &(Effect, String, String)) {
    let (_, said) = explain(directory, "default", &[words, &["--profile", "worker"]].concat());
    let verdict = match effect {
        Effect::Allow => "allowed".to_owned(),
        Effect::Ask => format!("asked: {why}"),
        Effect::Deny => format!("refused: {why}"),
    };
    assert_eq!(part(&said, "verdict"), verdict, "{words:?}: {said}");
    assert!(rule.is_empty() || part(&said, "decided") == rule, "{words:?}: {said}");
}

#[tokio::test]
async fn what_it_says_of_places_is_what_routes_and_confined_commands_do_there() {
    let directory = scratch();
    let home = directory.path().canonicalize().unwrap();
    let files = ["p/a", "p/k.pem", "p/secret/a", "docs/a", "other/a", "hidden/a"];
    for file in files {
        fs::create_dir_all(home.join(file).parent().unwrap()).unwrap();
        fs::write(home.join(file), "there").unwrap();
    }
    fs::write(home.join("permissions.toml"), FILE).unwrap();
    let base = Settings::from_pairs([("MCP_CONFINEMENT", "require"), ("MCP_DENIED_PATHS", "hidden")]).unwrap();
    let tools = catalog::tools();
    let profiles = Profiles::read(FILE, &Base { directory: &home, settings: &base, tools: &tools }).unwrap();
    let server = Server::with(home.clone(), profiles.get("worker").unwrap().settings(&base)).await;
    for file in files {
        let path = home.join(file);
        let of = |words: &[&str]| explain(&home, "default", &[&[path.to_str().unwrap()], words].concat()).1;
        let (reads, writes) = (of(&["--profile", "worker"]), of(&["--profile", "worker", "--write"]));
        let read = server.post("/filesystem/read", json!({"path": path})).await.status == 200;
        assert_eq!(part(&reads, "verdict") == "allowed", read, "{reads}");
        let script =
            json!({"command": "cat \"$FILE\"; echo more >> \"$FILE\"", "cwd": home.join("p"), "env": {"FILE": path}});
        let shown = server.post("/terminal/execute", script).await;
        let kernel = part(&reads, "kernel");
        assert_eq!(
            kernel.contains("is not there for commands"),
            !shown.text.contains("there"),
            "{reads}{}",
            shown.text
        );
        let is_changed = fs::read_to_string(&path).unwrap().contains("more");
        assert_eq!(kernel.contains("reach it as the file routes do"), is_changed, "{reads}");
        let written = server.post("/filesystem/write", json!({"path": path, "content": "there"})).await.status == 200;
        assert_eq!(part(&writes, "verdict") == "allowed", written, "{writes}");
    }
    let (_, said) = explain(&home, "default", &["make", "--profile", "worker"]);
    assert!(part(&said, "kernel").contains("no network") && part(&said, "kernel").contains("change p alone"), "{said}");
}

#[test]
fn a_question_is_understood_as_a_person_writes_it_and_the_answer_says_how() {
    let directory = scratch();
    let home = directory.path().canonicalize().unwrap().display().to_string();
    for (words, would) in [
        (&["notes", "--write"][..], "change {}/notes"),
        (&["my notes.txt", "--write"], "change {}/my notes.txt"),
        (&["notes", "--as", "path"], "read {}/notes"),
        (&["notes"], "run notes"),
        (&["git", "push", "origin"], "run git push origin"),
        (&["--as", "host", "docs.rs"], "fetch from docs.rs"),
    ] {
        let (is_answered, said) = explain(directory.path(), "default", words);
        assert!(is_answered && part(&said, "would") == would.replace("{}", &home), "{words:?}: {said}");
    }
}

#[test]
fn a_question_that_has_no_one_answer_is_sent_back() {
    let directory = scratch();
    fs::create_dir(directory.path().join("memory")).unwrap();
    for (agent, words, wanted) in [
        ("nobody", &["ls"][..], "There is no agent nobody: there are default"),
        ("default", &["ls", "--profile", "carefull"], "there is no profile carefull: there are careful"),
        ("default", &["docs.rs"], "--as command, --as path or --as host"),
        ("default", &["/srv/my file"], "--as path"),
        ("default", &["make all", "--write", "--as", "command"], "--write goes with a path"),
        ("default", &["https://docs.rs", "--write"], "--write goes with a path"),
        ("default", &["memory"], "--as command, --as path or --as host"),
        ("default", &["a b", "--as", "host"], "no host"),
    ] {
        let (is_answered, said) = explain(directory.path(), agent, words);
        assert!(!is_answered && said.contains(wanted), "{words:?}: {said}");
    }
    fs::write(directory.path().join("permissions.toml"), "[profile.a]\n").unwrap();
    let (is_answered, said) = explain(directory.path(), "default", &["ls"]);
    assert!(!is_answered && said.contains("permissions.toml has mistakes") && said.contains("line 1"), "{said}");
}
