//! Commands and processes on this machine.
//!
//! `spawn` is the one place that starts a program; what it starts ends with the call, or with the server.

mod check;
mod drawn;
mod editors;
mod environment;
mod execute;
mod following;
mod form;
mod info;
mod output;
pub(crate) mod plain;
pub mod processes;
mod remarks;
pub mod spawn;
mod turns;

pub use check::CheckCommand;
pub use execute::ExecuteCommand;
pub use info::TerminalInfo;

use crate::{
    caller::Keys,
    policy::{Workspace, confine::Report},
    settings::Settings,
};
use processes::Processes;
use spawn::Spawner;
use std::{path::Path, sync::Arc};
use tokio::sync::OnceCell;
use turns::Turns;

/// The terminal of this machine, for those whose commands one spawner starts. Clones share the processes and the turns.
#[derive(Clone)]
pub struct Terminal {
    spawner: Arc<Spawner>,
    processes: Processes,
    turns: Arc<Turns>,
    /// How long a command runs when nobody says, in seconds.
    default_timeout: u64,
    /// The longest that may be asked for, in seconds.
    max_timeout: u64,
    /// How much of each output stream is kept, in bytes.
    max_output: usize,
    /// Whether commands may use the network.
    network: bool,
    python_version: Arc<OnceCell<Option<String>>>,
}

impl Terminal {
    /// Takes the terminal's settings; commands are held to `workspace`. What its processes wrote is kept in `memory`,
    /// without the `keys`.
    ///
    /// # Errors
    /// When the host cannot hold commands as firmly as is required, or what ran before cannot be read.
    pub fn open(
        settings: &Settings,
        workspace: &Arc<Workspace>,
        memory: &Path,
        keys: Arc<Keys>,
    ) -> anyhow::Result<Self> {
        let spawner = Arc::new(Spawner::open(settings, workspace)?);
        Ok(Self {
            processes: Processes::open(settings, memory, spawner.clone(), keys)?,
            spawner,
            turns: Arc::new(Turns::new(settings.max_concurrent_commands)),
            default_timeout: settings.default_command_timeout.min(settings.max_command_timeout),
            max_timeout: settings.max_command_timeout,
            max_output: settings.max_output_bytes,
            network: settings.terminal_network,
            python_version: Arc::default(),
        })
    }

    /// The same terminal for those whose commands are held to other settings and another workspace.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn within(&self, settings: &Settings, workspace: &Arc<Workspace>) -> anyhow::Result<Self> {
        let spawner = Arc::new(self.spawner.within(settings, workspace)?);
        Ok(Self {
            processes: self.processes.within(&spawner),
            spawner,
            network: settings.terminal_network,
            ..self.clone()
        })
    }

    /// The programs that outlive a call.
    pub fn processes(&self) -> &Processes {
        &self.processes
    }

    /// How firmly commands are held.
    pub fn confinement(&self) -> &Report {
        self.spawner.confinement()
    }

    /// Lets no further command begin, and ends the processes. Commands that run end with the calls that wait for them.
    pub async fn close(&self) {
        self.turns.close();
        self.processes.close().await;
    }
}
