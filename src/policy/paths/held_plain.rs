//! Where places cannot be held open without being read, denied ones are known by their names alone.

use super::{Denial, Directory, Intent, Spared};
use std::{io, path::PathBuf};

/// What says that two names mean one thing.
pub type Identity = (u64, u64);

/// Nothing.
#[derive(Debug, Default)]
pub struct Held;

/// Where a denied place is now.
#[derive(Clone, Debug)]
pub struct Present {
    /// Where, without links.
    pub path: PathBuf,
}

#[expect(clippy::unused_self, missing_docs, reason = "as in held.rs")]
impl Held {
    pub fn look_again(&self, _: &[Denial], _: &[PathBuf], _: &Spared) -> io::Result<Vec<Present>> {
        Ok(Vec::new())
    }

    pub fn denies(&self, _: Identity, _: Intent) -> bool {
        false
    }

    pub fn reaches_down_to(&self, _: &Directory, _: Identity, _: Intent) -> bool {
        false
    }

    pub fn paths(&self) -> Option<Vec<(PathBuf, bool)>> {
        Some(Vec::new())
    }
}
