//! `mcp-server permissions`: what the permission file says, and what it would do.

mod backtest;
mod check;
mod explain;
mod judge;
mod kernel;
mod past;
mod recorded;

pub use explain::Kind;

use crate::{control::QuestionItem, settings::Settings};
use anyhow::Result;
use backtest::Trial;
use clap::Subcommand;
use explain::Question;
use std::path::{Path, PathBuf};

/// What can be done with the permission file.
#[derive(Debug, Subcommand)]
pub enum PermissionsAction {
    /// Look for mistakes in it, and name each with its line and how to fix it
    Check {
        /// Another file than permissions.toml of the directory
        file: Option<PathBuf>,
    },
    /// Say what would happen if an agent did something, and which line decides
    Explain {
        /// The agent
        agent: String,
        /// What it would do: a command line, a path, or a URL or a host
        #[arg(required = true)]
        what: Vec<String>,
        /// What that is, where it can be read in several ways
        #[arg(long = "as")]
        kind: Option<Kind>,
        /// Change what is at the path, instead of reading it
        #[arg(long)]
        write: bool,
        /// By this profile instead of the agent's own
        #[arg(long)]
        profile: Option<String>,
    },
    /// Say what another file would have made of the calls of the last days, and which of its lines said something of them
    Backtest {
        /// The other file
        file: PathBuf,
        /// So many days, today included
        #[arg(long, default_value_t = backtest::DAYS)]
        days: u32,
        /// By this profile of the file instead of that of each agent
        #[arg(long)]
        profile: Option<String>,
    },
    /// Take it as yours although it came while a command ran
    Accept,
}

/// What the rule that a yes for good to a question would write had made of the agent's calls of the last days, a line each;
/// none where no rule can be written.
pub(super) fn tried(asked: &QuestionItem, settings: &Settings, directory: &Path) -> Vec<String> {
    let kind = asked.kind.as_ref().filter(|kind| kind.can_be_kept && asked.not_always.is_none());
    let tried = kind.map(|kind| backtest::of_rule(asked, kind, settings, directory));
    tried.map_or_else(Vec::new, |tried| tried.unwrap_or_else(|why| vec![format!("cannot be told: {why:#}")]))
}

/// Does what is asked for; false when it finds something wrong.
///
/// # Errors
/// When the file is not there or cannot be read, or what is to be remembered cannot be written.
pub(super) fn run(
    action: &PermissionsAction,
    settings: &Settings,
    directory: &Path,
    show: impl FnMut(&str),
) -> Result<bool> {
    match action {
        PermissionsAction::Check { file } => check::check(file.as_deref(), settings, directory, show),
        PermissionsAction::Explain { agent, what, kind, write, profile } => {
            let (kind, profile) = (*kind, profile.as_deref());
            let what = what.join(" ");
            let question = Question { agent, what: &what, kind, write: *write, profile };
            explain::explain(&question, settings, directory, show).map(|()| true)
        }
        PermissionsAction::Backtest { file, days, profile } => {
            let trial = Trial { file, days: *days, profile: profile.as_deref() };
            backtest::backtest(&trial, settings, directory, show)
        }
        PermissionsAction::Accept => check::accept(directory, show),
    }
}
