//! The person rules: each agent has its own key, sees what is its own, is paused and stopped.

mod boundary;
#[cfg(unix)]
mod browser;
mod documentation;
mod identities;
#[cfg(unix)]
pub(crate) mod passphrase;
mod rule;

use crate::program::{Program, command, run};
use serde_json::{Value, json};
use std::path::Path;

/// What the command line says, and whether it did what was asked.
pub(crate) struct Said {
    pub ok: bool,
    pub out: String,
    pub err: String,
}

/// Says something on the command line, in a bridge's folder, as the person.
pub(crate) fn say(directory: &Path, words: &[&str]) -> Said {
    let mut command = command(directory, &[]);
    command.args(words);
    let output = run(command);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Said { ok: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) }
}

impl Said {
    /// What it printed, when it did what was asked.
    pub(crate) fn done(self) -> String {
        assert!(self.ok, "{} {}", self.out, self.err);
        self.out
    }

    /// Why it did not.
    pub(crate) fn refused(self) -> String {
        assert!(!self.ok, "{}", self.out);
        self.err
    }
}

/// Adds an agent and gives its key.
pub(crate) fn add(program: &Program, name: &str) -> String {
    say(&program.path(""), &["agent", "add", name]).done().trim().to_owned()
}

/// The lines of today's history, once they tell of an action that ended so.
pub(crate) fn history(program: &Program, filter: &[&str]) -> String {
    say(&program.path(""), &[&["history"], filter].concat()).done()
}

/// A write by an agent into the server's folder.
pub(crate) fn note(program: &Program, name: &str) -> Value {
    json!({"path": program.path(name), "content": name})
}
