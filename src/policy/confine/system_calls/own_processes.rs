//! Limits, priorities and processors of other processes: where a program has no process namespace, the numbers of its
//! user's processes outside lead to them. The process that looks after the program lets a call be made for a thread that
//! descends from itself. The kernel gives a number anew only after all others, so none changes hands in between.
//!
//! All of this makes system calls and nothing else.

use super::process::Caller;
use rustix::io::Errno;
use std::ffi::c_int;

/// The most steps up that are gone: a program's processes may be as deep as they are many.
const MOST_STEPS: usize = 4096;

/// Fails unless a thread is one of a process that this process started, or that descends from one.
///
/// # Errors
/// `EPERM`, and `ESRCH` where there is none.
pub(crate) fn is_own(thread: c_int) -> Result<(), Errno> {
    let mut process = u32::try_from(thread).map_err(|_| Errno::SRCH)?;
    let own = std::process::id();
    for step in 0..MOST_STEPS {
        // A process that ended meanwhile leads nowhere.
        let gone = if step == 0 { Errno::SRCH } else { Errno::PERM };
        match Caller(process).parent().map_err(|_| gone)? {
            parent if parent == own => return Ok(()),
            0 | 1 => break,
            parent => process = parent,
        }
    }
    Err(Errno::PERM)
}
