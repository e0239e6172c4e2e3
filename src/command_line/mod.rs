//! The command line: what a person may say at start.

mod agents;
mod approvals;
mod attach;
pub mod connect;
mod control;
pub mod doctor;
#[cfg(unix)]
mod hidden_line;
#[cfg(not(unix))]
#[path = "hidden_line_elsewhere.rs"]
mod hidden_line;
mod history;
mod invocation;
mod lists;
mod mcp_client;
mod page;
mod passphrase;
mod permissions;
mod person;
mod print;
mod question;
mod run;
#[cfg(unix)]
mod screen;
#[cfg(not(unix))]
#[path = "screen_elsewhere.rs"]
mod screen;
mod stdin;
mod target;
mod typed_line;
mod watch;
mod welcome;

pub use agents::AgentAction;
pub use approvals::{AnswersAction, ChosenQuestion, ScopeGiven};
pub use page::OpenOptions;
pub use passphrase::OwnerAction;
pub use permissions::{Kind, PermissionsAction};
pub use run::run;

use crate::settings::{Host, Port, SettingValue, Settings};
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// A local bridge between AIs and this machine: files, terminal, memory, internet, sandbox, behind one key.
///
/// Settings come from .env in the directory and from the environment; the flags below override both.
#[derive(Debug, Parser)]
#[command(name = "mcp-server", version, about)]
pub struct CommandLine {
    /// The address to listen on [setting: MCP_HOST]
    #[arg(long, global = true, value_parser = host)]
    pub host: Option<Host>,
    /// The port to listen on; 0 takes a free one [setting: MCP_PORT]
    #[arg(long, global = true)]
    pub port: Option<u16>,
    /// The server's directory: its .env and memory/ are there, and relative paths start there
    #[arg(long, default_value = ".", global = true)]
    pub directory: PathBuf,
    /// Read the passphrase from standard input where one is needed (a line each), instead of asking at the terminal
    #[arg(long, global = true)]
    pub passphrase_stdin: bool,
    /// What to do instead of serving.
    #[command(subcommand)]
    pub task: Option<Task>,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// Serve over HTTP until Ctrl-C: what happens without any command, too
    Serve,
    /// Speak MCP over standard input and output, for a client that starts the bridge itself
    Stdio {
        /// Which agent the client is; `agent add` makes one
        #[arg(long, default_value = "default")]
        agent: String,
        /// The tools that it is shown: lists, modules, tools, separated by commas [setting: MCP_TOOLS]
        #[arg(long)]
        tools: Option<String>,
    },
    /// Print the configuration that makes a client use this bridge
    Connect {
        /// Which client
        client: connect::Client,
        /// Merge it into the client's own file, keeping a backup
        #[arg(long)]
        write: bool,
        /// Take it out of the client's own file, keeping a backup
        #[arg(long, conflicts_with = "write")]
        remove: bool,
    },
    /// Check the key, the server, its tools, confinement, clients, Docker and the memory folder, and say how to fix what
    /// is broken
    Doctor,
    /// Show what was done today: when, how it ended, what, by whom, how long it took
    History {
        /// Another day: 2026-01-31
        date: Option<String>,
        /// Go on with what comes, until Ctrl-C
        #[arg(short, long)]
        follow: bool,
        /// Only what this agent did, or person
        #[arg(long)]
        agent: Option<String>,
        /// Only what ended so: ok, refused, paused, failed, …
        #[arg(long)]
        outcome: Option<String>,
        /// Only from this time of the day on: 14:30
        #[arg(long)]
        since: Option<String>,
    },
    /// List the background processes that run or ran
    Processes,
    /// List what was changed in files, newest first
    Changes {
        /// Only of this file or folder
        path: Option<String>,
        /// Only those with this label
        #[arg(long)]
        session: Option<String>,
    },
    /// Undo the last change of files, or the one that is named
    Undo {
        /// The change, as `changes` names it
        #[arg(conflicts_with_all = ["path", "session"])]
        id: Option<String>,
        /// The last change of this file or folder
        #[arg(long, conflicts_with = "session")]
        path: Option<String>,
        /// All changes with this label
        #[arg(long)]
        session: Option<String>,
    },
    /// Bring a process of the running bridge into this terminal; Enter ~ . leaves it running
    Attach {
        /// The process, as terminal_start named it.
        id: String,
    },
    /// What each agent may do: permissions.toml
    Permissions {
        /// What to do with it.
        #[command(subcommand)]
        action: PermissionsAction,
    },
    /// What the person alone does.
    #[command(flatten)]
    Control(ControlTask),
    /// The key that opens the bridge for the agent `default`
    Key {
        /// What to do with it.
        #[command(subcommand)]
        action: KeyAction,
    },
}

