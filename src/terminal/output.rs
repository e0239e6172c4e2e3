//! What a command writes: its start and its end, up to a limit.

use crate::{
    capability::Context,
    excerpt::{Bound, Excerpt, Parts, gap, incomplete},
};
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

/// The pieces in which output is read, in bytes.
const PIECE: usize = 64 * 1024;

/// How many bytes of memory output gets at first, when it is more than a piece: most needs no more.
const STEP: usize = 1024 * 1024;

/// How many times the limit a command may write. Nobody reads the end of such a flood.
const FLOOD: u64 = 100;

/// Of output that is given away as it comes, this part of the limit is for the end of what is too long.
const GIVEN_LAST: usize = 8;

/// How long output is still taken in after a command's end: only something that got away from its tree
/// (`MCP_CONFINEMENT=off`) can hold the stream open any longer.
const LAST_OUTPUT: Duration = Duration::from_millis(200);

/// One stream of a command.
pub(crate) struct Output<'a, S> {
    stream: Option<S>,
    name: &'static str,
    /// Who is told what comes, and answers for the memory.
    context: &'a Context,
    /// What came and was not told yet: the start of a character, or a piece.
    untold: Vec<u8>,
    /// What the answer has; of output that is given away, what comes too late for that.
    kept: Excerpt,
    limit: usize,
    written: u64,
    /// How many bytes were given away.
    given: usize,
    /// How many of them may be.
    gift: usize,
    /// How many bytes of memory were asked for.
    held: usize,
}

/// A stream that was read in part.
pub struct Taken<S> {
    /// Where it goes on; `None` at its end.
    pub end: Option<S>,
    /// What was read and not given away.
    pub written: Vec<u8>,
}

impl<'a, S: AsyncRead + Unpin> Output<'a, S> {
    /// Takes in `stream`, keeps `limit` bytes of it, and tells it to `context` as it comes.
    pub(crate) fn new(name: &'static str, stream: S, limit: usize, context: &'a Context) -> Self {
        let (gift, bound) = match context.gives_output_away() {
            true => (limit - limit / GIVEN_LAST, Bound { max: limit / GIVEN_LAST, tail: limit / GIVEN_LAST }),
            false => (0, Bound::halves(limit)),
        };
        Self {
            stream: Some(stream),
            name,
            context,
            untold: Vec::new(),
            kept: Excerpt::new(bound),
            limit,
            written: 0,
            given: 0,
            gift,
            held: PIECE,
        }
    }

    /// Takes in all that comes until the stream ends or is a flood. What was read stays when this is dropped.
    ///
    /// # Errors
    /// When the stream breaks.
    pub(crate) async fn read(&mut self) -> io::Result<()> {
        // In a flood the stream stays open: the command is to be ended, not to meet a closed pipe.
        while let Some(stream) = self.stream.as_mut().filter(|_| !is_flood(self.written, self.limit)) {
            self.untold.reserve(PIECE);
            let from = self.untold.len();
            match stream.read_buf(&mut self.untold).await? {
                0 => self.stream = None,
                size => self.written += size as u64,
            }
            self.take(from);
            // Meanwhile the command waits.
            self.hold().await;
        }
        Ok(())
    }

    /// Keeps or gives away what was read behind `from`.
    fn take(&mut self, from: usize) {
        let whole = self.untold.len() - incomplete(&self.untold);
        if self.context.gives_output_away() {
            let now = whole.min(self.gift - self.given);
            self.give(now - incomplete(&self.untold[..now]));
            if now < whole {
                // From here on the last bytes are kept for the end.
                self.gift = self.given;
            }
            if self.given == self.gift {
                self.kept.push(&self.untold);
                self.untold.clear();
            }
        } else {
            self.kept.push(&self.untold[from..]);
            // Who only sees progress is told nothing that the answer may leave out.
            if self.context.is_watched() && self.written <= self.limit as u64 && whole > 0 {
                self.context.emit_output(self.name, &String::from_utf8_lossy(&self.untold[..whole]));
            }
            self.untold.drain(..whole);
        }
    }

    fn give(&mut self, size: usize) {
        if size > 0 {
            self.context.emit_output(self.name, &String::from_utf8_lossy(&self.untold[..size]));
            self.given += size;
            self.untold.drain(..size);
        }
    }

    /// Asks for the memory of what is kept or waits for whom it was given to. Without any, no more is kept.
    async fn hold(&mut self) {
        if self.given + self.kept.len() <= self.held {
            return;
        }
        // Long output gets all it may need, so that few commands are finished instead of many begun.
        let step = if self.held == PIECE { STEP.min(self.limit) } else { self.limit };
        if self.context.holding.more(step as u64).await.is_ok() {
            self.held += step;
        } else {
            self.held = usize::MAX;
            self.gift = self.given;
            self.kept.stop_growing();
        }
    }

    /// Takes in what is left after the command's end, and tells the rest of what is given away.
    pub(crate) async fn finish(&mut self) {
        // What is lost then is what a runaway of the command writes.
        let _ = timeout(LAST_OUTPUT, self.read()).await;
        if !self.context.gives_output_away() {
            return;
        }
        if self.kept.is_empty() && self.kept.omitted() == 0 {
            self.give(self.untold.len());
            return;
        }
        let Parts { head, omitted, tail } =
            std::mem::replace(&mut self.kept, Excerpt::new(Bound::halves(0))).into_parts();
        let gap = if omitted > 0 { gap(omitted, "") } else { String::new() };
        self.context.emit_output(self.name, &[head, gap, tail].concat());
    }

    /// Whether the command wrote so much that it is to be ended.
    pub(crate) fn is_flood(&self) -> bool {
        is_flood(self.written, self.limit)
    }

    /// Stops here, for whoever reads on.
    pub(crate) fn into_taken(self) -> Taken<S> {
        let mut written = match self.kept.omitted() {
            0 => self.kept.into_bytes(),
            _ => self.kept.into_parts().join().into_bytes(),
        };
        // Output that is given away was kept only where it was not told.
        if self.context.gives_output_away() {
            written.extend_from_slice(&self.untold);
        }
        Taken { end: self.stream, written }
    }

    /// What was kept and not given away, with U+FFFD for bytes that are not UTF-8.
    pub(crate) fn into_parts(self) -> Parts {
        self.kept.into_parts()
    }
}

fn is_flood(written: u64, limit: usize) -> bool {
    written > FLOOD.saturating_mul(limit as u64)
}
