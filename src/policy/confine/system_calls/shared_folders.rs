//! Set-group-id is for folders, whose group it hands on, and not for files, which would run with its rights. A filter
//! cannot see which of the two a call is about. The process that looks after the program finds what is meant, looks at it
//! and sets the mode of what it has looked at; the program's call is not made, so nothing that the program changes
//! meanwhile matters.
//!
//! All of this makes system calls and nothing else.

use super::process::{self, Caller};
use rustix::{
    fs::{Mode, RawMode},
    io::Errno,
};
use std::{ffi::c_int, os::fd::BorrowedFd};
use syscalls::Sysno;

/// What a call asks for.
struct Change {
    folder: c_int,
    /// Where the path lies in the program's memory; none for the folder itself.
    path: Option<u64>,
    mode: u64,
    flags: c_int,
}

impl Change {
    /// Of one of the calls that set modes.
    fn of(call: &libc::seccomp_data) -> Result<Self, Errno> {
        let [first, second, third, fourth, ..] = call.args;
        let folder = first as c_int;
        match usize::try_from(call.nr).ok().and_then(Sysno::new) {
            #[cfg(target_arch = "x86_64")]
            Some(Sysno::chmod) => Ok(Self { folder: libc::AT_FDCWD, path: Some(first), mode: second, flags: 0 }),
            Some(Sysno::fchmod) => Ok(Self { folder, path: None, mode: second, flags: 0 }),
            Some(Sysno::fchmodat) => Ok(Self { folder, path: Some(second), mode: third, flags: 0 }),
            Some(Sysno::fchmodat2) => {
                let flags = fourth as c_int;
                let known = flags & !(libc::AT_SYMLINK_NOFOLLOW | libc::AT_EMPTY_PATH) == 0;
                known.then_some(Self { folder, path: Some(second), mode: third, flags }).ok_or(Errno::INVAL)
            }
            _ => Err(Errno::PERM),
        }
    }
}

/// Sets the mode of a folder as the program could.
///
/// # Errors
/// What the call ends with.
pub(crate) fn set_mode(listener: BorrowedFd<'_>, question: &libc::seccomp_notif) -> Result<(), Errno> {
    let change = Change::of(&question.data)?;
    let caller = Caller(question.pid);
    let target = caller.open(change.folder, change.path, change.flags)?;
    let may = caller.may_set_group(&rustix::fs::fstat(&target)?)?;
    // Only now is it sure that all of this was the caller's, and not that of another process of its number.
    if !may || !process::is_waiting(listener, question) {
        return Err(Errno::PERM);
    }
    process::set_mode(&target, Mode::from_raw_mode((change.mode & 0o7777) as RawMode))
}
