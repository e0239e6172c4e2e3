//! What runs, and how it is stopped.

use super::{
    Control,
    pause::{PausedAgents, pause},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// List the calls that run now.
///
/// Oldest first, of all agents.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct ListRunning {
    /// Only those of this agent.
    pub(crate) agent: Option<String>,
}

/// A call that runs.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct RunningItem {
    /// Its name, for control_cancel.
    pub(crate) id: String,
    /// Whose it is.
    pub(crate) agent: String,
    /// What is done: usually the capability's name.
    pub(crate) action: String,
    /// With what, without secrets.
    pub(crate) details: Value,
    /// When it began.
    pub(crate) began: String,
    /// For how long it runs, in seconds.
    pub(crate) seconds: f64,
}

/// The calls that run.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct RunningCalls {
    /// The calls, oldest first.
    pub(crate) calls: Vec<RunningItem>,
}

impl Capability for ListRunning {
    const NAME: &'static str = "control_running";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const ACTION: Option<&'static str> = None;
    const EXAMPLE: &'static str = "{}";
    type Service = Control;
    type Output = RunningCalls;

    async fn run(self, control: &Control, _: &Context) -> Result<RunningCalls> {
        let calls = control.calls.all().into_iter();
        let chosen = calls.filter(|call| self.agent.as_ref().is_none_or(|agent| *agent == call.agent));
        let items = chosen.map(|call| RunningItem {
            id: call.id(),
            agent: call.agent.clone(),
            action: call.action.to_owned(),
            details: (*call.details).clone(),
            began: clock::timestamp_of(call.began),
            // A clock that was set back meanwhile makes it no time.
            seconds: (call.began.elapsed().unwrap_or_default().as_secs_f64() * 1000.0).round() / 1000.0,
        });
        Ok(RunningCalls { calls: items.collect() })
    }
}

/// Stop one call.
///
/// Its caller is answered 423 with `Stopped by the person`, and nothing that it started is left running.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct CancelCall {
    /// The call, as control_running names it.
    pub(crate) id: String,
}

/// A call that was stopped.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct CancelledCall {
    /// The call.
    pub(crate) id: String,
}

impl Capability for CancelCall {
    const NAME: &'static str = "control_cancel";
    const ACCESS: Access = Access::Admin;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"id": "call_0"}"#;
    type Service = Control;
    type Output = CancelledCall;

    async fn run(self, control: &Control, _: &Context) -> Result<CancelledCall> {
        control.calls.stop(&self.id)?;
        Ok(CancelledCall { id: self.id })
    }
}

/// Stop all that an agent does, or all agents do, and pause them.
///
/// Calls, background processes and sandbox sessions end at once; new calls are refused until they are resumed.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct StopAll {
    /// Which agent. Default: all of them.
    pub(crate) name: Option<String>,
}

/// What was stopped.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct Stopped {
    /// How many calls.
    pub(crate) calls: usize,
    /// How many processes and sandbox sessions.
    pub(crate) processes: usize,
    /// Who is paused now.
    #[serde(flatten)]
    pub(crate) paused: PausedAgents,
}

impl Capability for StopAll {
    const NAME: &'static str = "control_stop_all";
    const ROUTE: Option<&'static str> = Some("/control/stop-all");
    const ACCESS: Access = Access::Admin;
    const IDEMPOTENT: bool = true;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"name": "no-such-agent"}"#;
    type Service = Control;
    type Output = Stopped;

    async fn run(self, control: &Control, _: &Context) -> Result<Stopped> {
        let name = self.name.as_deref();
        // First, so that nothing begins behind what is stopped; and what can be stopped is, when it cannot be kept.
        let kept = match pause(&control.of_agents.agents, name) {
            Err(error @ Error::NotFound(_)) => return Err(error),
            kept => kept,
        };
        let calls = control.calls.stop_all(name);
        control.approvals.withdraw_all(name);
        // Once more for what was just being started.
        let processes = (control.end_work)(name).await + (control.end_work)(name).await;
        kept.map(|()| Stopped { calls, processes, paused: PausedAgents::of(&control.of_agents.agents) })
    }
}
