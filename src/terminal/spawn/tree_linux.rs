//! A program with all that it starts, held by its supervisor.

use super::supervisor::{self, Order};
use crate::{
    error::{Error, Result},
    policy::confine::Cage,
};
use rustix::net::{AddressFamily, SendFlags, SocketFlags, SocketType, socketpair};
use std::{
    io,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::process::ExitStatusExt,
    },
    sync::{Mutex, PoisonError},
};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};

pub use rustix::process::Signal;

/// A program with all that it starts. Dropping it ends them all.
pub struct Tree {
    /// The supervisor.
    id: u32,
    child: tokio::sync::Mutex<Child>,
    output: Mutex<Option<(ChildStdout, ChildStderr)>>,
    /// A byte is a signal for the program's group; its end is the end of the tree.
    control: Mutex<Option<OwnedFd>>,
}

impl Tree {
    /// Starts the command under a supervisor and in its cage; without one, what leaves the program's group by itself may
    /// outlive a program that ended.
    ///
    /// # Errors
    /// The system's, from any step until the program runs.
    pub fn start(mut command: Command, is_terminal: bool, cage: Option<Cage>) -> io::Result<Self> {
        let (control, watched) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        let order = Order { control: watched.as_raw_fd(), is_terminal, cage };
        // SAFETY: `take_over` makes only calls that are safe between fork and exec.
        unsafe {
            command.pre_exec(move || supervisor::take_over(&order));
        }
        let mut child = command.spawn()?;
        Ok(Self {
            id: child.id().unwrap_or_default(),
            output: Mutex::new(child.stdout.take().zip(child.stderr.take())),
            child: tokio::sync::Mutex::new(child),
            control: Mutex::new(Some(control)),
        })
    }

    /// The process that all of the tree descends from.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What a captured program writes; once.
    pub fn take_output(&self) -> Option<(ChildStdout, ChildStderr)> {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Waits for the end of the program and of all that it started. Gives the program's exit code, negative for a
    /// signal. May be dropped and called again.
    ///
    /// # Errors
    /// When the system loses the process.
    pub async fn wait(&self) -> Result<i32> {
        let status = self.child.lock().await.wait().await.map_err(Error::internal)?;
        Ok(status.code().or_else(|| status.signal().map(|signal| -signal)).unwrap_or(-1))
    }

    /// Sends a signal to the program and its group.
    pub fn signal(&self, signal: Signal) {
        let number = u8::try_from(signal.as_raw()).expect("a signal's number is small");
        if let Some(control) = self.control.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            // A supervisor that is gone has nothing left to signal.
            let _ = rustix::net::send(control, &[number], SendFlags::NOSIGNAL);
        }
    }

    /// Ends all of it and waits for that.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub async fn kill(&self) -> Result<i32> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.wait().await
    }
}
