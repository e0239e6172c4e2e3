//! Changes an agent, gives it another key, or takes its key away.

use super::{AgentControl, add::NewKey, list::AgentItem};
use crate::{
    agents::{Agents, Bounds, DEFAULT, Effect, Record, parse_expiry},
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
/// What is not sent stays as it is. Another profile, a later end and wider bounds need the passphrase, where there is one.
#[derive(Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct SetAgent {
    /// Its name.
    pub(crate) name: String,
    /// When its key ends: 30d, 12h, 45m, a date, or never.
    pub(crate) expires: Option<String>,
    /// What it may do: a profile of permissions.toml, or a preset.
    pub(crate) profile: Option<String>,
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
    type Service = AgentControl;
    type Output = AgentItem;

    async fn run(self, control: &AgentControl, context: &Context) -> Result<AgentItem> {
        context.record_as(json!({"name": self.name, "profile": self.profile}));
        let agents = &control.agents;
        if self.expires.is_some() && self.name == DEFAULT {
            return Err(Error::Unusable(format!("The key of {DEFAULT} is MCP_API_KEY, which does not end by itself")));
        }
        let expires = self.expires.as_deref().map(parse_expiry).transpose()?;
        let profile = self.profile.as_deref().map(|name| agents.profile_named(name)).transpose()?;
        let change = |record: &mut Record| {
            record.profile = profile.unwrap_or(record.profile.clone());
            record.expires = expires.unwrap_or(record.expires);
            record.note = self.note.unwrap_or(std::mem::take(&mut record.note));
            record.bounds = self.bounds.map_or(record.bounds, Bounds::without_zeros);
        };
        let before = agents.named(&self.name)?.record();
        let mut after = before.clone();
        change.clone()(&mut after);
        if gives_more(&before, &after) {
            control.confirm(context).await?;
        }
        let changed = agents.edit(&self.name, Effect::Gives, change)?;
        Ok(AgentItem::of(&changed.record()))
    }
}

/// Give an agent another key, at once.
///
/// What its old key opened ends: watches, terminals, sessions of MCP with the answers of their calls. Other calls go on. An
/// agent whose key was revoked comes back with it. Needs the passphrase, where there is one.
#[derive(Clone, Deserialize, JsonSchema, Serialize)]
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
    type Service = AgentControl;
    type Output = NewKey;

    async fn run(self, control: &AgentControl, context: &Context) -> Result<NewKey> {
        context.record_as(json!({"name": self.name}));
        keeps_its_own_key(&self.name, "mcp-server key rotate replaces it")?;
        control.confirm(context).await?;
        let key = control.agents.rotate(&self.name)?;
        Ok(NewKey { name: self.name, key: key.expose().to_owned() })
    }
}

/// Take an agent's key away, at once.
///
/// What it opened ends, and so do its calls; background processes go on. The agent stays in the list, since the history names it.
#[derive(Clone, Deserialize, JsonSchema, Serialize)]
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

/// Whether a change lets an agent do more, or may: which of two profiles lets it do more cannot be told in general.
fn gives_more(before: &Record, after: &Record) -> bool {
    // None is the most of all.
    let is_wider = |before: Option<i64>, after: Option<i64>| match (before, after) {
        (Some(before), Some(after)) => after > before,
        (before, after) => before.is_some() && after.is_none(),
    };
    let bounds = |record: &Record| {
        let Bounds { calls_per_second, calls_at_once, mib_a_day } = record.bounds;
        [calls_per_second, calls_at_once, mib_a_day].map(|most| most.map(i64::from))
    };
    before.profile != after.profile
        || is_wider(before.expires, after.expires)
        || bounds(before).into_iter().zip(bounds(after)).any(|(before, after)| is_wider(before, after))
}

fn keeps_its_own_key(name: &str, instead: &str) -> Result<()> {
    if name != DEFAULT {
        return Ok(());
    }
    Err(Error::Unusable(format!("The key of {DEFAULT} is MCP_API_KEY of .env or the environment: {instead}")))
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Record, gives_more};

    #[test]
    fn a_change_gives_more_by_another_profile_a_later_end_or_a_wider_bound_and_not_by_less() {
        let bounds = Bounds { calls_at_once: Some(4), ..Bounds::default() };
        let before = Record { expires: Some(100), bounds, ..Record::default() };
        let changed = |change: fn(&mut Record)| {
            let mut after = before.clone();
            change(&mut after);
            gives_more(&before, &after)
        };
        assert!(changed(|it| it.profile = "careful".into()));
        assert!(changed(|it| it.expires = None) && changed(|it| it.expires = Some(101)));
        assert!(changed(|it| it.bounds.calls_at_once = None) && changed(|it| it.bounds.calls_at_once = Some(5)));
        assert!(!changed(|it| it.note = "mine".to_owned()) && !changed(|it| it.expires = Some(99)));
        assert!(!changed(|it| it.bounds.calls_at_once = Some(3)) && !changed(|it| it.bounds.mib_a_day = Some(1)));
    }
}
