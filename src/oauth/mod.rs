//! An authorization server (OAuth 2.1) for clients on the web that take no key. The person lets each in on a page, with a
//! code that only the machine shows; from then on it is an agent like any other, known by tokens in place of a key.
//!
//! It is there only with `MCP_PUBLIC_URL`. What is kept, in `memory/oauth.json`, are hashes alone.

mod client;
mod code;
mod document;
mod file;
mod grant;
mod person;
mod problem;
mod redirect;
mod request;
mod secret;

pub(crate) use client::Registration;
pub(crate) use document::Fetch;
pub(crate) use grant::TokenRequest;
pub(crate) use person::{Consent, gone};
pub(crate) use problem::{Problem, Reason};
pub(crate) use request::{Asked, Question, Unaskable};

use crate::{agents::Agents, settings::PublicUrl};
use code::Codes;
use document::Documents;
use file::File;
use person::PersonCodes;
use request::Requests;
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// The file in the bridge's folder.
const FILE: &str = "oauth.json";

/// How long an access token counts.
pub(crate) const ACCESS_LIFETIME: Duration = Duration::from_secs(60 * 60);

/// The authorization server of a bridge.
pub(crate) struct OAuth {
    issuer: PublicUrl,
    path: PathBuf,
    agents: Arc<Agents>,
    state: Mutex<State>,
    /// The access tokens, by their digests: apart, since each request looks here while a change waits for the disk.
    access: RwLock<HashMap<String, Access>>,
    documents: Documents,
    /// By the grant's name: cancelled when it ends, so that what its tokens opened does not go on.
    ends: Mutex<HashMap<String, CancellationToken>>,
}

struct State {
    file: File,
    requests: Requests,
    codes: Codes,
    person: PersonCodes,
    registered: Vec<std::time::Instant>,
}

/// What an access token opens.
#[derive(Clone, Debug)]
struct Access {
    /// The grant's name.
    grant: String,
    agent: String,
    /// What is kept of the agent's key: with another one, the token opens nothing any more.
    key_sha256: String,
    /// Seconds since 1970.
    until: i64,
}

impl OAuth {
    /// That of a bridge's folder, at its public address.
    ///
    /// # Errors
    /// When its file is damaged or cannot be read; the message says how to fix it.
    pub(crate) fn open(issuer: PublicUrl, folder: &Path, agents: Arc<Agents>, fetch: Fetch) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let file = File::read(&path)?;
        let access = RwLock::new(file.access(&issuer));
        let (requests, codes, person) = (Requests::default(), Codes::default(), PersonCodes::default());
        let state = Mutex::new(State { file, requests, codes, person, registered: Vec::new() });
        Ok(Self { issuer, path, agents, state, access, documents: Documents::new(fetch), ends: Mutex::default() })
    }

    /// The address that the outside knows, without a `/` at its end.
    pub(crate) fn issuer(&self) -> &PublicUrl {
        &self.issuer
    }

    /// Which agent an access token stands for, and what is cancelled when it opens nothing any more.
    pub(crate) fn holder(&self, token: &str) -> Option<(Arc<crate::agents::Agent>, CancellationToken)> {
        if !secret::is_access_token(token) {
            return None;
        }
        let access = self.access.read().unwrap_or_else(PoisonError::into_inner).get(&secret::digest(token)).cloned()?;
        let agent = self.agents.named(&access.agent).ok()?;
        let record = agent.record();
        let is_same = record.key_sha256.as_deref() == Some(access.key_sha256.as_str());
        if !is_same || access.until <= now() || record.has_expired() {
            return None;
        }
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        let end = ends.entry(access.grant).or_insert_with(|| agent.validity().child_token()).clone();
        (!end.is_cancelled()).then_some((agent, end))
    }

    /// Whether a text is an access token as they are made, whether it still opens anything or not.
    pub(crate) fn is_token(text: &str) -> bool {
        secret::is_access_token(text)
    }

    /// Writes what is kept, and then takes what opens from it.
    fn save(&self, state: &State) -> Result<(), Problem> {
        state.file.write(&self.path).map_err(|error| {
            tracing::error!(%error, "{} cannot be written", self.path.display());
            Problem::new(Reason::ServerError, "The bridge cannot write what it must keep")
        })?;
        self.follow(state);
        Ok(())
    }

    /// Takes what opens from what is known.
    fn follow(&self, state: &State) {
        let grants = &state.file.grants;
        let mut ends = self.ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.retain(|id, end| {
            let goes_on = grants.iter().any(|grant| grant.id == *id);
            if !goes_on {
                end.cancel();
            }
            goes_on
        });
        *self.access.write().unwrap_or_else(PoisonError::into_inner) = state.file.access(&self.issuer);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds since 1970.
fn now() -> i64 {
    chrono::Utc::now().timestamp()
}
