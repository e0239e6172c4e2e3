//! The last bytes of a ring, which are also held in memory: who watches live has them without the disk.

use super::{
    Stream,
    piece::{Piece, Run, append},
};
use std::collections::VecDeque;

/// How many bytes are held; of all processes together some MiB.
const KEPT: usize = 16 * 1024;

/// How many runs are held: many short ones take more room than their bytes.
const RUNS: usize = 64;

/// The end of what was written.
#[derive(Debug, Default)]
pub(super) struct Recent {
    /// The cursor of the first byte that is held.
    start: u64,
    bytes: usize,
    runs: VecDeque<Run>,
}

impl Recent {
    /// Nothing, after output that ends at `end`.
    pub(super) fn after(end: u64) -> Self {
        Self { start: end, ..Self::default() }
    }

    /// Takes in what was just written.
    pub(super) fn add(&mut self, stream: Stream, bytes: &[u8]) {
        if bytes.len() > KEPT {
            // Bulk is read from the disk.
            *self = Self::after(self.start + (self.bytes + bytes.len()) as u64);
            return;
        }
        self.bytes += bytes.len();
        match self.runs.back_mut() {
            Some(last) if last.stream == stream && last.bytes.len() < KEPT / 8 => last.bytes.extend_from_slice(bytes),
            _ => self.runs.push_back(Run { stream, bytes: bytes.to_vec() }),
        }
        while self.bytes > KEPT || self.runs.len() > RUNS {
            let dropped = self.runs.pop_front().map_or(0, |run| run.bytes.len());
            self.bytes -= dropped;
            self.start += dropped as u64;
        }
    }

    /// How many bytes are held.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// All from `cursor` to the end, when it is held and no more than `max` bytes.
    pub(super) fn from(&self, cursor: u64, max: usize) -> Option<Piece> {
        let mut skip = usize::try_from(cursor.checked_sub(self.start)?).ok()?;
        if self.bytes.checked_sub(skip)? > max {
            return None;
        }
        let mut piece = Piece { start: cursor, next: self.start + self.bytes as u64, ..Piece::default() };
        for run in &self.runs {
            let part = &run.bytes[skip.min(run.bytes.len())..];
            skip -= run.bytes.len() - part.len();
            if !part.is_empty() {
                append(&mut piece.runs, vec![Run { stream: run.stream, bytes: part.to_vec() }]);
            }
        }
        Some(piece)
    }
}
