//! Builds a view of the file system for one program and moves it there.
//!
//! A [`Step`] is taken by a process that makes system calls and nothing else. A place in the view is opened without
//! following links and looked at before anything is mounted, and then it is that very place which is mounted on: nothing
//! that programs rename or link meanwhile leads a mount elsewhere.
#![expect(clippy::disallowed_methods, reason = "the view is built of what the settings and the kernel name")]

use super::steps::{ANY, SITE_PROC, Step, Steps};
use crate::policy::paths::Identity;
use rustix::{
    fs::{CWD, Mode, OFlags, ResolveFlags},
    io::Errno,
    mount::{MountFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags},
};
use std::{
    ffi::{CStr, c_int},
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

/// Where a program in a terminal finds its device: by its own name it would hide the terminals that the program makes
/// itself, and ttyname(3) looks here, too.
pub(crate) const CONSOLE: &str = "/dev/console";

/// Attributes of mounts (linux/mount.h).
pub(crate) const READ_ONLY: u64 = libc::MOUNT_ATTR_RDONLY;
/// Programs with another owner's rights lose them.
pub(crate) const NO_SETUID: u64 = libc::MOUNT_ATTR_NOSUID;
/// Devices cannot be opened.
pub(crate) const NO_DEVICES: u64 = libc::MOUNT_ATTR_NODEV;

/// Whether what is mounted below a place, or on it, comes with it.
const ALL_BELOW: OpenTreeFlags = OpenTreeFlags::AT_RECURSIVE;
const NOTHING_BELOW: OpenTreeFlags = OpenTreeFlags::empty();

/// From linux/limits.h: the longest path of one call, with the NUL at its end.
const LONGEST_PATH: usize = 4096;

/// What places are covered with.
struct Covers {
    folder: Place,
    file: Place,
}

impl Covers {
    /// What is seen at the place afterwards must be the empty folder and nothing else: otherwise the view fails.
    fn cover(&self, at: &CStr, is: Identity) -> io::Result<()> {
        self.folder.lay(NOTHING_BELOW, 0, &Place::open(at, is)?)?;
        Place::open(at, self.folder.identity()?).map(drop)
    }

    /// A device on a mount without devices: opening it fails, for the superuser too.
    fn shut(&self, place: &Place) -> io::Result<()> {
        self.file.lay(NOTHING_BELOW, READ_ONLY | NO_SETUID | NO_DEVICES, place)
    }
}

/// A place that is held open; it is let go with this value.
struct Place(OwnedFd);

/// Why there is no view.
#[derive(Debug)]
pub struct Failure {
    /// Which step failed, from 1 on; 0 for what comes before the first.
    pub step: usize,
    /// The system's error.
    pub error: io::Error,
}

/// Begins a view in a new mount namespace, beside what the machine has: the steps that all share.
///
/// # Errors
/// From the first step that fails: no program must run there then. [`MOVED`] when a place has become another one since
/// the steps were prepared.
pub(crate) fn begin(steps: &[u8]) -> Result<(), Failure> {
    let covers = open_site().map_err(|error| Failure { step: 0, error })?;
    for (before, step) in Steps(steps).enumerate() {
        match step {
            Ok(Step::Own) => break,
            step => step.and_then(|step| step.take(&covers)).map_err(|error| Failure { step: before + 1, error })?,
        }
    }
    Ok(())
}

/// Makes the place where the view is built, and what it covers places with.
fn open_site() -> io::Result<Covers> {
    rustix::mount::mount_change(c"/", MountPropagationFlags::REC | MountPropagationFlags::PRIVATE)?;
    // What folders are covered with lies below the site: who sees the view has no way there.
    let empty = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount(c"tmpfs", c"/proc", c"tmpfs", empty, c"mode=000,size=4k")?;
    let covers = Covers { folder: Place::open(c"/proc", ANY)?, file: Place::nothing()? };
    rustix::mount::mount(c"tmpfs", c"/proc", c"tmpfs", MountFlags::NOSUID, c"mode=755,size=4m")?;
    Ok(covers)
}

/// Completes a copy of the view by a program's own steps and the device of its terminal, and enters it: the machine's own
/// is gone then.
///
/// # Errors
/// The system's: the program must not run then.
pub(crate) fn complete(steps: &[u8], terminal: Option<&CStr>) -> io::Result<()> {
    if let Some(device) = terminal {
        rustix::mount::mount_bind(device, c"/proc/dev/console")?;
        restrict(&Place::open(c"/proc/dev/console", ANY)?.0, READ_ONLY | NO_SETUID)?;
    }
    let covers = Covers { folder: Place::nothing()?, file: Place::nothing()? };
    let mut is_own = false;
    for step in Steps(steps) {
        match step? {
            Step::Own => is_own = true,
            step if is_own => step.take(&covers)?,
            _ => {}
        }
    }
    rustix::process::chdir(c"/proc")?;
    rustix::process::pivot_root(c".", c".")?;
    rustix::mount::unmount(c".", UnmountFlags::DETACH)?;
    Ok(rustix::process::chdir(c"/")?)
}

impl Step<&CStr> {
    fn take(&self, covers: &Covers) -> io::Result<()> {
        match self {
            Self::Folder(at) => there_or(rustix::fs::mkdir(*at, Mode::from_raw_mode(0o755))),
            Self::File(at) => {
                let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
                rustix::fs::open(*at, flags, Mode::from_raw_mode(0o644))?;
                Ok(())
            }
            Self::Link { to, at } => there_or(rustix::fs::symlink(*to, *at)),
            Self::Show { from, is, at, attributes } => {
                Place::open(from, *is)?.lay(ALL_BELOW, *attributes, &Place::open(at, ANY)?)
            }
            Self::Freeze => restrict(&Place::open(c"/proc", ANY)?.0, READ_ONLY | NO_SETUID),
            Self::New { kind, at, options, flags } => {
                let flags = MountFlags::from_bits_retain(u32::try_from(*flags).map_err(|_| Errno::INVAL)?);
                Ok(rustix::mount::mount(*kind, *at, *kind, flags, *options)?)
            }
            Self::Pin { at, is } => pin(at, *is),
            Self::Cover { at, is } => covers.cover(at, *is),
            Self::Shut { at, is } => covers.shut(&Place::open(at, *is)?),
            Self::Offer { from, at } => {
                // Without it programs miss what they never had.
                let _ = Place::open(from, ANY)
                    .and_then(|copy| copy.lay(ALL_BELOW, READ_ONLY | NO_SETUID | NO_DEVICES, &Place::open(at, ANY)?));
                Ok(())
            }
            Self::Keep { at, is } => {
                let place = Place::open(at, *is)?;
                place.lay(ALL_BELOW, READ_ONLY | NO_SETUID, &place)
            }
            Self::Say { text, at } => {
                // Where it is unknown the file is the whole system's and not open to a process namespace's owner.
                let _ = write(at, text);
                Ok(())
            }
            Self::Own => Ok(()),
        }
    }
}

/// Makes a folder a mount point by a mount that nobody sees: what is mounted on the same folder elsewhere in the
/// namespace keeps it from being renamed or removed (rename(2), `EBUSY`). A mount on it where it is seen would do that,
/// too, and then nothing could be renamed or linked from beside it into it. All of these lie one on the other where the
/// program's processes are mounted over them: each is laid on the folder of the one before.
fn pin(at: &CStr, is: Identity) -> io::Result<()> {
    let stack = Place::open(SITE_PROC, ANY)?;
    Place::open(at, is)?.lay(ALL_BELOW, 0, &stack)
}

/// The error of a place that has become another one.
pub const MOVED: c_int = libc::ESTALE;

impl Place {
    /// Opens what is at a path without links in it, if it is what it must be.
    fn open(path: &CStr, is: Identity) -> io::Result<Self> {
        let place = Self::reach(path).map_err(|error| match error.raw_os_error() {
            Some(libc::ENOENT | libc::ENOTDIR | libc::ELOOP) if is != ANY => io::Error::from_raw_os_error(MOVED),
            _ => error,
        })?;
        let is_right = is == ANY || is == place.identity()?;
        if is_right { Ok(place) } else { Err(io::Error::from_raw_os_error(MOVED)) }
    }

    /// The site stands before what is the longest path without it: such a one is gone in two parts.
    fn reach(path: &CStr) -> io::Result<Self> {
        let bytes = path.to_bytes_with_nul();
        if bytes.len() <= LONGEST_PATH {
            return Self::below(CWD, path);
        }
        let too_long = || io::Error::from_raw_os_error(libc::ENAMETOOLONG);
        let mut first = [0; LONGEST_PATH];
        let end = bytes[..LONGEST_PATH].iter().rposition(|byte| *byte == b'/').ok_or_else(too_long)?;
        first[..end].copy_from_slice(&bytes[..end]);
        let first = CStr::from_bytes_until_nul(&first).map_err(|_| too_long())?;
        let rest = CStr::from_bytes_with_nul(&bytes[end + 1..]).map_err(|_| too_long())?;
        let folder = Self::below(CWD, first)?;
        Self::below(folder.0.as_fd(), rest)
    }

    /// Links of any kind are refused.
    fn below(folder: BorrowedFd<'_>, path: &CStr) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let no_links = ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
        Ok(Self(rustix::fs::openat2(folder, path, flags, Mode::empty(), no_links)?))
    }

    fn identity(&self) -> io::Result<Identity> {
        let found = rustix::fs::fstat(&self.0)?;
        Ok((found.st_dev, found.st_ino))
    }

    fn nothing() -> io::Result<Self> {
        Self::open(c"/dev/null", ANY)
    }

    /// Shows this at another place, with what is mounted below it or not.
    fn lay(&self, below: OpenTreeFlags, attributes: u64, at: &Self) -> io::Result<()> {
        let copy = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
        let tree = rustix::mount::open_tree(&self.0, c"", copy | below)?;
        if attributes != 0 {
            restrict(&tree, attributes)?;
        }
        let by_descriptors = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        Ok(rustix::mount::move_mount(&tree, c"", &at.0, c"", by_descriptors)?)
    }
}

/// Sets attributes of a mount and of all below it.
#[expect(unsafe_code, reason = "rustix has no such call")]
fn restrict(place: &OwnedFd, set: u64) -> io::Result<()> {
    let attributes = libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let (flags, size) = (libc::AT_RECURSIVE | libc::AT_EMPTY_PATH, size_of::<libc::mount_attr>());
    // SAFETY: the structure is the kernel's and outlives the call.
    let result = unsafe {
        libc::syscall(libc::SYS_mount_setattr, place.as_raw_fd(), c"".as_ptr(), flags, &raw const attributes, size)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Writes a text to a file that is there.
///
/// # Errors
/// The system's.
pub(crate) fn write(path: &CStr, text: &CStr) -> io::Result<()> {
    let file = rustix::fs::open(path, OFlags::WRONLY | OFlags::CLOEXEC, Mode::empty())?;
    rustix::io::write(&file, text.to_bytes())?;
    Ok(())
}

/// What is there already is as good.
fn there_or(result: Result<(), Errno>) -> io::Result<()> {
    match result {
        Err(Errno::EXIST) => Ok(()),
        result => Ok(result?),
    }
}
