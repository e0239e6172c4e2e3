//! The confinement of programs: prepared before a fork, entered after it, in three processes one below the other. The
//! first makes what all programs share; what it forks is the first of a program's own processes; what that forks becomes
//! the program.
#![expect(unsafe_code, reason = "forks")]

use super::{
    capabilities, landlock,
    limits::Limits,
    mounts::{self, Failure},
    namespaces::{self, Entry},
    system_calls::questions,
};
use rustix::process::WaitStatus;
use seccompiler::BpfProgram;
use std::{
    ffi::{CStr, c_int},
    fmt, io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

/// The confinement of programs. The view of the disk that belongs to it is made by steps that come as bytes ([`View`]),
/// since it goes with the disk.
///
/// [`View`]: super::View
#[derive(Clone)]
pub struct Restrictions {
    /// How to get namespaces, where the host allows them.
    pub(super) entry: Option<Entry>,
    pub(super) filter: BpfProgram,
    pub(super) limits: Limits,
    pub(super) network: bool,
    /// How much memory a program may take with all that it starts, in bytes.
    pub(super) memory: u64,
    /// The kernel's rules for what a view does not hold.
    pub(super) beside_view: Option<landlock::BesideView>,
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
    Disk,
}

/// In the order of their numbers as exit codes.
const PARTS: [Part; 8] =
    [Part::Processes, Part::Namespaces, Part::View, Part::Limits, Part::Rights, Part::Rules, Part::Calls, Part::Disk];

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
            Self::Disk => "a view of a disk that is being moved around",
        })
    }
}

impl Restrictions {
    /// Whether programs get processes of their own, so that the first one's end is the end of all.
    pub fn has_processes(&self) -> bool {
        self.entry.is_some()
    }

    /// Answers a question of a program's filter, which has come in.
    pub fn answer(&self, question: BorrowedFd<'_>) {
        questions::answer(question, self.memory);
    }

    /// Makes what all programs share, in a process that forks them.
    ///
    /// # Errors
    /// No program must be forked then. [`mounts::MOVED`] when the disk is no longer as the steps take it.
    pub fn prepare(&self, steps: &[u8]) -> Result<(), Failure> {
        self.separate().map_err(|part| Failure { step: 0, error: failed(part) })?;
        if self.has_processes() { mounts::begin(steps) } else { Ok(()) }
    }

    /// Forks the first of a program's own processes: 0 in it, which has to [`Self::begin`] then.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Safety
    /// As [`namespaces::fork`].
    pub unsafe fn fork(&self) -> io::Result<libc::pid_t> {
        let flags = if self.has_processes() { namespaces::OWN } else { 0 };
        // SAFETY: as the caller promises.
        unsafe { namespaces::fork(flags) }
    }

    /// Enters a control group, by the file of its that takes processes, with all that this process starts.
    ///
    /// # Errors
    /// The system's; the program must not run then.
    pub fn join(&self, group: &CStr) -> io::Result<()> {
        mounts::write(group, c"0").map_err(|_| failed(Part::Limits))
    }

    /// Goes where the program will be, in the first of its processes. A program in a terminal finds its device there.
    ///
    /// # Errors
    /// The system's; the program must not run then.
    pub fn begin(&self, steps: &[u8], terminal: Option<&CStr>) -> io::Result<()> {
        self.begin_parts(steps, terminal).map_err(failed)
    }

    /// Confines this process and all that it starts, for good, and goes to its folder. Whoever has the other end of `asked`
    /// answers what the filter of system calls cannot see.
    ///
    /// # Errors
    /// The system's; the program must not run then. [`io::ErrorKind::NotFound`] only when the folder is not there.
    pub fn enter(&self, cwd: &CStr, rules: Option<BorrowedFd<'_>>, asked: BorrowedFd<'_>) -> io::Result<()> {
        self.enter_parts(rules, Some(asked)).map_err(failed)?;
        Ok(rustix::process::chdir(cwd)?)
    }

    fn separate(&self) -> Result<(), Part> {
        let Some(entry) = &self.entry else { return Ok(()) };
        entry.open().map_err(|_| Part::Processes)?;
        namespaces::separate(self.network).map_err(|_| Part::Namespaces)
    }

    fn begin_view(&self, steps: &[u8]) -> Result<(), Part> {
        if !self.has_processes() {
            return Ok(());
        }
        mounts::begin(steps).map_err(|failure| match failure.error.raw_os_error() {
            Some(mounts::MOVED) => Part::Disk,
            _ => Part::View,
        })
    }

    fn begin_parts(&self, steps: &[u8], terminal: Option<&CStr>) -> Result<(), Part> {
        if !self.has_processes() {
            return Ok(());
        }
        mounts::complete(steps, terminal).map_err(|_| Part::View)
    }

    fn enter_parts(&self, rules: Option<BorrowedFd<'_>>, asked: Option<BorrowedFd<'_>>) -> Result<(), Part> {
        self.limits.enter().map_err(|_| Part::Limits)?;
        capabilities::give_up_rights().map_err(|_| Part::Rights)?;
        if let Some(rules) = rules {
            landlock::enter(rules).map_err(|_| Part::Rules)?;
        } else if let Some(rules) = &self.beside_view {
            rules.enter().map_err(|_| Part::Rules)?;
        }
        questions::enter(&self.filter, asked).map_err(|_| Part::Calls)
    }

    /// Enters it in a process that does nothing else, to see whether the host allows it.
    ///
    /// # Errors
    /// Which part failed. [`mounts::MOVED`] when the disk is no longer as the steps take it.
    pub fn try_out(&self, steps: &[u8], rules: Option<&OwnedFd>) -> io::Result<()> {
        // SAFETY: the child makes only system calls until it ends.
        let tried = unsafe { namespaces::fork(0)? };
        let code = run(tried, || {
            self.separate()?;
            self.begin_view(steps)?;
            // SAFETY: as above.
            let first = unsafe { self.fork() }.map_err(|_| Part::Processes)?;
            let code = run(first, || {
                self.begin_parts(steps, None)?;
                self.enter_parts(rules.map(AsFd::as_fd), None)
            });
            if code == 0 { Ok(()) } else { Err(part(code).unwrap_or(Part::Processes)) }
        });
        if code == 0 {
            return Ok(());
        }
        if part(code) == Some(Part::Disk) {
            return Err(io::Error::from_raw_os_error(mounts::MOVED));
        }
        let part = part(code).map_or_else(|| "the confinement".to_owned(), |part| part.to_string());
        Err(io::Error::other(format!("{part} cannot be had")))
    }
}

/// In the new process: does the work, and ends with the number of the part that failed, or 0. In the old one: waits, and
/// gives that number, or -1 for another end.
/// The work is done in a copy of one thread, without the others that hold locks: it makes system calls and nothing else.
fn run(process: libc::pid_t, work: impl FnOnce() -> Result<(), Part>) -> c_int {
    if process == 0 {
        namespaces::exit(work().map_or_else(|part| part as c_int + 1, |()| 0));
    }
    namespaces::await_end(process).and_then(WaitStatus::exit_status).unwrap_or(-1)
}

fn part(code: c_int) -> Option<Part> {
    PARTS.get(usize::try_from(code).ok()?.checked_sub(1)?).copied()
}

/// What a failed confinement looks like to who started the program: no system call that starts one gives it, and so it is
/// told from a missing folder or program.
pub const FAILED: c_int = libc::ENOTRECOVERABLE;

fn failed(_: Part) -> io::Error {
    io::Error::from_raw_os_error(FAILED)
}
