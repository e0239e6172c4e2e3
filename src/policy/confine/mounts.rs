//! Builds a view of the file system for one program and moves it there.
//!
//! A [`Step`] is prepared by the server and handed as bytes to the process that takes it, which makes system calls and
//! nothing else.

use std::{
    ffi::{CStr, CString, c_uint, c_ulong},
    io,
    os::unix::ffi::OsStrExt,
    path::Path,
    ptr,
};

/// Where the new view is built: a folder that every Linux has and that no view shows as it was.
const SITE: &str = "/proc";

/// Where a program in a terminal finds its device: by its own name it would hide the terminals that the program makes
/// itself, and ttyname(3) looks here, too.
pub const CONSOLE: &str = "/dev/console";

/// Attributes of mounts (linux/mount.h).
pub const READ_ONLY: u64 = 1;
/// Programs with another owner's rights lose them.
pub const NO_SETUID: u64 = 2;
/// Devices cannot be opened.
pub const NO_DEVICES: u64 = 4;

/// `mount_setattr` has this number on every architecture (asm-generic/unistd.h).
const SYS_MOUNT_SETATTR: libc::c_long = 442;

/// From linux/fcntl.h: with all mounts below.
const AT_RECURSIVE: c_uint = 0x8000;

/// What the kernel takes as `struct mount_attr`.
#[repr(C)]
struct Attributes {
    set: u64,
    clear: u64,
    propagation: u64,
    user_namespace: u64,
}

/// One step of the building. Paths are as the program will see them.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<T = CString> {
    /// A folder of the frame.
    Folder(T),
    /// An empty file of the frame, to mount on.
    File(T),
    /// A link.
    Link { to: T, at: T },
    /// A folder or file of the machine, with what is mounted below it, and the attributes it gets.
    Show { from: T, at: T, attributes: u64 },
    /// Everything so far can no longer be changed.
    Freeze,
    /// A new file system: its kind, its place, its options.
    New { kind: T, at: T, options: T, flags: u64 },
    /// A file that nobody can open.
    Shut(T),
    /// The same, where something is: what others have there comes and goes.
    Cover(T),
    /// What is there already, no longer to be changed.
    Keep(T),
    /// Something to tell the kernel, where it listens.
    Say { text: T, at: T },
    /// What follows belongs to one program; what came before, all share.
    Own,
}

impl Step {
    /// Steps as bytes: of each a tag, a number, and three texts that end with a NUL.
    pub fn encode(steps: &[Self]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (tag, number, texts) in steps.iter().map(Self::parts) {
            bytes.push(tag);
            bytes.extend(number.to_ne_bytes());
            texts.iter().for_each(|text| bytes.extend(text.to_bytes_with_nul()));
        }
        bytes
    }

    fn parts(&self) -> (u8, u64, [&CStr; 3]) {
        match self {
            Self::Folder(at) => (0, 0, [at, c"", c""]),
            Self::File(at) => (1, 0, [at, c"", c""]),
            Self::Link { to, at } => (2, 0, [at, to, c""]),
            Self::Show { from, at, attributes } => (3, *attributes, [at, from, c""]),
            Self::Freeze => (4, 0, [c"", c"", c""]),
            Self::New { kind, at, options, flags } => (5, *flags, [at, kind, options]),
            Self::Shut(at) => (6, 0, [at, c"", c""]),
            Self::Keep(at) => (7, 0, [at, c"", c""]),
            Self::Say { text, at } => (8, 0, [at, text, c""]),
            Self::Own => (9, 0, [c"", c"", c""]),
            Self::Cover(at) => (10, 0, [at, c"", c""]),
        }
    }
}

/// Steps that were encoded.
struct Steps<'a>(&'a [u8]);

impl<'a> Steps<'a> {
    fn text(&mut self) -> Option<&'a CStr> {
        let text = CStr::from_bytes_until_nul(self.0).ok()?;
        self.0 = self.0.get(text.count_bytes() + 1..)?;
        Some(text)
    }
}

impl<'a> Iterator for Steps<'a> {
    type Item = Step<&'a CStr>;

    fn next(&mut self) -> Option<Self::Item> {
        let (tag, rest) = self.0.split_first()?;
        let (number, rest) = rest.split_first_chunk()?;
        self.0 = rest;
        let number = u64::from_ne_bytes(*number);
        let (at, first, second) = (self.text()?, self.text()?, self.text()?);
        Some(match tag {
            0 => Step::Folder(at),
            1 => Step::File(at),
            2 => Step::Link { to: first, at },
            3 => Step::Show { from: first, at, attributes: number },
            4 => Step::Freeze,
            5 => Step::New { kind: first, at, options: second, flags: number },
            6 => Step::Shut(at),
            7 => Step::Keep(at),
            8 => Step::Say { text: first, at },
            10 => Step::Cover(at),
            _ => Step::Own,
        })
    }
}

