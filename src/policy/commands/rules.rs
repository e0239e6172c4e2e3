//! The user's own rules: a file of `allow` and `deny` lines, read again when it changes.

use super::simple::Invocation;
use super::{Refusal, patterns};
use anyhow::{Context, bail};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::SystemTime,
};

/// One line: whether it allows, the program, and patterns that arguments must match, all as shell patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    allows: bool,
    program: String,
    arguments: Vec<String>,
    /// As it is written, for the answer.
    text: String,
}

impl Rule {
    fn read(line: &str) -> Result<Self, &'static str> {
        let words = shlex::split(line).ok_or("a quote is not closed")?;
        let (verb, rest) = words.split_first().ok_or("it is empty")?;
        let allows = match verb.as_str() {
            "allow" => true,
            "deny" => false,
            _ => return Err("it must begin with allow or deny"),
        };
        let (program, arguments) = rest.split_first().ok_or("it names no program")?;
        Ok(Self { allows, program: program.clone(), arguments: arguments.to_vec(), text: line.trim().to_owned() })
    }

    /// Whether the program fits and each pattern fits an argument. What is not known of an argument fits a denial only.
    fn fits(&self, call: &Invocation) -> bool {
        let argument = |pattern: &String| {
            call.arguments.iter().any(|argument| match argument.known() {
                Some(text) => patterns::matches_text(pattern, &text),
                None => !self.allows && patterns::matches_text(pattern, &argument.visible()),
            })
        };
        patterns::matches_text(&self.program, &call.name) && self.arguments.iter().all(argument)
    }
}

/// The rules as they were read.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

impl Rules {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let mut rules = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            match Rule::read(line) {
                Ok(rule) => rules.push(rule),
                Err(why) => bail!(
                    "line {} is {line:?}, but {why}: write `allow PROGRAM PATTERN…` or `deny PROGRAM PATTERN…`",
                    index + 1
                ),
            }
        }
        Ok(Self(rules))
    }

    /// What the rules say of a call: `Some(true)` allowed whatever the guard says. A denial wins.
    pub fn verdict(&self, call: &Invocation) -> Result<bool, Refusal> {
        let mut allowed = false;
        for rule in self.0.iter().filter(|rule| rule.fits(call)) {
            if !rule.allows {
                return Err(Refusal::new("user-rule", format!("your rule `{}` forbids it", rule.text)));
            }
            allowed = true;
        }
        Ok(allowed)
    }
}

/// A file's state by which a change shows.
type Stamp = (Option<SystemTime>, u64);

/// The file of rules and what was last read of it.
#[derive(Debug)]
pub(super) struct RulesFile {
    path: PathBuf,
    read: Mutex<(Option<Stamp>, Arc<Rules>)>,
}

impl RulesFile {
    /// Reads the file for the first time.
    ///
    /// # Errors
    /// When it cannot be read or a line is no rule; the message names the line.
    pub fn open(path: PathBuf) -> anyhow::Result<Self> {
        let rules = load(&path).with_context(|| format!("MCP_COMMAND_RULES names {}", path.display()))?;
        let stamp = stamp(&path);
        Ok(Self { path, read: Mutex::new((stamp, Arc::new(rules))) })
    }

    /// The rules as the file has them now. A file that is damaged or gone leaves those read before in force.
    pub fn current(&self) -> Arc<Rules> {
        let mut read = self.read.lock().expect("no one panics while holding it");
        let now = stamp(&self.path);
        if now != read.0 {
            read.0 = now;
            match load(&self.path) {
                Ok(rules) => read.1 = Arc::new(rules),
                Err(error) => tracing::warn!(
                    "{} could not be read again, so the rules read before stay in force: {error:#}",
                    self.path.display()
                ),
            }
        }
        read.1.clone()
    }
}

#[expect(clippy::disallowed_methods, reason = "the bridge's own settings file, which no caller names")]
fn load(path: &Path) -> anyhow::Result<Rules> {
    let text = std::fs::read_to_string(path).context("it cannot be read: it must be a text file")?;
    Rules::parse(&text)
}

#[expect(clippy::disallowed_methods, reason = "the bridge's own settings file, which no caller names")]
fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok(), metadata.len()))
}
