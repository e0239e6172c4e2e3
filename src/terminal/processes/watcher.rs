//! One who watches a process live. A slow one reads later from the ring, or misses what the ring has dropped; the
//! process never waits.

use super::{
    Run,
    process::{Ending, Process, State},
};
use crate::error::Result;
use std::sync::Arc;
use tokio::sync::watch;

/// How much is read for one event, in bytes.
const PIECE: usize = 64 * 1024;

/// What a watcher is told.
#[derive(Debug)]
pub enum Event {
    /// The process wrote.
    Output {
        /// What, by stream, in the order in which it came.
        runs: Vec<Run>,
        /// The cursor after it.
        cursor: u64,
    },
    /// The watcher was too slow: this many bytes before `cursor` are no longer kept.
    Missed {
        /// How many.
        bytes: u64,
        /// Where the output goes on.
        cursor: u64,
    },
    /// The terminal has another size: columns and rows.
    Resized(u16, u16),
    /// The process is over and all its output was told. Nothing comes after it.
    Ended(Ending),
}

/// One who watches.
pub struct Watcher {
    process: Arc<Process>,
    state: watch::Receiver<State>,
    cursor: u64,
    size: Option<(u16, u16)>,
    waiting: Option<Event>,
}

impl Watcher {
    /// Watches from `cursor` on.
    pub fn new(process: Arc<Process>, cursor: u64) -> Self {
        let state = process.subscribe();
        let size = state.borrow().size;
        Self { process, state, cursor, size, waiting: None }
    }

    /// The next event; waits for it. May be dropped and called again without losing anything.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn next(&mut self) -> Result<Event> {
        if let Some(event) = self.waiting.take() {
            return Ok(event);
        }
        loop {
            let state = self.state.borrow_and_update().clone();
            if let Some((columns, rows)) = state.size.filter(|_| state.size != self.size) {
                self.size = state.size;
                return Ok(Event::Resized(columns, rows));
            }
            if state.end > self.cursor {
                return self.read().await;
            }
            if let Some(ending) = state.ending {
                return Ok(Event::Ended(ending));
            }
            // The sender lives as long as the process that this watcher holds.
            let _ = self.state.changed().await;
        }
    }

    async fn read(&mut self) -> Result<Event> {
        let piece = self.process.read(self.cursor, PIECE).await?;
        self.cursor = piece.next;
        let output = Event::Output { runs: piece.runs, cursor: piece.next };
        if piece.missed == 0 {
            return Ok(output);
        }
        self.waiting = Some(output);
        Ok(Event::Missed { bytes: piece.missed, cursor: piece.start })
    }
}
