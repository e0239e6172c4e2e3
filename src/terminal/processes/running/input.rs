//! What is typed: written in the order of the calls, and never waited for without end.

use crate::error::{Error, Result};
use std::{io, os::fd::OwnedFd, time::Duration};
use tokio::{io::AsyncWriteExt, net::unix::pipe::Sender, sync::Mutex};

/// How long a program may take to read on while input waits for it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The writing end of a process's input.
pub(crate) struct Input(Mutex<Option<Sender>>);

impl Input {
    /// Takes the end, if there is one. Called within the runtime.
    ///
    /// # Errors
    /// When the runtime cannot watch it.
    pub(crate) fn new(end: Option<OwnedFd>) -> io::Result<Self> {
        let Some(end) = end else { return Ok(Self(Mutex::new(None))) };
        rustix::io::ioctl_fionbio(&end, true)?;
        // A pseudo-terminal is written to as a pipe is; tokio only waits until it takes more.
        Ok(Self(Mutex::new(Some(Sender::from_owned_fd_unchecked(end)?))))
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// [`Error::Conflict`] when the input is closed, [`Error::TimedOut`] when the program reads nothing for 10 s.
    pub(crate) async fn write(&self, bytes: &[u8]) -> Result<()> {
        // Held while the program reads: the next call's bytes come after these.
        let mut end = self.0.lock().await;
        let Some(end) = end.as_mut() else { return Err(closed()) };
        let mut written = 0;
        while written < bytes.len() {
            match tokio::time::timeout(TIMEOUT, end.write(&bytes[written..])).await {
                Ok(Ok(size)) => written += size,
                Ok(Err(_)) => return Err(closed()),
                Err(_) => {
                    return Err(Error::TimedOut(format!(
                        "The program has read nothing for {} s: {written} of {} bytes were handed over",
                        TIMEOUT.as_secs(),
                        bytes.len()
                    )));
                }
            }
        }
        Ok(())
    }

    /// No more comes.
    pub(crate) async fn close(&self) {
        self.0.lock().await.take();
    }
}

fn closed() -> Error {
    Error::Conflict(
        "Its input is closed: the program has ended, eof was sent before, or it was started without input by \
         terminal_execute"
            .into(),
    )
}
