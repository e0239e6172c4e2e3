//! The person's yes: proven by a code that only the machine shows, once and within five minutes.

use super::{
    OAuth, State,
    code::Code,
    grant::Granted,
    problem::{Problem, Reason},
    request::{NARROW, Question, answer},
    secret,
};
use crate::{
    agents::{Effect, Record},
    error::{Error, Result},
};
use std::time::{Duration, Instant, SystemTime};
use url::Url;

/// How long a code counts.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Without letters and digits that are taken for one another.
const CHARACTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// 40 bits, as two groups of four: with [`MOST_WRONG`], one code of three billion is guessed before it ends.
const LENGTH: usize = 8;

/// So many wrong codes within [`WINDOW`] are looked at, of all questions together. Few more than a person types, since who
/// stands outside could otherwise keep the person from answering; each question has fewer.
const MOST_WRONG: usize = 60;
const WINDOW: Duration = Duration::from_secs(60);

/// How many codes count at once: past it the oldest ends.
const MOST: usize = 8;

/// The profile that a client gets unless the person chooses.
const USUAL: &str = "careful";

/// The codes that were shown, and the wrong ones of the last minute.
#[derive(Default)]
pub(super) struct PersonCodes {
    shown: Vec<Shown>,
    wrong: Vec<Instant>,
}

/// A code that counts, by its hash. By both clocks: one that is set back makes nothing last longer, and the hours that a
/// machine sleeps count.
struct Shown {
    sha256: String,
    made: Instant,
    until: SystemTime,
}

/// What the person says on the page.
#[derive(Debug)]
pub(crate) struct Consent<'a> {
    /// Which question.
    pub(crate) id: &'a str,
    /// The code that the machine shows.
    pub(crate) code: &'a str,
    /// What the agent is called.
    pub(crate) agent: &'a str,
    /// What it may do.
    pub(crate) profile: &'a str,
}

impl PersonCodes {
    fn make(&mut self) -> Result<(String, SystemTime)> {
        let mut bytes = [0; LENGTH];
        getrandom::fill(&mut bytes).map_err(|error| Error::internal(anyhow::anyhow!("no random numbers: {error}")))?;
        let code: String =
            bytes.iter().map(|byte| char::from(CHARACTERS[usize::from(*byte) % CHARACTERS.len()])).collect();
        let until = SystemTime::now() + LIFETIME;
        self.shown.drain(..(self.shown.len() + 1).saturating_sub(MOST));
        self.shown.push(Shown { sha256: secret::digest(&code), made: Instant::now(), until });
        Ok((format!("{}-{}", &code[..LENGTH / 2], &code[LENGTH / 2..]), until))
    }

    /// Whether a code counts, which it does until it is used up.
    ///
    /// # Errors
    /// [`Error::TooMany`] after many wrong ones, [`Error::Refused`] for another wrong one.
    fn check(&mut self, code: &str) -> Result<()> {
        self.wrong.retain(|at| at.elapsed() < WINDOW);
        if self.wrong.len() >= MOST_WRONG {
            let message = "Many codes were wrong, so this one was not looked at: try again in a minute".to_owned();
            return Err(Error::TooMany { message, retry_after: WINDOW });
        }
        self.shown.retain(|one| one.made.elapsed() < LIFETIME && SystemTime::now() < one.until);
        let sha256 = digest_of(code);
        if self.shown.iter().any(|one| one.sha256 == sha256) {
            return Ok(());
        }
        self.wrong.push(Instant::now());
        Err(Error::Refused("This is not a code that the machine shows, or its five minutes are over".to_owned()))
    }

    fn use_up(&mut self, code: &str) {
        let sha256 = digest_of(code);
        self.shown.retain(|one| one.sha256 != sha256);
    }
}

/// The hash of a code, however it is typed.
fn digest_of(code: &str) -> String {
    let plain = code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase());
    secret::digest(&plain.take(LENGTH + 1).collect::<String>())
}

