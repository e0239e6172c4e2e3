//! How the person answers.

use super::{
    Approvals,
    answer::{Answer, Answered, Chosen, Scope},
    question::{Kind, Question},
    standing::StandingAnswer,
};
use crate::error::{Error, Result};

/// A question that a person is just answering; it is given back when this is dropped.
struct Claim<'a> {
    approvals: &'a Approvals,
    id: &'a str,
}

impl<'a> Claim<'a> {
    fn of(approvals: &'a Approvals, id: &'a str) -> Result<Self> {
        approvals.lock().claim(id)?;
        Ok(Self { approvals, id })
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.approvals.lock().unclaim(self.id);
    }
}

impl Approvals {
    /// Says yes. Where it is to hold always, that is written first: this blocks, and when it fails nothing is approved.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it no longer waits, with how it ended; [`Error::Unusable`] when it cannot hold always; when
    /// that cannot be written.
    pub(crate) fn approve(&self, chosen: &Chosen, scope: Scope) -> Result<Vec<Answered>> {
        let chosen = self.lock().chosen(chosen)?;
        if scope == Scope::Always {
            chosen.iter().try_for_each(|(id, question)| kept_kind(id, question).map(drop))?;
        }
        let mut answered: Vec<Answered> = Vec::new();
        for (id, question) in chosen {
            // One that waited for the same yes is answered by now.
            if answered.iter().all(|before| before.id != id) {
                let more = self.approve_one(&id, &question, scope).map_err(|error| after(&answered, error))?;
                answered.extend(more);
            }
        }
        Ok(answered)
    }

    /// Says no.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it no longer waits, with how it ended.
    pub(crate) fn deny(&self, chosen: &Chosen, reason: Option<&str>) -> Result<Vec<Answered>> {
        let (chosen, answer) = (self.lock().chosen(chosen)?, Answer::no(reason));
        let mut answered = Vec::new();
        for (id, _) in chosen {
            let one = Claim::of(self, &id).and_then(|_claim| self.lock().answer(&id, &answer, "denied"));
            answered.push(one.map_err(|error| after(&answered, error))?);
        }
        Ok(answered)
    }

    /// The answers that still hold, oldest first.
    pub(crate) fn answers(&self) -> Vec<StandingAnswer> {
        self.lock().answers()
    }

    /// Has an answer hold no longer: calls that it would let pass are asked about anew.
    ///
    /// # Errors
    /// [`Error::NotFound`] when none of that id holds.
    pub(crate) fn revoke(&self, id: &str) -> Result<Vec<StandingAnswer>> {
        let revoked = self.lock().revoke(|answer| answer.id == id);
        let none = || Error::NotFound(format!("No answer {id} holds: its time is over, or there was none"));
        if revoked.is_empty() { Err(none()) } else { Ok(revoked) }
    }

    /// The same with all answers about an agent.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no such agent.
    pub(crate) fn revoke_all(&self, agent: &str) -> Result<Vec<StandingAnswer>> {
        self.agents.named(agent)?;
        Ok(self.lock().revoke(|answer| answer.agent == agent))
    }

    /// The questions of an agent, or of all, that no call waits for end: the person stopped all that they do.
    pub(crate) fn withdraw_all(&self, agent: Option<&str>) {
        self.lock().withdraw_all(agent);
    }

    fn approve_one(&self, id: &str, question: &Question, scope: Scope) -> Result<Vec<Answered>> {
        let _claim = Claim::of(self, id)?;
        let kept = match scope {
            Scope::Always => {
                let kept = (self.keep)(&question.agent, kept_kind(id, question)?);
                Some(kept.map_err(|error| unapproved(id, error))?)
            }
            _ => None,
        };
        let mut answered = self.lock().approve(id, scope)?;
        if let Some(first) = answered.first_mut() {
            first.kept = kept;
        }
        Ok(answered)
    }
}

/// The kind that is allowed for good.
fn kept_kind<'a>(id: &str, question: &'a Question) -> Result<&'a Kind> {
    let why = question.why_not_always().unwrap_or_default();
    question.kind.as_ref().filter(|kind| kind.can_be_kept).ok_or_else(|| {
        Error::Unusable(format!(
            "{id} cannot be approved for good: {why}. Approve it once, for the session or for an hour, or write a rule into \
             permissions.toml"
        ))
    })
}

/// Why a question could not be approved for good. The person must know that it is not approved otherwise.
fn unapproved(id: &str, error: Error) -> Error {
    let nothing = format!("Nothing was approved, and {id} still waits");
    let hint = error.hint().map(str::to_owned);
    let error = match error.into_kind() {
        Error::Full(why) => Error::Full(format!("{nothing}: {why}")),
        Error::Unusable(why) => Error::Unusable(format!("{nothing}: {why}")),
        Error::Conflict(why) => Error::Conflict(format!("{nothing}: {why}")),
        Error::Internal(cause) => Error::Unusable(format!("{nothing}: permissions.toml cannot be written: {cause:#}")),
        other => return other.with_hint(|| Some(nothing)),
    };
    error.with_hint(|| hint)
}

/// What went wrong after some were answered.
fn after(answered: &[Answered], error: Error) -> Error {
    let said = || format!("{} were answered before that", answered.len());
    error.with_hint(|| (!answered.is_empty()).then(said))
}
