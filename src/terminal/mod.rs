//! Commands and processes on this machine.
//!
//! `spawn` is the one place that starts a program; what it starts ends with the call, or with the server.

mod environment;
mod execute;
mod info;
mod output;
pub mod spawn;
mod turns;

pub use execute::ExecuteCommand;
pub use info::TerminalInfo;

use crate::settings::Settings;
use spawn::Spawner;
use std::{path::Path, sync::Arc};
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
    python_version: OnceCell<Option<String>>,
}

impl Terminal {
    /// Takes the terminal's settings; commands start in `directory`.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn open(settings: &Settings, directory: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            spawner: Arc::new(Spawner::open(settings, directory)?),
            turns: Turns::new(settings.max_concurrent_commands),
            default_timeout: settings.default_command_timeout.min(settings.max_command_timeout),
            max_timeout: settings.max_command_timeout,
            max_output: settings.max_output_bytes,
            python_version: OnceCell::new(),
        })
    }

    /// What starts programs, for those that outlive a call.
    pub fn spawner(&self) -> &Arc<Spawner> {
        &self.spawner
    }

    /// Lets no further command begin. Those that run end with the calls that wait for them.
    pub async fn close(&self) {
        self.turns.close();
    }
}
