//! Authorization: whether a call may be done, by the profile of its agent, or by the person's word.

use super::{
    Bridge,
    operation::{Operation, SentArguments},
    questions,
};
use crate::{
    agents::Agent,
    approvals::{Question, Yes},
    blocking::blocking,
    caller::{Caller, LOOK_AGAIN, Limits, Running},
    capability::Context,
    catalog::Entry,
    error::{Error, Result},
    permissions::{Decision, Effect, Needs, Profile, Subjects},
    services::Services,
};
use std::{sync::Arc, time::Duration};

/// The most times the person is asked about one call whose files keep changing.
const MAX_ASKED: usize = 5;

/// How often a client is told that its call waits for the person.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// A call's place among those that run at once. While the call waits for the person it has none.
pub(super) struct Turn {
    limits: Arc<Limits>,
    /// None where the person said yes to more calls than there are places for.
    _running: Option<Running>,
}

impl Turn {
    /// Takes one.
    ///
    /// # Errors
    /// As [`Limits::begin`].
    pub(super) fn take(limits: &Arc<Limits>, caller: &Caller) -> Result<Self> {
        Ok(Self { _running: Some(limits.begin(caller)?), limits: limits.clone() })
    }

    /// One for a call that the person said yes to, which is done whether there is a place or not.
    fn for_an_approved(limits: &Arc<Limits>, caller: &Caller) -> Self {
        Self { _running: limits.begin(caller).ok(), limits: limits.clone() }
    }
}

/// What a caller may use for a call.
pub(super) struct CallerScope {
    /// None for the person, who needs no permission.
    pub(super) profile: Option<Arc<Profile>>,
    pub(super) services: Arc<Services>,
}

impl CallerScope {
    /// Whether the person is asked about some calls of this.
    pub(super) fn may_ask(&self, operation: Operation) -> bool {
        self.profile.as_ref().is_some_and(|profile| operation.asks.is_some() || profile.may_ask())
    }
}

/// A call that is to be done.
pub(super) struct Call<'a> {
    pub(super) context: &'a Context,
    pub(super) scope: CallerScope,
    pub(super) operation: Operation,
    pub(super) turn: Turn,
    /// What was sent, where the person has to know it.
    pub(super) sent: &'a (dyn Fn() -> SentArguments + Sync),
}

impl Bridge {
    /// What a caller may use.
    ///
    /// # Errors
    /// [`Error::Refused`] where the profile of the agent is not there, or cannot be held to.
    pub(super) async fn scope_of(&self, caller: &Caller) -> Result<CallerScope> {
        let Some(agent) = caller.as_agent() else {
            return Ok(CallerScope { profile: None, services: self.views.whole().clone() });
        };
        let profile = self.profile_of(agent)?;
        let services = match self.views.known(&profile) {
            Some(services) => services,
            None => {
                let (views, profile) = (self.views.clone(), profile.clone());
                blocking(move || views.of(&profile)).await??
            }
        };
        Ok(CallerScope { profile: Some(profile), services })
    }

    /// The profile of an agent, as the person's file has it now.
    ///
    /// # Errors
    /// [`Error::Refused`] where there is none of that name.
    pub(crate) fn profile_of(&self, agent: &Agent) -> Result<Arc<Profile>> {
        let name = agent.profile();
        self.views.permissions().current().get(&name).cloned().ok_or_else(|| {
            Error::Refused(format!(
                "The profile {name} of the agent {} is not in permissions.toml: the person puts it there, or gives the \
                 agent another one",
                agent.name()
            ))
        })
    }

    /// Whether a caller's profile has a tool at all, whatever is done with it.
    pub(crate) fn has(&self, caller: &Caller, entry: &Entry) -> bool {
        let profile = caller.as_agent().map(|agent| self.profile_of(agent));
        profile.is_none_or(|profile| profile.is_ok_and(|profile| profile.has(entry.name, entry.access)))
    }

