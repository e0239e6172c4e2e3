//! What a process wrote, on disk and bounded: a ring of segment files that readers follow by cursor.
//!
//! A cursor is the number of bytes that were written before it since the process began, over all its streams, in the
//! order in which they came. The writer never waits for a reader: it drops the oldest segment when the ring is full, and
//! a reader that comes too late is told how much it missed. The files are the truth; they stay after the process and
//! after the server, and only their shape and the last bytes of what runs are held in memory too.
#![expect(clippy::disallowed_methods, reason = "the rings are the bridge's own files, not paths that a caller names")]

mod piece;
mod read;
mod recent;
mod turns;
mod write;

pub(crate) use piece::{Piece, Run};
pub(crate) use write::Writer;

use recent::Recent;
use serde::{Deserialize, Serialize};
use std::{
    collections::VecDeque,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

/// How many files a ring has: a full one gives up its oldest eighth at a time.
const SEGMENTS: u64 = 8;

/// The smallest segment, in bytes: below it a ring would mostly be busy with making files.
const MIN_SEGMENT: u64 = 4096;

/// Where output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// A pseudo-terminal, which has only one stream.
    Terminal,
}

impl Stream {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Stdout, Self::Stderr, Self::Terminal];
}

/// The ring of one process.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    /// How many bytes all its files may take.
    capacity: u64,
    /// A process without a terminal has two streams, whose turns are kept beside the bytes.
    has_terminal: bool,
    shape: Mutex<Shape>,
}

/// Which bytes are where.
#[derive(Debug, Default)]
struct Shape {
    segments: VecDeque<Segment>,
    end: u64,
    recent: Recent,
}

/// One file of bytes, and one that says which stream each of them belongs to.
#[derive(Clone, Debug)]
struct Segment {
    /// The cursor of its first byte.
    base: u64,
    /// How many bytes of output it has.
    len: u64,
    /// How many bytes its turns take.
    turns: u64,
}

impl Segment {
    fn end(&self) -> u64 {
        self.base + self.len
    }
}

impl Log {
    /// A ring for a process that begins; its folder is made with the first output.
    pub fn create(folder: PathBuf, capacity: u64, has_terminal: bool) -> Arc<Self> {
        Arc::new(Self { folder, capacity, has_terminal, shape: Mutex::default() })
    }

    /// The ring that an earlier process left. What cannot be read is left out.
    pub fn open(folder: PathBuf, has_terminal: bool) -> Arc<Self> {
        let mut segments: Vec<Segment> = match std::fs::read_dir(&folder) {
            Ok(files) => files.filter_map(|file| segment_of(&file.ok()?.path())).collect(),
            Err(_) => vec![],
        };
        segments.sort_by_key(|segment| segment.base);
        // What was written and never counted, because the disk refused the rest of it, is a gap.
        for place in 1..segments.len() {
            let next = segments[place].base;
            segments[place - 1].len = segments[place - 1].len.min(next - segments[place - 1].base);
        }
        let end = segments.last().map_or(0, Segment::end);
        let shape = Mutex::new(Shape { segments: segments.into(), end, recent: Recent::after(end) });
        Arc::new(Self { folder, capacity: 0, has_terminal, shape })
    }

    /// The cursors of the first byte that is kept and of the next that will come.
    pub fn span(&self) -> (u64, u64) {
        let shape = self.shape();
        (shape.segments.front().map_or(shape.end, |segment| segment.base), shape.end)
    }

    /// How many bytes its files take.
    pub fn size(&self) -> u64 {
        self.shape().size()
    }

    /// Deletes its files.
    pub fn remove(&self) {
        let was_written = !std::mem::take(&mut self.shape().segments).is_empty();
        if let (true, Err(error)) = (was_written, std::fs::remove_dir_all(&self.folder)) {
            tracing::warn!(%error, folder = %self.folder.display(), "the output of an old process stays on disk");
        }
    }

    fn shape(&self) -> std::sync::MutexGuard<'_, Shape> {
        self.shape.lock().expect("no one panics while holding it")
    }

    fn data_path(&self, base: u64) -> PathBuf {
        self.folder.join(format!("{base:020}.out"))
    }

    fn turns_path(&self, base: u64) -> PathBuf {
        self.folder.join(format!("{base:020}.turns"))
    }
}

impl Shape {
    fn size(&self) -> u64 {
        self.segments.iter().map(|segment| segment.len + segment.turns).sum()
    }
}

/// A segment by the name and size of its file; `None` for a file of another kind.
fn segment_of(path: &Path) -> Option<Segment> {
    let base = path.file_name()?.to_str()?.strip_suffix(".out")?.parse().ok()?;
    let size = |path: &Path| -> io::Result<u64> { Ok(std::fs::metadata(path)?.len()) };
    Some(Segment { base, len: size(path).ok()?, turns: size(&path.with_extension("turns")).unwrap_or(0) })
}

#[cfg(test)]
mod tests;
