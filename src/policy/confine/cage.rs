//! The confinement of one program: prepared before the fork, entered after it.

use super::{
    landlock,
    mounts::{self, Step},
    namespaces::{self, Entry},
    privileges,
};
use seccompiler::BpfProgram;
use std::{
    ffi::{CString, c_int},
    fmt, io,
    os::fd::OwnedFd,
    sync::Arc,
};

/// The confinement of one program.
pub struct Cage {
    pub(super) entry: Option<Arc<Entry>>,
    pub(super) steps: Vec<Step>,
    pub(super) cwd: CString,
    pub(super) rules: Option<Arc<OwnedFd>>,
    pub(super) filter: Arc<BpfProgram>,
    pub(super) limits: privileges::Limits,
    pub(super) most_processes: Option<CString>,
    pub(super) network: bool,
}

/// The part of the confinement that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Processes,
    Namespaces,
    View,
    Limits,
    Rights,
    Rules,
    Calls,
}

/// In the order of their numbers as exit codes.
const PARTS: [Part; 7] =
    [Part::Processes, Part::Namespaces, Part::View, Part::Limits, Part::Rights, Part::Rules, Part::Calls];

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Processes => "a user or process namespace",
            Self::Namespaces => "mount, IPC or network namespaces",
            Self::View => "a view of the disk",
            Self::Limits => "resource limits",
            Self::Rights => "giving up rights",
            Self::Rules => "Landlock",
            Self::Calls => "seccomp",
        })
    }
}

impl Cage {
    /// Whether programs get processes of their own, so that the first one's end is the end of all.
    pub fn has_processes(&self) -> bool {
        self.entry.is_some()
    }

    /// Gives what this process forks next its own processes. Between fork and exec.
    ///
    /// # Errors
    /// The system's.
    pub fn separate(&self) -> io::Result<()> {
        self.entry.as_ref().map_or(Ok(()), |entry| entry.separate_processes())
    }

    /// Confines this process and all that it starts, for good, and goes to its folder. Between fork and exec.
    ///
    /// # Errors
    /// The system's; the program must not run then. [`io::ErrorKind::NotFound`] only when the folder is not there.
    pub fn enter(&self) -> io::Result<()> {
        // The caller tells a missing folder or program from a failure of the confinement by the error.
        self.enter_parts().map_err(|_| io::Error::from_raw_os_error(FAILED))?;
        // SAFETY: a system call on a text that outlives it.
        if unsafe { libc::chdir(self.cwd.as_ptr()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }

    fn enter_parts(&self) -> Result<(), (Part, io::Error)> {
        let failed = |part| move |error| (part, error);
        if let Some(entry) = &self.entry {
            entry.separate_the_rest(self.network).map_err(failed(Part::Namespaces))?;
            if let Some(most) = &self.most_processes {
                namespaces::bound_processes(most);
            }
            mounts::build(&self.steps).map_err(failed(Part::View))?;
        }
        self.limits.enter().map_err(failed(Part::Limits))?;
        privileges::give_up_rights().map_err(failed(Part::Rights))?;
        if let Some(rules) = &self.rules {
            landlock::enter(rules).map_err(failed(Part::Rules))?;
        }
        match seccompiler::apply_filter(&self.filter) {
            Ok(()) => Ok(()),
            Err(_) => Err((Part::Calls, io::Error::last_os_error())),
        }
    }

    /// Enters it in a process that does nothing else, to see whether the host allows it.
    ///
    /// # Errors
    /// Which part failed and what the system said.
    pub fn try_out(&self) -> io::Result<()> {
        // SAFETY: the child makes only system calls until it ends.
        let status = unsafe {
            match libc::fork() {
                -1 => return Err(io::Error::last_os_error()),
                0 => libc::_exit(self.try_as_child()),
                child => {
                    let mut status = 0;
                    libc::waitpid(child, &raw mut status, 0);
                    status
                }
            }
        };
        if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
            return Ok(());
        }
        let part = usize::try_from(libc::WEXITSTATUS(status)).ok().and_then(|code| PARTS.get(code.wrapping_sub(1)));
        let part = part.map_or_else(|| "the confinement".to_owned(), Part::to_string);
        Err(io::Error::other(format!("{part} cannot be had")))
    }

    /// The exit code: 0, or the number of the part that failed.
    unsafe fn try_as_child(&self) -> c_int {
        if self.separate().is_err() {
            return number(Part::Processes);
        }
        // SAFETY: system calls only; the child is a copy of this process, which is one itself.
        unsafe {
            match libc::fork() {
                -1 => number(Part::Processes),
                0 => libc::_exit(self.enter_parts().map_or_else(|(part, _)| number(part), |()| 0)),
                child => {
                    let mut status = 0;
                    libc::waitpid(child, &raw mut status, 0);
                    if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { number(Part::Processes) }
                }
            }
        }
    }
}

/// What a failed confinement looks like to who started the program: no system call that starts one gives it.
pub const FAILED: c_int = libc::ENOTRECOVERABLE;

fn number(part: Part) -> c_int {
    part as c_int + 1
}
