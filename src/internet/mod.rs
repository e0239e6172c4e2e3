//! Comes next.

use crate::settings::Settings;

/// Comes next.
pub struct Internet;

impl Internet {
    /// Opens it.
    ///
    /// # Errors
    /// None yet.
    pub fn open(_: &Settings) -> anyhow::Result<Self> {
        Ok(Self)
    }
}
