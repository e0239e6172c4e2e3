//! Bounds of what a confined program may use. Entering is called between fork and exec: system calls only.

use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
use std::io;

/// How much lower a command's priority is than the server's, in steps of nice(2): the server answers through a fork bomb.
const NICENESS: i32 = 5;

/// Bounds of a program.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// How many processes and threads the user may have; in a user namespace only the bridge's programs count.
    pub processes: Option<u64>,
}

impl Limits {
    /// Takes them on.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn enter(self) -> io::Result<()> {
        if let Some(processes) = self.processes {
            limit(Resource::Nproc, processes)?;
        }
        limit(Resource::Core, 0)?;
        // The priority can always be lowered.
        let _ = setpriority_process(None, NICENESS);
        Ok(())
    }
}

/// Lowers a limit; one that is lower already stays.
fn limit(which: Resource, most: u64) -> io::Result<()> {
    let now = getrlimit(which);
    let lower = |limit: Option<u64>| Some(limit.map_or(most, |limit| limit.min(most)));
    Ok(setrlimit(which, Rlimit { current: lower(now.current), maximum: lower(now.maximum) })?)
}
