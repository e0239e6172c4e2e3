//! What a command writes, kept up to a limit.

use super::processes::incomplete;
use crate::capability::Context;
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
pub struct Output<'a, S> {
    stream: Option<S>,
    name: &'static str,
    /// Who is told what comes, and answers for the memory.
    context: &'a Context,
    kept: Vec<u8>,
    limit: usize,
    exceeded: bool,
    /// How many bytes of memory were asked for.
    held: usize,
    /// How many bytes of `kept` were told.
    told: usize,
    /// How many bytes were told and given away.
    gone: usize,
}

impl<'a, S: AsyncRead + Unpin> Output<'a, S> {
    /// Takes in `limit` bytes of `stream`, and tells them to `context` as they come.
    pub fn new(name: &'static str, stream: S, limit: usize, context: &'a Context) -> Self {
        let (kept, stream) = (Vec::new(), Some(stream));
        Self { stream, name, context, kept, limit, exceeded: false, held: PIECE, told: 0, gone: 0 }
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
            } else if self.gone + self.kept.len() > self.limit {
                self.kept.truncate(self.limit - self.gone);
                self.exceeded = true;
            } else if self.gone + self.kept.len() > self.held {
                // Meanwhile the command waits. What gets no memory at all is cut as if it were too long.
                // Long output gets all it may need, so that few commands are finished instead of many begun.
                let step = if self.held == PIECE { STEP.min(self.limit) } else { self.limit };
                self.exceeded = self.context.holding.more(step as u64).await.is_err();
                self.held += step;
            }
            self.tell(false);
        }
        Ok(())
    }

    /// Takes in what is left after the command's end.
    pub async fn finish(&mut self) {
        // What is lost then is what a runaway of the command writes.
        let _ = timeout(LAST_OUTPUT, self.read()).await;
        self.tell(true);
    }

    /// Tells what was not told yet, in whole characters.
    fn tell(&mut self, to_the_end: bool) {
        let new = &self.kept[self.told..];
        let whole = if to_the_end { new.len() } else { new.len() - incomplete(new) };
        if whole == 0 {
            return;
        }
        self.context.tell(self.name, &String::from_utf8_lossy(&new[..whole]));
        self.told += whole;
        if self.context.gives_output_away() {
            self.kept.drain(..self.told);
            self.gone += std::mem::take(&mut self.told);
        }
    }

    /// Whether there was more than the limit.
    pub fn exceeded(&self) -> bool {
        self.exceeded
    }

    /// What was kept and not given away, with U+FFFD for bytes that are not UTF-8.
    pub fn into_text(self) -> String {
        String::from_utf8(self.kept).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }
}
