//! Commands as callers send them.

use crate::{
    error::{Error, Result},
    policy::{Line, Shell},
};
use std::{collections::BTreeMap, sync::Arc};

/// Variables that bash removes from its environment when it runs a line.
const REMOVED_BY_BASH: [&str; 2] = ["PS1", "PS2"];

/// The line to judge: for a shell, or split as a shell would.
///
/// # Errors
/// [`Error::Invalid`] for what cannot be run at all.
pub(super) fn line(text: &str, shell: Option<Arc<Shell>>, environment: &BTreeMap<String, String>) -> Result<Line> {
    if text.contains('\0') {
        return Err(Error::invalid("command", "The command holds a NUL character, which no argument may hold"));
    }
    if let Some(shell) = shell {
        let text = if shell.name() == "bash" { with_prompts(text, environment) } else { text.to_owned() };
        return Ok(Line::Shell { shell, text });
    }
    match shlex::split(text) {
        None => Err(Error::invalid("command", "The command cannot be split: a quote or a backslash is not closed")),
        Some(words) if words.is_empty() => Err(Error::invalid("command", "The command is empty")),
        Some(words) => Ok(Line::Program(words)),
    }
}

/// The line behind what sets the prompts that the caller wants, for the shells that it starts.
fn with_prompts(text: &str, environment: &BTreeMap<String, String>) -> String {
    let prompts =
        REMOVED_BY_BASH.iter().filter_map(|name| Some((name, shlex::try_quote(environment.get(*name)?).ok()?)));
    let exports: String = prompts.map(|(name, value)| format!("export {name}={value}; ")).collect();
    exports + text
}

/// A command as a caller sent it.
pub struct Asked<'a> {
    /// The command line.
    pub command: &'a str,
    /// Whether a shell runs it.
    pub shell: bool,
    /// Which one.
    pub program: Option<&'a str>,
    /// Where.
    pub cwd: Option<&'a str>,
    /// Variables on top of the server's.
    pub environment: BTreeMap<String, String>,
    /// Whether the person said yes to it.
    pub is_approved: bool,
}

impl<'a> Asked<'a> {
    /// A line for the shell, where it is.
    pub(crate) fn line(command: &'a str) -> Self {
        Self { command, shell: true, program: None, cwd: None, environment: BTreeMap::new(), is_approved: false }
    }
}

/// Whether a system can set these variables.
///
/// # Errors
/// [`Error::Invalid`] for the first that it cannot.
pub(super) fn check_environment(environment: &BTreeMap<String, String>) -> Result<()> {
    let is_good = |name: &str, value: &str| !name.is_empty() && !name.contains(['=', '\0']) && !value.contains('\0');
    match environment.iter().find(|(name, value)| !is_good(name, value)) {
        None => Ok(()),
        Some((name, _)) => Err(Error::invalid(
            "env",
            format!(
                "{name:?} cannot be set: a name is not empty and has no `=`, and neither it nor its value has a NUL"
            ),
        )),
    }
}
