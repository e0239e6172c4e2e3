//! Where there are no Unix processes: nothing can be started, and what would be done with it is never reached.

use super::{log::Log, screen::Shown};
use crate::{
    error::{Error, Result},
    policy::PermittedCommand,
    terminal::{
        output::Taken,
        spawn::{Spawner, Stderr, Stdout, Tree},
    },
};
use std::sync::Arc;

/// Who listens on a port.
#[expect(missing_docs, reason = "as in the version for Unix")]
pub struct PortHolder {
    pub process: Option<(u32, String)>,
    pub user: u32,
}

/// The system does not tell here.
pub fn port_holder(_: u16) -> Option<PortHolder> {
    None
}

/// What is to run.
#[expect(missing_docs, reason = "as in the version for Unix")]
pub struct StartRequest {
    pub command: PermittedCommand,
    pub size: Option<(u16, u16)>,
}

/// Where the output would go.
#[expect(missing_docs, reason = "as in the version for Unix")]
pub struct Output {
    pub log: Arc<Log>,
    pub grown: Box<dyn FnMut() + Send>,
}

/// A program that was started elsewhere.
#[expect(missing_docs, reason = "as in the version for Unix")]
pub struct Adopted {
    pub tree: Tree,
    pub stdout: Taken<Stdout>,
    pub stderr: Taken<Stderr>,
}

/// The signals that keys and callers may send.
#[derive(Clone, Copy, Debug)]
pub struct Signal;

#[expect(missing_docs, reason = "as in the version for Unix")]
impl Signal {
    pub const HUP: Self = Self;
    pub const INT: Self = Self;
    pub const QUIT: Self = Self;
    pub const KILL: Self = Self;
    pub const USR1: Self = Self;
    pub const USR2: Self = Self;
    pub const ALARM: Self = Self;
    pub const TERM: Self = Self;
    pub const STOP: Self = Self;
    pub const CONT: Self = Self;
    pub const TSTP: Self = Self;
    pub const WINCH: Self = Self;
}

/// Never made.
pub enum Running {}

#[expect(missing_docs, clippy::unused_async, reason = "as in the version for Unix")]
impl Running {
    pub fn start(_: &Spawner, _: &StartRequest, _: Output) -> Result<Arc<Self>> {
        Err(Error::NotImplemented("Processes in the background need a Unix system; use terminal_execute".into()))
    }

    pub fn adopt(_: Adopted, _: Output) -> Result<Arc<Self>> {
        Err(Error::NotImplemented("Processes in the background need a Unix system".into()))
    }

    pub fn id(&self) -> u32 {
        match *self {}
    }

    pub async fn finish(&self) -> Option<i32> {
        match *self {}
    }

    pub async fn write(&self, _: &[u8]) -> Result<()> {
        match *self {}
    }

    pub async fn end_input(&self) -> Result<()> {
        match *self {}
    }

    pub fn application_cursor(&self) -> bool {
        match *self {}
    }

    pub fn shown(&self) -> Option<Shown> {
        match *self {}
    }

    pub fn resize(&self, _: u16, _: u16) -> Result<()> {
        match *self {}
    }

    pub fn signal(&self, _: Signal) {
        match *self {}
    }

    pub fn terminate(&self) {
        match *self {}
    }

    pub async fn kill(&self) {
        match *self {}
    }

    pub async fn listens_on(&self, _: u16) -> bool {
        match *self {}
    }
}