    /// Lets a decoded call go on where its profile or the person does, on what it may use then. What the person said yes to
    /// is done only as it was asked: whatever changed meanwhile is asked about anew.
    ///
    /// # Errors
    /// [`Error::Refused`] where neither does, [`Error::Asked`] where the person has not answered yet.
    pub(super) async fn authorize<P: Send + 'static>(
        &self,
        call: Call<'_>,
        prepared: P,
        subjects: impl Fn(&P, &Services, Needs) -> Subjects + Copy + Send + 'static,
    ) -> Result<(P, Turn, CallerScope)> {
        let Call { context, mut scope, operation, mut turn, sent } = call;
        let Some(mut profile) = scope.profile.clone() else { return Ok((prepared, turn, scope)) };
        context.within(&profile);
        let (mut prepared, mut about) = find_out(&scope, prepared, profile.needs(), subjects).await?;
        for _ in 0..MAX_ASKED {
            let decision = self.decide(context, &mut about, &profile, operation);
            match decision.effect {
                Effect::Allow => return Ok((prepared, turn, scope)),
                Effect::Deny => return Err(refused(&decision, &profile)),
                Effect::Ask => {}
            }
            (prepared, about) = find_out(&scope, prepared, whole(&profile), subjects).await?;
            about.deleted_before = self.deletions.recent(context.caller.name());
            let decision = decide(operation, &about, &profile);
            if decision.effect != Effect::Ask {
                continue;
            }
            if let Some(how) = about.instead {
                return Err(Error::Refused(decision.why).with_hint(|| Some(how.to_owned())));
            }
            let sent = sent();
            let question = questions::question(context, operation, &sent, &profile, &about, &decision);
            let asked = question.digest;
            let limits = turn.limits.clone();
            drop(turn);
            let yes = self.ask(context, question).await?;
            context.caller.may_call()?;
            turn = Turn::for_an_approved(&limits, &context.caller);
            // What the agent may do at all, and where, may have become less meanwhile.
            scope = self.scope_of(&context.caller).await?;
            profile = scope.profile.clone().unwrap_or(profile);
            (prepared, about) = find_out(&scope, prepared, whole(&profile), subjects).await?;
            let is_denied = decide(operation, &about, &profile).effect == Effect::Deny;
            if !is_denied && questions::digest(operation, &sent, &about) == asked {
                context.approve();
                if yes == Yes::ToThisCall && about.deletes > 0 {
                    self.deletions.start_anew(context.caller.name());
                }
                return Ok((prepared, turn, scope));
            }
        }
        Err(Error::Refused("What this call is about changes all the time, so that no answer holds for it".to_owned()))
    }

    /// What a profile says of a call, by what its agent deleted before, too.
    fn decide<'a>(
        &self,
        context: &Context,
        about: &mut Subjects,
        profile: &'a Profile,
        operation: Operation,
    ) -> Decision<'a> {
        if profile.needs().deletes.is_none() {
            return decide(operation, about, profile);
        }
        self.deletions.decide(context.caller.name(), about.deletes, |before| {
            about.deleted_before = before;
            decide(operation, about, profile)
        })
    }

    /// Ends when what the caller of a call may do is another than when the call was decided.
    pub(crate) async fn permissions_change(&self, context: &Context) {
        let mut every = tokio::time::interval(LOOK_AGAIN);
        loop {
            every.tick().await;
            let (Some(agent), Some(then)) = (context.caller.as_agent(), context.profile()) else { continue };
            let is_same = |now: &Arc<Profile>| {
                Arc::ptr_eq(now, then)
                    || now.in_words() == then.in_words()
                        && now.settings(&self.settings) == then.settings(&self.settings)
            };
            if !self.profile_of(agent).is_ok_and(|now| is_same(&now)) {
                return;
            }
        }
    }

    /// Asks the person, and tells a client that watches that its call waits.
    async fn ask(&self, context: &Context, question: Question) -> Result<Yes> {
        let wait = self.approvals().patience(context);
        let told = format!("The person is asked: {}", question.why);
        let shown = question.clone();
        let telling = async {
            let mut every = tokio::time::interval(TELL_EVERY);
            loop {
                every.tick().await;
                context.report(0.0, None, told.as_str());
            }
        };
        tokio::select! {
            answered = self.approvals().ask(question, wait, &context.stopped) => answered,
            never = telling => never,
            () = self.ask_the_client(context, &shown) => unreachable!("it never ends"),
        }
    }
}

/// What is to happen with a call.
fn decide<'a>(operation: Operation, about: &Subjects, profile: &'a Profile) -> Decision<'a> {
    let decision = about.decide(profile, operation.tool, operation.access);
    match operation.asks {
        Some(why) => decision.or_stricter(Decision::asked(None, why.to_owned())),
        None => decision,
    }
}

/// All that a person has to know who is asked.
fn whole(profile: &Profile) -> Needs {
    Needs { bound: true, ..profile.needs() }
}

/// What a call is about, as far as that is needed; found out where nobody waits for it.
async fn find_out<P: Send + 'static>(
    scope: &CallerScope,
    prepared: P,
    needs: Needs,
    subjects: impl Fn(&P, &Services, Needs) -> Subjects + Send + 'static,
) -> Result<(P, Subjects)> {
    if needs.are_none() {
        return Ok((prepared, Subjects::default()));
    }
    let services = scope.services.clone();
    blocking(move || {
        let about = subjects(&prepared, &services, needs);
        (prepared, about)
    })
    .await
}

/// Why a call is not done, and what the agent can do about it.
fn refused(decision: &Decision<'_>, profile: &Profile) -> Error {
    let line = decision.rule.map(|rule| format!("{rule} ({})", profile.name())).unwrap_or_default();
    let how = "POST /permissions/request asks the person for more";
    Error::Refused(decision.why.clone()).with_hint(|| Some(format!("It is decided by {line}. {how}")))
}
