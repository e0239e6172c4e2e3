//! What the person answers.

use super::{question::Question, standing::StandingAnswer};
use crate::{clock, error::Error, legible::plain};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest reason of a no, in characters.
const MAX_REASON: usize = 500;

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The call may be done.
    Yes,
    /// It may not.
    No {
        /// Why not, for the agent.
        reason: Option<String>,
    },
}

impl Answer {
    /// A no. What could steer a terminal is taken out of its reason.
    pub(crate) fn no(reason: Option<&str>) -> Self {
        let reason = reason.map(|reason| plain(reason.trim(), MAX_REASON));
        Self::No { reason: reason.filter(|reason| !reason.is_empty()) }
    }

    /// What the call comes to.
    ///
    /// # Errors
    /// [`Error::Refused`] with the person's reason for a no.
    pub(super) fn into_result(self) -> Result<(), Error> {
        let said = match self {
            Self::Yes => return Ok(()),
            Self::No { reason: Some(reason) } => format!("The person was asked and said no: {reason}"),
            Self::No { reason: None } => "The person was asked and said no".to_owned(),
        };
        Err(Error::Refused(said).with_hint(|| Some("Go on without it: try no other way to the same end".to_owned())))
    }
}

/// For which calls a yes holds.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    /// For this one.
    #[default]
    Once,
    /// For those of the same kind in the agent's session of MCP; without one, until the bridge stops, 12 hours at most.
    Session,
    /// For those of the same kind within an hour.
    Hour,
    /// For those of the same kind from now on: a rule in permissions.toml says so.
    Always,
}

impl Scope {
    /// It, as it follows `approved`.
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Session => "for the session",
            Self::Hour => "for an hour",
            Self::Always => "for good",
        }
    }
}

/// Which questions are answered.
#[derive(Clone, Debug)]
pub(crate) enum Chosen {
    /// That of an id.
    One(String),
    /// That of an id, and those of the same agent and the same kind.
    Alike(String),
    /// All of an agent.
    AllOf(String),
}

/// A question that was answered.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub(crate) struct Answered {
    /// Its id.
    pub(crate) id: String,
    /// Whose call it was about.
    pub(crate) agent: String,
    /// The capability that was called.
    pub(crate) tool: String,
    /// How it was answered: `approved once`, `denied`, …
    pub(crate) answer: String,
    /// How many calls waited for it. When none did, the answer is for the next one that is the same, within 10 minutes.
    pub(crate) waiting: usize,
    /// What was written into permissions.toml, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) kept: Option<String>,
    /// For which calls to come it holds, too, until it is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) holds: Option<Holds>,
}

/// For which calls to come an answer holds.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
pub(crate) struct Holds {
    /// The answer's name, for control_answers_revoke.
    pub(crate) id: String,
    /// Which calls.
    pub(crate) calls: String,
    /// Until when; absent where it holds as long as the session does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<String>,
}

impl Holds {
    pub(super) fn of(standing: &StandingAnswer) -> Self {
        let (id, calls) = (standing.id.clone(), standing.calls.clone());
        Self { id, calls, until: standing.until.map(clock::timestamp_of) }
    }
}

impl Answered {
    pub(super) fn of(id: &str, question: &Question, waiting: usize, answer: &str) -> Self {
        Self {
            id: id.to_owned(),
            agent: question.agent.clone(),
            tool: question.tool.to_owned(),
            answer: answer.to_owned(),
            waiting,
            kept: None,
            holds: None,
        }
    }
}
