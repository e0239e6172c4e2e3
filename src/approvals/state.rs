//! What waits for the person, and the answers that still hold.

use super::{
    answer::{Answer, Answered, Chosen, Holds, Scope},
    grant::{Grant, PATIENCE, Pass},
    limit::Limit,
    question::Question,
    standing::StandingAnswer,
};
use crate::error::{Error, Result};
use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How many questions of one agent may wait, and of all.
const MAX_OF_AGENT: usize = 20;
const MAX: usize = 200;

/// How many bytes of what is asked may wait of one agent, and of all: the person may see all of it.
const MAX_BYTES_OF_AGENT: usize = 32 << 20;
const MAX_BYTES: usize = 128 << 20;

/// How many answers that still hold are kept; the oldest are forgotten, and the person is asked anew.
const MAX_KEPT: usize = 1000;

/// How many questions that are over are remembered, to say how they ended.
const MAX_OVER: usize = 200;

/// What ids of questions and of answers begin with, of what the rest is made, and how long that is: 40 random bits.
const QUESTION: &str = "apr_";
const ANSWER: &str = "ans_";
const CHARACTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
const LENGTH: usize = 8;

/// When to come back after too many questions: somebody has to read them.
const RETRY_AFTER: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct State {
    pending: Vec<Pending>,
    grants: VecDeque<Grant>,
    passes: VecDeque<Pass>,
    /// Those that are over, by their ids, and how they ended.
    over: VecDeque<(String, String)>,
    /// Counts the changes of what waits.
    pub(super) version: watch::Sender<u64>,
}

/// A question that waits.
pub(super) struct Pending {
    pub(super) id: String,
    pub(super) question: Arc<Question>,
    pub(super) asked: SystemTime,
    /// How many calls wait for the answer.
    pub(super) waiting: usize,
    /// Until when it can be answered though no call waits.
    pub(super) until: Option<Limit>,
    /// Whether a person is answering it right now.
    is_claimed: bool,
    revocation: CancellationToken,
    answer: watch::Sender<Option<Answer>>,
}

/// What becomes of a call that the person is asked about.
pub(super) enum Entered {
    /// An earlier answer to this very call holds for it.
    Answered(Answer),
    /// A yes that was given for more calls than one holds for it.
    Granted,
    /// It waits for that of the question with this id.
    Waits(String, watch::Receiver<Option<Answer>>),
}

impl State {
    /// Enters a question, unless an answer holds for it, or the same one waits already.
    ///
    /// # Errors
    /// [`Error::TooMany`] when too many wait, [`Error::Refused`] when it is too long for anybody to see all of it.
    pub(super) fn enter(&mut self, question: Question, revocation: CancellationToken) -> Result<Entered> {
        self.forget();
        if self.grants.iter().any(|grant| grant.covers(&question)) {
            return Ok(Entered::Granted);
        }
        let pass = self.passes.iter().position(|pass| pass.answers(&question));
        if let Some(pass) = pass.and_then(|at| self.passes.remove(at)) {
            return Ok(Entered::Answered(pass.answer));
        }
        let is_same = |it: &&mut Pending| it.question.agent == question.agent && it.question.digest == question.digest;
        if let Some(same) = self.pending.iter_mut().find(is_same) {
            same.waiting += 1;
            same.until = None;
            let waits = Entered::Waits(same.id.clone(), same.answer.subscribe());
            self.change();
            return Ok(waits);
        }
        self.check_number(&question.agent)?;
        let question = question.bounded();
        self.check_size(&question)?;
        let (id, (answer, receiver)) = (self.new_id(QUESTION)?, watch::channel(None));
        self.pending.push(Pending {
            id: id.clone(),
            question: Arc::new(question),
            asked: SystemTime::now(),
            waiting: 1,
            until: None,
            is_claimed: false,
            revocation,
            answer,
        });
        self.change();
        Ok(Entered::Waits(id, receiver))
    }

    /// One call no longer waits for an answer. Gives until when there can still be one; none when the question is over.
    pub(super) fn leave(&mut self, id: &str) -> Option<Limit> {
        let left = self.pending.iter_mut().find(|it| it.id == id)?;
        left.waiting -= 1;
        let until = Limit::after(PATIENCE);
        left.until = (left.waiting == 0).then_some(until);
        self.change();
        Some(until)
    }

    /// The person stopped a call that waits for an answer: its question ends with it, unless others wait, too.
    pub(super) fn withdraw(&mut self, id: &str) {
        self.leave(id);
        self.end_where(|it| it.id == id && it.waiting == 0);
    }

    /// The person stopped all that an agent does, or all agents do: what no call waits for ends, too.
    pub(super) fn withdraw_all(&mut self, agent: Option<&str>) {
        self.end_where(|it| it.waiting == 0 && agent.is_none_or(|agent| it.question.agent == agent));
    }