/// What only the person may do: rule the agents.
#[derive(Debug, Subcommand)]
pub enum ControlTask {
    /// The agents, and the key of each
    Agent {
        /// What to do.
        #[command(subcommand)]
        action: AgentAction,
    },
    /// Refuse new calls of an agent, or of all, until they are resumed
    Pause {
        /// Which agent; all of them without one
        agent: Option<String>,
    },
    /// Let a paused agent go on, or all of them
    Resume {
        /// Which agent; all of them without one
        agent: Option<String>,
    },
    /// Stop all that an agent does, or all agents do: calls, processes, sandbox sessions; and pause them
    StopAll {
        /// Which agent; all of them without one
        agent: Option<String>,
    },
    /// Say yes to a call about which you are asked, or show what waits
    Approve {
        /// Which ones.
        #[command(flatten)]
        chosen: ChosenQuestion,
        /// For how long.
        #[command(flatten)]
        scope: ScopeGiven,
    },
    /// Say no to a call about which you are asked, or show what waits
    Deny {
        /// Which ones.
        #[command(flatten)]
        chosen: ChosenQuestion,
        /// Why not: the agent reads it
        #[arg(long, requires = "which")]
        reason: Option<String>,
    },
    /// What is yours alone: the passphrase that approvals need
    Owner {
        /// What to do.
        #[command(subcommand)]
        action: OwnerAction,
    },
    /// Open the page that shows what waits and runs, in a browser that is let in as you
    Open {
        /// How.
        #[command(flatten)]
        options: OpenOptions,
    },
    /// Show all of a call about which you are asked: uncut, and with what looks like a secret
    Question {
        /// The question, as `approve` names it
        id: String,
    },
    /// Show your answers that hold for calls to come, or take one back
    Answers {
        /// What to do; without it they are shown.
        #[command(subcommand)]
        action: Option<AnswersAction>,
    },
    /// Show what is done and asked as it comes, until Ctrl-C; at a terminal, keys answer and pause
    Watch,
    /// List the calls that run now
    Running,
    /// Stop one call
    Cancel {
        /// The call, as `running` names it
        call: String,
    },
}

/// What can be done with the key.
#[derive(Debug, Subcommand)]
pub enum KeyAction {
    /// Replace it by a new one, at once, also in a server that runs in this directory
    Rotate,
    /// Print it, and on standard error where it stands
    Show,
}

fn host(text: &str) -> Result<Host, String> {
    Host::parse(text).map_err(|expected| format!("it must be {expected}"))
}

impl CommandLine {
    /// Makes the server's directory the process's own, so that relative paths start there.
    ///
    /// # Errors
    /// When it cannot be entered.
    pub fn enter(&self) -> Result<PathBuf> {
        let shown = self.directory.display();
        let failed = || format!("the directory {shown} cannot be entered: it must exist and be readable");
        std::env::set_current_dir(&self.directory).with_context(failed)?;
        std::env::current_dir().with_context(failed)
    }

    /// The settings with what was said on the command line.
    pub fn over(&self, mut settings: Settings) -> Settings {
        if let Some(host) = &self.host {
            settings.host.clone_from(host);
        }
        settings.port = self.port.map_or(settings.port, Port::chosen);
        settings
    }
}
