//! What waits for the person: questions about calls, bound to what would be done, and the answers that hold.
//!
//! A question holds no lock, no thread and no place among what runs while it waits. Whatever is in doubt is a no: what is
//! forgotten, full, revoked or past its time is asked anew.

mod answer;
mod grant;
mod limit;
mod person;
mod question;
mod request;
mod standing;
mod state;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use answer::Holds;
pub(crate) use answer::{Answer, Answered, Chosen, Scope};
pub(crate) use limit::Limit;
pub(crate) use question::{Kind, Question};
pub(crate) use request::RequestPermission;
pub(crate) use standing::StandingAnswer;

use crate::{
    agents::{Agent, Agents, no_longer},
    capability::Context,
    clock,
    error::{Error, PendingApproval, Result},
};
use state::{Entered, Pending, State};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Writes what an agent may do from now on without being asked, and says in words what was written.
pub(crate) type Keep = Box<dyn Fn(&str, &Kind) -> Result<String> + Send + Sync>;

/// The questions that wait, and the answers that hold.
pub struct Approvals {
    agents: Arc<Agents>,
    keep: Keep,
    patience: Duration,
    state: Mutex<State>,
}

/// A question that waits, as the person sees it.
pub(crate) struct Waiting {
    /// Its id.
    pub(crate) id: String,
    /// What is asked.
    pub(crate) question: Arc<Question>,
    /// When it was asked.
    pub(crate) asked: SystemTime,
    /// How many calls wait for the answer.
    pub(crate) calls: usize,
    /// Until when it can be answered; as long as a call waits, absent.
    pub(crate) until: Option<SystemTime>,
}

impl Waiting {
    fn of(it: &Pending) -> Self {
        Self {
            id: it.id.clone(),
            question: it.question.clone(),
            asked: it.asked,
            calls: it.waiting,
            until: it.until.map(limit::Limit::wall),
        }
    }
}

/// To what the person said yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yes {
    /// To this very call.
    ToThisCall,
    /// To calls like it, before.
    ToMoreCalls,
}

impl Approvals {
    /// Of these agents; what is to hold always is kept by `keep`.
    pub(crate) fn new(agents: Arc<Agents>, keep: Keep) -> Self {
        Self { agents, keep, patience: Duration::ZERO, state: Mutex::default() }
    }

    /// The same, where a call over HTTP waits so long for its answer.
    pub(crate) fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// How long a call waits for its answer; none: as long as its client does.
    pub(crate) fn patience(&self, context: &Context) -> Option<Duration> {
        (!context.waits()).then_some(self.patience)
    }

    /// Asks, or finds that an earlier answer holds. Waits at most `wait`; without it as long as the future is polled.
    /// Afterwards, and when the future is dropped, the question can be answered for 10 minutes: the answer then holds for
    /// the next call that is the same, once, within 10 minutes. A call that the person stopped takes its question with it.
    ///
    /// # Errors
    /// [`Error::Asked`] when there was no answer within `wait`, [`Error::Refused`] for a no and for an agent that may no
    /// longer call, [`Error::TooMany`] when too many questions wait.
    pub(crate) async fn ask(
        &self,
        question: Question,
        wait: Option<Duration>,
        stop: &CancellationToken,
    ) -> Result<Yes> {
        let agent = self.agents.named(&question.agent)?;
        let revocation = agent.revocation();
        let (tool, why) = (question.tool, question.why.clone());
        let entered = self.lock().enter(question, revocation.clone())?;
        let mut call = match entered {
            Entered::Answered(answer) => return finish(&agent, answer).map(|()| Yes::ToThisCall),
            Entered::Granted => return finish(&agent, Answer::Yes).map(|()| Yes::ToMoreCalls),
            Entered::Waits(id, answer) => Call { approvals: self, id, tool, answer, stop, has_left: false },
        };
        let timeout = async {
            match wait {
                Some(wait) => tokio::time::sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        let answer = tokio::select! {
            biased;
            () = revocation.cancelled() => None,
            answer = call.answered() => answer,
            () = timeout => call.give_up(&agent, &why)?,
        };
        let answer = answer.ok_or_else(|| no_longer(agent.name()))?;
        finish(&agent, answer).map(|()| Yes::ToThisCall)
    }

    /// What waits, in the order in which it was asked, and the number of changes until now.
    pub(crate) fn waiting(&self) -> (u64, Vec<Waiting>) {
        let mut state = self.lock();
        let waiting = state.pending().iter().map(Waiting::of).collect();
        (*state.version.borrow(), waiting)
    }

    /// The id of this question while it waits, and how many calls wait for its answer.
    pub(crate) fn waiting_as(&self, question: &Question) -> Option<(String, usize)> {
        let mut state = self.lock();
        let is_it = |asked: &Question| asked.agent == question.agent && asked.digest == question.digest;
        state.pending().iter().find(|it| is_it(&it.question)).map(|it| (it.id.clone(), it.waiting))
    }

    /// One that waits, with all that is in it, secrets and what is otherwise cut included.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it no longer waits, with how it ended.
    pub(crate) fn exactly(&self, id: &str) -> Result<Waiting> {
        let waiting = self.lock().question(id).map(Waiting::of)?;
        Ok(Waiting { question: Arc::new(waiting.question.exactly()), ..waiting })
    }

    /// Waits until the number of changes is another than this, at most so long.
    pub(crate) async fn changed(&self, since: u64, wait: Duration) {
        let mut version = self.lock().version.subscribe();
        let _ = tokio::time::timeout(wait, version.wait_for(|version| *version != since)).await;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a call comes to by an answer. A key that ended in the meantime opens nothing.
fn finish(agent: &Agent, answer: Answer) -> Result<()> {
    answer.into_result()?;
    if agent.is_revoked() || agent.has_expired() { Err(no_longer(agent.name())) } else { Ok(()) }
}

/// A call that waits for an answer; it no longer does when this is dropped.
struct Call<'a> {
    approvals: &'a Approvals,
    id: String,
    tool: &'static str,
    answer: watch::Receiver<Option<Answer>>,
    /// Cancelled when the person stops it.
    stop: &'a CancellationToken,
    has_left: bool,
}

impl Call<'_> {
    /// The answer; none when there will be none.
    async fn answered(&mut self) -> Option<Answer> {
        self.answer.wait_for(Option::is_some).await.ok().and_then(|answer| answer.clone())
    }

    /// Waits no longer. An answer that came in this moment counts.
    fn give_up(&mut self, agent: &Agent, why: &str) -> Result<Option<Answer>> {
        let mut state = self.approvals.lock();
        if let Some(answer) = &*self.answer.borrow() {
            return Ok(Some(answer.clone()));
        }
        self.has_left = true;
        let Some(until) = state.leave(&self.id) else { return Ok(None) };
        let approval = PendingApproval {
            id: self.id.clone(),
            status: "pending",
            agent: agent.name().to_owned(),
            tool: self.tool.to_owned(),
            expires_at: clock::timestamp_of(until.wall()),
        };
        let message = format!("{why}. The question is {}, and nobody has answered it yet", self.id);
        Err(Error::Asked { message, approval: Box::new(approval) })
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        match self.stop.is_cancelled() {
            _ if self.has_left => {}
            true => self.approvals.lock().withdraw(&self.id),
            false => drop(self.approvals.lock().leave(&self.id)),
        }
    }
}
