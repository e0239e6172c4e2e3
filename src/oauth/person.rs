//! The person's yes: proven by a code that only the machine shows, once and within five minutes.

use super::{
    OAuth,
    code::Code,
    grant::Granted,
    problem::{Problem, Reason},
    request::{Question, answer},
    secret,
};
use crate::{
    agents::{Effect, Record},
    error::{Error, Result},
};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use url::Url;

/// How long a code counts.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// Without letters and digits that are taken for one another.
const CHARACTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

/// 40 bits, as two groups of four: with [`MOST_WRONG`], one guess of 20 billion is right before it ends.
const LENGTH: usize = 8;

/// So many wrong codes within [`WINDOW`] are looked at.
const MOST_WRONG: usize = 10;
const WINDOW: Duration = Duration::from_secs(60);

/// How many codes count at once: past it the oldest ends.
const MOST: usize = 8;

/// The profile that a client gets unless the person chooses.
pub(crate) const USUAL: &str = "careful";

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

    /// Uses a code up.
    ///
    /// # Errors
    /// [`Error::TooMany`] after many wrong ones, [`Error::Refused`] for another wrong one.
    fn take(&mut self, code: &str) -> Result<()> {
        self.wrong.retain(|at| at.elapsed() < WINDOW);
        if self.wrong.len() >= MOST_WRONG {
            let message = "Many codes were wrong, so this one was not looked at: try again in a minute".to_owned();
            return Err(Error::TooMany { message, retry_after: WINDOW });
        }
        self.shown.retain(|one| one.made.elapsed() < LIFETIME && SystemTime::now() < one.until);
        let plain: String =
            code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).take(LENGTH + 1).collect();
        let sha256 = secret::digest(&plain);
        if let Some(at) = self.shown.iter().position(|one| one.sha256 == sha256) {
            self.shown.remove(at);
            return Ok(());
        }
        self.wrong.push(Instant::now());
        Err(Error::Refused("This is not a code that the machine shows, or its five minutes are over".to_owned()))
    }
}

impl OAuth {
    /// Makes a code for the page that asks for consent, for the person alone; it, and until when it counts.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(crate) fn code(&self) -> Result<(String, SystemTime)> {
        self.lock().person.make()
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

    /// The profiles that the person can choose.
    pub(crate) fn profiles(&self) -> Vec<String> {
        self.agents.profiles()
    }

    /// Lets a client in as an agent; where the browser goes then. Blocks.
    ///
    /// # Errors
    /// [`Error::Refused`] for a wrong code, [`Error::TooMany`] after many, [`Error::NotFound`] where nothing waits or there is
    /// no such profile, [`Error::Conflict`] where the name is another agent's. The code counts on where something else is wrong.
    pub(crate) fn consent(&self, consent: &Consent<'_>) -> Result<Url> {
        let mut state = self.lock();
        let question = state.requests.get(consent.id).ok_or_else(gone)?;
        let profile = self.agents.profile_named(consent.profile)?;
        crate::agents::check_name(consent.agent)?;
        let is_own = state.file.agents.get(consent.agent) == Some(&question.client.id);
        if !is_own && self.agents.named(consent.agent).is_ok() {
            return Err(Error::Conflict(format!("There is an agent {} already: choose another name", consent.agent)));
        }
        state.person.take(consent.code)?;
        let key_sha256 = self.agent_for(&question, consent.agent, profile)?;
        let (agent, client, resource) =
            (consent.agent.to_owned(), question.client.id.clone(), question.resource.clone());
        let code = secret::make(secret::CODE).map_err(|problem| Error::internal(anyhow::anyhow!(problem.text)))?;
        let granted = Granted { agent, key_sha256, client, resource };
        state.file.agents.insert(granted.agent.clone(), granted.client.clone());
        self.save(&state).map_err(|problem| Error::internal(anyhow::anyhow!(problem.text)))?;
        let redirect_uri = question.redirect.to_string();
        state.codes.add(Code::new(&code, granted, redirect_uri, question.challenge.clone()));
        state.requests.take(consent.id);
        Ok(answer(&question.redirect, &self.issuer, question.state.as_deref(), &[("code", code)]))
    }

    /// Makes the agent of a client, or gives it another profile; what is kept of its key then.
    fn agent_for(&self, question: &Question, name: &str, profile: Arc<str>) -> Result<String> {
        match self.agents.named(name) {
            Ok(agent) => {
                if agent.is_revoked() {
                    self.agents.rotate(name)?;
                }
                self.agents.edit(name, Effect::Gives, |record| record.profile = profile)?;
            }
            Err(_) => {
                let note = format!("connected by OAuth, from {}", question.place());
                // Nobody learns its key: its client has tokens.
                self.agents.add(Record { name: name.to_owned(), profile, note, ..Record::default() })?;
            }
        }
        Ok(self.agents.named(name)?.record().key_sha256.unwrap_or_default())
    }

    /// The agent that a client was let in as.
    fn agent_of(&self, client: &str) -> Option<String> {
        let state = self.lock();
        let mut agents = state.file.agents.iter().filter(|(_, of)| *of == client).map(|(agent, _)| agent);
        agents.find(|agent| self.agents.named(agent).is_ok()).cloned()
    }
}

pub(crate) fn gone() -> Error {
    Error::NotFound("Nothing waits for an answer here any more: begin again in the client".to_owned())
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self::new(Reason::ServerError, error.to_string())
    }
}
