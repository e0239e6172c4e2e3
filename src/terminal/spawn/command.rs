//! A program as the standard library starts it, where no supervisor can be had.

use super::{Program, Streams};
use crate::policy::Line;
use std::process::Stdio;
use tokio::process::Command;

/// The command that runs a program with these streams.
pub fn command(program: &Program<'_>, streams: Streams) -> Command {
    let mut command = match program.line {
        Line::Shell(text) => shell(text),
        Line::Program(words) => {
            let mut command = named(&words[0]);
            command.args(&words[1..]);
            command
        }
    };
    command.env_clear().envs(&program.environment).current_dir(program.cwd);
    match streams {
        Streams::Captured => command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()),
        #[cfg(unix)]
        Streams::Given { stdin, stdout, stderr, .. } => command.stdin(stdin).stdout(stdout).stderr(stderr),
    };
    command
}

#[expect(clippy::disallowed_methods, reason = "this is where permitted commands are run")]
fn named(name: &str) -> Command {
    Command::new(name)
}

#[cfg(not(windows))]
fn shell(line: &str) -> Command {
    let mut command = named("/bin/sh");
    command.arg("-c").arg(line);
    command
}

#[cfg(windows)]
fn shell(line: &str) -> Command {
    let mut command = named("cmd");
    command.arg("/C").raw_arg(line);
    command
}
