//! `mcp-server agent`, `pause`, `resume`, `stop-all`, `running` and `cancel`: the person's rule over agents.

use super::{
    control::{Door, with_agents, with_bridge},
    person::Person,
    print,
};
use crate::{
    agents::Bounds,
    control::{
        AddAgent, AgentItem, CancelCall, ListAgents, ListRunning, NewKey, PauseAgents, PausedAgents, ResumeAgents,
        RevokeAgent, RotateAgent, SetAgent, StopAll,
    },
};
use anyhow::Result;
use clap::{Args, Subcommand};

/// A note, a client's name and a call's details are shown up to so many characters.
const MAX_TEXT: usize = 120;

/// What can be done with agents.
#[derive(Debug, Subcommand)]
pub enum AgentAction {
    /// Add an agent and print its key, which is shown this once
    Add {
        /// Its name, of a-z, 0-9, -, _ and dots
        name: String,
        /// What it may do: trusted, careful, read-only, or a profile of permissions.toml
        #[arg(long)]
        profile: Option<String>,
        /// When its key ends: 30d, 12h, 45m or a date
        #[arg(long)]
        expires: Option<String>,
        /// What it is for
        #[arg(long, default_value = "")]
        note: String,
        /// What it may use at most
        #[command(flatten)]
        bounds: BoundsGiven,
    },
    /// List the agents, and when each last called
    List,
    /// Show one agent
    Show {
        /// Its name
        name: String,
    },
    /// Change what is kept of an agent; what is not said stays as it is
    Set {
        /// Its name
        name: String,
        /// What it may do: trusted, careful, read-only, or a profile of permissions.toml
        #[arg(long)]
        profile: Option<String>,
        /// When its key ends: 30d, 12h, 45m, a date, or never
        #[arg(long)]
        expires: Option<String>,
        /// What it is for
        #[arg(long)]
        note: Option<String>,
        /// What it may use at most
        #[command(flatten)]
        bounds: BoundsGiven,
    },
    /// Give an agent another key, at once, and print it
    Rotate {
        /// Its name
        name: String,
    },
    /// Take an agent's key away, at once
    Revoke {
        /// Its name
        name: String,
    },
    /// Refuse an agent's new calls until it is resumed
    Pause {
        /// Its name
        name: String,
    },
    /// Let a paused agent go on
    Resume {
        /// Its name
        name: String,
    },
}

/// What an agent may use at most; 0 is no limit of its own.
#[derive(Args, Clone, Copy, Debug)]
pub struct BoundsGiven {
    /// The most calls a second; 0: no limit of its own
    #[arg(long)]
    calls_per_second: Option<u32>,
    /// The most calls at once; 0: no limit of its own
    #[arg(long)]
    calls_at_once: Option<u32>,
    /// The most MiB that it may send and be sent within a day; 0: no limit
    #[arg(long)]
    mib_a_day: Option<u32>,
}

impl BoundsGiven {
    fn over(self, before: Bounds) -> Bounds {
        let over =
            |given: Option<u32>, before: Option<u32>| given.map_or(before, |most| Some(most).filter(|most| *most > 0));
        Bounds {
            calls_per_second: over(self.calls_per_second, before.calls_per_second),
            calls_at_once: over(self.calls_at_once, before.calls_at_once),
            mib_a_day: over(self.mib_a_day, before.mib_a_day),
        }
    }
}

/// Does what is said of agents.
///
/// # Errors
/// When it is refused; the message says how to fix it.
pub(crate) async fn agent(action: &AgentAction, person: &Person<'_>, program: &str) -> Result<()> {
    match action {
        AgentAction::Add { name, profile, expires, note, bounds } => {
            let bounds = bounds.over(Bounds::default());
            let (name, profile, expires) = (name.clone(), profile.clone(), expires.clone());
            person.ask_if_set().await?;
            let added = AddAgent { name, profile, expires, note: note.clone(), bounds };
            show_key(&with_agents(person, added).await?)
        }
        AgentAction::List => list(person, None).await,
        AgentAction::Show { name } => list(person, Some(name.clone())).await,
        AgentAction::Set { name, profile, expires, note, bounds } => {
            if profile.is_some() {
                person.ask_if_set().await?;
            }
            let before = with_agents(person, ListAgents { name: Some(name.clone()) }).await?;
            let bounds = before.agents.first().map(|agent| bounds.over(agent.bounds));
            let (name, profile, expires) = (name.clone(), profile.clone(), expires.clone());
            let changed = SetAgent { name, profile, expires, note: note.clone(), bounds };
            show(&with_agents(person, changed).await?)
        }
        AgentAction::Rotate { name } => {
            person.ask_if_set().await?;
            show_key(&with_agents(person, RotateAgent { name: name.clone() }).await?)
        }
        AgentAction::Revoke { name } => {
            show(&with_agents(person, RevokeAgent { name: name.clone() }).await?)?;
            Ok(print::line(&format!("Its calls have ended; `{program} stop-all {name}` ends what it left running."))?)
        }
        AgentAction::Pause { name } => pause(person, Some(name.clone()), program).await,
        AgentAction::Resume { name } => resume(person, Some(name.clone()), program).await,
    }
}

