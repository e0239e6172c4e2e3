//! The file of the user's own rules, read again when it changes.

use anyhow::Context;
use command_guard::Rules;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::SystemTime,
};

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
    pub(crate) fn open(path: PathBuf) -> anyhow::Result<Self> {
        let rules = load(&path).with_context(|| format!("MCP_COMMAND_RULES names {}", path.display()))?;
        let stamp = stamp(&path);
        Ok(Self { path, read: Mutex::new((stamp, Arc::new(rules))) })
    }

    /// The rules as the file has them now. A file that is damaged or gone leaves those read before in force.
    pub(crate) fn current(&self) -> Arc<Rules> {
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
    Ok(Rules::parse(&text)?)
}

#[expect(clippy::disallowed_methods, reason = "the bridge's own settings file, which no caller names")]
fn stamp(path: &Path) -> Option<Stamp> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok(), metadata.len()))
}
