//! Builds a view of the file system for one program and moves it there.
//!
//! A [`Step`] is taken by a process that makes system calls and nothing else. A place in the view is opened without
//! following links and looked at before anything is mounted, and then it is that very place which is mounted on: nothing
//! that programs rename or link meanwhile leads a mount elsewhere.

use super::steps::{ANY, SITE_PROC, Step, Steps};
use crate::policy::paths::Identity;
use std::{
    ffi::{CStr, c_int, c_long, c_uint, c_ulong},
    io, mem, ptr,
};

/// Where a program in a terminal finds its device: by its own name it would hide the terminals that the program makes
/// itself, and ttyname(3) looks here, too.
pub const CONSOLE: &str = "/dev/console";

/// Attributes of mounts (linux/mount.h).
pub const READ_ONLY: u64 = 1;
/// Programs with another owner's rights lose them.
pub const NO_SETUID: u64 = 2;
/// Devices cannot be opened.
pub const NO_DEVICES: u64 = 4;

/// These calls have their numbers on every architecture (asm-generic/unistd.h).
const SYS_OPEN_TREE: c_long = 428;
const SYS_MOVE_MOUNT: c_long = 429;
const SYS_OPENAT2: c_long = 437;
const SYS_MOUNT_SETATTR: c_long = 442;

/// From linux/fcntl.h: with all mounts below; the descriptor itself is meant.
const AT_RECURSIVE: c_uint = 0x8000;
const AT_EMPTY_PATH: c_uint = 0x1000;

/// Whether what is mounted below a place, or on it, comes with it.
const ALL_BELOW: c_uint = AT_RECURSIVE;
const NOTHING_BELOW: c_uint = 0;

/// From linux/mount.h: a copy; close it with an exec; the descriptors themselves are meant.
const OPEN_TREE_CLONE: c_uint = 1;
const OPEN_TREE_CLOEXEC: c_uint = libc::O_CLOEXEC as c_uint;
const MOVE_MOUNT_BY_DESCRIPTORS: c_uint = 0x44;

/// From linux/limits.h: the longest path of one call, with the NUL at its end.
const LONGEST_PATH: usize = 4096;

/// From linux/openat2.h: links of any kind are refused.
const NO_LINKS: u64 = 0x2 | 0x4;

/// What the kernel takes as `struct mount_attr`.
#[repr(C)]
struct Attributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// What the kernel takes as `struct open_how`.
#[repr(C)]
struct How {
    flags: u64,
    mode: u64,
    resolve: u64,
}

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
struct Place(c_int);

impl Drop for Place {
    fn drop(&mut self) {
        // SAFETY: a plain system call on a descriptor that nobody else closes.
        unsafe { libc::close(self.0) };
    }
}

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
pub fn begin(steps: &[u8]) -> Result<(), Failure> {
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
    mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, None)?;
    // What folders are covered with lies below the site: who sees the view has no way there.
    let empty = libc::MS_RDONLY | libc::MS_NOSUID | libc::MS_NODEV | libc::MS_NOEXEC;
    mount(Some(c"tmpfs"), c"/proc", Some(c"tmpfs"), empty, Some(c"mode=000,size=4k"))?;
    let covers = Covers { folder: Place::open(c"/proc", ANY)?, file: Place::nothing()? };
    mount(Some(c"tmpfs"), c"/proc", Some(c"tmpfs"), libc::MS_NOSUID, Some(c"mode=755,size=4m"))?;
    Ok(covers)
}

