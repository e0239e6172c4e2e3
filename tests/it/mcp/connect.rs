//! The command line that connects clients and looks after the bridge.

use crate::{
    agents::{add, history, say},
    program::{self, Program},
    server::{KEY, Server, scratch},
};
use serde_json::{Value, json};
use std::{path::Path, process::Output};

/// Runs the program to its end, in a directory, with a home of its own.
fn run(directory: &Path, home: &Path, arguments: &[&str]) -> Output {
    let mut command = program::command(directory, &[("MCP_API_KEY", KEY)]);
    command.args(arguments).env("HOME", home).env_remove("MCP_PORT");
    program::run(command)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The JSON of what a person would copy.
fn snippet(text: &str) -> Value {
    let start = text.find("\n{").expect("there is a snippet");
    serde_json::Deserializer::from_str(&text[start..]).into_iter().next().unwrap().unwrap()
}

#[test]
fn each_client_gets_its_own_form() {
    let (directory, home) = (scratch(), scratch());
    let text = |client: &str| said(&run(directory.path(), home.path(), &["connect", client]));
    let bearer = "Bearer YOUR_KEY";
    for (client, parent, address, path) in [
        ("claude-code", "mcpServers", "url", "/mcp/all"),
        ("cursor", "mcpServers", "url", "/mcp"),
        ("vscode", "servers", "url", "/mcp"),
        ("gemini", "mcpServers", "httpUrl", "/mcp"),
    ] {
        let url = format!("http://127.0.0.1:7860{path}");
        let text = text(client);
        let entry = &snippet(&text)[parent]["skynet-bridge"];
        assert!(text.contains(&format!("agent add {client}` makes one")) && !text.contains(KEY), "{text}");
        assert_eq!((&entry[address], &entry["headers"]["Authorization"]), (&json!(url), &json!(bearer)), "{client}");
    }
    let desktop = &snippet(&text("claude-desktop"))["mcpServers"]["skynet-bridge"];
    let place = directory.path().canonicalize().unwrap();
    assert_eq!(desktop["args"], json!(["--directory", place, "stdio", "--agent", "claude-desktop"]));
    assert!(Path::new(desktop["command"].as_str().unwrap()).is_absolute());
    assert!(!desktop.to_string().contains(KEY), "it needs no key");
    let codex = text("codex");
    assert!(codex.contains("[mcp_servers.skynet-bridge]\nurl = \"http://127.0.0.1:7860/mcp\"\n"), "{codex}");
    assert!(codex.contains(&format!("http_headers = {{ Authorization = \"{bearer}\" }}")), "{codex}");
    let chatgpt = text("chatgpt");
    assert!(chatgpt.contains("/openapi.json") && chatgpt.contains("TLS") && !chatgpt.contains(KEY), "{chatgpt}");
    assert!(chatgpt.contains("agent add chatgpt"), "{chatgpt}");
    assert!(!directory.path().join("memory/agents.json").exists(), "no agent is made for who only looks");
    assert!(std::fs::read_dir(home.path()).unwrap().next().is_none(), "nothing was written");
}

#[test]
fn writing_merges_and_keeps_what_was_there() {
    let (directory, home) = (scratch(), scratch());
    let path = home.path().join(".cursor/mcp.json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let before = r#"{"mcpServers": {"mine": {"command": "x"}}, "more": true}"#;
    std::fs::write(&path, before).unwrap();
    let output = run(directory.path(), home.path(), &["connect", "cursor", "--write"]);
    assert!(output.status.success(), "{output:?}");
    let after: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!((&after["mcpServers"]["mine"]["command"], &after["more"]), (&json!("x"), &json!(true)));
    assert!(after["mcpServers"]["skynet-bridge"]["url"].is_string());
    let backup = path.parent().unwrap().read_dir().unwrap().flatten().find(|entry| entry.path() != path).unwrap();
    assert_eq!(std::fs::read_to_string(backup.path()).unwrap(), before);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "a key is in it");
    }
    for client in ["claude-code", "claude-desktop", "vscode", "gemini", "codex"] {
        let output = run(directory.path(), home.path(), &["connect", client, "--write"]);
        assert!(output.status.success(), "{client}: {output:?}");
    }
    assert!(home.path().join(".config/Claude/claude_desktop_config.json").is_file() || !cfg!(target_os = "linux"));
}

#[test]
fn a_file_that_cannot_be_merged_into_is_left_as_it_was() {
    let (directory, home) = (scratch(), scratch());
    let path = home.path().join(".cursor/mcp.json");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "{ // my servers\n").unwrap();
    let output = run(directory.path(), home.path(), &["connect", "cursor", "--write"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "{ // my servers\n");
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("by hand") && error.contains("skynet-bridge"), "{error}");
    assert!(!directory.path().join("memory/agents.json").exists(), "no key is made in vain");
}

/// The files beside a client's, backups among them.
fn beside(path: &Path) -> usize {
    path.parent().unwrap().read_dir().unwrap().count()
}

