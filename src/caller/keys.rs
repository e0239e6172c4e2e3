//! The key that opens the bridge.

use super::{Caller, attempts::WrongKeys};
use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    sync::RwLock,
    time::{Duration, Instant},
};
use subtle::ConstantTimeEq;
use tokio::sync::watch;

/// How soon what lasts (a terminal's socket) hears of a new key. A request always hears of it at once.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How many keys one request may present: header, body and query have one each, and a proxy may add its own header.
const MAX_PRESENTED: usize = 4;

/// Where a new key may come from while the bridge runs: gives one when it differs from the one before.
pub type Source = Box<dyn Fn() -> Option<String> + Send + Sync>;

/// The keys that are accepted. Only digests are compared, in constant time, so neither the length nor a common
/// beginning of a wrong key can be measured.
pub struct Keys {
    current: RwLock<Accepted>,
    wrong: WrongKeys,
    source: Option<Source>,
    /// How often it was replaced.
    generation: watch::Sender<u64>,
}

struct Accepted {
    key: String,
    digest: [u8; 32],
    /// When it took the place of another.
    since: Option<Instant>,
}

impl Accepted {
    fn new(key: String) -> Self {
        let digest = digest(&key);
        Self { key, digest, since: None }
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys([hidden])")
    }
}

impl Keys {
    /// Accepts one key, whose holder is the owner.
    pub fn new(key: impl Into<String>) -> Self {
        Self {
            current: RwLock::new(Accepted::new(key.into())),
            wrong: WrongKeys::default(),
            source: None,
            generation: watch::Sender::new(0),
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

    /// Accepts `key` from now on, and no longer the one before.
    pub fn replace(&self, key: impl Into<String>) {
        let mut current = self.current.write().expect("no one panics while holding it");
        *current = Accepted { since: Some(Instant::now()), ..Accepted::new(key.into()) };
        self.generation.send_modify(|count| *count += 1);
    }

    /// Who holds one of the keys that a request presents; any right one counts. Wrong ones are not counted here.
    pub fn holder<'a>(&self, presented: impl IntoIterator<Item = &'a str>) -> Option<Caller> {
        self.refresh();
        let current = self.current.read().expect("no one panics while holding it");
        let right = presented.into_iter().any(|key| digest(key).ct_eq(&current.digest).into());
        right.then(|| Caller::owner("owner"))
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
        let peer = peer.unwrap_or(Ipv4Addr::UNSPECIFIED.into());
        Err(self.wrong.add(peer, presented.len(), Instant::now()))
    }

    /// What must never be written to a log, a history line, an error or a child's environment.
    pub fn secrets(&self) -> Vec<String> {
        vec![self.current.read().expect("no one panics while holding it").key.clone()]
    }

    /// How often the key was replaced: who is let in notes it, and leaves when it has changed.
    pub fn generation(&self) -> u64 {
        self.refresh();
        let _unchanged = self.current.read().expect("no one panics while holding it");
        *self.generation.borrow()
    }

    /// Whether the key that was right at `time` is another by now.
    pub fn replaced_after(&self, time: Instant) -> bool {
        self.refresh();
        self.current.read().expect("no one panics while holding it").since.is_some_and(|since| since >= time)
    }

    /// Waits until another key than that of `generation` is accepted: what the old one opened must end then.
    pub async fn replaced_since(&self, generation: u64) {
        let mut now = self.generation.subscribe();
        while *now.borrow_and_update() == generation {
            let _ = tokio::time::timeout(LOOK_AGAIN, now.changed()).await;
            self.refresh();
        }
    }

    fn refresh(&self) {
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
pub fn check_count(presented: usize) -> Result<()> {
    if presented <= MAX_PRESENTED {
        return Ok(());
    }
    let message = format!("The request presents {presented} API keys: send one, and never more than {MAX_PRESENTED}");
    Err(Error::Unusable(message))
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}
