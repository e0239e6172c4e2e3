//! The command line that connects clients and looks after the bridge.

use crate::server::{KEY, Server, scratch};
use serde_json::{Value, json};
use std::{
    path::Path,
    process::{Command, Output},
};

/// Runs the program to its end, in a directory, with a home of its own.
fn run(directory: &Path, home: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-server"));
    command.arg("--directory").arg(directory).args(arguments).env_clear();
    command.env("HOME", home).env("PATH", "/usr/bin:/bin").env("MCP_API_KEY", KEY);
    command.output().expect("the program runs")
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
    let bearer = format!("Bearer {KEY}");
    let url = "http://127.0.0.1:7860/mcp";
    for (client, parent, address) in [
        ("claude-code", "mcpServers", "url"),
        ("cursor", "mcpServers", "url"),
        ("vscode", "servers", "url"),
        ("gemini", "mcpServers", "httpUrl"),
    ] {
        let entry = &snippet(&text(client))[parent]["skynet-bridge"];
        assert_eq!((&entry[address], &entry["headers"]["Authorization"]), (&json!(url), &json!(bearer)), "{client}");
    }
    let desktop = &snippet(&text("claude-desktop"))["mcpServers"]["skynet-bridge"];
    assert_eq!(desktop["args"], json!(["--directory", directory.path().canonicalize().unwrap(), "stdio"]));
    assert!(Path::new(desktop["command"].as_str().unwrap()).is_absolute());
    assert!(!desktop.to_string().contains(KEY), "it needs no key");
    let codex = text("codex");
    assert!(codex.contains("[mcp_servers.skynet-bridge]\nurl = \"http://127.0.0.1:7860/mcp\"\n"), "{codex}");
    assert!(codex.contains(&format!("http_headers = {{ Authorization = \"{bearer}\" }}")), "{codex}");
    let chatgpt = text("chatgpt");
    assert!(chatgpt.contains("/openapi.json") && chatgpt.contains("TLS") && !chatgpt.contains(KEY), "{chatgpt}");
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
        assert!(!text().contains("skynet-bridge") && !text().contains(KEY), "{}", text());
        assert!(text().contains("mine") && text().contains("other"), "{}", text());
        assert!(change("--remove").contains("nothing was changed") && beside(&path) == 3);
    }
}

/// The doctor beside a server; what it says and whether all was well.
async fn doctor(directory: &Path, host_and_port: &str, key: &str) -> (bool, String) {
    let (_, port) = host_and_port.rsplit_once(':').unwrap();
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_mcp-server"));
    command.args(["--port", port, "--directory"]).arg(directory).arg("doctor").env_clear();
    let output = command.env("PATH", "/usr/bin:/bin").env("MCP_API_KEY", key).output().await.unwrap();
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
