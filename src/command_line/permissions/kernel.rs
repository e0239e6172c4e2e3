//! What the kernel does with commands, whatever is decided of their lines.

use super::judge::Judge;
use crate::{
    policy::{
        Confinement,
        confine::{Level, Report},
    },
    settings::WritablePaths,
};
use anyhow::Result;
use std::path::Path;

/// The boundary of commands by one profile.
pub(super) struct Kernel<'a> {
    judge: &'a Judge,
    confinement: Confinement,
}

impl<'a> Kernel<'a> {
    /// Finds out what this host enforces.
    ///
    /// # Errors
    /// When it is less than what is required.
    pub(super) fn open(judge: &'a Judge) -> Result<Self> {
        // What it says to the log stands in the answer.
        let silence = tracing::subscriber::NoSubscriber::default();
        let open = || Confinement::open(&judge.settings, &judge.workspace);
        Ok(Self { judge, confinement: tracing::subscriber::with_default(silence, open)? })
    }

    /// What it holds every command to.
    pub(super) fn of_commands(&self) -> String {
        let Report { level, why, .. } = self.confinement.report();
        match level {
            Level::None => unheld(why),
            _ => {
                let [sees, changes] = self.places();
                format!(
                    "commands {sees}, less what is denied, {changes} and {}, whatever their line says",
                    self.network()
                )
            }
        }
    }

    /// What it makes of a place for commands.
    pub(super) fn of_place(&self, real: &Path) -> String {
        let Report { level, why, .. } = self.confinement.report();
        match self.confinement.refusal(real) {
            _ if *level == Level::None => unheld(why),
            None => "commands reach it as the file routes do, whatever their line says".to_owned(),
            Some(refusal) if !refusal.reading_too => format!("it {}", refusal.why),
            Some(refusal) => match level {
                Level::Namespaces => format!("it is not there for commands: it {}", refusal.why),
                _ => format!("it is shut to commands: it {}", refusal.why),
            },
        }
    }

    /// What it makes of hosts for commands.
    pub(super) fn of_hosts(&self) -> String {
        let Report { level, why, .. } = self.confinement.report();
        match level {
            Level::None => unheld(why),
            _ => format!("commands {}: what is said of hosts holds for fetches", self.network()),
        }
    }

    fn network(&self) -> &'static str {
        if self.judge.settings.terminal_network { "have the whole network" } else { "have no network" }
    }

    fn places(&self) -> [String; 2] {
        let settings = &self.judge.settings;
        let sees = match &*settings.allowed_dirs {
            [] => "see the disk".to_owned(),
            roots => format!("see the system's programs and {}", roots.join(", ")),
        };
        let changes = match &settings.writable_paths {
            WritablePaths::All => "change what this user may".to_owned(),
            WritablePaths::Only(places) if places.is_empty() => "change nothing of it".to_owned(),
            WritablePaths::Only(places) => format!("change {} alone", places.join(", ")),
        };
        [sees, changes]
    }
}

fn unheld(why: &str) -> String {
    format!("nothing holds commands on this host, so they reach whatever this user does ({why})")
}
