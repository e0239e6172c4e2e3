//! The key that opens the bridge.

use super::Caller;
use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::{fmt, sync::RwLock};
use subtle::ConstantTimeEq;

/// The keys that are accepted. Only digests are compared, in constant time, so neither the length nor a common
/// beginning of a wrong key can be measured.
pub struct Keys {
    current: RwLock<Accepted>,
}

struct Accepted {
    key: String,
    digest: [u8; 32],
}

impl Accepted {
    fn new(key: String) -> Self {
        let digest = digest(&key);
        Self { key, digest }
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
        Self { current: RwLock::new(Accepted::new(key.into())) }
    }

    /// Accepts `key` from now on, and no longer the one before.
    pub fn replace(&self, key: impl Into<String>) {
        *self.current.write().expect("no one panics while holding it") = Accepted::new(key.into());
    }

    /// Who holds one of the keys that a request brought. Any right one counts.
    ///
    /// # Errors
    /// [`Error::MissingKey`] when there is none, [`Error::WrongKey`] when none is right.
    pub fn identify<'a>(&self, brought: impl IntoIterator<Item = &'a str>) -> Result<Caller> {
        let current = self.current.read().expect("no one panics while holding it");
        let mut outcome = Err(Error::MissingKey);
        for key in brought {
            if digest(key).ct_eq(&current.digest).into() {
                return Ok(Caller::owner("owner"));
            }
            outcome = Err(Error::WrongKey);
        }
        outcome
    }

    /// What must never be written to a log, a history line, an error or a child's environment.
    pub fn secrets(&self) -> Vec<String> {
        vec![self.current.read().expect("no one panics while holding it").key.clone()]
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}
