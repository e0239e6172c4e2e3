//! The reading end of a ring: any number of readers, each with its own cursor.
#![expect(clippy::disallowed_methods, reason = "the rings are the bridge's own files, not paths that a caller names")]

use super::{
    Log, Segment, Stream,
    piece::{Piece, Run, append},
    recent::Recent,
    turns::Turns,
};
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

/// How much output of a process that is over stays in memory, in bytes.
const SETTLED: usize = 2 * 1024;

impl Log {
    /// Reads up to `max` bytes from `cursor` on; nothing when none are there yet.
    ///
    /// # Errors
    /// When a file that is there cannot be read.
    pub fn read(&self, cursor: u64, max: usize) -> io::Result<Piece> {
        let mut piece = Piece { start: cursor, next: cursor, ..Piece::default() };
        let mut left = max as u64;
        while left > 0 {
            let Some((segment, end)) = self.segment_from(piece.next) else {
                let (_, end) = self.span();
                skip_to(&mut piece, end);
                return Ok(piece);
            };
            if segment.base > piece.next && !skip_to(&mut piece, segment.base) {
                return Ok(piece);
            }
            let until = segment.end().min(piece.next.saturating_add(left));
            match self.read_segment(&segment, piece.next, until) {
                Ok(runs) => append(&mut piece.runs, runs),
                // The writer dropped it just now: what is left begins later.
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.is_dropped(&segment) => continue,
                Err(error) => return Err(error),
            }
            left -= until - piece.next;
            piece.next = until;
            if piece.next == end {
                return Ok(piece);
            }
        }
        piece.end_on_a_character();
        Ok(piece)
    }

    /// All from `cursor` to the end, where that is held in memory and no more than `max` bytes: what [`Self::read`]
    /// would give, without the disk.
    pub fn recent(&self, cursor: u64, max: usize) -> Option<Piece> {
        self.shape().recent.from(cursor, max)
    }

    /// Forgets what a process that is over had written last, unless it is little: from now on it is rarely asked for.
    pub fn settle(&self) {
        let mut shape = self.shape();
        if shape.recent.bytes() > SETTLED {
            shape.recent = Recent::after(shape.end);
        }
    }

    /// The first segment with a byte at or after `cursor`, and the end of all.
    fn segment_from(&self, cursor: u64) -> Option<(Segment, u64)> {
        let shape = self.shape();
        let place = shape.segments.partition_point(|segment| segment.end() <= cursor);
        Some((shape.segments.get(place)?.clone(), shape.end))
    }

    fn is_dropped(&self, segment: &Segment) -> bool {
        !self.shape().segments.iter().any(|kept| kept.base == segment.base)
    }

    fn read_segment(&self, segment: &Segment, from: u64, until: u64) -> io::Result<Vec<Run>> {
        let mut file = File::open(self.data_path(segment.base))?;
        file.seek(SeekFrom::Start(from - segment.base))?;
        let mut bytes = Vec::with_capacity(usize::try_from(until - from).unwrap_or(0));
        file.take(until - from).read_to_end(&mut bytes)?;
        if (bytes.len() as u64) < until - from {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a file of a process's output was cut"));
        }
        if self.has_terminal {
            return Ok(vec![Run { stream: Stream::Terminal, bytes }]);
        }
        let mut turns = Turns::new(File::open(self.turns_path(segment.base))?, segment.turns);
        let mut turns = turns.between(from, until)?;
        if turns.is_empty() {
            // The entry was lost with the machine; the bytes were not.
            turns.push((from, Stream::Stdout));
        }
        Ok(split(&bytes, from, until, &turns))
    }
}

fn split(bytes: &[u8], from: u64, until: u64, turns: &[(u64, Stream)]) -> Vec<Run> {
    let ends = turns.iter().skip(1).map(|(start, _)| *start).chain([until]);
    let place = |cursor: u64| usize::try_from(cursor - from).expect("a piece fits in memory");
    let run = |((start, stream), end): (&(u64, Stream), u64)| {
        let bytes = bytes[place(*start)..place(end)].to_vec();
        Run { stream: *stream, bytes }
    };
    turns.iter().zip(ends).map(run).collect()
}

/// Moves an empty piece over a gap; a piece with bytes ends before it.
fn skip_to(piece: &mut Piece, cursor: u64) -> bool {
    if piece.is_empty() && cursor > piece.next {
        piece.missed += cursor - piece.next;
        (piece.start, piece.next) = (cursor, cursor);
    }
    piece.next == cursor
}
