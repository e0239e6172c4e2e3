//! The command line: what a person may say at start.

mod agents;
mod attach;
pub mod connect;
mod control;
pub mod doctor;
mod history;
mod invocation;
mod lists;
mod mcp_client;
mod permissions;
mod print;
mod run;
mod target;
mod welcome;

pub use agents::AgentAction;
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
    // Nothing follows from that file yet: shown once it does.
    #[command(hide = true)]
    Permissions {
        /// What to do with it.
        #[command(subcommand)]
        action: PermissionsAction,
    },
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
    /// List the calls that run now
    Running,
    /// Stop one call
    Cancel {
        /// The call, as `running` names it
        call: String,
    },
    /// The key that opens the bridge for the agent `default`
    Key {
        /// What to do with it.
        #[command(subcommand)]
        action: KeyAction,
    },
}

/// What can be done with the permission file.
#[derive(Debug, Subcommand)]
pub enum PermissionsAction {
    /// Look for mistakes in it, and name each with its line and how to fix it
    Check {
        /// Another file than permissions.toml of the directory
        file: Option<PathBuf>,
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
