//! Settings fail closed: what is not understood stops the start, and says where it stands and how to fix it.

mod denied;
mod documented;
mod keys;
mod names;
mod writable;

use crate::{
    program::{command, run},
    server::scratch,
};
use skynet_bridge::settings::TABLE;
use std::{collections::HashSet, process::Output};

/// Lines of `NAME VALUE`.
const JUNK: &str = include_str!("../../corpora/settings-junk.txt");

/// Starts the program over a directory with this `.env`, which must not get as far as to listen.
fn refused(env: &[u8]) -> String {
    let directory = scratch();
    std::fs::write(directory.path().join(".env"), env).unwrap();
    let mut command = command(directory.path(), &[]);
    command.env_remove("MCP_PORT");
    stopped(&run(command), &String::from_utf8_lossy(env))
}

fn stopped(output: &Output, what: &str) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && output.stdout.is_empty(), "it starts with {what}: {text}");
    text
}

#[test]
fn junk_in_any_setting_stops_the_start_and_the_message_names_setting_value_and_what_is_accepted() {
    let mut seen = HashSet::new();
    for line in JUNK.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.split_once(' ').expect("a name, a blank, a value");
        let text = refused(format!("# mine\n{name}={value}\n").as_bytes());
        let is_secret = name.ends_with("_KEY");
        let escaped = format!("{value:?}");
        let is_shown = text.contains(value) || text.contains(escaped.trim_matches('"'));
        assert!(text.contains(name) && is_shown != is_secret, "{line}: {text}");
        let says_how =
            ["must be", "remove", "names", "cannot be", "has ", "write"].iter().any(|word| text.contains(word));
        assert!(says_how && text.lines().count() < 6, "{line}: {text}");
        seen.insert(name);
    }
    for setting in TABLE {
        assert!(seen.contains(setting.name), "no junk is tried for {}", setting.name);
    }
}

#[test]
fn junk_in_the_environment_stops_the_start_as_well() {
    for (name, value) in [("LOG_LEVEL", "verbose"), ("MCP_DENIED_PATHS", "$HOME/x"), ("MCP_CONFINEMENT", "on")] {
        let directory = scratch();
        let text = stopped(&run(command(directory.path(), &[(name, value)])), name);
        assert!(text.contains(name) && text.contains(value) && text.contains("the environment"), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn a_value_of_the_environment_that_is_no_text_stops_the_start_instead_of_being_left_out() {
    use std::os::unix::ffi::OsStrExt;
    let directory = scratch();
    let mut command = command(directory.path(), &[]);
    command.env("MCP_DENIED_PATHS", std::ffi::OsStr::from_bytes(b"/srv/\xff"));
    assert!(stopped(&run(command), "a path that is no UTF-8").contains("MCP_DENIED_PATHS"));
}

#[test]
fn a_line_of_env_that_is_not_understood_stops_the_start_with_its_number() {
    for line in [
        "MCP_ALLOWED_DIRS: /srv",
        "MCP_ALLOWED_DIRS /srv",
        "set MCP_ALLOWED_DIRS=/srv",
        "MCP_ALLOWED_DIRS+=/srv",
        "MCP_DENIED_PATHS=\"/srv",
        "MCP_DENIED_PATHS='/srv\n'",
        "OTHER=\"not closed\nMCP_ALLOWED_DIRS=/srv\nMORE=\"",
        "MCP_API_KEY=\"a key\"and more",
        "[settings]",
        "{",
        "MCP_ALLOWED_DIRS",
    ] {
        let text = refused(format!("# the first line\n\n{line}\n").as_bytes());
        assert!(text.contains("line 3"), "{line}: {text}");
    }
}

#[test]
fn a_setting_that_is_there_twice_stops_the_start_with_both_lines() {
    let text = refused(b"MCP_ALLOWED_DIRS=/tmp\nOTHER=1\nOTHER=2\nexport MCP_ALLOWED_DIRS=/\n");
    assert!(text.contains("lines 1 and 4") && text.contains("MCP_ALLOWED_DIRS"), "{text}");
}

#[test]
fn an_env_in_another_encoding_stops_the_start() {
    let utf_16: Vec<u8> = "\u{feff}MCP_ALLOWED_DIRS=/tmp\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(refused(&utf_16).contains(".env"));
    assert!(refused(b"MCP_ALLOWED_DIRS=/tmp/\xe9\n").contains(".env"));
}
