//! A program alone, where the system has no process groups.

use super::{Program, Streams, command::command};
use crate::{
    error::{Error, Result},
    policy::Confinement,
};
use std::{
    io,
    sync::{Mutex, PoisonError},
};
use tokio::process::Child;

/// What can be sent to a program here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The end.
    Kill,
}

/// What a captured program writes to its standard output.
pub type Stdout = tokio::process::ChildStdout;

/// What a captured program writes to its standard error.
pub type Stderr = tokio::process::ChildStderr;

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

    /// Starts the program.
    ///
    /// # Errors
    /// The system's.
    pub fn start(&self, program: &Program<'_>, streams: Streams, _: &Confinement) -> io::Result<Tree> {
        Tree::of(command(program, streams).kill_on_drop(true).spawn()?)
    }
}

/// A program. Dropping it ends it.
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

    /// Waits for the program's end and gives its exit code.
    ///
    /// # Errors
    /// When the system loses the process.
    pub async fn wait(&self) -> Result<i32> {
        let status = self.child.lock().await.wait().await.map_err(Error::internal)?;
        Ok(status.code().unwrap_or(-1))
    }

    /// Ends the program.
    pub fn signal(&self, _: Signal) {
        if let Ok(mut child) = self.child.try_lock() {
            // One that is gone has had its end.
            let _ = child.start_kill();
        }
    }

    /// There is no way to ask.
    pub fn ask_to_end(&self) {}

    /// Ends it and waits for that.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub async fn kill(&self) -> Result<i32> {
        let _ = self.child.lock().await.start_kill();
        self.wait().await
    }
}
