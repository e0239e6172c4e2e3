//! What a process that asked for something means by it, read from `/proc`; system calls only.

use std::{
    ffi::{CStr, c_int},
    fmt::Arguments,
    io::{Cursor, Write},
    mem::zeroed,
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
};

/// The right to change the modes of others' files (capabilities(7)).
const CAP_FOWNER: u32 = 3;

/// A thread that waits for an answer, by its number.
#[derive(Clone, Copy, Debug)]
pub struct Caller(pub u32);

impl Caller {
    /// What it means by a folder's descriptor and, in its memory, a path: held open, whatever has that name afterwards.
    ///
    /// # Errors
    /// The number of errno(3) that the call would end with.
    pub fn open(self, folder: c_int, path: Option<u64>, flags: c_int) -> Result<OwnedFd, c_int> {
        let process = self.0;
        let folder = match folder {
            libc::AT_FDCWD => open(format_args!("/proc/{process}/cwd"), libc::O_PATH),
            _ => open(format_args!("/proc/{process}/fd/{folder}"), libc::O_PATH).map_err(|_| libc::EBADF),
        };
        let Some(path) = path else { return folder };
        let mut buffer = [0; libc::PATH_MAX as usize];
        let path = self.text(path, &mut buffer)?;
        if path.is_empty() && flags & libc::AT_EMPTY_PATH != 0 {
            return folder;
        }
        // An absolute path needs no folder.
        let folder = if path.to_bytes().starts_with(b"/") { None } else { Some(folder?) };
        let start = folder.as_ref().map_or(libc::AT_FDCWD, AsRawFd::as_raw_fd);
        let no_link = if flags & libc::AT_SYMLINK_NOFOLLOW == 0 { 0 } else { libc::O_NOFOLLOW };
        // SAFETY: the text outlives the call.
        owned(unsafe { libc::openat(start, path.as_ptr(), libc::O_PATH | libc::O_CLOEXEC | no_link) })
    }

    /// A text of its memory, which ends with a NUL.
    fn text(self, place: u64, buffer: &mut [u8]) -> Result<&CStr, c_int> {
        let memory = open(format_args!("/proc/{}/mem", self.0), libc::O_RDONLY)?;
        let place = libc::off_t::try_from(place).map_err(|_| libc::EFAULT)?;
        // SAFETY: the buffer is as long as is said. What lies before a hole in the memory is read.
        let read = unsafe { libc::pread(memory.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len(), place) };
        let read = usize::try_from(read).map_err(|_| libc::EFAULT)?;
        CStr::from_bytes_until_nul(&buffer[..read]).map_err(|_| libc::ENAMETOOLONG)
    }

    /// Whether this is a folder that it may hand the group of on: its own, of a group of its own, or any for the
    /// superuser's programs.
    ///
    /// # Errors
    /// When it cannot be told.
    pub fn may_set_group(self, found: libc::stat) -> Result<bool, c_int> {
        if found.st_mode & libc::S_IFMT != libc::S_IFDIR {
            return Ok(false);
        }
        let mut buffer = [0; 4096];
        let status = self.status(&mut buffer)?;
        let rights = field(status, b"CapEff:").next().and_then(|word| u64::from_str_radix(word, 16).ok());
        let is = |word: &str, id: u32| word.parse() == Ok(id);
        // The fourth is the one that counts for files.
        let owns = field(status, b"Uid:").nth(3).is_some_and(|user| is(user, found.st_uid));
        let mut groups = field(status, b"Gid:").skip(3).chain(field(status, b"Groups:"));
        let is_member = groups.any(|group| is(group, found.st_gid));
        Ok(rights.is_some_and(|rights| rights >> CAP_FOWNER & 1 == 1) || owns && is_member)
    }

    /// The process that looks after its end.
    ///
    /// # Errors
    /// When it cannot be told, as of one that is gone.
    pub fn parent(self) -> Result<u32, c_int> {
        let mut buffer = [0; 4096];
        let parent = field(self.status(&mut buffer)?, b"PPid:").next();
        parent.and_then(|word| word.parse().ok()).ok_or(libc::EPERM)
    }

    fn status(self, buffer: &mut [u8]) -> Result<&[u8], c_int> {
        let status = open(format_args!("/proc/{}/status", self.0), libc::O_RDONLY)?;
        // SAFETY: the buffer is as long as is said.
        let read = unsafe { libc::read(status.as_raw_fd(), buffer.as_mut_ptr().cast(), buffer.len()) };
        Ok(&buffer[..usize::try_from(read).map_err(|_| libc::EPERM)?])
    }
}

/// The words of a line of proc_pid_status(5).
fn field<'a>(status: &'a [u8], name: &'a [u8]) -> impl Iterator<Item = &'a str> {
    let line = status.split(|byte| *byte == b'\n').find_map(move |line| line.strip_prefix(name));
    line.and_then(|line| std::str::from_utf8(line).ok()).into_iter().flat_map(str::split_ascii_whitespace)
}

/// What an open file is.
///
/// # Errors
/// The system's.
pub fn stat(file: &OwnedFd) -> Result<libc::stat, c_int> {
    // SAFETY: the structure is the kernel's, zero is a good value of each of its fields.
    unsafe {
        let mut found = zeroed();
        if libc::fstat(file.as_raw_fd(), &raw mut found) == 0 { Ok(found) } else { Err(errno()) }
    }
}

/// Sets the mode of a file that is held open by its place only.
///
/// # Errors
/// The system's.
pub fn set_mode(file: &OwnedFd, mode: libc::mode_t) -> Result<(), c_int> {
    with_path(format_args!("/proc/self/fd/{}", file.as_raw_fd()), |path| {
        // SAFETY: the text outlives the call.
        if unsafe { libc::chmod(path.as_ptr(), mode) } == 0 { Ok(()) } else { Err(errno()) }
    })
}

fn open(path: Arguments<'_>, flags: c_int) -> Result<OwnedFd, c_int> {
    // SAFETY: the text outlives the call.
    with_path(path, |path| owned(unsafe { libc::open(path.as_ptr(), flags | libc::O_CLOEXEC) }))
}

/// With a short path that is put together without memory of the heap.
fn with_path<T>(path: Arguments<'_>, then: impl FnOnce(&CStr) -> Result<T, c_int>) -> Result<T, c_int> {
    let mut buffer = Cursor::new([0_u8; 64]);
    buffer.write_fmt(path).map_err(|_| libc::ENAMETOOLONG)?;
    then(CStr::from_bytes_until_nul(buffer.get_ref()).map_err(|_| libc::ENAMETOOLONG)?)
}

fn owned(descriptor: c_int) -> Result<OwnedFd, c_int> {
    // SAFETY: the kernel just made it, for this process alone.
    if descriptor < 0 { Err(errno()) } else { Ok(unsafe { OwnedFd::from_raw_fd(descriptor) }) }
}

/// What this thread's last system call ended with.
pub fn errno() -> c_int {
    // SAFETY: it is this thread's.
    unsafe { *libc::__errno_location() }
}
