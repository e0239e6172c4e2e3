//! Which agent a client is: the one that its file names already, or one of its own, made when it is first connected.

use super::clients::{Config, Credential};
use crate::{
    agents::{Agents, DEFAULT},
    command_line::{control::with_agents, person::Person},
    control::{AddAgent, RotateAgent},
};
use anyhow::{Result, bail};
use std::path::Path;

/// What a client's file is to say of who the client is, and what was done for it.
pub(super) struct Identity {
    /// Its key, or its name where it needs none.
    pub(super) credential: Credential,
    /// What the person should know of it.
    pub(super) said: String,
}

/// What the file of a client says of who it is, as long as that opens the bridge: a live key of any agent, or the name of one.
pub(super) fn live(agents: &Agents, main_key: Option<&str>, found: Option<Credential>) -> Option<(String, Credential)> {
    let found = found?;
    let name = match &found {
        Credential::Key(key) if main_key == Some(key) => DEFAULT.to_owned(),
        Credential::Key(key) => agents.holder(key)?.name().to_owned(),
        Credential::Agent(name) => {
            let agent = agents.named(name).ok().filter(|agent| !agent.is_revoked() && !agent.has_expired())?;
            agent.name().to_owned()
        }
    };
    Some((name, found))
}

/// Who a client is from now on. Where its file has a live key of an agent, or names one, it stays that one, unless that is the
/// agent of `MCP_API_KEY`; otherwise it gets an agent of its own, by the client's name, or that agent's new key, once `try_out`
/// says that the file can be written: what was made for nothing would be a key that nobody has.
///
/// # Errors
/// When the agent of its name was revoked or has ended, which is for the person to change; when none can be made.
pub(super) async fn of(
    client: &str,
    folder: &Path,
    config: &Config,
    text: &str,
    person: &Person<'_>,
    program: &str,
    try_out: impl Fn() -> Result<()>,
) -> Result<Identity> {
    let agents = Agents::open(folder)?;
    if let Some((name, credential)) = live(&agents, None, config.credential(text)).filter(|(name, _)| name != DEFAULT) {
        let said = format!("It is the agent {name}, as before.{}", paused(&agents, &name, program));
        return Ok(Identity { credential, said });
    }
    let needs_key = config.needs_key();
    let Ok(agent) = agents.named(client) else {
        let note = "made by mcp-server connect".to_owned();
        let (name, bounds) = (client.to_owned(), crate::agents::Bounds::default());
        try_out()?;
        person.ask_if_set().await?;
        let made = with_agents(person, AddAgent { name, expires: None, profile: None, note, bounds }).await?;
        let credential = if needs_key { Credential::Key(made.key) } else { Credential::Agent(made.name) };
        let said = format!(
            "It is an agent of its own, {client}, which was made for it: `{program} agent set {client} --profile careful` lets \
             it do less."
        );
        return Ok(Identity { credential, said: said + &paused(&agents, client, program) });
    };
    if agent.is_revoked() {
        bail!(
            "the key of the agent {client} was revoked, and nothing was changed: `{program} agent rotate {client}` gives it \
             another one; then say this again"
        );
    }
    if agent.has_expired() {
        bail!(
            "the agent {client} has ended, and nothing was changed: `{program} agent set {client} --expires 30d` (or never) lets \
             it go on; then say this again"
        );
    }
    let paused = paused(&agents, client, program);
    if !needs_key {
        return Ok(Identity {
            credential: Credential::Agent(client.to_owned()),
            said: format!("It is the agent {client}.{paused}"),
        });
    }
    try_out()?;
    person.ask_if_set().await?;
    let new = with_agents(person, RotateAgent { name: client.to_owned() }).await?;
    let said =
        format!("It is the agent {client}, which has a new key: the one of before opens nothing any more.{paused}");
    Ok(Identity { credential: Credential::Key(new.key), said })
}

/// Whether it is paused, and how it goes on.
fn paused(agents: &Agents, name: &str, program: &str) -> String {
    let is_paused = agents.named(name).is_ok_and(|agent| agent.record().paused);
    match (is_paused, agents.are_paused()) {
        (true, _) => format!(" It is paused: `{program} resume {name}` lets it go on."),
        (_, true) => format!(" All agents are paused: `{program} resume` lets them go on."),
        _ => String::new(),
    }
}