#[test]
fn comments_stay_nothing_new_makes_no_backup_and_remove_takes_the_bridge_out() {
    let (directory, home) = (scratch(), scratch());
    let json = "{\n  // mine\n  \"mcpServers\": {\n    \"other\": { \"command\": \"x\" }, // keep\n  },\n}\n";
    let toml = "# mine\nmodel = \"x\" # why\n\n[mcp_servers.other]\ncommand = \"x\"\n";
    for (client, file, before) in [("cursor", ".cursor/mcp.json", json), ("codex", ".codex/config.toml", toml)] {
        let path = home.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, before).unwrap();
        let text = || std::fs::read_to_string(&path).unwrap();
        let change = |flag: &str| {
            let output = run(directory.path(), home.path(), &["connect", client, flag]);
            assert!(output.status.success(), "{client} {flag}: {output:?}");
            said(&output)
        };
        change("--write");
        let written = text();
        for kept in before.split_whitespace() {
            assert!(written.contains(kept), "{client}: {kept} is lost in {written}");
        }
        assert!(written.contains("skynet-bridge") && beside(&path) == 2, "{written}");
        assert!(change("--write").contains("nothing was changed"));
        assert_eq!((text(), beside(&path)), (written, 2), "no second backup");
        change("--remove");
        assert!(!text().contains("skynet-bridge") && !text().contains("skb_"), "{}", text());
        assert!(text().contains("mine") && text().contains("other"), "{}", text());
        assert!(change("--remove").contains("nothing was changed") && beside(&path) == 3);
    }
}