    fn end_where(&mut self, is_meant: impl Fn(&Pending) -> bool) {
        self.forget();
        for it in self.pending.extract_if(.., |it| is_meant(it)).collect::<Vec<_>>() {
            self.end(it.id, "its call was stopped".to_owned());
        }
    }

    /// The question of an id.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it no longer waits, with how it ended.
    pub(super) fn question(&mut self, id: &str) -> Result<&Pending> {
        self.forget();
        self.find(id).map(|it| &*it)
    }

    /// The answers that still hold, oldest first.
    pub(super) fn answers(&mut self) -> Vec<StandingAnswer> {
        self.forget();
        let passes = self.passes.iter().map(|pass| &pass.standing);
        let mut all: Vec<StandingAnswer> =
            self.grants.iter().map(|grant| &grant.standing).chain(passes).cloned().collect();
        all.sort_by_key(|answer| answer.given);
        all
    }

    /// Has answers hold no longer; gives those.
    pub(super) fn revoke(&mut self, is_meant: impl Fn(&StandingAnswer) -> bool) -> Vec<StandingAnswer> {
        let revoked = self.answers().into_iter().filter(&is_meant).collect();
        self.grants.retain(|grant| !is_meant(&grant.standing));
        self.passes.retain(|pass| !is_meant(&pass.standing));
        revoked
    }

    /// Those that wait, in the order in which they were asked.
    pub(super) fn pending(&mut self) -> &[Pending] {
        self.forget();
        &self.pending
    }

    /// Those that are meant.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there are none, with how it ended for one that is over.
    pub(super) fn chosen(&mut self, chosen: &Chosen) -> Result<Vec<(String, Arc<Question>)>> {
        self.forget();
        let named = |it: &Pending| (it.id.clone(), it.question.clone());
        match chosen {
            Chosen::One(id) => Ok(vec![named(self.find(id)?)]),
            Chosen::Alike(id) => {
                let (id, asked) = named(self.find(id)?);
                let is_alike = |it: &&Pending| it.id == id || it.question.is_like(&asked);
                Ok(self.pending.iter().filter(is_alike).map(named).collect())
            }
            Chosen::AllOf(agent) => {
                let all: Vec<_> = self.pending.iter().filter(|it| it.question.agent == *agent).map(named).collect();
                let none = || Error::NotFound(format!("No question of {agent} waits"));
                if all.is_empty() { Err(none()) } else { Ok(all) }
            }
        }
    }

    /// Takes a question for answering: nobody else can until it is answered or [given back](Self::unclaim).
    ///
    /// # Errors
    /// [`Error::NotFound`] with how it ended when it no longer waits, [`Error::Conflict`] when it is taken.
    pub(super) fn claim(&mut self, id: &str) -> Result<()> {
        self.forget();
        match std::mem::replace(&mut self.find(id)?.is_claimed, true) {
            false => Ok(()),
            true => Err(Error::Conflict(format!("The question {id} is just being answered by somebody else"))),
        }
    }

    /// Gives a question back that was taken and not answered.
    pub(super) fn unclaim(&mut self, id: &str) {
        if let Some(pending) = self.pending.iter_mut().find(|it| it.id == id) {
            pending.is_claimed = false;
        }
    }

