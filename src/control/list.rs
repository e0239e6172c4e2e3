//! Lists the agents.

use crate::{
    agents::{Agents, Bounds, Record},
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::Result,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// List the agents.
///
/// By name, each with when it last called and whether it may.
#[derive(Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct ListAgents {
    /// Only this one.
    pub(crate) name: Option<String>,
}

/// One agent.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct AgentItem {
    /// Its name.
    pub(crate) name: String,
    /// Whether its key opens the bridge now: active, paused, expired or revoked.
    pub(crate) state: State,
    /// What it may do: a profile of permissions.toml, or a preset.
    pub(crate) profile: String,
    /// When it was made; absent for the one whose key is MCP_API_KEY.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) created: Option<String>,
    /// When its key ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires: Option<String>,
    /// When its key was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) revoked: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) note: Option<String>,
    /// What it may use at most, beside what every caller may.
    pub(crate) bounds: Bounds,
    /// When it last called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_seen: Option<String>,
    /// What its client called itself then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client: Option<String>,
}

/// Whether an agent's key opens the bridge.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// It does.
    Active,
    /// Not until the person resumes it.
    Paused,
    /// Its time is over.
    Expired,
    /// It was taken away.
    Revoked,
}

/// The agents.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct AgentList {
    /// Whether all are paused, whatever each one's state says.
    pub(crate) all_paused: bool,
    /// The agents, by name.
    pub(crate) agents: Vec<AgentItem>,
}

impl Capability for ListAgents {
    const NAME: &'static str = "control_agents_list";
    const ROUTE: Option<&'static str> = Some("/control/agents/list");
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const ACTION: Option<&'static str> = None;
    const EXAMPLE: &'static str = "{}";
    type Service = Agents;
    type Output = AgentList;

    async fn run(self, agents: &Agents, _: &Context) -> Result<AgentList> {
        let chosen = match &self.name {
            Some(name) => vec![agents.named(name)?.record()],
            None => agents.all(),
        };
        Ok(AgentList { all_paused: agents.are_paused(), agents: chosen.iter().map(AgentItem::of).collect() })
    }
}

impl AgentItem {
    pub(super) fn of(record: &Record) -> Self {
        let state = match (record.revoked.is_some(), record.has_expired(), record.paused) {
            (true, _, _) => State::Revoked,
            (_, true, _) => State::Expired,
            (_, _, true) => State::Paused,
            _ => State::Active,
        };
        let said = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Self {
            name: record.name.clone(),
            state,
            profile: record.profile.as_ref().to_owned(),
            created: said(&record.created),
            expires: record.expires.map(clock::timestamp_at),
            revoked: record.revoked.clone(),
            note: said(&record.note),
            bounds: record.bounds,
            last_seen: record.seen.as_ref().map(|seen| clock::timestamp_at(seen.at)),
            client: record.seen.as_ref().and_then(|seen| said(&seen.client)),
        }
    }
}