/// Completes a copy of the view by a program's own steps and the device of its terminal, and enters it: the machine's own
/// is gone then.
///
/// # Errors
/// The system's: the program must not run then.
pub fn complete(steps: &[u8], terminal: Option<&CStr>) -> io::Result<()> {
    if let Some(device) = terminal {
        mount(Some(device), c"/proc/dev/console", None, libc::MS_BIND, None)?;
        restrict(&Place::open(c"/proc/dev/console", ANY)?, READ_ONLY | NO_SETUID)?;
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
    // SAFETY: plain system calls on constant texts.
    unsafe {
        check(libc::chdir(c"/proc".as_ptr()))?;
        check_long(libc::syscall(libc::SYS_pivot_root, c".".as_ptr(), c".".as_ptr()))?;
        check(libc::umount2(c".".as_ptr(), libc::MNT_DETACH))?;
        check(libc::chdir(c"/".as_ptr()))?;
    }
    Ok(())
}

impl Step<&CStr> {
    #[allow(clippy::unnecessary_cast, reason = "the system's flags have 32 bits on some machines")]
    fn take(&self, covers: &Covers) -> io::Result<()> {
        // SAFETY: plain system calls on texts that outlive them.
        unsafe {
            match self {
                Self::Folder(at) => there_or(libc::mkdir(at.as_ptr(), 0o755)),
                Self::File(at) => {
                    let file = check(libc::open(at.as_ptr(), libc::O_CREAT | libc::O_WRONLY | libc::O_CLOEXEC, 0o644))?;
                    check(libc::close(file)).map(drop)
                }
                Self::Link { to, at } => there_or(libc::symlink(to.as_ptr(), at.as_ptr())),
                Self::Show { from, is, at, attributes } => {
                    Place::open(from, *is)?.lay(ALL_BELOW, *attributes, &Place::open(at, ANY)?)
                }
                Self::Freeze => restrict(&Place::open(c"/proc", ANY)?, READ_ONLY | NO_SETUID),
                Self::New { kind, at, options, flags } => {
                    mount(Some(kind), at, Some(kind), *flags as c_ulong, Some(options))
                }
                Self::Pin { at, is } => pin(at, *is),
                Self::Cover { at, is } => covers.cover(at, *is),
                Self::Shut { at, is } => covers.shut(&Place::open(at, *is)?),
                Self::Silence(at) => match Place::open(at, ANY).and_then(|place| covers.shut(&place)) {
                    Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
                    result => result,
                },
                Self::Offer { from, at } => {
                    // Without it programs miss what they never had.
                    let _ = Place::open(from, ANY).and_then(|copy| {
                        copy.lay(ALL_BELOW, READ_ONLY | NO_SETUID | NO_DEVICES, &Place::open(at, ANY)?)
                    });
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
            return Self::below(libc::AT_FDCWD, path);
        }
        let too_long = || io::Error::from_raw_os_error(libc::ENAMETOOLONG);
        let mut first = [0; LONGEST_PATH];
        let end = bytes[..LONGEST_PATH].iter().rposition(|byte| *byte == b'/').ok_or_else(too_long)?;
        first[..end].copy_from_slice(&bytes[..end]);
        let first = CStr::from_bytes_until_nul(&first).map_err(|_| too_long())?;
        let rest = CStr::from_bytes_with_nul(&bytes[end + 1..]).map_err(|_| too_long())?;
        let folder = Self::below(libc::AT_FDCWD, first)?;
        Self::below(folder.0, rest)
    }

    fn below(folder: c_int, path: &CStr) -> io::Result<Self> {
        let flags = libc::O_PATH | libc::O_CLOEXEC | libc::O_NOFOLLOW;
        let how = How { flags: u64::from(flags.unsigned_abs()), mode: 0, resolve: NO_LINKS };
        // SAFETY: a plain system call on a structure and a text that outlive it.
        let place = unsafe { libc::syscall(SYS_OPENAT2, folder, path.as_ptr(), &raw const how, size_of::<How>()) };
        check_long(place).map(|()| Self(place as c_int))
    }

    fn identity(&self) -> io::Result<Identity> {
        // SAFETY: zero is a good value of the structure, which outlives the call.
        unsafe {
            let mut found: libc::stat = mem::zeroed();
            check(libc::fstat(self.0, &raw mut found))?;
            Ok((found.st_dev, found.st_ino))
        }
    }

    fn nothing() -> io::Result<Self> {
        Self::open(c"/dev/null", ANY)
    }

    /// Shows this at another place, with what is mounted below it or not.
    fn lay(&self, below: c_uint, attributes: u64, at: &Self) -> io::Result<()> {
        let copy = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | below;
        // SAFETY: plain system calls on descriptors and constant texts.
        unsafe {
            let tree = libc::syscall(SYS_OPEN_TREE, self.0, c"".as_ptr(), copy);
            check_long(tree)?;
            let tree = Self(tree as c_int);
            if attributes != 0 {
                restrict(&tree, attributes)?;
            }
            let (from, to) = (c"".as_ptr(), c"".as_ptr());
            check_long(libc::syscall(SYS_MOVE_MOUNT, tree.0, from, at.0, to, MOVE_MOUNT_BY_DESCRIPTORS))
        }
    }
}

fn mount(
    from: Option<&CStr>,
    at: &CStr,
    kind: Option<&CStr>,
    flags: c_ulong,
    options: Option<&CStr>,
) -> io::Result<()> {
    let text = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
    // SAFETY: all texts outlive the call.
    check(unsafe { libc::mount(text(from), at.as_ptr(), text(kind), flags, text(options).cast()) }).map(drop)
}

/// Sets attributes of a mount and of all below it.
fn restrict(place: &Place, set: u64) -> io::Result<()> {
    let attributes = Attributes { set, clear: 0, propagation: 0, user_namespace: 0 };
    let (flags, size) = (AT_RECURSIVE | AT_EMPTY_PATH, size_of::<Attributes>());
    // SAFETY: the structure is the kernel's and outlives the call.
    check_long(unsafe { libc::syscall(SYS_MOUNT_SETATTR, place.0, c"".as_ptr(), flags, &raw const attributes, size) })
}

/// Writes a text to a file that is there.
///
/// # Errors
/// The system's.
pub fn write(path: &CStr, text: &CStr) -> io::Result<()> {
    // SAFETY: both texts outlive the calls.
    unsafe {
        let file = check(libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC))?;
        let written = libc::write(file, text.as_ptr().cast(), text.count_bytes());
        let result = if written < 0 { Err(io::Error::last_os_error()) } else { Ok(()) };
        libc::close(file);
        result
    }
}

fn there_or(result: i32) -> io::Result<()> {
    match check(result) {
        Err(error) if error.raw_os_error() != Some(libc::EEXIST) => Err(error),
        _ => Ok(()),
    }
}

fn check(result: i32) -> io::Result<i32> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn check_long(result: i64) -> io::Result<()> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
