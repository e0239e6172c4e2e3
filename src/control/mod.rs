//! What only the person may do: give agents keys and take them away, pause them, see what runs and stop it, answer what they
//! are not to do unasked.
//!
//! These are capabilities of a catalog of their own ([`crate::catalog::control`]). No agent calls them, whatever its key:
//! the faces let in nobody but the person, and [`crate::caller::Caller::person`] is made where it is proven ([`Person`]).

mod add;
mod answer;
mod answers;
mod browsers;
mod calls;
mod change;
mod consent;
mod delay;
mod list;
mod passphrase;
mod pause;
mod person;
mod protect;
mod questions;
mod running;

pub(crate) use add::{AddAgent, NewKey};
pub(crate) use answer::{Answers, Approve, Deny};
pub(crate) use answers::{AnswerItem, ListAnswers, RevokeAnswer};
pub(crate) use browsers::{BeginSession, Browsers, CODE_HEADER, EndSessions, OpenPage, SESSION_HEADER};
pub(crate) use calls::{Calls, Entered};
pub(crate) use change::{RevokeAgent, RotateAgent, SetAgent};
pub(crate) use consent::ConsentCode;
pub(crate) use list::{AgentItem, ListAgents};
pub(crate) use passphrase::{LONGEST as LONGEST_PASSPHRASE, Passphrase};
pub(crate) use pause::{PauseAgents, PausedAgents, ResumeAgents};
pub(crate) use person::{
    PASSPHRASE_HEADER, Person, TOKEN_HEADER, passphrase_from_header, passphrase_to_header, read_token,
};
pub(crate) use protect::{CheckPassphrase, SetPassphrase};
pub(crate) use questions::{KindItem, ListQuestions, QuestionItem, Questions, ShowQuestion};
pub(crate) use running::{CancelCall, ListRunning, StopAll};

use crate::{agents::Agents, approvals::Approvals, capability::Context, error::Result, oauth::OAuth};
use std::sync::Arc;

/// Ends what an agent, or all of them, left running when no call waits for it: background processes, sandbox sessions.
/// Says how many.
pub(crate) type EndWork = Box<dyn Fn(Option<&str>) -> futures::future::BoxFuture<'static, usize> + Send + Sync>;

/// What the person rules over whether a bridge runs or not: the agents, and by the passphrase who gives them more.
pub struct AgentControl {
    agents: Arc<Agents>,
    passphrase: Passphrase,
}

impl AgentControl {
    /// Rules over these agents, where this passphrase is set.
    pub(crate) fn new(agents: Arc<Agents>, passphrase: Passphrase) -> Self {
        Self { agents, passphrase }
    }

    /// Lets something go on that only the person may do, where they gave the passphrase or there is none.
    ///
    /// # Errors
    /// As [`Passphrase::confirm`].
    pub(crate) async fn confirm(&self, context: &Context) -> Result<()> {
        self.passphrase.confirm(context).await
    }
}

impl AsRef<AgentControl> for AgentControl {
    fn as_ref(&self) -> &AgentControl {
        self
    }
}

impl AsRef<Agents> for AgentControl {
    fn as_ref(&self) -> &Agents {
        &self.agents
    }
}

/// What the person rules over.
pub struct Control {
    /// The agents.
    pub(crate) of_agents: AgentControl,
    calls: Arc<Calls>,
    /// What waits for the person.
    pub(crate) approvals: Arc<Approvals>,
    /// The browsers that the person let in.
    pub(crate) browsers: Browsers,
    /// What lets clients of the web in, where the bridge has a public address.
    oauth: Option<Arc<OAuth>>,
    end_work: EndWork,
}

impl Control {
    /// Rules over these.
    pub(crate) fn new(
        of_agents: AgentControl,
        calls: Arc<Calls>,
        approvals: Arc<Approvals>,
        end_work: EndWork,
    ) -> Self {
        Self { of_agents, calls, approvals, browsers: Browsers::default(), oauth: None, end_work }
    }

    /// The same with an authorization server for clients of the web.
    pub(crate) fn with_oauth(self, oauth: Option<Arc<OAuth>>) -> Self {
        Self { oauth, ..self }
    }
}
