//! Code that runs apart from this machine, in a container of a Docker engine.

mod build;
mod run;

pub use build::BuildImage;
pub use run::RunCode;

use crate::{error::Error, settings::Settings};

/// The engine and what runs on it.
pub struct Sandbox {
    image: String,
}

impl Sandbox {
    /// Takes the sandbox's settings.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn open(settings: &Settings) -> anyhow::Result<Self> {
        Ok(Self { image: settings.sandbox_image.clone() })
    }

    /// Ends what runs.
    pub async fn close(&self) {}

    fn missing_engine(&self) -> Error {
        tracing::debug!(image = self.image, "no engine");
        Error::unavailable("Docker not available. Install Docker to use sandbox.")
    }
}
