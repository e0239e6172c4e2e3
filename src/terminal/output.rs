//! What a command writes, kept up to a limit.

use crate::caller::Holding;
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

/// The pieces in which output is read, in bytes.
const PIECE: usize = 64 * 1024;

/// How many bytes of memory output gets at first, when it is more than a piece: most needs no more.
const STEP: usize = 1024 * 1024;

/// How long output is still taken in after a command's end: only something that got away from its tree
/// (`MCP_CONFINEMENT=off`) can hold the stream open any longer.
const LAST_OUTPUT: Duration = Duration::from_millis(200);

/// One stream of a command.
pub struct Output<S> {
    stream: Option<S>,
    kept: Vec<u8>,
    limit: usize,
    exceeded: bool,
    /// Who answers for the memory, and how many bytes were asked for.
    holding: Holding,
    held: usize,
}

impl<S: AsyncRead + Unpin> Output<S> {
    /// Keeps `limit` bytes of `stream`.
    pub fn new(stream: S, limit: usize, holding: Holding) -> Self {
        Self { stream: Some(stream), kept: Vec::new(), limit, exceeded: false, holding, held: PIECE }
    }

    /// Takes in all that comes until the stream ends or the limit is passed. What was read stays when this is dropped.
    ///
    /// # Errors
    /// When the stream breaks.
    pub async fn read(&mut self) -> io::Result<()> {
        // Past the limit the stream stays open: the command is to be ended, not to meet a closed pipe.
        while let Some(stream) = self.stream.as_mut().filter(|_| !self.exceeded) {
            if self.kept.capacity() - self.kept.len() < PIECE {
                self.kept.reserve(PIECE);
            }
            if stream.read_buf(&mut self.kept).await? == 0 {
                self.stream = None;
            } else if self.kept.len() > self.limit {
                self.kept.truncate(self.limit);
                self.exceeded = true;
            } else if self.kept.len() > self.held {
                // Meanwhile the command waits. What gets no memory at all is cut as if it were too long.
                // Long output gets all it may need, so that few commands are finished instead of many begun.
                let step = if self.held == PIECE { STEP.min(self.limit) } else { self.limit };
                self.exceeded = self.holding.more(step as u64).await.is_err();
                self.held += step;
            }
        }
        Ok(())
    }

    /// Takes in what is left after the command's end.
    pub async fn finish(&mut self) {
        // What is lost then is what a runaway of the command writes.
        let _ = timeout(LAST_OUTPUT, self.read()).await;
    }

    /// Whether there was more than the limit.
    pub fn exceeded(&self) -> bool {
        self.exceeded
    }

    /// What was kept, with U+FFFD for bytes that are not UTF-8.
    pub fn into_text(self) -> String {
        String::from_utf8(self.kept).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}
