//! Which stream the bytes of a segment belong to: one entry each time another stream takes its turn.
//!
//! An entry is eight bytes, little endian: the cursor of the turn's first byte shifted left by one, and whether it is
//! standard error. Entries are sorted by themselves, so a reader finds its place by halving.

use super::Stream;
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

/// The size of an entry, in bytes.
pub(super) const ENTRY: u64 = 8;

/// The entry for a turn of `stream` that begins at `cursor`.
pub(super) fn entry(cursor: u64, stream: Stream) -> [u8; ENTRY as usize] {
    (cursor << 1 | u64::from(stream == Stream::Stderr)).to_le_bytes()
}

fn meaning(entry: [u8; ENTRY as usize]) -> (u64, Stream) {
    let value = u64::from_le_bytes(entry);
    (value >> 1, if value & 1 == 1 { Stream::Stderr } else { Stream::Stdout })
}

/// A segment's turns, read from its file.
pub(super) struct Turns {
    file: File,
    count: u64,
}

impl Turns {
    pub(super) fn new(file: File, bytes: u64) -> Self {
        Self { file, count: bytes / ENTRY }
    }

    /// The turns that overlap `from..until`, each with its first cursor there.
    pub(super) fn between(&mut self, from: u64, until: u64) -> io::Result<Vec<(u64, Stream)>> {
        let mut found = Vec::new();
        let mut place = self.place_of(from)?;
        self.file.seek(SeekFrom::Start(place * ENTRY))?;
        let mut reader = io::BufReader::new(&self.file);
        while place < self.count {
            let mut bytes = [0; ENTRY as usize];
            reader.read_exact(&mut bytes)?;
            let (start, stream) = meaning(bytes);
            if start >= until {
                break;
            }
            found.push((start.max(from), stream));
            place += 1;
        }
        Ok(found)
    }

    /// The last turn that begins at or before `cursor`.
    fn place_of(&mut self, cursor: u64) -> io::Result<u64> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low.midpoint(high);
            self.file.seek(SeekFrom::Start(middle * ENTRY))?;
            let mut bytes = [0; ENTRY as usize];
            self.file.read_exact(&mut bytes)?;
            if meaning(bytes).0 <= cursor { low = middle + 1 } else { high = middle }
        }
        Ok(low.saturating_sub(1))
    }
}
