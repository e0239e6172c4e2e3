//! A denied place that is held open.
#![expect(clippy::disallowed_methods, reason = "it asks where a denied place is, of which nothing is opened to read")]

use super::{Denial, Identity, Kind, sight::at};
use rustix::fs::{OFlags, Stat};
use std::{
    ffi::OsString,
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    path::PathBuf,
    sync::Arc,
};

/// What is held needs no permission, and opening it does nothing.
pub(crate) const HELD: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// A denied place that is there.
#[derive(Clone, Debug)]
pub(super) struct Hold {
    pub place: Arc<OwnedFd>,
    /// The denial that it was found by.
    pub denial: Denial,
    pub kind: Kind,
    /// Whether it stays denied once nothing denied leads to it; not what a link leads to that came later than the start.
    pub stays: bool,
}

impl Hold {
    /// Where the system says that it is.
    pub(crate) fn path(&self) -> io::Result<PathBuf> {
        let link = format!("/proc/self/fd/{}", self.place.as_raw_fd());
        let text = rustix::fs::readlink(link, Vec::new()).map_err(|error| at(&self.denial.path, error))?;
        Ok(PathBuf::from(OsString::from_vec(text.into_bytes())))
    }
}

/// What the system says of a place, as what tells it from others.
pub(super) fn identity(stat: &Stat) -> Identity {
    (stat.st_dev, stat.st_ino)
}
