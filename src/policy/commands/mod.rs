//! The guard against dangerous commands: structural, and against accidents rather than attackers.
//!
//! A line is parsed as a shell would parse it, followed as far as constants reach (variables, `cd`, pipes,
//! here-documents, wrappers, code given to interpreters), and judged on the program and the places that its
//! operands mean. It is no boundary: a program in the workspace can do what the guard would refuse, and
//! only the confinement of the kernel holds that.

mod braces;
mod builtins;
mod effects;
mod expand;
mod guard;
mod judge;
mod known;
mod options;
mod outputs;
mod parameters;
mod parser;
mod patterns;
mod places;
mod printing;
mod programs;
mod rules;
mod runners;
mod scope;
mod shells;
mod simple;
mod syntax;
mod targets;
mod values;
mod wrappers;
mod zsh;

pub use guard::{Guard, Line, PermittedCommand};
pub use known::{Shell, Shells};

use rules::Rules;
use std::sync::Arc;

/// Longer command lines cannot be run anyway: Linux takes at most 128 KiB in one argument
/// (`MAX_ARG_STRLEN` in `include/uapi/linux/binfmts.h`).
pub const MAX_COMMAND_BYTES: usize = 128 * 1024;

/// Why a command is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The rule, by a name that stays: `rm-root`, `disk`, `unparsable`.
    pub rule: &'static str,
    /// A sentence for the person or the model that sent the command.
    pub reason: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Dangerous command blocked: {}: {}", self.rule, self.reason)
    }
}

/// What no line of the owner's lifts: a denial of his own wins, and what cannot be read cannot be told to be allowed.
const FINAL: [&str; 4] = ["user-rule", "hidden-character", "unparsable", "too-complex"];

impl Refusal {
    /// Who can decide otherwise, and how.
    fn remedy(&self) -> Option<String> {
        let remedy =
            "The bridge's owner can allow such a call with an `allow` line in the file that MCP_COMMAND_RULES names";
        (!FINAL.contains(&self.rule)).then(|| remedy.to_owned())
    }

    fn new(rule: &'static str, reason: impl Into<String>) -> Self {
        Self { rule, reason: reason.into() }
    }
}

/// What a command is judged against.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The home directory of the user that commands run as.
    pub home: String,
    /// Directories in which commands may do as they like.
    pub roots: Vec<String>,
    /// Places that no command may change, wherever they lie.
    pub protected: Vec<String>,
    /// The user's own rules.
    rules: Arc<Rules>,
}

impl Surroundings {
    /// The roots that can be workspaces: not the whole system, one of its top directories, or a place in its core.
    fn workspaces(&self) -> Vec<Vec<&str>> {
        let is_whole = |names: &Vec<&str>| {
            names.is_empty() || names.len() == 1 && places::is_system(names[0]) || places::is_core(names[0])
        };
        self.roots.iter().map(|root| targets::names(root)).filter(|names| !is_whole(names)).collect()
    }

    /// The user's name, as the home directory says it.
    fn user(&self) -> &str {
        self.home.rsplit('/').next().unwrap_or_default()
    }
}
