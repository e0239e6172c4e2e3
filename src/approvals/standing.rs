//! What the person sees of an answer that holds for calls to come.

use super::{limit::Limit, question::Question};
use crate::legible::plain;
use std::time::SystemTime;

/// So much is said of a call that an answer holds for, in characters.
const MAX_SAID: usize = 200;

/// An answer that still holds, as the person sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StandingAnswer {
    /// Its id.
    pub(crate) id: String,
    /// Whose calls it holds for.
    pub(crate) agent: String,
    /// The capability that was asked about.
    pub(crate) tool: &'static str,
    /// Which calls it holds for.
    pub(crate) calls: String,
    /// What it was: `approved for an hour`, …
    pub(crate) answer: String,
    /// When it was given.
    pub(crate) given: SystemTime,
    /// Until when it holds; without it, as long as the session does.
    pub(crate) until: Option<SystemTime>,
}

impl StandingAnswer {
    pub(super) fn of(id: String, question: &Question, calls: String, answer: String, limit: Option<Limit>) -> Self {
        let (agent, tool, given) = (question.agent.clone(), question.tool, SystemTime::now());
        Self { id, agent, tool, calls, answer, given, until: limit.map(Limit::wall) }
    }
}

/// A call in one line, without secrets.
pub(super) fn this_call(question: &Question) -> String {
    plain(&format!("this very call: {}", question.arguments), MAX_SAID)
}
