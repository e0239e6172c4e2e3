//! The keys that open the bridge: `MCP_API_KEY`, and those of agents.

use super::{Caller, attempts::WrongKeys, secret_digest::SecretDigest};
use crate::{
    agents::Agents,
    error::{Error, Result},
    oauth::OAuth,
};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, OnceLock, RwLock},
    time::{Duration, Instant},
};

/// How soon what lasts (a terminal's socket) hears of a new key. A request always hears of it at once.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How many keys one request may present: header, body and query have one each, and a proxy may add its own header.
const MAX_PRESENTED: usize = 4;

/// Where a new key may come from while the bridge runs: gives one when it differs from the one before.
pub type Source = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// The keys that are accepted. Only digests are compared.
pub struct Keys {
    current: RwLock<Accepted>,
    wrong: WrongKeys,
    source: Option<Source>,
    /// Those with keys of their own, once the bridge is open.
    agents: OnceLock<Arc<Agents>>,
    /// Those that have tokens instead, where clients of the web are let in.
    oauth: OnceLock<Arc<OAuth>>,
}

struct Accepted {
    key: String,
    digest: SecretDigest,
}

impl Accepted {
    fn new(key: String) -> Self {
        let digest = SecretDigest::of(&key);
        Self { key, digest }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys([hidden])")
    }
}

impl Keys {
    /// Accepts one key, whose holder is the agent `default`.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            current: RwLock::new(Accepted::new(key.into())),
            wrong: WrongKeys::default(),
            source: None,
            agents: OnceLock::new(),
            oauth: OnceLock::new(),
        }
    }

    /// The same, asking `source` for a new key before each request is judged.
    pub fn following(self, source: Source) -> Self {
        Self { source: Some(source), ..self }
    }

    /// The same, letting each peer send `max` wrong keys a minute.
    pub fn allowing_wrong(mut self, max: usize) -> Self {
        self.wrong.max = max;
        self
    }

    /// Accepts the keys of these agents, too. Before that nobody is let in.
    pub(crate) fn open_to(&self, agents: Arc<Agents>) {
        // A second call finds those of the same folder.
        let _ = self.agents.set(agents);
    }

    /// Accepts the tokens of this authorization server, too.
    pub(crate) fn open_to_web(&self, oauth: Arc<OAuth>) {
        // A second call finds that of the same folder.
        let _ = self.oauth.set(oauth);
    }

    /// The authorization server, where there is one.
    pub(crate) fn oauth(&self) -> Option<&Arc<OAuth>> {
        self.oauth.get()
    }

    /// Accepts `key` from now on, and no longer the one before: what that opened ends.
    pub fn replace(&self, key: impl Into<String>) {
        let mut current = self.current.write().expect("no one panics while holding it");
        *current = Accepted::new(key.into());
        if let Some(agents) = self.agents.get() {
            agents.default_agent().end_validity();
        }
    }

    /// Who holds one of the keys that a request presents; any right one counts. Wrong ones are not counted here.
    pub fn holder<'a>(&self, presented: impl IntoIterator<Item = &'a str>) -> Option<Caller> {
        self.refresh();
        let agents = self.agents.get()?;
        let presented: Vec<&str> = presented.into_iter().collect();
        let current = self.current.read().expect("no one panics while holding it");
        let is_default = |key: &&str| current.digest.is_of(key);
        // The token is taken while the key cannot be replaced.
        if presented.iter().any(is_default) {
            return Some(Caller::agent(agents.default_agent()));
        }
        presented.into_iter().find_map(|key| {
            let of_web = || self.oauth.get()?.holder(key).map(|(agent, end)| Caller::agent(agent).until(end));
            agents.holder(key).map(Caller::agent).or_else(of_web)
        })
    }

    /// Who holds one of the keys that a request of `peer` presents. Any right one counts, however many wrong ones that
    /// peer sent before; of a request without a right one, each key counts as a wrong one. An unknown peer counts as one.
    ///
    /// # Errors
    /// [`Error::MissingKey`] when there is none, [`Error::Unusable`] when there are more than four, right or wrong,
    /// [`Error::WrongKey`] when none is right, [`Error::TooMany`] when there were many wrong ones in the last minute.
    pub fn identify<'a>(&self, peer: Option<IpAddr>, presented: impl IntoIterator<Item = &'a str>) -> Result<Caller> {
        let presented: Vec<&str> = presented.into_iter().collect();
        check_count(presented.len())?;
        if let Some(caller) = self.holder(presented.iter().copied()) {
            return Ok(caller);
        }
        if presented.is_empty() {
            return Err(Error::MissingKey);
        }
        // Nobody guesses a token, and a client whose token has ended must hear just that to get the next one.
        if self.oauth.get().is_some() && presented.iter().any(|key| OAuth::is_token(key)) {
            return Err(Error::WrongKey);
        }
        let peer = peer.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        Err(self.wrong.add(peer, presented.len(), Instant::now()))
    }

    /// What must never be written to a log, a history line, an error or a child's environment.
    pub fn secrets(&self) -> Vec<String> {
        vec![self.current.read().expect("no one panics while holding it").key.clone()]
    }

    /// Whether what let a caller in opens nothing any more, by now.
    pub(crate) fn have_lapsed_for(&self, caller: &Caller) -> bool {
        self.refresh();
        caller.has_lapsed()
    }

    /// Waits until what let a caller in opens nothing any more: what it opened must end then.
    pub(crate) async fn lapse_for(&self, caller: &Caller) {
        while !self.have_lapsed_for(caller) {
            let _ = tokio::time::timeout(LOOK_AGAIN, caller.validity.cancelled()).await;
        }
    }

    /// Asks whether another key is to be accepted, where one may come from elsewhere.
    pub(crate) fn refresh(&self) {
        if let Some(key) = self.source.as_ref().and_then(|source| source()) {
            tracing::info!("another key is accepted from now on");
            self.replace(key);
        }
    }
}

/// Whether a request may present so many keys. To be asked before any of them is compared, so that a request with many
/// guesses learns nothing.
///
/// # Errors
/// [`Error::Unusable`] when there are more than four.
pub(crate) fn check_count(presented: usize) -> Result<()> {
    if presented <= MAX_PRESENTED {
        return Ok(());
    }
    let message = format!("The request presents {presented} API keys: send one, and never more than {MAX_PRESENTED}");
    Err(Error::Unusable(message))
}
