//! The daily record of what was asked and what came of it: JSON lines under `memory/history/`, one a call.
//!
//! One thread writes. A call hands its line over and goes on; nobody waits for the disk, except who reads the history.
//! Lines that come within a few milliseconds are written together: under load a line costs no system call of its own.
#![expect(clippy::disallowed_methods, reason = "the record is the bridge's own file, not a path that a caller names")]

use crate::{blocking::blocking, clock, error::Result};
use serde_json::{Value, json};
use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::oneshot;

/// Lines that may wait for a slow disk; more are dropped and counted, so that memory stays bounded.
const MAX_WAITING: usize = 16_384;

/// How long the writer waits for more lines after the first. A crash of the machine or a kill -9 loses that much of the
/// record at most.
const GATHER: Duration = Duration::from_millis(10);

/// The record of what was asked.
pub struct History {
    folder: PathBuf,
    queue: Arc<Queue>,
    writer: Mutex<Option<JoinHandle<()>>>,
    dropped: AtomicU64,
}

/// What waits for the writer.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    /// Told when the first line comes, when somebody waits for the disk, and at the end.
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<Line>,
    /// Who waits until all lines are written.
    readers: Vec<oneshot::Sender<()>>,
    is_closed: bool,
}

struct Line {
    day: String,
    text: String,
}

/// One call, as it is recorded.
pub struct Entry {
    /// What was done: usually the capability's name.
    pub action: &'static str,
    /// What of it matters to a reader, without secrets.
    pub details: Value,
    /// Who asked.
    pub caller: String,
    /// `ok`, or the kind of failure.
    pub outcome: &'static str,
    /// How long it took, in milliseconds.
    pub duration_ms: f64,
}

impl History {
    /// Starts the writer for `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: PathBuf) -> std::io::Result<Self> {
        crate::policy::private::create_folder(&folder)?;
        let queue = Arc::new(Queue::default());
        let (place, taken) = (folder.clone(), queue.clone());
        let thread = std::thread::Builder::new().name("history".into()).spawn(move || write_all(&place, &taken))?;
        Ok(Self { folder, queue, writer: Mutex::new(Some(thread)), dropped: AtomicU64::new(0) })
    }

    /// Records a call; returns at once.
    pub fn record(&self, entry: Entry) {
        let timestamp = clock::timestamp();
        let day = timestamp[..10].to_owned();
        let line = json!({
            "timestamp": timestamp,
            "action": entry.action,
            "details": entry.details,
            "caller": entry.caller,
            "outcome": entry.outcome,
            "duration_ms": (entry.duration_ms * 1000.0).round() / 1000.0,
        });
        let is_taken = self.queue.add(Line { day, text: format!("{line}\n") });
        if !is_taken && self.dropped.fetch_add(1, Ordering::Relaxed).is_multiple_of(1000) {
            tracing::warn!("the history cannot keep up with the disk: lines are being dropped");
        }
    }

    /// The entries of a day (`YYYY-MM-DD`), oldest first, every one that was recorded before this call among them;
    /// `None` when nothing was recorded that day. A damaged line is left out.
    ///
    /// # Errors
    /// When the day's file is there and cannot be read.
    pub async fn read(&self, day: &str) -> Result<Option<Vec<Value>>> {
        // A writer that is gone has nothing to wait for.
        let _ = self.queue.flush().await;
        let path = self.folder.join(format!("{day}.log"));
        let read = blocking(move || std::fs::read(path)).await?;
        match read {
            Ok(bytes) => Ok(Some(parse(&bytes))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes what waits and ends the writer. Later lines are dropped.
    pub fn close(&self) {
        self.queue.close();
        if let Some(thread) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}

impl Queue {
    /// Adds a line, which is lost after the end; false when too many wait.
    fn add(&self, line: Line) -> bool {
        let mut waiting = self.lock();
        if waiting.is_closed {
            return true;
        }
        if waiting.lines.len() >= MAX_WAITING {
            return false;
        }
        waiting.lines.push(line);
        if waiting.lines.len() == 1 {
            self.changed.notify_one();
        }
        true
    }

    /// Answers when every line that was added before is written.
    fn flush(&self) -> oneshot::Receiver<()> {
        let (done, written) = oneshot::channel();
        let mut waiting = self.lock();
        if !waiting.is_closed {
            waiting.readers.push(done);
            self.changed.notify_one();
        }
        written
    }

    fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_one();
    }

    /// Waits for lines or readers, a little longer for more, and takes them; `None` at the end.
    fn take(&self) -> Option<Waiting> {
        let is_idle =
            |waiting: &mut Waiting| waiting.lines.is_empty() && waiting.readers.is_empty() && !waiting.is_closed;
        let first = self.changed.wait_while(self.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        let may_gather = |waiting: &mut Waiting| waiting.readers.is_empty() && !waiting.is_closed;
        let gathered = self.changed.wait_timeout_while(first, GATHER, may_gather);
        let (mut waiting, _) = gathered.unwrap_or_else(PoisonError::into_inner);
        let is_over = waiting.is_closed && waiting.lines.is_empty() && waiting.readers.is_empty();
        let is_closed = waiting.is_closed;
        let taken = std::mem::replace(&mut *waiting, Waiting { is_closed, ..Waiting::default() });
        (!is_over).then_some(taken)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for History {
    fn drop(&mut self) {
        self.close();
    }
}

fn parse(bytes: &[u8]) -> Vec<Value> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.filter_map(|line| serde_json::from_slice::<Value>(line).ok()).filter(Value::is_object).collect()
}

/// The writer's loop: takes all that waits, writes each day's part with one call, then answers who waits for it.
fn write_all(folder: &Path, queue: &Queue) {
    let mut writer = Writer { folder, torn: false, failing: false };
    while let Some(taken) = queue.take() {
        for lines in taken.lines.chunk_by(|one, next| one.day == next.day) {
            let text: String = lines.iter().map(|line| line.text.as_str()).collect();
            writer.append(&lines[0].day, &text);
        }
        for reader in taken.readers {
            let _ = reader.send(());
        }
    }
}

struct Writer<'a> {
    folder: &'a Path,
    /// The last write may have ended in the middle of a line.
    torn: bool,
    failing: bool,
}

impl Writer<'_> {
    fn append(&mut self, day: &str, lines: &str) {
        let path = self.folder.join(format!("{day}.log"));
        let written = open(&path).and_then(|mut file| {
            if self.torn {
                file.write_all(b"\n")?;
            }
            file.write_all(lines.as_bytes())
        });
        self.torn = written.is_err();
        match written {
            Ok(()) => self.failing = false,
            Err(error) if !self.failing => {
                self.failing = true;
                tracing::warn!(%error, path = %path.display(), "the history cannot be written; calls go on without it");
            }
            Err(_) => {}
        }
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    crate::policy::private::only_owner(&mut options);
    options.open(path)
}
