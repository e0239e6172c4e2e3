//! What an answer says beside the output of a command: what the confinement kept from it, and what to do instead.
//!
//! The kernel tells a program "permission denied" or "no such file", and who reads that looks for the cause in the wrong
//! place. So the lines that programs end with are read: a place that they name is asked of the confinement, and what names
//! no place is known from a list.

mod hints;
mod places;
mod symptoms;

pub(crate) use hints::waiting;

use super::spawn::Spawner;
use crate::policy::confine::Level;
use places::Names;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;
use symptoms::Circumstances;

/// How many refusals an answer names at most.
const MOST: usize = 8;

/// How much of the end of each stream is read, in bytes: programs say last what they failed by.
pub(crate) const READ: usize = 32 * 1024;

/// Something that the confinement kept from a command.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Blocked {
    /// What was needed: a path, or a thing by its name.
    pub what: String,
    /// Why it was refused, in one sentence.
    pub why: String,
    /// The setting that lets commands have it; null where there is none.
    pub setting: Option<&'static str>,
}

impl Blocked {
    /// `why` is what follows `what` in a sentence.
    fn new(what: &str, why: &str, setting: Option<&'static str>) -> Self {
        Self { what: what.to_owned(), why: format!("{what} {why}."), setting }
    }
}

/// What an answer says beside the output.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    /// What the confinement kept from it.
    pub blocked: Vec<Blocked>,
    /// What to do instead.
    pub hint: Option<String>,
}

/// A command that ended.
pub(crate) struct Ended<'a> {
    /// What was run.
    pub command: &'a str,
    /// What it wrote.
    pub stdout: &'a str,
    /// What it wrote to standard error.
    pub stderr: &'a str,
    /// Negative for a signal.
    pub exit_code: i32,
    /// Whether something that it started was ended with it.
    pub left_behind: bool,
}

/// What there is to say of a command that ran in `cwd`.
pub(crate) fn of(ended: &Ended<'_>, cwd: &Path, spawner: &Spawner) -> Remarks {
    let is_confined = spawner.confinement().level != Level::None;
    let blocked = if is_confined { blocked(ended, cwd, spawner) } else { Vec::new() };
    Remarks { blocked, hint: hints::of(ended, is_confined) }
}

fn blocked(ended: &Ended<'_>, cwd: &Path, spawner: &Spawner) -> Vec<Blocked> {
    let home = std::env::home_dir().unwrap_or_default();
    let names = Names { cwd, home: &home, refusal: &|path| spawner.refusal(path) };
    let now = Circumstances {
        is_kernel: spawner.confinement().level == Level::Kernel,
        is_root: is_root(),
        network: spawner.network(),
        lets_through: &|socket| spawner.lets_through(socket),
    };
    // A program that ended well may still have said what it went without; of its output only what it says went wrong.
    let failed = ended.exit_code != 0;
    let lines = || tail(ended.stderr).lines().chain(failed.then(|| tail(ended.stdout).lines()).into_iter().flatten());
    let mut found = Vec::new();
    for line in lines() {
        let said = names.of_line(line).into_iter().chain(symptoms::of(line, &now));
        said.for_each(|blocked| add(&mut found, blocked));
    }
    if found.is_empty() && failed && lines().any(symptoms::is_refusal) {
        // An interpreter says that a call is not permitted; which one stands in the code that it shows or was given.
        let code = std::iter::once(ended.command).chain(lines());
        code.flat_map(|text| symptoms::asked(text, &now)).for_each(|blocked| add(&mut found, blocked));
    }
    if found.is_empty() && failed {
        names.of_command(ended.command).into_iter().for_each(|blocked| add(&mut found, blocked));
    }
    found
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

fn add(found: &mut Vec<Blocked>, blocked: Blocked) {
    if found.len() < MOST && !found.iter().any(|known| known.what == blocked.what) {
        found.push(blocked);
    }
}

fn tail(text: &str) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(READ))..]
}
