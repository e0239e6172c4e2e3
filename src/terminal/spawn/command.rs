//! A program as the standard library starts it, where no supervisor can be had.

use super::{Program, Streams};
use crate::policy::Line;
use std::{ffi::OsStr, process::Stdio};
use tokio::process::Command;

/// The command that runs a program with these streams.
pub fn command(program: &Program<'_>, streams: Streams) -> Command {
    let mut command = match program.line {
        Line::Shell { shell, text } => shell_command(&shell.command(text)),
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
fn named(name: impl AsRef<OsStr>) -> Command {
    Command::new(name)
}

#[cfg(not(windows))]
fn shell_command(words: &[&OsStr]) -> Command {
    let mut command = named(words[0]);
    command.args(&words[1..]);
    command
}

/// `cmd` reads its line as it stands.
#[cfg(windows)]
fn shell_command(words: &[&OsStr]) -> Command {
    let (line, words) = words.split_last().expect("a shell is started with its name and a line");
    let mut command = named(words[0]);
    command.args(&words[1..]).raw_arg(line);
    command
}
