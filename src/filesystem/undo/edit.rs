//! What a path shall be.

use super::State;
use crate::{
    error::Error,
    filesystem::basis::{Basis, ChangedSince},
    policy::{SafePath, paths::Directory},
};
use std::{ffi::OsString, io, path::PathBuf};

/// What a path shall be.
pub(crate) struct Edit {
    /// Where, without links: [`SafePath::real`].
    pub path: PathBuf,
    /// The same, checked and held open. Of what the journal names, and of trees, which have more directories than can be
    /// open at once, it is checked when it is needed.
    pub(super) held: Option<SafePath>,
    /// What it shall be. Times of 0 mean now.
    pub after: State,
    /// Where a file's bytes come from.
    pub source: Source,
    /// What the file held from which this was made: where it holds something else by now, nothing is changed.
    pub basis: Option<Basis>,
    /// What must be there, of an edit that undoes another: what came since that was looked at is not this one's to remove.
    pub(super) expected: Option<State>,
}

/// Where the bytes of a file come from.
pub(crate) enum Source {
    /// There are none: it is no file.
    Nothing,
    /// From memory.
    Bytes(Vec<u8>),
    /// From memory, for a name that must be free: a file that someone else makes meanwhile is not replaced.
    New(Vec<u8>),
    /// From the store.
    Kept,
    /// A file that was made before, by its directory and name; see [`super::Staging`].
    Staged(Directory, OsString),
}

impl Edit {
    /// Gives a path a state, whatever is there.
    pub(crate) fn new(path: PathBuf, after: State, source: Source) -> Self {
        Self { path, held: None, after, source, basis: None, expected: None }
    }

    /// Leaves nothing at a path.
    pub(crate) fn removal(path: &SafePath) -> Self {
        Self::new(path.real().to_owned(), State::Absent, Source::Nothing)
    }

    /// The same, at a path that was checked since no other call can make changes: it is not checked again.
    pub(crate) fn at(self, path: SafePath) -> Self {
        Self { path: path.real().to_owned(), held: Some(path), ..self }
    }

    /// The same, made from what the file held.
    pub(crate) fn made_from(self, basis: Option<Basis>) -> Self {
        Self { basis, ..self }
    }

    /// Where the name need not be free, and something has got it since it was looked at, the change is to be made anew.
    pub(super) fn explain(&self, error: Error) -> Error {
        let is_new = matches!(self.source, Source::New(_));
        if !is_new && is_taken(&error) { io::Error::from(ChangedSince).into() } else { error }
    }
}

/// Whether a new file could not be made since something has its name.
pub(crate) fn is_taken(error: &Error) -> bool {
    let Error::Internal(cause) = error else { return false };
    cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::AlreadyExists)
}
