//! Answers that hold for calls to come.

use super::{
    answer::{Answer, Scope},
    limit::Limit,
    question::{Kind, Question},
    standing::{StandingAnswer, this_call},
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// How long an approval for the session lasts when the caller has no session.
const DAY: Duration = Duration::from_secs(12 * 60 * 60);

/// How long an answer that nobody waited for holds for the same call.
pub(super) const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// A yes for more than one call.
pub(super) struct Grant {
    pub(super) standing: StandingAnswer,
    agent: String,
    sessions: Sessions,
    what: What,
    limit: Option<Limit>,
    revocation: CancellationToken,
}

enum Sessions {
    /// All of the agent.
    All,
    /// The one of this id, or the calls that come in none.
    One(Option<String>),
}

enum What {
    /// The same call.
    Exact([u8; 32]),
    /// Any call of this kind.
    Kind(Kind),
}

impl Grant {
    /// What a yes to a question opens beside that call, under this id; none where it was for once.
    pub(super) fn of(id: String, question: &Question, scope: Scope, revocation: CancellationToken) -> Option<Self> {
        let limit = match scope {
            Scope::Once => return None,
            Scope::Session if question.session.is_some() => None,
            Scope::Session => Some(Limit::after(DAY)),
            Scope::Hour => Some(Limit::after(HOUR)),
            Scope::Always => None,
        };
        let what = question.kind.clone().map_or(What::Exact(question.digest), What::Kind);
        let sessions = match scope {
            Scope::Session => Sessions::One(question.session.clone()),
            _ => Sessions::All,
        };
        let calls = question.kind.as_ref().map_or_else(|| this_call(question), |kind| kind.in_words.clone());
        let answer = format!("approved {}", scope.in_words());
        let standing = StandingAnswer::of(id, question, calls, answer, limit);
        Some(Self { standing, agent: question.agent.clone(), sessions, what, limit, revocation })
    }

    /// Whether it holds now.
    pub(super) fn holds(&self) -> bool {
        !self.revocation.is_cancelled() && !self.limit.is_some_and(Limit::is_past)
    }

    /// Whether a call may be done by it.
    pub(super) fn covers(&self, question: &Question) -> bool {
        let is_here = match &self.sessions {
            Sessions::All => true,
            Sessions::One(session) => *session == question.session,
        };
        let is_meant = match &self.what {
            What::Exact(digest) => *digest == question.digest,
            What::Kind(kind) => question.kind.as_ref().is_some_and(|asked| kind.covers(asked)),
        };
        self.agent == question.agent && is_here && is_meant
    }
}

/// An answer to a call whose caller no longer waited: it holds for the next one that is the same, and once.
pub(super) struct Pass {
    pub(super) standing: StandingAnswer,
    pub(super) answer: Answer,
    agent: String,
    digest: [u8; 32],
    limit: Limit,
    revocation: CancellationToken,
}

impl Pass {
    /// An answer to a question, from now on, under this id.
    pub(super) fn of(
        id: String,
        question: &Question,
        answer: Answer,
        how: &str,
        revocation: CancellationToken,
    ) -> Self {
        let (agent, digest, limit) = (question.agent.clone(), question.digest, Limit::after(PATIENCE));
        let standing = StandingAnswer::of(id, question, this_call(question), how.to_owned(), Some(limit));
        Self { standing, answer, agent, digest, limit, revocation }
    }

    /// Whether it holds now.
    pub(super) fn holds(&self) -> bool {
        !self.revocation.is_cancelled() && !self.limit.is_past()
    }

    /// Whether it answers a question.
    pub(super) fn answers(&self, question: &Question) -> bool {
        self.agent == question.agent && self.digest == question.digest
    }
}
