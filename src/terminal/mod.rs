//! Commands and processes on this machine.
//!
//! `spawn` is the one place that starts a program; what it starts ends with the call, or with the server.

mod check;
mod environment;
mod execute;
mod info;
mod output;
pub mod processes;
pub mod spawn;
mod turns;

pub use check::CheckCommand;
pub use execute::ExecuteCommand;
pub use info::TerminalInfo;

use crate::{
    policy::{Workspace, confine::Report},
    settings::Settings,
};
use spawn::Spawner;
use std::sync::Arc;
use tokio::sync::OnceCell;
use turns::Turns;

/// The terminal of this machine.
pub struct Terminal {
    spawner: Arc<Spawner>,
    turns: Turns,
    /// How long a command runs when nobody says, in seconds.
    default_timeout: u64,
    /// The longest that may be asked for, in seconds.
    max_timeout: u64,
    /// How much of each output stream is kept, in bytes.
    max_output: usize,
    /// Whether commands may use the network.
    network: bool,
    python_version: OnceCell<Option<String>>,
}

impl Terminal {
    /// Takes the terminal's settings; commands are held to `workspace`.
    ///
    /// # Errors
    /// When the host cannot hold them as firmly as is required.
    pub fn open(settings: &Settings, workspace: &Arc<Workspace>) -> anyhow::Result<Self> {
        Ok(Self {
            spawner: Arc::new(Spawner::open(settings, workspace)?),
            turns: Turns::new(settings.max_concurrent_commands),
            default_timeout: settings.default_command_timeout.min(settings.max_command_timeout),
            max_timeout: settings.max_command_timeout,
            max_output: settings.max_output_bytes,
            network: settings.terminal_network,
            python_version: OnceCell::new(),
        })
    }

    /// What starts programs, for those that outlive a call.
    pub fn spawner(&self) -> &Arc<Spawner> {
        &self.spawner
    }

    /// How firmly commands are held.
    pub fn confinement(&self) -> &Report {
        self.spawner.confinement()
    }

    /// Lets no further command begin. Those that run end with the calls that wait for them.
    pub async fn close(&self) {
        self.turns.close();
    }
}
