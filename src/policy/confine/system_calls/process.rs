//! What a process that asked for something means by it, read from `/proc`; system calls only.
#![expect(clippy::disallowed_methods, reason = "what a confined program means is opened by its place alone")]

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, Stat},
    io::Errno,
    thread::CapabilitySet,
};
use std::{
    ffi::{CStr, c_int},
    fmt::Arguments,
    io::{Cursor, Write},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

/// A thread that waits for an answer, by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller(pub u32);

impl Caller {
    /// What it means by a folder's descriptor and, in its memory, a path: held open, whatever has that name afterwards.
    ///
    /// # Errors
    /// What the call would end with.
    pub(crate) fn open(self, folder: c_int, path: Option<u64>, flags: c_int) -> Result<OwnedFd, Errno> {
        let process = self.0;
        let folder = match folder {
            libc::AT_FDCWD => open(format_args!("/proc/{process}/cwd"), OFlags::PATH),
            _ => open(format_args!("/proc/{process}/fd/{folder}"), OFlags::PATH).map_err(|_| Errno::BADF),
        };
        let Some(path) = path else { return folder };
        let mut buffer = [0; libc::PATH_MAX as usize];
        let path = self.text(path, &mut buffer)?;
        if path.is_empty() && flags & libc::AT_EMPTY_PATH != 0 {
            return folder;
        }
        // An absolute path needs no folder.
        let folder = if path.to_bytes().starts_with(b"/") { None } else { Some(folder?) };
        let start = folder.as_ref().map_or(CWD, AsFd::as_fd);
        let no_link = if flags & libc::AT_SYMLINK_NOFOLLOW == 0 { OFlags::empty() } else { OFlags::NOFOLLOW };
        rustix::fs::openat(start, path, OFlags::PATH | OFlags::CLOEXEC | no_link, Mode::empty())
    }

    /// A text of its memory, which ends with a NUL.
    fn text(self, place: u64, buffer: &mut [u8]) -> Result<&CStr, Errno> {
        let memory = open(format_args!("/proc/{}/mem", self.0), OFlags::RDONLY)?;
        // What lies before a hole in the memory is read.
        let read = rustix::io::pread(&memory, &mut *buffer, place).map_err(|_| Errno::FAULT)?;
        CStr::from_bytes_until_nul(&buffer[..read]).map_err(|_| Errno::NAMETOOLONG)
    }

    /// Whether this is a folder that it may hand the group of on: its own, of a group of its own, or any for the
    /// superuser's programs.
    ///
    /// # Errors
    /// When it cannot be told.
    pub(crate) fn may_set_group(self, found: &Stat) -> Result<bool, Errno> {
        if FileType::from_raw_mode(found.st_mode) != FileType::Directory {
            return Ok(false);
        }
        let mut buffer = [0; 4096];
        let status = self.status(&mut buffer)?;
        let rights = field(status, b"CapEff:").next().and_then(|word| u64::from_str_radix(word, 16).ok());
        let rights = CapabilitySet::from_bits_retain(rights.unwrap_or_default());
        let is = |word: &str, id: u32| word.parse() == Ok(id);
        // The fourth is the one that counts for files.
        let owns = field(status, b"Uid:").nth(3).is_some_and(|user| is(user, found.st_uid));
        let mut groups = field(status, b"Gid:").skip(3).chain(field(status, b"Groups:"));
        let is_member = groups.any(|group| is(group, found.st_gid));
        Ok(rights.contains(CapabilitySet::FOWNER) || owns && is_member)
    }

    /// The process that looks after its end.
    ///
    /// # Errors
    /// When it cannot be told, as of one that is gone.
    pub(crate) fn parent(self) -> Result<u32, Errno> {
        let mut buffer = [0; 4096];
        let parent = field(self.status(&mut buffer)?, b"PPid:").next();
        parent.and_then(|word| word.parse().ok()).ok_or(Errno::PERM)
    }

    fn status(self, buffer: &mut [u8]) -> Result<&[u8], Errno> {
        let status = open(format_args!("/proc/{}/status", self.0), OFlags::RDONLY)?;
        let read = rustix::io::read(&status, &mut *buffer)?;
        Ok(&buffer[..read])
    }
}

/// The words of a line of proc_pid_status(5).
fn field<'a>(status: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a str> {
    let line = status.split(|byte| *byte == b'\n').find_map(move |line| line.strip_prefix(name));
    line.and_then(|line| std::str::from_utf8(line).ok()).into_iter().flat_map(str::split_ascii_whitespace)
}

/// Sets the mode of a file that is held open by its place only.
///
/// # Errors
/// The system's.
pub(crate) fn set_mode(file: &OwnedFd, mode: Mode) -> Result<(), Errno> {
    with_path(format_args!("/proc/self/fd/{}", file.as_raw_fd()), |path| rustix::fs::chmod(path, mode))
}

fn open(path: Arguments<'_>, flags: OFlags) -> Result<OwnedFd, Errno> {
    with_path(path, |path| rustix::fs::open(path, flags | OFlags::CLOEXEC, Mode::empty()))
}

/// With a short path that is put together without memory of the heap.
fn with_path<T>(path: Arguments<'_>, then: impl FnOnce(&CStr) -> Result<T, Errno>) -> Result<T, Errno> {
    let mut buffer = Cursor::new([0_u8; 64]);
    buffer.write_fmt(path).map_err(|_| Errno::NAMETOOLONG)?;
    then(CStr::from_bytes_until_nul(buffer.get_ref()).map_err(|_| Errno::NAMETOOLONG)?)
}

/// Whether it is still the asker that waits, and not another process of its number.
#[expect(unsafe_code, reason = "rustix has no calls of seccomp")]
pub(super) fn is_waiting(listener: BorrowedFd<'_>, question: &libc::seccomp_notif) -> bool {
    // SAFETY: the kernel reads one number.
    unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const question.id) == 0 }
}
