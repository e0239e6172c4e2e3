//! The key of `.env` is one and the same for everything that reads it.

use crate::{
    program::{Program, command, run},
    server::{KEY, scratch},
};
use serde_json::json;
use std::{fs, path::Path, process::Command};

/// Runs a task of the program over a directory, and gives what it prints on standard output and on standard error.
fn task(directory: &Path, settings: &[(&str, &str)], arguments: &[&str]) -> (String, String) {
    let mut command = command(directory, settings);
    command.args(arguments);
    let output = run(command);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test]
async fn a_key_with_signs_that_shells_expand_is_the_same_to_server_doctor_and_key_show() {
    for (line, key) in [
        ("abc$def#0123456789", "abc$def#0123456789"),
        ("${HOME}$HOME\\n0123456789", "${HOME}$HOME\\n0123456789"),
        ("\"abc$def # 0123456789\" # mine", "abc$def # 0123456789"),
        ("'abc\"def\"0123456789'", "abc\"def\"0123456789"),
        ("abc'def'0123456789 # mine", "abc'def'0123456789"),
    ] {
        let directory = scratch();
        fs::write(directory.path().join(".env"), format!("HOME_OF=x\nMCP_API_KEY={line}\nMCP_PORT=0\n")).unwrap();
        assert_eq!(task(directory.path(), &[], &["key", "show"]).0, format!("{key}\n"), "{line}");
        let server = Program::start_in(directory, &[]);
        assert_eq!(server.post("/terminal/info", key, &json!({})).await.status, 200, "{line}");
        assert_eq!(server.post("/terminal/info", line, &json!({})).await.status == 200, key == line, "{line}");
        let port = server.url.rsplit(':').next().unwrap();
        let doctor = run({
            let mut command = command(&server.path(""), &[("MCP_PORT", port)]);
            command.arg("doctor");
            command
        });
        let found = String::from_utf8_lossy(&doctor.stdout).into_owned();
        assert!(found.contains("An MCP client gets in with the key"), "{line}: {found}");
    }
}

#[test]
fn a_key_that_was_made_here_is_read_alike_by_other_tools() {
    let directory = scratch();
    let file = directory.path().join(".env");
    let _ended = Program::start_in(directory, &[]).kill();
    for round in ["made", "rotated"] {
        if round == "rotated" {
            task(file.parent().unwrap(), &[], &["key", "rotate"]);
        }
        let (shown, _) = task(file.parent().unwrap(), &[], &["key", "show"]);
        let key = shown.trim_end();
        assert_eq!(key.len(), 43, "256 bits in base64");
        let dotenv = dotenvy::from_path_iter(&file).unwrap().map(Result::unwrap);
        let by_dotenv: Vec<String> = dotenv.filter(|(name, _)| name == "MCP_API_KEY").map(|(_, value)| value).collect();
        assert_eq!(by_dotenv, [key], "{round}");
        let script = "set -a; . ./.env; printf %s \"$MCP_API_KEY\"";
        let by_shell = Command::new("sh").args(["-c", script]).current_dir(file.parent().unwrap()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&by_shell.stdout), key, "{round}");
        // docker run --env-file takes what stands behind the = as it is.
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!(text.lines().find_map(|line| line.strip_prefix("MCP_API_KEY=")), Some(key), "{round}");
    }
}

#[test]
fn key_show_prints_the_key_alone_and_says_on_standard_error_where_it_stands() {
    let directory = scratch();
    let mut without = command(directory.path(), &[]);
    without.args(["key", "show"]);
    let output = run(without);
    assert!(!output.status.success() && output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no key in "));
    fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    let (shown, said) = task(directory.path(), &[], &["key", "show"]);
    assert_eq!((shown.trim_end(), said.contains(".env"), said.contains(KEY)), (KEY, true, false));
    let (shown, said) = task(directory.path(), &[("MCP_API_KEY", "another-key-0123456789")], &["key", "show"]);
    assert_eq!((shown.trim_end(), said.contains("environment")), ("another-key-0123456789", true));
}

#[test]
fn the_readmes_take_the_key_from_key_show() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for readme in ["README.md", "README.fr.md", "docs/guide.md", "docs/guide.fr.md"] {
        let text = fs::read_to_string(root.join(readme)).unwrap();
        let line = text.lines().find(|line| line.starts_with("KEY=")).unwrap();
        let directory = scratch();
        fs::write(directory.path().join(".env"), "MCP_API_KEY='abc$def#0123456789'\n").unwrap();
        let script = line.replace("mcp-server", crate::program::BINARY) + "; printf %s \"$KEY\"";
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).current_dir(directory.path()).env_remove("MCP_API_KEY");
        let printed = shell.output().unwrap().stdout;
        assert_eq!(String::from_utf8_lossy(&printed), "abc$def#0123456789", "{readme}: {line}");
    }
}

#[test]
fn key_show_and_key_rotate_refuse_an_env_that_the_server_refuses_and_leave_it_as_it_is() {
    for env in ["MCP_ALLOWED_DIR=/x\n".to_owned(), format!("MCP_API_KEY={KEY}\u{1}\n")] {
        for action in ["show", "rotate"] {
            let directory = scratch();
            fs::write(directory.path().join(".env"), &env).unwrap();
            let mut asked = command(directory.path(), &[]);
            asked.args(["key", action]);
            let output = run(asked);
            assert!(!output.status.success() && output.stdout.is_empty(), "{action}: {output:?}");
            assert_eq!(fs::read_to_string(directory.path().join(".env")).unwrap(), env);
        }
    }
}

#[test]
fn a_key_that_fits_in_no_header_stops_the_start() {
    let text = super::refused(format!("MCP_API_KEY={}\n", "k".repeat(4097)).as_bytes());
    assert!(text.contains("MCP_API_KEY") && text.contains("4096"), "{text}");
}