/// The path in the view that is being built.
pub fn at(path: &Path) -> CString {
    let mut text = SITE.as_bytes().to_vec();
    text.extend(path.as_os_str().as_bytes());
    CString::new(text).unwrap_or_default()
}

/// The path as it is now.
pub fn from(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}

/// Begins a view in a new mount namespace, beside what the machine has: the steps that all share.
///
/// # Errors
/// The system's, from the first step that fails: no program must run there then.
pub fn begin(steps: &[u8]) -> io::Result<()> {
    mount(None, c"/", None, libc::MS_REC | libc::MS_PRIVATE, None)?;
    mount(Some(c"tmpfs"), c"/proc", Some(c"tmpfs"), libc::MS_NOSUID, Some(c"mode=755,size=1m"))?;
    Steps(steps).take_while(|step| *step != Step::Own).try_for_each(|step| step.take())
}

/// Completes a copy of the view by a program's own steps and the device of its terminal, and enters it: the machine's own
/// is gone then.
///
/// # Errors
/// As [`begin`].
pub fn complete(steps: &[u8], terminal: Option<&CStr>) -> io::Result<()> {
    if let Some(device) = terminal {
        mount(Some(device), c"/proc/dev/console", None, libc::MS_BIND, None)?;
        restrict(c"/proc/dev/console", READ_ONLY | NO_SETUID)?;
    }
    Steps(steps).skip_while(|step| *step != Step::Own).try_for_each(|step| step.take())?;
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
    fn take(&self) -> io::Result<()> {
        // SAFETY: plain system calls on texts that outlive them.
        unsafe {
            match self {
                Self::Folder(at) => there_or(libc::mkdir(at.as_ptr(), 0o755)),
                Self::File(at) => {
                    let file = check(libc::open(at.as_ptr(), libc::O_CREAT | libc::O_WRONLY | libc::O_CLOEXEC, 0o644))?;
                    check(libc::close(file)).map(drop)
                }
                Self::Link { to, at } => there_or(libc::symlink(to.as_ptr(), at.as_ptr())),
                Self::Show { from, at, attributes } => {
                    mount(Some(from), at, None, libc::MS_BIND | libc::MS_REC, None)?;
                    if *attributes == 0 { Ok(()) } else { restrict(at, *attributes) }
                }
                Self::Freeze => restrict(c"/proc", READ_ONLY | NO_SETUID),
                Self::New { kind, at, options, flags } => {
                    mount(Some(kind), at, Some(kind), *flags as c_ulong, Some(options))
                }
                Self::Shut(at) => shut(at),
                Self::Cover(at) => match shut(at) {
                    Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
                    result => result,
                },
                Self::Keep(at) => {
                    mount(Some(at), at, None, libc::MS_BIND | libc::MS_REC, None)?;
                    restrict(at, READ_ONLY | NO_SETUID)
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

/// A device on a mount without devices: opening it fails, for the superuser too.
fn shut(at: &CStr) -> io::Result<()> {
    mount(Some(c"/dev/null"), at, None, libc::MS_BIND, None)?;
    restrict(at, READ_ONLY | NO_SETUID | NO_DEVICES)
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
fn restrict(at: &CStr, set: u64) -> io::Result<()> {
    let attributes = Attributes { set, clear: 0, propagation: 0, user_namespace: 0 };
    let size = size_of::<Attributes>();
    // SAFETY: the structure is the kernel's and outlives the call.
    check_long(unsafe {
        libc::syscall(SYS_MOUNT_SETATTR, libc::AT_FDCWD, at.as_ptr(), AT_RECURSIVE, &raw const attributes, size)
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_come_out_of_their_bytes_as_they_went_in() {
        let text = |text: &CStr| text.to_owned();
        let steps = [
            Step::Folder(text(c"/a b")),
            Step::File(text(c"/f")),
            Step::Link { to: text(c"to"), at: text(c"/l") },
            Step::Show { from: text(c"/from"), at: text(c"/at"), attributes: NO_SETUID | NO_DEVICES },
            Step::Freeze,
            Step::Own,
            Step::New { kind: text(c"proc"), at: text(c"/p"), options: text(c""), flags: u64::from(u32::MAX) + 1 },
            Step::Shut(text(c"/s")),
            Step::Keep(text(c"/k")),
            Step::Say { text: text(c"1"), at: text(c"/x") },
            Step::Cover(text(c"/c")),
        ];
        let bytes = Step::encode(&steps);
        let found: Vec<_> = Steps(&bytes).collect();
        assert_eq!(format!("{found:?}"), format!("{steps:?}"));
    }
}
