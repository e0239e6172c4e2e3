//! Hosts whose kernel this code does not know how to use.

use super::{Level, Refusal, Report};
use crate::{
    policy::Workspace,
    settings::{ConfinementMode, Settings},
};
use anyhow::bail;
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// The confinement of programs: none here.
pub struct Confinement {
    report: Report,
}

impl Confinement {
    /// Says that there is none.
    ///
    /// # Errors
    /// When it is required.
    pub fn open(settings: &Settings, _: &Arc<Workspace>) -> anyhow::Result<Self> {
        let why = match settings.confinement {
            ConfinementMode::Off => "MCP_CONFINEMENT is off".to_owned(),
            _ => format!("commands are confined on Linux only, and this is {}", std::env::consts::OS),
        };
        if settings.confinement == ConfinementMode::Require {
            bail!("MCP_CONFINEMENT is require, but {why}: set it to auto to run without");
        }
        let report = Report { level: Level::None, why, memory_bound: None };
        report.announce();
        Ok(Self { report })
    }

    /// The same.
    ///
    /// # Errors
    /// None.
    pub fn within(&self, _: &Settings, _: &Arc<Workspace>) -> anyhow::Result<Self> {
        Ok(Self { report: self.report.clone() })
    }

    /// Nothing.
    pub fn environment(&self) -> Vec<(&'static str, Option<PathBuf>)> {
        Vec::new()
    }

    /// Nothing is refused.
    pub fn refusal(&self, _: &Path) -> Option<Refusal> {
        None
    }

    /// Nothing is kept from programs.
    pub fn lets_through(&self, _: &str) -> bool {
        true
    }

    /// What holds, and why.
    pub fn report(&self) -> &Report {
        &self.report
    }
}
