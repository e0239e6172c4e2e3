//! What only the person may do: give agents keys and take them away, pause them, see what runs and stop it.
//!
//! These are capabilities of a catalog of their own ([`crate::catalog::control`]). No agent calls them, whatever its key:
//! the faces let in nobody but the person, and [`crate::caller::Caller::person`] is made where it is proven ([`Person`]).

mod add;
mod calls;
mod change;
mod list;
mod pause;
mod person;
mod running;

pub(crate) use add::{AddAgent, NewKey};
pub(crate) use calls::{Calls, Entered};
pub(crate) use change::{RevokeAgent, RotateAgent, SetAgent};
pub(crate) use list::{AgentItem, ListAgents};
pub(crate) use pause::{PauseAgents, PausedAgents, ResumeAgents};
pub(crate) use person::{Person, TOKEN_HEADER, read_token};
pub(crate) use running::{CancelCall, ListRunning, StopAll};

use crate::agents::Agents;
use std::sync::Arc;

/// Ends what an agent, or all of them, left running when no call waits for it: background processes, sandbox sessions.
/// Says how many.
pub(crate) type EndWork = Box<dyn Fn(Option<&str>) -> futures::future::BoxFuture<'static, usize> + Send + Sync>;

/// What the person rules over.
pub struct Control {
    agents: Arc<Agents>,
    calls: Arc<Calls>,
    end_work: EndWork,
}

impl Control {
    /// Rules over these.
    pub(crate) fn new(agents: Arc<Agents>, calls: Arc<Calls>, end_work: EndWork) -> Self {
        Self { agents, calls, end_work }
    }
}
