//! Adds an agent.

use super::AgentControl;
use crate::{
    agents::{Bounds, Record, parse_expiry},
    caller::Access,
    capability::{Capability, Context},
    error::Result,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Add an agent, and get its key once.
///
/// Only a hash of the key is kept: who loses it gets another one with control_agents_rotate. Needs the passphrase, where
/// there is one.
#[derive(Clone, Deserialize, JsonSchema, Serialize)]
pub(crate) struct AddAgent {
    /// Its name: at most 64 of a-z, 0-9, -, _ and dots, of which a letter or digit comes first.
    pub(crate) name: String,
    /// When its key ends: 30d, 12h, 45m or a date. Default: never.
    pub(crate) expires: Option<String>,
    /// What it may do: a profile of permissions.toml, or one of the presets trusted, careful and read-only. Default: trusted.
    pub(crate) profile: Option<String>,
    /// What it is for, for yourself.
    #[serde(default)]
    pub(crate) note: String,
    /// What it may use at most, beside what every caller may.
    #[serde(default)]
    pub(crate) bounds: Bounds,
}

/// A key, which is shown this once.
#[derive(Deserialize, JsonSchema, Serialize)]
pub(crate) struct NewKey {
    /// The agent's name.
    pub(crate) name: String,
    /// Its key.
    pub(crate) key: String,
}

impl Capability for AddAgent {
    const NAME: &'static str = "control_agents_add";
    const ROUTE: Option<&'static str> = Some("/control/agents/add");
    const ACCESS: Access = Access::Admin;
    const EXAMPLE: &'static str = r#"{"name": "claude-code", "expires": "30d", "note": "on the laptop"}"#;
    type Service = AgentControl;
    type Output = NewKey;

    async fn run(self, control: &AgentControl, context: &Context) -> Result<NewKey> {
        context.record_as(json!({"name": self.name}));
        control.confirm(context).await?;
        let agents = &control.agents;
        let expires = self.expires.as_deref().map(parse_expiry).transpose()?.flatten();
        let (name, note, bounds) = (self.name.clone(), self.note, self.bounds.without_zeros());
        let mut record = Record { name, expires, note, bounds, ..Record::default() };
        if let Some(profile) = &self.profile {
            record.profile = agents.profile_named(profile)?;
        }
        let key = agents.add(record)?;
        Ok(NewKey { name: self.name, key: key.expose().to_owned() })
    }
}
