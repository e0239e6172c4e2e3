//! Comes next.

use crate::settings::Settings;
use std::path::Path;

/// Comes next.
pub struct Terminal;

impl Terminal {
    /// Opens it.
    ///
    /// # Errors
    /// None yet.
    pub fn open(_: &Settings, _: &Path) -> anyhow::Result<Self> {
        Ok(Self)
    }

    /// Ends it.
    pub async fn close(&self) {}
}
