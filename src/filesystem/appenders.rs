//! Programs that have a file open to add to it, as loggers do: another file in its place would take all that they write
//! from then on.
#![expect(clippy::disallowed_methods, reason = "it asks the kernel which files its processes have open")]

use rustix::{
    fs::{Stat, fstat, stat},
    io::Errno,
};
use std::{
    fs::{self, File},
    os::fd::AsRawFd,
    path::Path,
    time::Duration,
};

/// Of open(2): how a file is opened, as /proc/PID/fdinfo says it.
const ACCESS: i32 = libc::O_ACCMODE;

/// Of fcntl(2), which the libc crate lacks here (asm-generic/fcntl.h).
const F_SETSIG: libc::c_int = 10;

/// How often it is looked at, and how long to wait between, to tell a program that has the file open from one that opens
/// it for each line: that one finds the file that takes its place.
const LOOKS: usize = 3;
const BETWEEN: Duration = Duration::from_millis(1);

/// Whether a program keeps the open file open to append to it.
pub(crate) fn has(file: &File) -> bool {
    let Ok(wanted) = fstat(file) else { return false };
    (0..LOOKS).all(|look| {
        if look > 0 {
            std::thread::sleep(BETWEEN);
        }
        may_be_written(file) && is_appended_to(&wanted)
    })
}

/// Whether anyone may have it open to write: the kernel grants a lease for reading on no such file (fcntl(2)). It is given
/// back at once; who opens the file in between waits for that. Of another user's file it is not known: false.
#[expect(unsafe_code, reason = "rustix has no leases")]
pub(crate) fn may_be_written(file: &File) -> bool {
    let ask = |command: libc::c_int, value: libc::c_int| {
        // SAFETY: it concerns an open file of this process.
        unsafe { libc::fcntl(file.as_raw_fd(), command, value) }
    };
    // A lease that is broken is told by a signal: by one that does nothing.
    if ask(F_SETSIG, libc::SIGURG) != 0 {
        return false;
    }
    let is_refused = ask(libc::F_SETLEASE, libc::F_RDLCK) != 0
        && Errno::from_io_error(&std::io::Error::last_os_error()) == Some(Errno::AGAIN);
    ask(libc::F_SETLEASE, libc::F_UNLCK);
    is_refused
}

/// What this user's processes, other than this one, have open.
fn is_appended_to(wanted: &Stat) -> bool {
    let own = std::process::id().to_string();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = processes.filter(|entry| {
        entry.file_name().to_str().is_some_and(|name| name != own && name.bytes().all(|byte| byte.is_ascii_digit()))
    });
    processes.into_iter().any(|process| appends(&process.path(), wanted))
}

/// Whether a process does.
fn appends(process: &Path, wanted: &Stat) -> bool {
    let mut descriptors = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    descriptors.any(|descriptor| {
        stat(descriptor.path()).is_ok_and(|found| (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino))
            && flags(&process.join("fdinfo").join(descriptor.file_name()))
                .is_some_and(|flags| flags & ACCESS != libc::O_RDONLY && flags & libc::O_APPEND != 0)
    })
}

/// How a descriptor was opened.
fn flags(about: &Path) -> Option<i32> {
    let about = fs::read_to_string(about).ok()?;
    let flags = about.lines().find_map(|line| line.strip_prefix("flags:"))?;
    i32::from_str_radix(flags.trim(), 8).ok()
}
