//! The file of a socket, held open without being used.
#![expect(clippy::disallowed_methods, reason = "it looks at sockets that the system lists, and opens none for use")]

use super::listed::{Listed, ListedFile};
use crate::policy::confine::{trees::open_sockets, within_reach};
use rustix::{
    fs::{Mode, OFlags, fstat, open},
    net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with},
};
use std::{
    collections::BTreeMap,
    fs, io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::fs::{FileTypeExt, MetadataExt},
    },
    path::{Path, PathBuf},
};

/// What tells a file from all others, and this state of it: a move of it, or its owner's or mode's change, is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Identity {
    device: u64,
    number: u64,
    changed: (i64, i64),
}

impl Identity {
    /// The file, in whatever state.
    pub(crate) fn file(&self) -> (u64, u64) {
        (self.device, self.number)
    }

    /// The same as the kernel lists it.
    pub(crate) fn listed(&self) -> ListedFile {
        ListedFile::of(self.device, self.number)
    }
}

/// What tells that names came to a folder, went, or that it is another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    number: u64,
    changed: (i64, i64),
}

/// The file of a socket.
#[derive(Debug)]
pub(crate) struct SocketFile(OwnedFd);

impl SocketFile {
    /// The socket at a path; none for what is no socket.
    ///
    /// # Errors
    /// When the system is out of something: whether there is one is not known then.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Some(file) = within_reach(open(path, flags, Mode::empty()).map_err(io::Error::from))? else {
            return Ok(None);
        };
        let is_socket = rustix::fs::FileType::from_raw_mode(fstat(&file)?.st_mode).is_socket();
        Ok(is_socket.then_some(Self(file)))
    }

    /// The file of a listed socket: at its name, or beside it when it was moved there.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn of(socket: &Listed) -> io::Result<Option<Self>> {
        let names = match socket.name.is_absolute() {
            true => vec![socket.name.clone()],
            // A relative name starts where its program was.
            false => {
                holders(socket.number)?.iter().filter_map(|folder| Some(real(folder)?.join(&socket.name))).collect()
            }
        };
        let is_it = |file: &Self| socket.file.is_none_or(|known| known.number == file.identity().listed().number);
        for name in &names {
            if let Some(file) = Self::open(name)?.filter(is_it) {
                return Ok(Some(file));
            }
        }
        let folders = names.iter().filter_map(|name| name.parent()).filter(|_| socket.file.is_some());
        for folder in folders {
            for entry in within_reach(fs::read_dir(folder))?.into_iter().flatten() {
                let Some(entry) = within_reach(entry)? else { continue };
                if let Some(file) = Self::open(&entry.path())?.filter(is_it) {
                    return Ok(Some(file));
                }
            }
        }
        Ok(None)
    }

    /// What tells it from others.
    pub(crate) fn identity(&self) -> Identity {
        fstat(&self.0).map_or(Identity { device: 0, number: 0, changed: (0, 0) }, |file| of_stat(&file))
    }

    /// Where it is now; none when it is nowhere any more.
    pub(crate) fn place(&self) -> Option<PathBuf> {
        let path = fs::read_link(self.path()).ok()?;
        (identity(&path)? == self.identity()).then_some(path)
    }

    /// The same, and notes the folder that it is in.
    pub(crate) fn place_in(&self, folders: &mut BTreeMap<PathBuf, Option<Stamp>>) -> Option<(PathBuf, Identity)> {
        let place = self.place()?;
        note(place.parent()?, folders);
        // What was moved before the folder was noted is looked for again.
        if self.place()? != place {
            folders.insert(place.parent()?.to_owned(), None);
        }
        Some((place, self.identity()))
    }

    /// Whether somebody listens behind it, in whatever network. It is asked for in a way that no server answers: with a
    /// kind of socket that connects to none, and a server for datagrams hears nothing of it.
    pub(crate) fn is_alive(&self) -> bool {
        let ask = || {
            let asking = socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
            connect(&asking, &SocketAddrUnix::new(self.path())?)
        };
        // In doubt it is.
        ask() != Err(rustix::io::Errno::CONNREFUSED)
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}

fn of_stat(file: &rustix::fs::Stat) -> Identity {
    let changed = (file.st_ctime, file.st_ctime_nsec.cast_signed());
    Identity { device: file.st_dev, number: file.st_ino, changed }
}

/// The socket at a path, by what tells it from others.
pub(crate) fn identity(path: &Path) -> Option<Identity> {
    let file = fs::symlink_metadata(path).ok().filter(|file| file.file_type().is_socket())?;
    Some(Identity { device: file.dev(), number: file.ino(), changed: (file.ctime(), file.ctime_nsec()) })
}

/// A path without links.
pub(crate) fn real(path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

/// What a folder is now; none when it is not there.
pub(crate) fn stamp(folder: &Path) -> Option<Stamp> {
    let file = fs::metadata(folder).ok()?;
    Some(Stamp { device: file.dev(), number: file.ino(), changed: (file.mtime(), file.mtime_nsec()) })
}

/// Notes what a folder is, before it is looked at.
pub(crate) fn note(folder: &Path, folders: &mut BTreeMap<PathBuf, Option<Stamp>>) {
    if !folders.contains_key(folder) {
        folders.insert(folder.to_owned(), stamp(folder));
    }
}

/// The network that a process is in.
pub(crate) fn network(process: &str) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{process}/ns/net")).ok()
}

/// The working folders of the processes that have a socket open, as the system names them.
fn holders(socket: u64) -> io::Result<Vec<PathBuf>> {
    let mut holders = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(process) = entry?.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        if open_sockets(process)?.contains(&socket) {
            holders.push(PathBuf::from(format!("/proc/{process}/cwd")));
        }
    }
    Ok(holders)
}