impl OAuth {
    /// Makes a code for the page that asks for consent, for the person alone; it, until when it counts, and where those come
    /// from that ask now.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(crate) fn code(&self) -> Result<(String, SystemTime, Vec<String>)> {
        let mut state = self.lock();
        let (code, until) = state.person.make()?;
        Ok((code, until, state.requests.places()))
    }

    /// What an agent for a client is called unless the person chooses: as the place it comes from, or as the one that the
    /// client was before.
    pub(crate) fn name_for(&self, question: &Question) -> String {
        if let Some(agent) = self.agent_of(&question.client.id) {
            return agent;
        }
        let host = question.redirect.host_str().filter(|_| question.redirect.scheme() == "https");
        let plain: String =
            host.unwrap_or("client").chars().filter(|c| c.is_ascii_alphanumeric() || "-.".contains(*c)).collect();
        let plain = plain.trim_start_matches("www.").trim_matches(['-', '.']);
        let name = if plain.is_empty() { "client" } else { plain };
        let numbered = (2..).map(|number| format!("{name}-{number}"));
        let mut names = std::iter::once(name.to_owned()).chain(numbered);
        names.find(|name| self.agents.named(name).is_err()).expect("there are more numbers than agents")
    }

    /// What an agent of this name may do unless the person chooses: what it may already, or little.
    pub(crate) fn profile_for(&self, question: &Question, agent: &str) -> String {
        let known = self.agent_of(&question.client.id).filter(|own| own == agent);
        let known = known.and_then(|own| Some(self.agents.named(&own).ok()?.profile().to_string()));
        known.unwrap_or_else(|| if question.is_narrow { NARROW } else { USUAL }.to_owned())
    }

    /// The profiles that the person can choose.
    pub(crate) fn profiles(&self) -> Vec<String> {
        self.agents.profiles()
    }

    /// Lets a client in as an agent; where the browser goes then. What the client was let do before as that agent ends. Blocks.
    ///
    /// # Errors
    /// [`Error::Refused`] for a wrong code, [`Error::TooMany`] after many, [`Error::NotFound`] where nothing waits or there is
    /// no such profile, [`Error::Conflict`] where the name is another agent's. The code counts on where something else is wrong.
    pub(crate) fn consent(&self, consent: &Consent<'_>) -> Result<Url> {
        let mut state = self.lock();
        if let Some(url) = state.requests.answer_to(consent.id) {
            return Ok(url);
        }
        let question = state.requests.get(consent.id).ok_or_else(gone)?;
        // Before the code nobody learns which agents and profiles there are.
        if let Err(wrong) = state.person.check(consent.code) {
            state.requests.typed_wrong(consent.id);
            tracing::warn!("a wrong code was typed on the page on which {} wants to be let in", question.place());
            return Err(wrong);
        }
        let key_sha256 = self.agent_for(&state, &question, consent)?;
        let [agent, client] = [consent.agent, &question.client.id].map(str::to_owned);
        state.file.agents.insert(agent.clone(), client.clone());
        state.file.grants.retain(|grant| grant.agent != agent);
        self.save(&state).map_err(internal)?;
        let code = secret::make(secret::CODE).map_err(internal)?;
        let (resource, asked) = (question.resource.clone(), question.scope.clone());
        let granted = Granted { agent, key_sha256, client, resource, asked };
        state.codes.add(Code::new(&code, granted, question.redirect.clone(), question.challenge.clone()));
        state.person.use_up(consent.code);
        let url = answer(&question.redirect, &self.issuer, question.state.as_deref(), &[("code", code)]);
        state.requests.answer(consent.id, url.clone());
        let Consent { agent, profile, .. } = consent;
        tracing::info!("the person let in {} as the agent {agent} with the profile {profile}", question.place());
        Ok(url)
    }

    /// Makes the agent of a client, or gives it another profile; what is kept of its key then.
    fn agent_for(&self, state: &State, question: &Question, consent: &Consent<'_>) -> Result<String> {
        let (name, profile) = (consent.agent, self.agents.profile_named(consent.profile)?);
        crate::agents::check_name(name)?;
        let agent = match self.agents.named(name) {
            Ok(_) if state.file.agents.get(name) != Some(&question.client.id) => {
                return Err(Error::Conflict(format!("There is an agent {name} already: choose another name")));
            }
            Ok(agent) if agent.is_revoked() || agent.record().has_expired() => {
                return Err(Error::Conflict(format!("The agent {name} was revoked or has ended: choose another name")));
            }
            Ok(_) => self.agents.edit(name, Effect::Gives, |record| record.profile = profile)?,
            Err(_) => {
                let note = format!("connected by OAuth, from {}", question.place());
                // Nobody learns its key: its client has tokens.
                self.agents.add(Record { name: name.to_owned(), profile, note, ..Record::default() })?;
                self.agents.named(name)?
            }
        };
        Ok(agent.record().key_sha256.unwrap_or_default())
    }

    /// The agent that a client was let in as.
    fn agent_of(&self, client: &str) -> Option<String> {
        let state = self.lock();
        let mut agents = state.file.agents.iter().filter(|(_, of)| *of == client).map(|(agent, _)| agent);
        let is_there = |agent: &&String| {
            self.agents.named(agent).is_ok_and(|agent| !agent.is_revoked() && !agent.record().has_expired())
        };
        agents.find(is_there).cloned()
    }
}

pub(crate) fn gone() -> Error {
    Error::NotFound("Nothing waits for an answer here any more: begin again in the client".to_owned())
}

fn internal(problem: Problem) -> Error {
    Error::internal(anyhow::anyhow!(problem.text))
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::new(Reason::ServerError, error.to_string())
    }
}
