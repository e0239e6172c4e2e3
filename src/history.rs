//! The daily record of what was asked and what came of it: JSON lines under `memory/history/`, one a call.
//!
//! One thread writes. A call hands its line over and goes on; nobody waits for the disk, except who reads the history.
#![expect(clippy::disallowed_methods, reason = "the record is the bridge's own file, not a path that a caller names")]

use crate::{clock, error::Result};
use serde_json::{Value, json};
use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
};
use tokio::sync::oneshot;

/// Lines that may wait for a slow disk; more are dropped and counted, so that memory stays bounded.
const MAX_WAITING: usize = 16_384;

/// The record of what was asked.
pub struct History {
    folder: PathBuf,
    writer: Mutex<Option<(SyncSender<Message>, JoinHandle<()>)>>,
    dropped: AtomicU64,
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

enum Message {
    Line { day: String, text: String },
    Flush(oneshot::Sender<()>),
}

impl History {
    /// Starts the writer for `folder`, which is made when it is missing.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: PathBuf) -> std::io::Result<Self> {
        crate::policy::private::create_folder(&folder)?;
        let (sender, receiver) = sync_channel(MAX_WAITING);
        let place = folder.clone();
        let thread = std::thread::Builder::new().name("history".into()).spawn(move || write_all(&place, &receiver))?;
        Ok(Self { folder, writer: Mutex::new(Some((sender, thread))), dropped: AtomicU64::new(0) })
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
        self.send(Message::Line { day, text: format!("{line}\n") });
    }

    /// The entries of a day (`YYYY-MM-DD`), oldest first, every one that was recorded before this call among them;
    /// `None` when nothing was recorded that day. A damaged line is left out.
    ///
    /// # Errors
    /// When the day's file is there and cannot be read.
    pub async fn read(&self, day: &str) -> Result<Option<Vec<Value>>> {
        let (done, written) = oneshot::channel();
        self.send(Message::Flush(done));
        // A writer that is gone or overrun has nothing to wait for.
        let _ = written.await;
        let path = self.folder.join(format!("{day}.log"));
        let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await.map_err(crate::Error::internal)?;
        match read {
            Ok(bytes) => Ok(Some(parse(&bytes))),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Writes what waits and ends the writer. Later lines are dropped.
    pub fn close(&self) {
        let writer = self.writer.lock().expect("no one panics while holding it").take();
        if let Some((sender, thread)) = writer {
            drop(sender);
            let _ = thread.join();
        }
    }

    fn send(&self, message: Message) {
        let writer = self.writer.lock().expect("no one panics while holding it");
        let Some((sender, _)) = writer.as_ref() else { return };
        if let Err(TrySendError::Full(_)) = sender.try_send(message)
            && self.dropped.fetch_add(1, Ordering::Relaxed).is_multiple_of(1000)
        {
            tracing::warn!("the history cannot keep up with the disk: lines are being dropped");
        }
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
fn write_all(folder: &Path, messages: &Receiver<Message>) {
    let mut writer = Writer { folder, torn: false, failing: false };
    while let Ok(first) = messages.recv() {
        let (mut days, mut waiting) = (Vec::<(String, String)>::new(), Vec::new());
        for message in std::iter::once(first).chain(messages.try_iter().take(MAX_WAITING)) {
            match message {
                Message::Flush(done) => waiting.push(done),
                Message::Line { day, text } => match days.last_mut() {
                    Some((same, lines)) if *same == day => lines.push_str(&text),
                    _ => days.push((day, text)),
                },
            }
        }
        for (day, lines) in days {
            writer.append(&day, &lines);
        }
        for done in waiting {
            let _ = done.send(());
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
