//! Output as it was read.

use super::Stream;
use crate::excerpt::incomplete;

/// Output as it was read: runs of bytes, each of one stream, in the order in which they came.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// The cursor of the first byte.
    pub start: u64,
    /// How many bytes between the asked cursor and `start` are no longer there.
    pub missed: u64,
    /// The bytes.
    pub runs: Vec<Run>,
    /// The cursor to go on from.
    pub next: u64,
}

/// Bytes of one stream.
#[derive(Debug, PartialEq, Eq)]
pub struct Run {
    /// The stream.
    pub stream: Stream,
    /// What it brought.
    pub bytes: Vec<u8>,
}

impl Piece {
    /// All bytes of a stream, joined.
    pub fn of(&self, stream: Stream) -> Vec<u8> {
        let runs = self.runs.iter().filter(|run| run.stream == stream);
        runs.flat_map(|run| run.bytes.iter().copied()).collect()
    }

    /// Whether nothing was there.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Gives back a character that the end cuts in two, so that the next piece has it whole.
    pub(super) fn end_on_a_character(&mut self) {
        let Some(last) = self.runs.last_mut() else { return };
        let cut = incomplete(&last.bytes);
        if cut < last.bytes.len() || self.runs.len() > 1 {
            let last = self.runs.last_mut().expect("there is a last one");
            last.bytes.truncate(last.bytes.len() - cut);
            self.next -= cut as u64;
            self.runs.retain(|run| !run.bytes.is_empty());
        }
    }
}

/// Joins what two segments hold of the same turn.
pub(super) fn append(runs: &mut Vec<Run>, more: Vec<Run>) {
    for run in more {
        match runs.last_mut() {
            Some(last) if last.stream == run.stream => last.bytes.extend_from_slice(&run.bytes),
            _ => runs.push(run),
        }
    }
}
