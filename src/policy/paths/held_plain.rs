//! Where places cannot be held open without being read, denied ones are known by their names alone.

use super::{Denial, Directory, Identity, Intent, Spared};
use std::{io, path::PathBuf};

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
