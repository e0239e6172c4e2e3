//! Changes an agent, gives it another key, or takes its key away.

use super::{add::NewKey, list::AgentItem};
use crate::{
    agents::{Agents, Bounds, DEFAULT, Effect, parse_expiry},
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Change what is kept of an agent.
///
/// What is not sent stays as it is.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct SetAgent {
    /// Its name.
    pub(crate) name: String,
    /// When its key ends: 30d, 12h, 45m, a date, or never.
    pub(crate) expires: Option<String>,
    /// What it is for.
    pub(crate) note: Option<String>,
    /// What it may use at most, beside what every caller may; what is absent in it is no limit.
    pub(crate) bounds: Option<Bounds>,
}

impl Capability for SetAgent {
    const NAME: &'static str = "control_agents_set";
    const ROUTE: Option<&'static str> = Some("/control/agents/set");
    const ACCESS: Access = Access::Admin;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"name": "no-such-agent", "note": "on the laptop"}"#;
    type Service = Agents;
    type Output = AgentItem;

    async fn run(self, agents: &Agents, context: &Context) -> Result<AgentItem> {
        context.record_as(json!({"name": self.name}));
        if self.expires.is_some() && self.name == DEFAULT {
            return Err(Error::Unusable(format!("The key of {DEFAULT} is MCP_API_KEY, which does not end by itself")));
        }
        let expires = self.expires.as_deref().map(parse_expiry).transpose()?;
        let changed = agents.edit(&self.name, Effect::Gives, |record| {
            record.expires = expires.unwrap_or(record.expires);
            record.note = self.note.unwrap_or(std::mem::take(&mut record.note));
            record.bounds = self.bounds.unwrap_or(record.bounds);
        })?;
        Ok(AgentItem::of(&changed.record()))
    }
}

/// Give an agent another key, at once.
///
/// What its old key opened ends: watches, terminals, sessions of MCP with the answers of their calls. Other calls go on. An
/// agent whose key was revoked comes back with it.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct RotateAgent {
    /// Its name.
    pub(crate) name: String,
}

impl Capability for RotateAgent {
    const NAME: &'static str = "control_agents_rotate";
    const ROUTE: Option<&'static str> = Some("/control/agents/rotate");
    const ACCESS: Access = Access::Admin;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"name": "no-such-agent"}"#;
    type Service = Agents;
    type Output = NewKey;

    async fn run(self, agents: &Agents, context: &Context) -> Result<NewKey> {
        context.record_as(json!({"name": self.name}));
        keeps_its_own_key(&self.name, "mcp-server key rotate replaces it")?;
        let key = agents.rotate(&self.name)?;
        Ok(NewKey { name: self.name, key: key.expose().to_owned() })
    }
}

/// Take an agent's key away, at once.
///
/// What it opened ends, and so do its calls; background processes go on. The agent stays in the list, since the history names it.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct RevokeAgent {
    /// Its name.
    pub(crate) name: String,
}

impl Capability for RevokeAgent {
    const NAME: &'static str = "control_agents_revoke";
    const ROUTE: Option<&'static str> = Some("/control/agents/revoke");
    const ACCESS: Access = Access::Admin;
    const IDEMPOTENT: bool = true;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"name": "no-such-agent"}"#;
    type Service = Agents;
    type Output = AgentItem;

    async fn run(self, agents: &Agents, context: &Context) -> Result<AgentItem> {
        context.record_as(json!({"name": self.name}));
        keeps_its_own_key(&self.name, "pause it, or replace its key with mcp-server key rotate")?;
        let changed = agents.edit(&self.name, Effect::Takes, |record| {
            record.key_sha256 = None;
            record.revoked.get_or_insert_with(clock::timestamp);
        })?;
        Ok(AgentItem::of(&changed.record()))
    }
}

fn keeps_its_own_key(name: &str, instead: &str) -> Result<()> {
    if name != DEFAULT {
        return Ok(());
    }
    Err(Error::Unusable(format!("The key of {DEFAULT} is MCP_API_KEY of .env or the environment: {instead}")))
}
