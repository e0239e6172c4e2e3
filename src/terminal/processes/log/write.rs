//! The writing end of a ring: one for each process, on the thread that reads what the process writes.
#![expect(clippy::disallowed_methods, reason = "the rings are the bridge's own files, not paths that a caller names")]

use super::{Log, MIN_SEGMENT, SEGMENTS, Segment, Stream, recent::Recent, turns};
use crate::policy::private;
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::Path,
    sync::Arc,
};

/// Appends to a ring and drops its oldest part when it is full.
pub(crate) struct Writer {
    log: Arc<Log>,
    open: Option<Open>,
    failing: bool,
}

/// The files of the segment that grows.
struct Open {
    data: File,
    turns: Option<File>,
    last: Option<Stream>,
    room: u64,
}

impl Writer {
    /// The one writer of `log`.
    pub(crate) fn new(log: Arc<Log>) -> Self {
        Self { log, open: None, failing: false }
    }

    /// Appends what a stream brought. A disk that refuses costs these bytes: the cursor moves on, readers see a gap,
    /// and the process is not held up.
    pub(crate) fn append(&mut self, stream: Stream, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.write_some(stream, bytes) {
                Ok(written) => {
                    bytes = &bytes[written..];
                    self.failing = false;
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.failing, true) {
                        let folder = self.log.folder.display();
                        tracing::warn!(%error, %folder, "a process's output cannot be kept; readers will see a gap");
                    }
                    self.open = None;
                    let mut shape = self.log.shape();
                    shape.end += bytes.len() as u64;
                    shape.recent = Recent::after(shape.end);
                    return;
                }
            }
        }
    }

    /// Writes as much as the segment has room for.
    fn write_some(&mut self, stream: Stream, bytes: &[u8]) -> io::Result<usize> {
        let segment_size = (self.log.capacity / SEGMENTS).max(MIN_SEGMENT);
        if self.open.as_ref().is_none_or(|open| open.room == 0) {
            self.open = None;
            self.make_room(segment_size);
            self.open = Some(self.begin(segment_size)?);
        }
        let open = self.open.as_mut().expect("it was opened above");
        let mut side = 0;
        let cursor = self.log.shape().end;
        if let Some(file) = open.turns.as_mut().filter(|_| open.last != Some(stream)) {
            file.write_all(&turns::entry(cursor, stream))?;
            open.last = Some(stream);
            side = turns::ENTRY;
        }
        let share = &bytes[..bytes.len().min(usize::try_from(open.room).unwrap_or(usize::MAX))];
        open.data.write_all(share)?;
        open.room = open.room.saturating_sub(share.len() as u64 + side);
        let mut shape = self.log.shape();
        let segment = shape.segments.back_mut().expect("an open file is the last segment's");
        segment.len += share.len() as u64;
        segment.turns += side;
        shape.end += share.len() as u64;
        shape.recent.add(stream, share);
        Ok(share.len())
    }

    /// Drops the oldest segments until another one fits.
    fn make_room(&self, segment_size: u64) {
        loop {
            let oldest = {
                let mut shape = self.log.shape();
                if shape.segments.is_empty() || shape.size() + segment_size <= self.log.capacity {
                    return;
                }
                shape.segments.pop_front()
            };
            let Some(oldest) = oldest else { return };
            // What cannot be deleted is deleted with the folder.
            let _ = std::fs::remove_file(self.log.data_path(oldest.base));
            let _ = std::fs::remove_file(self.log.turns_path(oldest.base));
        }
    }

    fn begin(&self, room: u64) -> io::Result<Open> {
        let base = self.log.shape().end;
        let data_path = self.log.data_path(base);
        let data = match create(&data_path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                private::create_folder(&self.log.folder)?;
                create(&data_path)?
            }
            other => other?,
        };
        let turns = if self.log.has_terminal { None } else { Some(create(&self.log.turns_path(base))?) };
        self.log.shape().segments.push_back(Segment { base, len: 0, turns: 0 });
        Ok(Open { data, turns, last: None, room })
    }
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    private::only_owner(&mut options).open(path)
}
