//! Pauses agents, and lets them go on.

use super::AgentControl;
use crate::{
    agents::{Agents, Effect},
    caller::Access,
    capability::{Capability, Context},
    error::Result,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pause an agent, or all of them.
///
/// New calls are refused with 423; those that run go on. It holds after a restart, until they are resumed.
#[derive(Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct PauseAgents {
    /// Which one. Default: all of them.
    pub(crate) name: Option<String>,
}

/// Let a paused agent go on, or all of them.
///
/// Those that were paused by name stay so until they are resumed by name. Needs the passphrase, where there is one.
#[derive(Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ResumeAgents {
    /// Which one. Default: all of them.
    pub(crate) name: Option<String>,
}

/// Who is paused now.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct PausedAgents {
    /// Whether all are.
    pub(crate) all_paused: bool,
    /// Those that are paused by name.
    pub(crate) paused: Vec<String>,
}

impl Capability for PauseAgents {
    const NAME: &'static str = "control_pause";
    const ROUTE: Option<&'static str> = Some("/control/pause");
    const ACCESS: Access = Access::Admin;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"name": "no-such-agent"}"#;
    type Service = Agents;
    type Output = PausedAgents;

    async fn run(self, agents: &Agents, _: &Context) -> Result<PausedAgents> {
        pause(agents, self.name.as_deref())?;
        Ok(PausedAgents::of(agents))
    }
}

impl Capability for ResumeAgents {
    const NAME: &'static str = "control_resume";
    const ROUTE: Option<&'static str> = Some("/control/resume");
    const ACCESS: Access = Access::Admin;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"name": "no-such-agent"}"#;
    type Service = AgentControl;
    type Output = PausedAgents;

    async fn run(self, control: &AgentControl, context: &Context) -> Result<PausedAgents> {
        control.confirm(context).await?;
        let agents = &control.agents;
        match &self.name {
            Some(name) => drop(agents.edit(name, Effect::Gives, |record| record.paused = false)?),
            None => agents.pause_all(false)?,
        }
        Ok(PausedAgents::of(agents))
    }
}

/// Pauses an agent, or all of them.
///
/// # Errors
/// [`crate::Error::NotFound`] when there is no such agent. When it cannot be written, it holds anyway.
pub(super) fn pause(agents: &Agents, name: Option<&str>) -> Result<()> {
    match name {
        Some(name) => agents.edit(name, Effect::Takes, |record| record.paused = true).map(drop),
        None => agents.pause_all(true),
    }
}

impl PausedAgents {
    pub(super) fn of(agents: &Agents) -> Self {
        let paused = agents
            .all()
            .into_iter()
            .filter(|record| record.paused && record.revoked.is_none())
            .map(|record| record.name);
        Self { all_paused: agents.are_paused(), paused: paused.collect() }
    }
}
