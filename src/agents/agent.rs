//! One agent, as the calls that it makes see it.

use super::record::{Bounds, Record};
use crate::{
    clock,
    error::{Error, Result},
};
use chrono::Utc;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, RwLock,
    atomic::{AtomicBool, Ordering},
};
use tokio_util::sync::CancellationToken;

/// The agent whose key is `MCP_API_KEY`.
pub(crate) const DEFAULT: &str = "default";

/// What the bridge answers while the person has paused an agent.
const PAUSED: &str = "Paused by the person";

/// The longest name of a client that is kept, in characters.
const MAX_CLIENT: usize = 100;

const MIB: u64 = 1024 * 1024;

/// An agent.
#[derive(Debug)]
pub(crate) struct Agent {
    name: String,
    all_paused: Arc<AtomicBool>,
    record: RwLock<Record>,
    /// Cancelled when the key that is right now opens nothing any more.
    validity: Mutex<CancellationToken>,
    /// Cancelled when its key is taken away.
    revocation: Mutex<CancellationToken>,
    used: Mutex<Used>,
}

/// What went to and fro on a day.
#[derive(Debug, Default)]
struct Used {
    day: String,
    bytes: u64,
}

impl Agent {
    /// An agent of which this is kept.
    pub(crate) fn new(record: Record, all_paused: Arc<AtomicBool>) -> Arc<Self> {
        Arc::new(Self {
            name: record.name.clone(),
            all_paused,
            record: RwLock::new(record),
            validity: Mutex::default(),
            revocation: Mutex::default(),
            used: Mutex::default(),
        })
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// What is kept of it.
    pub(crate) fn record(&self) -> Record {
        self.record.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set(&self, record: Record) {
        *self.record.write().unwrap_or_else(PoisonError::into_inner) = record;
    }

    /// What it may do: the name of a profile.
    pub(crate) fn profile(&self) -> Arc<str> {
        self.record.read().unwrap_or_else(PoisonError::into_inner).profile.clone()
    }

    /// What it may use at most.
    pub(crate) fn bounds(&self) -> Bounds {
        self.record.read().unwrap_or_else(PoisonError::into_inner).bounds
    }

    /// Whether its key was taken away.
    pub(crate) fn is_revoked(&self) -> bool {
        self.record.read().unwrap_or_else(PoisonError::into_inner).revoked.is_some()
    }

    /// What is cancelled when the key that is right now opens nothing any more.
    pub(crate) fn validity(&self) -> CancellationToken {
        lock(&self.validity).clone()
    }

    /// Ends what the key of before opened; the next one's is another.
    pub(crate) fn end_validity(&self) {
        std::mem::take(&mut *lock(&self.validity)).cancel();
    }

    /// What is cancelled when its key is taken away: what it does ends then.
    pub(crate) fn revocation(&self) -> CancellationToken {
        lock(&self.revocation).clone()
    }

    /// Ends what it does; with the next key it may begin again.
    pub(super) fn end_work(&self) {
        std::mem::take(&mut *lock(&self.revocation)).cancel();
    }

    /// Whether its key ended by itself.
    pub(crate) fn has_expired(&self) -> bool {
        self.record.read().unwrap_or_else(PoisonError::into_inner).has_expired()
    }

    /// Whether it may call now.
    ///
    /// # Errors
    /// [`Error::Paused`] when the person has paused it or all, [`Error::Refused`] when its key has ended,
    /// [`Error::TooMany`] when it has used up its day.
    pub(crate) fn may_call(&self) -> Result<()> {
        let record = self.record.read().unwrap_or_else(PoisonError::into_inner);
        if record.paused || self.all_paused.load(Ordering::Relaxed) {
            return Err(Error::Paused(PAUSED.to_owned()));
        }
        // One that is served without a key, over standard input.
        if record.revoked.is_some() || record.has_expired() {
            return Err(no_longer(&self.name));
        }
        drop(record);
        if self.is_within_its_day() {
            return Ok(());
        }
        let most = self.bounds().mib_a_day.unwrap_or_default();
        Err(Error::TooMany {
            message: format!("The agent {} has used its {most} MiB of today: wait until tomorrow", self.name),
            retry_after: clock::until_tomorrow(),
        })
    }

    /// Whether it has not used up what it may send and be sent today.
    pub(crate) fn is_within_its_day(&self) -> bool {
        self.bounds().mib_a_day.is_none_or(|most| self.used_today() < u64::from(most) * MIB)
    }

    /// Counts what it sent or was sent, in bytes.
    pub(crate) fn uses(&self, bytes: u64) {
        let (mut used, today) = (lock(&self.used), clock::today());
        if used.day != today {
            *used = Used { day: today, bytes: 0 };
        }
        used.bytes += bytes;
    }

    fn used_today(&self) -> u64 {
        let used = lock(&self.used);
        if used.day == clock::today() { used.bytes } else { 0 }
    }

    /// What its client calls itself, as far as it said so.
    pub(crate) fn client(&self) -> Option<String> {
        let record = self.record.read().unwrap_or_else(PoisonError::into_inner);
        record.seen.as_ref().map(|seen| seen.client.clone()).filter(|client| !client.is_empty())
    }

    /// Notes that it calls, with a client that calls itself this.
    pub(crate) fn saw(&self, client: Option<&str>) {
        let mut record = self.record.write().unwrap_or_else(PoisonError::into_inner);
        let seen = record.seen.get_or_insert_default();
        seen.at = Utc::now().timestamp();
        if let Some(client) = client.filter(|client| *client != seen.client) {
            seen.client = client.chars().filter(|c| !c.is_control()).take(MAX_CLIENT).collect();
        }
    }
}

/// What an agent is told whose key was taken away or has ended.
pub(crate) fn no_longer(name: &str) -> Error {
    Error::Refused(format!("The key of the agent {name} was revoked or has ended: the person can give it a new one"))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
