//! Who calls, and what they may do.

mod attempts;
mod keys;
mod limits;
mod memory_budget;
mod secret_digest;

pub use crate::access::Access;
pub use keys::{Keys, Source};
pub(crate) use keys::{LOOK_AGAIN, check_count};
pub(crate) use limits::{Limits, MemoryPermit, Running};
pub use memory_budget::MemoryBudget;
pub(crate) use secret_digest::SecretDigest;

use crate::{
    agents::{Agent, Bounds, DEFAULT, no_longer},
    error::{Error, Result},
};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What records from before agents existed name callers: all of them held the one key.
const BEFORE_AGENTS: [&str; 2] = ["owner", "stdio"];

/// The name in the history of those who were refused.
const UNKNOWN: &str = "unknown";

/// The one who asks, once it is known who that is.
#[derive(Clone, Debug)]
pub struct Caller {
    who: Who,
    /// Cancelled when what let the caller in opens nothing any more.
    validity: CancellationToken,
}

#[derive(Clone, Debug)]
enum Who {
    /// The person whose machine it is.
    Person,
    /// An agent that showed its key.
    Agent(Arc<Agent>),
    /// Somebody who was refused.
    Unknown,
}

impl Caller {
    /// The name of the person in the history.
    pub(crate) const PERSON: &'static str = "person";

    /// The person whose machine it is, by the command line.
    pub fn person() -> Self {
        Self { who: Who::Person, validity: CancellationToken::new() }
    }

    /// An agent, by the key that is right now.
    pub(crate) fn agent(agent: Arc<Agent>) -> Self {
        Self { validity: agent.validity(), who: Who::Agent(agent) }
    }

    /// The same as long as this is not cancelled.
    pub(crate) fn until(self, validity: CancellationToken) -> Self {
        Self { validity, ..self }
    }

    /// Somebody who was refused before it was known who that is.
    pub(crate) fn unknown() -> Self {
        Self { who: Who::Unknown, validity: CancellationToken::new() }
    }

    /// The name that the history shows: the agent's.
    pub fn name(&self) -> &str {
        match &self.who {
            Who::Person => Self::PERSON,
            Who::Agent(agent) => agent.name(),
            Who::Unknown => UNKNOWN,
        }
    }

    /// Which agent it is, if it is one.
    pub(crate) fn as_agent(&self) -> Option<&Arc<Agent>> {
        match &self.who {
            Who::Agent(agent) => Some(agent),
            _ => None,
        }
    }

    /// What it may use at most, beside what every caller may.
    pub(crate) fn bounds(&self) -> Bounds {
        self.as_agent().map(|agent| agent.bounds()).unwrap_or_default()
    }

    /// Whether what let the caller in opens nothing any more, as far as is known.
    pub(crate) fn has_lapsed(&self) -> bool {
        self.validity.is_cancelled() || self.as_agent().is_some_and(|agent| agent.has_expired())
    }

    /// Notes that it calls, with a client that calls itself this.
    pub(crate) fn saw(&self, client: Option<&str>) {
        if let Some(agent) = self.as_agent() {
            agent.saw(client);
        }
    }

    /// Why a call of it was stopped.
    pub(crate) fn stopped(&self) -> Error {
        match self.as_agent() {
            Some(agent) if agent.is_revoked() => no_longer(agent.name()),
            _ => Error::Stopped,
        }
    }

    /// Whether what somebody of this name made, who stands in a record, is the caller's to see and to stop. The person
    /// sees all, an agent its own.
    pub(crate) fn sees(&self, name: &str) -> bool {
        match &self.who {
            Who::Person => true,
            // Whoever was refused was most likely to be the one that everybody was before there were agents.
            Who::Agent(agent) if agent.name() == DEFAULT && name == UNKNOWN => true,
            Who::Agent(agent) => agent.name() == since_agents(name),
            Who::Unknown => false,
        }
    }

    /// Whether the caller may make a call at all, now.
    ///
    /// # Errors
    /// [`Error::Refused`] for somebody who was refused before; as [`Agent::may_call`].
    pub(crate) fn may_call(&self) -> Result<()> {
        match &self.who {
            Who::Person => Ok(()),
            Who::Agent(agent) => agent.may_call(),
            Who::Unknown => Err(Error::Refused("Only who holds a key may make calls".to_owned())),
        }
    }
}

/// The agent that a name in a record means; none for the person, and for who was not let in.
pub(crate) fn agent_of(name: &str) -> Option<&str> {
    (![Caller::PERSON, UNKNOWN].contains(&name)).then(|| since_agents(name))
}

/// The agent that a name in an older record means.
pub(crate) fn since_agents(name: &str) -> &str {
    if BEFORE_AGENTS.contains(&name) { DEFAULT } else { name }
}