/// The key alone on standard output, so that a script can take it.
fn show_key(new: &NewKey) -> Result<()> {
    print::line(&new.key)?;
    print::aside(&format!("This is the key of {}. It is shown this once: only a hash of it is kept", new.name));
    Ok(())
}

async fn list(person: &Person<'_>, name: Option<String>) -> Result<()> {
    let is_one = name.is_some();
    let found = with_agents(person, ListAgents { name }).await?;
    if found.all_paused {
        print::line(&print::alarming("All agents are paused."))?;
    }
    found.agents.iter().try_for_each(|agent| if is_one { show(agent) } else { Ok(print::line(&in_a_line(agent))?) })
}

fn in_a_line(agent: &AgentItem) -> String {
    let seen = agent.last_seen.as_deref().map_or_else(|| "never".to_owned(), print::moment);
    let client = print::plain(agent.client.as_deref().unwrap_or_default(), 40);
    let note = print::plain(agent.note.as_deref().unwrap_or_default(), MAX_TEXT);
    let (name, profile) = (&agent.name, &agent.profile);
    format!("{name:<20} {:<8} {profile:<12} {seen:<19}  {client:<24} {note}", state(agent)).trim_end().to_owned()
}

fn state(agent: &AgentItem) -> String {
    format!("{:?}", agent.state).to_lowercase()
}

fn show(agent: &AgentItem) -> Result<()> {
    let bound = |most: Option<u32>| most.map_or_else(|| "no limit of its own".to_owned(), |most| most.to_string());
    let fields = [
        ("name", Some(agent.name.clone())),
        ("state", Some(state(agent))),
        ("profile", Some(agent.profile.clone())),
        ("made", agent.created.as_deref().map(print::moment)),
        ("key ends", agent.expires.as_deref().map(print::moment)),
        ("key revoked", agent.revoked.as_deref().map(print::moment)),
        ("note", agent.note.as_deref().map(|note| print::plain(note, MAX_TEXT))),
        ("last call", agent.last_seen.as_deref().map(print::moment)),
        ("client", agent.client.as_deref().map(|client| print::plain(client, MAX_TEXT))),
        ("calls a second", Some(bound(agent.bounds.calls_per_second))),
        ("calls at once", Some(bound(agent.bounds.calls_at_once))),
        ("MiB a day", Some(bound(agent.bounds.mib_a_day))),
    ];
    let said = fields.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    Ok(said.into_iter().try_for_each(|(name, value)| print::line(&format!("{name:<15} {value}")))?)
}

/// Pauses an agent, or all of them.
///
/// # Errors
/// When there is no such agent, or it cannot be written.
pub(crate) async fn pause(person: &Person<'_>, name: Option<String>, program: &str) -> Result<()> {
    let paused = with_agents(person, PauseAgents { name }).await?;
    say_paused(&paused, program)
}

/// Lets an agent go on, or all of them.
///
/// # Errors
/// When there is no such agent, or it cannot be written.
pub(crate) async fn resume(person: &Person<'_>, name: Option<String>, program: &str) -> Result<()> {
    person.ask_if_set().await?;
    let paused = with_agents(person, ResumeAgents { name }).await?;
    say_paused(&paused, program)
}

fn say_paused(paused: &PausedAgents, program: &str) -> Result<()> {
    if paused.all_paused {
        print::line(&format!("All agents are paused: `{program} resume` lets them go on."))?;
    }
    for name in &paused.paused {
        print::line(&format!("{name} is paused: `{program} resume {name}` lets it go on."))?;
    }
    if !paused.all_paused && paused.paused.is_empty() {
        print::line("No agent is paused.")?;
    }
    Ok(())
}

/// Stops all that an agent does, or all agents do, and pauses them.
///
/// # Errors
/// When no bridge runs, or there is no such agent.
pub(crate) async fn stop_all(person: &Person<'_>, name: Option<String>, program: &str) -> Result<()> {
    if Door::to(person.directory).await?.is_none() {
        print::line("No bridge runs here: there is nothing to stop.")?;
        return pause(person, name, program).await;
    }
    let stopped = with_bridge(person, StopAll { name }).await?;
    print::line(&format!("Stopped: {} calls, {} processes and sandbox sessions.", stopped.calls, stopped.processes))?;
    say_paused(&stopped.paused, program)
}

/// Lists the calls that run.
///
/// # Errors
/// When no bridge runs.
pub(crate) async fn running(person: &Person<'_>) -> Result<()> {
    let running = with_bridge(person, ListRunning { agent: None }).await?;
    if running.calls.is_empty() {
        print::line("No call runs.")?;
    }
    for call in running.calls {
        let details = print::plain(&call.details.to_string(), MAX_TEXT);
        let line = format!("{:<10} {:>7.1} s  {:<20} {:<22} {details}", call.id, call.seconds, call.agent, call.action);
        print::line(&line)?;
    }
    Ok(())
}

/// Stops one call.
///
/// # Errors
/// When no bridge runs, or no such call.
pub(crate) async fn cancel(person: &Person<'_>, id: &str) -> Result<()> {
    let stopped = with_bridge(person, CancelCall { id: id.to_owned() }).await?;
    Ok(print::line(&format!("Stopped: {}", stopped.id))?)
}
