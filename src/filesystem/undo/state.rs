//! What is, was or will be at a path.

use crate::{
    error::Result,
    filesystem::{basis::Basis, digest},
    policy::{
        SafePath,
        paths::{Found, Kind, Times},
    },
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub(crate) enum State {
    /// Nothing.
    Absent,
    /// A regular file.
    File {
        /// SHA-256 of its bytes; empty for what was there and was too large to be kept.
        sha256: String,
        /// Its length in bytes.
        size: u64,
        /// Permission bits.
        mode: u32,
        /// User and group.
        owner: (u32, u32),
        /// When it was read and changed.
        times: Times,
        /// Whether its bytes are in the store, so that it can be brought back.
        kept: bool,
    },
    /// A directory; what is in it has states of its own.
    Folder {
        /// Permission bits.
        mode: u32,
        /// User and group.
        owner: (u32, u32),
        /// When it was read and changed.
        times: Times,
    },
    /// A symbolic link.
    Link {
        /// Its text.
        #[serde(with = "super::path_text")]
        target: PathBuf,
        /// When it was read and changed.
        times: Times,
    },
    /// A FIFO, a socket or a device, which is never brought back.
    Special,
}

impl State {
    /// A file with these bytes.
    pub(crate) fn file(bytes: &[u8], mode: u32, owner: (u32, u32)) -> Self {
        Self::File {
            sha256: digest::of(bytes),
            size: bytes.len() as u64,
            mode,
            owner,
            times: Times::default(),
            kept: false,
        }
    }

    /// What is at `path` now; a file's bytes are digested, not kept.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn at(path: &SafePath) -> Result<Self> {
        let Some(found) = path.found() else { return Ok(Self::Absent) };
        Ok(match found.kind {
            Kind::File => {
                let (file, found) = path.open()?;
                let (sha256, size) = digest::of_reader(file)?;
                Self::of_file(sha256, size, &found, false)
            }
            Kind::Folder => Self::Folder { mode: found.mode, owner: found.owner, times: found.times },
            Kind::Link => {
                let target = path.holder()?.read_link(path.name())?;
                Self::Link { target, times: found.times }
            }
            Kind::Special => Self::Special,
        })
    }

    /// A file that was looked at.
    pub(crate) fn of_file(sha256: String, size: u64, found: &Found, kept: bool) -> Self {
        Self::File { sha256, size, mode: found.mode, owner: found.owner, times: found.times, kept }
    }

    /// Whether it is the same thing with the same content; times and owners do not count, nor a directory's mode.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Absent, Self::Absent) | (Self::Folder { .. }, Self::Folder { .. }) => true,
            (Self::File { sha256, mode, .. }, Self::File { sha256: other, mode: bits, .. }) => {
                sha256 == other && mode == bits
            }
            (Self::Link { target, .. }, Self::Link { target: other, .. }) => target == other,
            _ => false,
        }
    }

    /// Whether it may be the same as one that is known: what is too large to be kept has no digest, but a length.
    pub(crate) fn may_be(&self, known: &Self) -> bool {
        match (self, known) {
            (Self::File { sha256, size, mode, .. }, Self::File { size: length, mode: bits, .. })
                if sha256.is_empty() =>
            {
                size == length && mode == bits
            }
            _ => self.is_same(known),
        }
    }

    /// Whether it can be brought back.
    pub(crate) fn can_return(&self) -> bool {
        match self {
            Self::Special => false,
            Self::File { kept, .. } => *kept,
            Self::Absent | Self::Folder { .. } | Self::Link { .. } => true,
        }
    }

    /// A file's length in bytes; 0 for anything else.
    pub(crate) fn size(&self) -> u64 {
        if let Self::File { size, .. } = self { *size } else { 0 }
    }

    /// The digest of a file's bytes; empty for anything else.
    pub(crate) fn sha256(&self) -> &str {
        if let Self::File { sha256, .. } = self { sha256 } else { "" }
    }

    /// A file as what a change is made from, when this was read from the path after it was looked at.
    pub(crate) fn as_basis(&self, path: &SafePath) -> Option<Basis> {
        let Self::File { size, sha256, .. } = self else { return None };
        path.found().filter(|_| !sha256.is_empty()).map(|found| Basis::new(*found, *size, sha256.clone()))
    }

    /// Its times, where it has any.
    pub(crate) fn times(&self) -> Option<Times> {
        match self {
            Self::File { times, .. } | Self::Folder { times, .. } | Self::Link { times, .. } => Some(*times),
            Self::Absent | Self::Special => None,
        }
    }

    /// The same with the times and the owner that it really has.
    pub(crate) fn seen_as(&mut self, found: &Found) {
        match self {
            Self::File { times, owner, mode, .. } | Self::Folder { times, owner, mode } => {
                (*times, *owner, *mode) = (found.times, found.owner, found.mode);
            }
            Self::Link { times, .. } => *times = found.times,
            Self::Absent | Self::Special => {}
        }
    }
}