#[test]
fn tools_that_the_person_chose_for_a_client_stay_and_all_suit_one_that_finds_them_itself() {
    let (directory, home) = (scratch(), scratch());
    let write = |client: &str| said(&run(directory.path(), home.path(), &["connect", client, "--write"]));
    let doctor = || said(&run(directory.path(), home.path(), &["doctor"]));
    for (client, file, suits, chosen) in [
        ("claude-code", ".claude.json", "7860/mcp/all\"", "7860/mcp?tools=files\""),
        ("cursor", ".cursor/mcp.json", "7860/mcp\"", "7860/mcp/find\""),
    ] {
        write(client);
        let path = home.path().join(file);
        let first = std::fs::read_to_string(&path).unwrap();
        assert!(first.contains(suits), "{first}");
        let changed = first.replace(suits, chosen);
        std::fs::write(&path, &changed).unwrap();
        let told = write(client);
        assert!(told.contains("nothing was changed"), "{told}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), changed);
        let told = doctor();
        assert!(!told.contains("another address"), "{told}");
    }
}

/// The file of Cursor, in the home that is the bridge's folder.
const CURSOR: &str = ".cursor/mcp.json";

/// The key in it.
fn key_of(program: &Program) -> String {
    let file: Value = serde_json::from_str(&std::fs::read_to_string(program.path(CURSOR)).unwrap()).unwrap();
    let bearer = file["mcpServers"]["skynet-bridge"]["headers"]["Authorization"].as_str().unwrap().to_owned();
    bearer.strip_prefix("Bearer ").unwrap().to_owned()
}

/// Puts another key into it.
fn put_key(program: &Program, key: &str) {
    let text = std::fs::read_to_string(program.path(CURSOR)).unwrap();
    std::fs::write(program.path(CURSOR), text.replace(&key_of(program), key)).unwrap();
}

fn connect(program: &Program) -> String {
    say(&program.path(""), &["connect", "cursor", "--write"]).done()
}

fn agents(program: &Program) -> Vec<String> {
    let list = say(&program.path(""), &["agent", "list"]).done();
    list.lines().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

async fn opens(program: &Program, key: &str) -> bool {
    program.post("/terminal/info", key, &json!({})).await.status == 200
}

#[tokio::test]
async fn a_client_is_an_agent_of_its_own_and_stays_it() {
    let program = Program::start(&[]);
    assert!(connect(&program).contains("agent of its own, cursor"));
    let key = key_of(&program);
    assert!(key.starts_with("skb_") && opens(&program, &key).await);
    // The line is written once the call was answered.
    program.history_line("terminal_info");
    assert!(history(&program, &["--agent", "cursor"]).contains("terminal_info"));
    assert!(connect(&program).contains("nothing was changed"));
    assert_eq!((key_of(&program), agents(&program)), (key.clone(), vec!["cursor".to_owned(), "default".to_owned()]));
    // The key of all, as earlier versions put it there, and one that opens nothing.
    for other in [KEY, "skb_none"] {
        put_key(&program, other);
        assert!(connect(&program).contains("has a new key"), "{other}");
        assert!(opens(&program, &key_of(&program)).await && agents(&program).len() == 2, "{other}");
    }
    assert!(!opens(&program, &key).await, "what nobody holds opens nothing");
    let mine = add(&program, "mine");
    put_key(&program, &mine);
    assert!(connect(&program).contains("It is the agent mine, as before"));
    assert_eq!(key_of(&program), mine, "what the person chose stays");
    let removed = say(&program.path(""), &["connect", "cursor", "--remove"]).done();
    assert!(removed.contains("agent revoke mine"), "{removed}");
}

#[tokio::test]
async fn an_agent_that_may_not_come_in_is_named_with_how_to_go_on_and_the_doctor_sees_it() {
    let program = Program::start(&[]);
    let folder = program.path("");
    let doctor = || {
        let said = say(&folder, &["doctor"]);
        said.out.lines().skip_while(|line| !line.contains(" cursor ")).take(1).collect::<String>()
    };
    connect(&program);
    let key = key_of(&program);
    assert!(doctor().starts_with("ok") && doctor().contains("is connected"), "{}", doctor());
    say(&folder, &["pause", "cursor"]).done();
    assert!(connect(&program).contains("resume cursor` lets it go on"));
    say(&folder, &["resume", "cursor"]).done();
    say(&folder, &["agent", "revoke", "cursor"]).done();
    assert!(doctor().starts_with("note") && doctor().contains("no key of an agent"), "{}", doctor());
    let refused = || say(&folder, &["connect", "cursor", "--write"]).refused();
    assert!(refused().contains("agent rotate cursor`"), "{}", refused());
    assert_eq!(key_of(&program), key, "nothing was changed");
    say(&folder, &["agent", "rotate", "cursor"]).done();
    connect(&program);
    assert!(opens(&program, &key_of(&program)).await);
    // One whose time is over: the file says so as it would after that time.
    let stopped = program.stop();
    let file = stopped.path().join("memory/agents.json");
    let mut known: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let cursor = known["agents"].as_array_mut().unwrap().iter_mut().find(|agent| agent["name"] == "cursor").unwrap();
    cursor["expires"] = json!(1);
    std::fs::write(&file, known.to_string()).unwrap();
    let refused = || say(stopped.path(), &["connect", "cursor", "--write"]).refused();
    assert!(refused().contains("agent set cursor --expires"), "{}", refused());
    say(stopped.path(), &["agent", "set", "cursor", "--expires", "never"]).done();
    let said = say(stopped.path(), &["connect", "cursor", "--write"]).done();
    assert!(said.contains("It is the agent cursor, as before"), "{said}");
}

#[test]
fn a_client_that_starts_the_bridge_itself_names_its_agent() {
    let (directory, home) = (scratch(), scratch());
    let connect = || said(&run(directory.path(), home.path(), &["connect", "claude-desktop", "--write"]));
    let first = connect();
    assert!(first.contains("agent of its own, claude-desktop") && !first.contains("skb_"), "{first}");
    assert!(connect().contains("nothing was changed"));
    let list = said(&run(directory.path(), home.path(), &["agent", "list"]));
    assert_eq!(list.lines().filter(|line| line.starts_with("claude-desktop ")).count(), 1, "{list}");
}

#[cfg(unix)]
#[test]
fn where_a_passphrase_is_set_no_client_becomes_an_agent_without_it() {
    use crate::agents::passphrase::{PASSPHRASE, say_with, set};
    let program = Program::start(&[]);
    set(&program.path(""));
    let words = ["connect", "cursor", "--write"];
    assert!(say_with(&program.path(""), &words, &[]).refused().contains("passphrase"));
    assert!(!program.path(CURSOR).exists());
    say_with(&program.path(""), &words, &[PASSPHRASE]).done();
    assert!(say_with(&program.path(""), &words, &[]).done().contains("nothing was changed"), "nothing more is given");
}

/// The doctor beside a server; what it says and whether all was well.
async fn doctor(directory: &Path, host_and_port: &str, key: &str) -> (bool, String) {
    let (_, port) = host_and_port.rsplit_once(':').unwrap();
    let mut command = tokio::process::Command::from(program::command(directory, &[("MCP_API_KEY", key)]));
    let output = command.args(["--port", port, "doctor"]).env_remove("HOME").output().await.unwrap();
    (output.status.success(), said(&output))
}

#[tokio::test]
async fn the_doctor_finds_a_server_that_works_to_be_well() {
    let server = Server::start().await;
    let (well, text) = doctor(&server.path(""), &server.url, KEY).await;
    assert!(well, "{text}");
    for word in ["key is set", "in use by a bridge", "The server answers", "gets in", "tools", "It calls ", "Docker"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    let lines = server.history().await;
    assert!(lines.iter().all(|line| line["outcome"] == "ok"), "{lines:?}");
}

#[tokio::test]
async fn the_doctor_says_what_is_broken_and_how_to_mend_it() {
    let server = Server::start().await;
    let (well, text) = doctor(&server.path(""), &server.url, "another-key-0123456789").await;
    assert!(!well && text.contains("refuses this directory's key"), "{text}");
    let free = scratch();
    // A port that was free a moment ago: nothing listens there.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let (well, text) = doctor(free.path(), &gone, KEY).await;
    assert!(!well && text.contains("No server listens") && text.contains("Start it"), "{text}");
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = other.local_addr().unwrap().to_string();
    let strange = axum::Router::new().fallback(|| async { "hello" });
    let task = tokio::spawn(async move { axum::serve(other, strange).await });
    let (well, text) = doctor(free.path(), &address, KEY).await;
    assert!(!well && text.contains("Another program answers"), "{text}");
    task.abort();
}