    /// Says yes to a question that was taken, and to those that wait for the same yes. All that were answered.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub(super) fn approve(&mut self, id: &str, scope: Scope) -> Result<Vec<Answered>> {
        let how = format!("approved {}", scope.in_words());
        self.forget();
        let grant_id = self.new_id(ANSWER)?;
        let asked = self.pending.iter().find(|it| it.id == id);
        let grant = asked.and_then(|it| Grant::of(grant_id, &it.question, scope, it.revocation.clone()));
        let Some(grant) = grant else { return Ok(vec![self.answer(id, &Answer::Yes, &how)?]) };
        // What holds always stands in the permission file, which may be changed before the call comes again.
        let is_standing = scope != Scope::Always;
        let mut answered = vec![self.answer_with(id, &Answer::Yes, &how, !is_standing)?];
        let others: Vec<String> = self
            .pending
            .iter()
            .filter(|it| !it.is_claimed && grant.covers(&it.question))
            .map(|it| it.id.clone())
            .collect();
        let same = format!("{how}, with {id}");
        for other in others {
            answered.push(self.answer_with(&other, &Answer::Yes, &same, !is_standing)?);
        }
        if is_standing {
            answered[0].holds = Some(Holds::of(&grant.standing));
            push(&mut self.grants, grant, MAX_KEPT);
        }
        Ok(answered)
    }

    /// Answers a question: those who wait for it are told, and otherwise who makes the same call again.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it no longer waits.
    pub(super) fn answer(&mut self, id: &str, answer: &Answer, how: &str) -> Result<Answered> {
        self.answer_with(id, answer, how, true)
    }

    /// The same; `passes` says whether the same call passes once where nobody waits.
    fn answer_with(&mut self, id: &str, answer: &Answer, how: &str, passes: bool) -> Result<Answered> {
        self.forget();
        let pass_id = self.new_id(ANSWER)?;
        let Some(at) = self.pending.iter().position(|it| it.id == id) else {
            return Err(Error::NotFound(format!("The question {id} ended while it was being answered")));
        };
        let it = self.pending.remove(at);
        let answered = Answered::of(&it.id, &it.question, it.waiting, how);
        if it.waiting == 0 && passes {
            let pass = Pass::of(pass_id, &it.question, answer.clone(), how, it.revocation);
            push(&mut self.passes, pass, MAX_KEPT);
        }
        it.answer.send_replace(Some(answer.clone()));
        self.end(it.id, format!("it was answered: {how}"));
        Ok(answered)
    }

    /// Forgets what no longer holds.
    fn forget(&mut self) {
        self.grants.retain(Grant::holds);
        self.passes.retain(Pass::holds);
        let ended = self.pending.extract_if(.., |it| it.end().is_some()).collect::<Vec<_>>();
        for it in ended {
            let how = it.end().unwrap_or_default().to_owned();
            self.end(it.id, how);
        }
    }

    fn find(&mut self, id: &str) -> Result<&mut Pending> {
        let over = self.over.iter().find(|(over, _)| over == id).map(|(_, how)| how.as_str());
        let how = over.unwrap_or("there was none, or it is long over");
        let none = || Error::NotFound(format!("No question {id} waits: {how}"));
        self.pending.iter_mut().find(|it| it.id == id).ok_or_else(none)
    }

    fn end(&mut self, id: String, how: String) {
        push(&mut self.over, (id, how), MAX_OVER);
        self.change();
    }

    fn change(&self) {
        self.version.send_modify(|version| *version += 1);
    }

    fn check_number(&self, agent: &str) -> Result<()> {
        let of_agent = self.pending.iter().filter(|it| it.question.agent == agent).count();
        let whose = match (of_agent >= MAX_OF_AGENT, self.pending.len() >= MAX) {
            (true, _) => format!("{of_agent} questions of {agent} wait for the person"),
            (_, true) => format!("{MAX} questions wait for the person"),
            _ => return Ok(()),
        };
        let message =
            format!("{whose}, and no more can: wait until some are answered, or ask the person to answer them");
        Err(Error::TooMany { message, retry_after: RETRY_AFTER })
    }

    fn check_size(&self, question: &Question) -> Result<()> {
        let size = question.size();
        if size > MAX_BYTES_OF_AGENT {
            let most = MAX_BYTES_OF_AGENT >> 20;
            return Err(Error::Refused(format!("{}, and nobody reads a call of more than {most} MiB", question.why))
                .with_hint(|| Some("Do it in smaller calls".to_owned())));
        }
        let of = |it: &&Pending| it.question.agent == question.agent;
        let sum = |all: &mut dyn Iterator<Item = &Pending>| all.map(|it| it.question.size()).sum::<usize>() + size;
        let is_full = sum(&mut self.pending.iter().filter(of)) > MAX_BYTES_OF_AGENT;
        if !is_full && sum(&mut self.pending.iter()) <= MAX_BYTES {
            return Ok(());
        }
        let message =
            "The questions that wait for the person are so long that no more can: wait until some are answered, or \
                       ask the person to answer them"
                .to_owned();
        Err(Error::TooMany { message, retry_after: RETRY_AFTER })
    }

    fn new_id(&self, prefix: &str) -> Result<String> {
        let is_taken = |id: &str| {
            self.pending.iter().any(|it| it.id == id)
                || self.over.iter().any(|it| it.0 == id)
                || self.grants.iter().any(|it| it.standing.id == id)
                || self.passes.iter().any(|it| it.standing.id == id)
        };
        loop {
            let mut bits = [0; LENGTH];
            getrandom::fill(&mut bits)
                .map_err(|error| Error::internal(anyhow::anyhow!("no random numbers: {error}")))?;
            let characters = bits.iter().map(|bits| char::from(CHARACTERS[usize::from(*bits) % CHARACTERS.len()]));
            let id = prefix.chars().chain(characters).collect::<String>();
            if !is_taken(&id) {
                return Ok(id);
            }
        }
    }
}

impl Pending {
    /// Why it no longer waits, if it does not.
    fn end(&self) -> Option<&'static str> {
        if self.revocation.is_cancelled() {
            return Some("the key of its agent was revoked");
        }
        let is_late = !self.is_claimed && self.until.is_some_and(Limit::is_past);
        is_late.then_some("nobody answered it in time")
    }
}

fn push<T>(kept: &mut VecDeque<T>, new: T, most: usize) {
    if kept.len() >= most {
        kept.pop_front();
    }
    kept.push_back(new);
}
