//! What there is at a name: something, nothing, or what this user may not see. What cannot be told is an error: a denied
//! place that counted as absent would be covered by nobody.
#![expect(clippy::disallowed_methods, reason = "it looks at denied places, of which nothing is opened to read")]

use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};
use std::{
    ffi::OsString,
    io,
    os::{fd::OwnedFd, unix::ffi::OsStringExt},
    path::{Path, PathBuf},
};

/// As many links as Linux follows in one path (path_resolution(7)).
const MOST_LINKS: usize = 40;

/// `PATH_MAX` (linux/limits.h): from this length on a path cannot be named in one call.
const LONGEST_PATH: usize = 4096;

/// What a look at a name finds.
pub(crate) enum Sight<T> {
    /// Something.
    There(T),
    /// Nothing, whoever looks.
    Absent,
    /// A folder on the way may not be searched by this user.
    Barred,
}

impl<T> Sight<T> {
    /// What the system's answer for a path says.
    ///
    /// # Errors
    /// When it does not say whether anything is there.
    pub(crate) fn of(answer: rustix::io::Result<T>, path: &Path) -> io::Result<Self> {
        match answer {
            Ok(found) => Ok(Self::There(found)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(Self::Absent),
            // A link's text with a name in it that no file can have.
            Err(Errno::NAMETOOLONG) if path.as_os_str().len() < LONGEST_PATH => Ok(Self::Absent),
            Err(Errno::ACCESS) => Ok(Self::Barred),
            Err(error) => Err(at(path, error)),
        }
    }
}

/// An error that says where.
pub(crate) fn at(path: &Path, error: impl Into<io::Error>) -> io::Error {
    let error = error.into();
    io::Error::new(error.kind(), format!("{} cannot be looked at: {error}", path.display()))
}

/// That something changed its place while it was looked at: whoever asked has to begin again.
pub(crate) fn moved() -> io::Error {
    Errno::STALE.into()
}

/// Where a path ends that this user may not follow to its end.
pub(crate) enum End {
    /// In this folder, in which the user may not look names up.
    In(OwnedFd),
    /// There after all, at a path without the links that were met.
    At(PathBuf),
}

impl End {
    /// Follows a path, and the links on it.
    ///
    /// # Errors
    /// When that changes meanwhile.
    pub(crate) fn of(path: &Path) -> io::Result<Self> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            let (above, folder) = deepest_above(&path).ok_or_else(moved)?;
            let mut rest = path.strip_prefix(&above).map_err(|_| moved())?.components();
            let Some(name) = rest.next() else { return Ok(Self::At(path)) };
            match rustix::fs::readlinkat(&folder, name.as_os_str(), Vec::new()) {
                Ok(target) => {
                    let target = above.join(OsString::from_vec(target.into_bytes()));
                    let rest = rest.as_path();
                    path = if rest.as_os_str().is_empty() { target } else { target.join(rest) };
                }
                Err(Errno::ACCESS) => return Ok(Self::In(folder)),
                Err(_) => return Ok(Self::At(path)),
            }
        }
        Err(moved())
    }
}

/// The deepest folder above a path that can be reached.
fn deepest_above(path: &Path) -> Option<(PathBuf, OwnedFd)> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    path.ancestors().skip(1).find_map(|above| {
        let folder = rustix::fs::open(above, flags, Mode::empty()).ok()?;
        Some((above.to_owned(), folder))
    })
}
