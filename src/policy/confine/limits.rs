//! Bounds of what a confined program may use. Entering is called between fork and exec: system calls only.

use std::{ffi::c_int, io};

/// How much lower a command's priority is than the server's, in steps of nice(2): the server answers through a fork bomb.
const NICENESS: c_int = 5;

/// Bounds of a program.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many processes and threads the user may have; in a user namespace only the bridge's programs count.
    pub processes: Option<u64>,
}

impl Limits {
    /// Takes them on.
    ///
    /// # Errors
    /// The system's.
    pub fn enter(self) -> io::Result<()> {
        // SAFETY: plain system calls on structures of this frame.
        unsafe {
            if let Some(processes) = self.processes {
                limit(libc::RLIMIT_NPROC, processes)?;
            }
            limit(libc::RLIMIT_CORE, 0)?;
            // The priority can always be lowered.
            libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS);
        }
        Ok(())
    }
}

/// Lowers a limit; one that is lower already stays.
unsafe fn limit(which: libc::__rlimit_resource_t, most: u64) -> io::Result<()> {
    // SAFETY: plain system calls on a structure of this frame.
    unsafe {
        let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        check(libc::getrlimit(which, &raw mut now))?;
        let limit = libc::rlimit { rlim_cur: most.min(now.rlim_cur), rlim_max: most.min(now.rlim_max) };
        check(libc::setrlimit(which, &raw const limit)).map(drop)
    }
}

fn check(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}
