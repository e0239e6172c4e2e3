//! The way from a directory up to the root of the file system, whatever the names on it are.
#![expect(clippy::disallowed_methods, reason = "this is where checked paths are looked at")]

use super::{Directory, Identity, directory::PASSAGE};
use rustix::fs::{AtFlags, Mode};
use std::{io, os::fd::AsFd};

/// A way upwards, as far as one call goes.
const UPWARDS: &str = "../../../../../../../../../../../../../../../../../../../../../../../../";

impl Directory {
    /// Whether this directory or one above it, up to the root of the file system, is one that is meant. While a directory stays
    /// in the one that is meant, it does not matter what above that is renamed meanwhile.
    ///
    /// # Errors
    /// When the system refuses a step.
    pub(super) fn any_upwards(&self, top: Identity, is_meant: impl Fn(Identity) -> bool) -> io::Result<bool> {
        let mut from = self.clone();
        let mut below = None;
        loop {
            for length in (0..=UPWARDS.len()).step_by("../".len()) {
                let way = if length == 0 { "." } else { &UPWARDS[..length] };
                let found = rustix::fs::statat(from.as_fd(), way, AtFlags::empty())?;
                let identity = (found.st_dev, found.st_ino);
                if is_meant(identity) {
                    return Ok(true);
                }
                // Only the top is the directory above itself.
                if identity == top && below == Some(top) {
                    return Ok(false);
                }
                below = Some(identity);
            }
            from = Self::from(rustix::fs::openat(from.as_fd(), UPWARDS, PASSAGE, Mode::empty())?);
        }
    }
}
