//! A name that is almost a setting's must be meant for it.

use super::refused;
use crate::{
    program::{Program, command},
    server::{KEY, scratch},
};
use skynet_bridge::settings::{Settings, TABLE};

/// Names of variables that other programs use, one a line.
const OTHERS: &str = include_str!("../../corpora/environment-names.txt");

#[test]
fn a_misspelt_setting_in_env_stops_the_start_with_its_line_and_the_name_that_is_meant() {
    for (name, meant) in [
        ("MCP_ALLOWED_DIR", "MCP_ALLOWED_DIRS"),
        ("mcp_allowed_dirs", "MCP_ALLOWED_DIRS"),
        ("Mcp_Denied_Paths", "MCP_DENIED_PATHS"),
        ("MPC_DENIED_PATHS", "MCP_DENIED_PATHS"),
        ("MCP_DENYED_PATHS", "MCP_DENIED_PATHS"),
        ("MCPALLOWED_DIRS", "MCP_ALLOWED_DIRS"),
        ("MCP-CONFINEMENT", "MCP_CONFINEMENT"),
        ("MCP_CONFINMENT", "MCP_CONFINEMENT"),
        ("MCP_TERMINAL_NETWORKS", "MCP_TERMINAL_NETWORK"),
        ("MAX_COMAND_TIMEOUT", "MAX_COMMAND_TIMEOUT"),
        ("SANDBOX_MEMORY_MB", "SANDBOX_MEMORY_MIB"),
        ("DOCKER_HOSTS", "DOCKER_HOST"),
        ("log_level", "LOG_LEVEL"),
        ("LOG_LEVLE", "LOG_LEVEL"),
        ("CONFINEMENT", "MCP_CONFINEMENT"),
        ("TERMINAL_NETWORK", "MCP_TERMINAL_NETWORK"),
        ("MCPAPIKEY", "MCP_API_KEY"),
        ("MCP_ROOTS", "MCP_ALLOWED_DIRS"),
        ("MCP_SERVER_ALLOWED_DIRS", "MCP_ALLOWED_DIRS"),
    ] {
        for line in [format!("{name}=/tmp"), format!("export {name} = \"/tmp\""), format!("{name}=")] {
            let text = refused(format!("MCP_PORT=0\n{line}\n").as_bytes());
            let says = text.contains("line 2") && text.contains(&format!("did you mean {meant}?"));
            assert!(says && text.contains(name), "{line}: {text}");
        }
    }
    assert!(refused(b"MCP_ANYTHING_AT_ALL=1").contains("MCP_ANYTHING_AT_ALL"));
}

#[test]
fn names_of_other_programs_are_none_of_our_business() {
    let names: Vec<&str> = OTHERS.lines().filter(|line| !line.starts_with('#')).collect();
    assert!(names.len() >= 500, "only {} names are tried", names.len());
    for name in names {
        let settings = Settings::from_pairs([(name, "x")]);
        assert!(settings.is_ok() || TABLE.iter().any(|setting| setting.name == name), "{name}: {settings:?}");
    }
}

#[test]
fn an_env_that_another_program_shares_starts_the_server() {
    let directory = scratch();
    let other = "DEFAULT_FROM_EMAIL=\"Ana <ana@example.com>\" # of the shop\nLOG_LEVELS=a\nexport PRICE=$5\nJSON='{\"a\": 1}'\n\
                 PEM=\"-----BEGIN KEY-----\nAAAA==\n-----END KEY-----\"\n";
    std::fs::write(directory.path().join(".env"), format!("{other}MCP_API_KEY={KEY}\n")).unwrap();
    Program::start_in(directory, &[]);
}

#[tokio::test]
async fn a_misspelt_setting_in_the_environment_is_only_warned_of() {
    let directory = scratch();
    let mut misspelt = command(directory.path(), &[("MCP_API_KEY", KEY), ("MCP_ALLOWED_DIR", "/tmp")]);
    misspelt.env("DEFAULT_FROM_EMAIL", "x");
    let mut program = Program::start_as(misspelt, directory);
    assert_eq!(program.get("/health").await.status, 200);
    program.terminate();
    program.wait();
    let log = program.stderr();
    assert!(log.contains("MCP_ALLOWED_DIR is no setting: did you mean MCP_ALLOWED_DIRS?"), "{log}");
    assert!(!log.contains("DEFAULT_FROM_EMAIL"), "{log}");
}

#[tokio::test]
async fn a_setting_counts_however_its_line_is_written() {
    for line in [
        "MCP_ALLOWED_DIRS={}",
        "export MCP_ALLOWED_DIRS={}",
        "  MCP_ALLOWED_DIRS = {}  ",
        "\u{feff}MCP_ALLOWED_DIRS={}",
        "MCP_ALLOWED_DIRS=\"{}\" # mine",
        "MCP_ALLOWED_DIRS='{}'\r",
        "MCP_ALLOWED_DIRS=\"{}\",\"{}\"",
        "MCP_ALLOWED_DIRS={} # mine",
    ] {
        let (directory, outside) = (scratch(), scratch());
        std::fs::create_dir(directory.path().join("work")).unwrap();
        std::fs::write(outside.path().join("x"), "outside").unwrap();
        let root = directory.path().join("work");
        let env = format!("{}\nMCP_API_KEY={KEY}\n", line.replace("{}", root.to_str().unwrap()));
        std::fs::write(directory.path().join(".env"), env).unwrap();
        // An empty variable sets nothing: it must not open what the file closes.
        let program = Program::start_in(directory, &[("MCP_ALLOWED_DIRS", "")]);
        let path = outside.path().join("x");
        let reply = program.post("/filesystem/read", KEY, &serde_json::json!({"path": path})).await;
        assert_eq!(reply.status, 403, "{line}: {}", reply.text);
    }
}

#[tokio::test]
async fn a_name_without_its_prefix_is_warned_of_before_the_server_says_that_it_listens() {
    for (name, meant) in [
        ("DENIED_PATHS", "MCP_DENIED_PATHS"),
        ("DENIED_PATH", "MCP_DENIED_PATHS"),
        ("ALLOWED_DIRS", "MCP_ALLOWED_DIRS"),
        ("CONFINMENT", "MCP_CONFINEMENT"),
        ("SANDBOX_MEMORY", "SANDBOX_MEMORY_MIB"),
        ("COMMAND_TIMEOUT", "DEFAULT_COMMAND_TIMEOUT"),
    ] {
        let directory = scratch();
        std::fs::write(directory.path().join(".env"), format!("{name}=/x\nMCP_API_KEY={KEY}\n")).unwrap();
        let program = Program::start_in(directory, &[(meant, "")]);
        program.logged(&format!(".env, line 1: {name} is no setting: did you mean {meant}?"));
        let directory = program.kill();
        let value = if meant.contains("PATH") || meant.contains("DIRS") { "/tmp" } else { "" };
        if !value.is_empty() {
            let mut program = Program::start_in(directory, &[(meant, value)]);
            program.terminate();
            program.wait();
            assert!(!program.stderr().contains("did you mean"), "{name}: {}", program.stderr());
        }
    }
}
