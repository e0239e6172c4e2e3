//! A program with the process group that it leads, where no supervisor can be had.

use super::{Program, Streams, command::command, signals::reset_signals};
use crate::{
    error::{Error, Result},
    policy::Confinement,
};
use rustix::process::Pid;
use std::{
    io,
    os::{fd::OwnedFd, unix::process::ExitStatusExt},
    sync::{Mutex, PoisonError},
};
use tokio::process::Child;

pub use rustix::process::Signal;

/// What a captured program writes to its standard output.
pub type Stdout = tokio::process::ChildStdout;

/// What a captured program writes to its standard error.
pub type Stderr = tokio::process::ChildStderr;

/// The end to read a program's standard output from, without the runtime.
///
/// # Errors
/// The system's.
pub fn stdout_end(stdout: Stdout) -> io::Result<OwnedFd> {
    stdout.into_owned_fd()
}

/// The same of its standard error.
///
/// # Errors
/// The system's.
pub fn stderr_end(stderr: Stderr) -> io::Result<OwnedFd> {
    stderr.into_owned_fd()
}

/// Starts programs.
pub struct Starter;

impl Starter {
    /// Nothing needs to be ready.
    ///
    /// # Errors
    /// None.
    pub fn open(_: &Confinement) -> io::Result<Self> {
        Ok(Self)
    }

    /// The same.
    ///
    /// # Errors
    /// None.
    pub fn beside(&self, _: &Confinement, _: bool) -> io::Result<Self> {
        Ok(Self)
    }

    /// Starts the program in a session of its own.
    ///
    /// # Errors
    /// The system's, from any step until the program runs.
    pub fn start(&self, program: &Program<'_>, streams: Streams, _: &Confinement) -> io::Result<Tree> {
        let is_terminal = matches!(&streams, Streams::Given { terminal: Some(_), .. });
        let mut command = command(program, streams);
        // SAFETY: only system calls that are safe between fork and exec.
        #[expect(unsafe_code, reason = "the standard library cannot say so")]
        unsafe {
            command.pre_exec(move || {
                reset_signals();
                rustix::process::setsid()?;
                if is_terminal {
                    rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
                }
                Ok(())
            });
        }
        Tree::of(command.spawn()?)
    }
}

/// A program with its process group. Dropping it ends them.
pub struct Tree {
    id: u32,
    child: tokio::sync::Mutex<Child>,
    output: Mutex<Option<(Stdout, Stderr)>>,
}

impl Tree {
    fn of(mut child: Child) -> io::Result<Self> {
        Ok(Self {
            id: child.id().unwrap_or_default(),
            output: Mutex::new(child.stdout.take().zip(child.stderr.take())),
            child: tokio::sync::Mutex::new(child),
        })
    }

    /// The program's process id.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The system does not say what is going on.
    pub fn command_lines(&self) -> Vec<String> {
        vec![]
    }

    /// Nobody bounds its memory here.
    pub fn exceeded_memory(&self) -> Option<u64> {
        None
    }

    /// Nobody looks what goes on after the program here.
    pub fn ended_others(&self) -> bool {
        false
    }

    /// What a captured program writes; once.
    pub fn take_output(&self) -> Option<(Stdout, Stderr)> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits for the program's end, then ends its group. Gives its exit code, negative for a signal.
    ///
    /// # Errors
    /// When the system loses the process.
    pub async fn wait(&self) -> Result<i32> {
        let status = self.child.lock().await.wait().await.map_err(Error::internal)?;
        self.signal(Signal::KILL);
        Ok(status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(-1))
    }

    /// Sends a signal to the program and its group.
    pub fn signal(&self, signal: Signal) {
        if let Some(group) = Pid::from_raw(self.id.cast_signed()) {
            // A group that is gone has had its end.
            let _ = rustix::process::kill_process_group(group, signal);
        }
    }

    /// Asks all of the group to end. How long that may take is for the caller to say.
    pub fn ask_to_end(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends all of the group and waits for that.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub async fn kill(&self) -> Result<i32> {
        self.signal(Signal::KILL);
        self.wait().await
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
