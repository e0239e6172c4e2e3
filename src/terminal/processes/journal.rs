//! The list of what ran, on disk: one line for each begin, end and removal, so that a start costs one append.
#![expect(clippy::disallowed_methods, reason = "the journal is the bridge's own file, not a path that a caller names")]

use super::process::{Ending, Record, Status};
use crate::policy::private;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Mutex,
};

/// Lines beyond those that are needed, before the file is written anew.
const MAX_STALE: usize = 4096;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Line {
    /// The number of the next process.
    Next(u64),
    Began(Record),
    Ended(u64, Ending),
    Removed(u64),
}

/// What the journal knows.
#[derive(Default)]
pub(crate) struct Past {
    /// The number of the next process.
    pub next: u64,
    /// What ran, and how it ended where that is known.
    pub processes: BTreeMap<u64, (Record, Option<Ending>)>,
}

/// The open journal.
pub(crate) struct Journal {
    path: PathBuf,
    writer: Mutex<Writer>,
}

struct Writer {
    file: File,
    lines: usize,
    failing: bool,
}

impl Journal {
    /// Reads what `path` knows, takes those for lost whose end nobody noted, and goes on in a file without the lines
    /// that are no longer needed. A damaged line costs that line.
    ///
    /// # Errors
    /// When the file is there and cannot be read, or cannot be written.
    pub(crate) fn open(path: PathBuf) -> io::Result<(Self, Past)> {
        let mut past = read(&path)?;
        for (_, ending) in past.processes.values_mut() {
            ending.get_or_insert_with(|| Ending::now(Status::Lost, None));
        }
        let (text, lines) = compact(&past);
        private::replace(&path, text.as_bytes())?;
        let writer = Mutex::new(Writer { file: append_to(&path)?, lines, failing: false });
        Ok((Self { path, writer }, past))
    }

    /// A process began.
    pub(crate) fn began(&self, record: &Record) {
        self.write(&Line::Began(record.clone()));
    }

    /// A process ended.
    pub(crate) fn ended(&self, number: u64, ending: &Ending) {
        self.write(&Line::Ended(number, ending.clone()));
    }

    /// A process and its output were removed.
    pub(crate) fn removed(&self, number: u64) {
        self.write(&Line::Removed(number));
    }

    /// Writes the file anew when most of its lines are no longer needed.
    pub(crate) fn tidy(&self, needed: usize, past: impl FnOnce() -> Past) {
        let mut writer = self.writer.lock().expect("no one panics while holding it");
        if writer.lines < 2 * needed + MAX_STALE {
            return;
        }
        let (text, lines) = compact(&past());
        let renewed = private::replace(&self.path, text.as_bytes()).and_then(|()| append_to(&self.path));
        match renewed {
            Ok(file) => *writer = Writer { file, lines, failing: false },
            Err(error) => tracing::warn!(%error, "the list of processes could not be written anew; it goes on growing"),
        }
    }

    /// A disk that refuses costs the line; the process runs anyway.
    fn write(&self, line: &Line) {
        let mut text = serde_json::to_string(line).expect("a line is plain data");
        text.push('\n');
        let mut writer = self.writer.lock().expect("no one panics while holding it");
        let written = writer.file.write_all(text.as_bytes());
        writer.lines += 1;
        if let Err(error) = &written
            && !writer.failing
        {
            tracing::warn!(%error, path = %self.path.display(), "the list of processes cannot be written; they run without");
        }
        writer.failing = written.is_err();
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true);
    private::only_owner(&mut options).open(path)
}

fn read(path: &Path) -> io::Result<Past> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => vec![],
        Err(error) => return Err(error),
    };
    let mut past = Past { next: 1, ..Past::default() };
    for line in text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()) {
        match line {
            Line::Next(number) => past.next = past.next.max(number),
            Line::Began(record) => {
                past.next = past.next.max(record.number + 1);
                past.processes.insert(record.number, (record, None));
            }
            Line::Ended(number, ending) => {
                if let Some((_, known)) = past.processes.get_mut(&number) {
                    *known = Some(ending);
                }
            }
            Line::Removed(number) => {
                past.processes.remove(&number);
            }
        }
    }
    Ok(past)
}

/// The fewest lines that say the same.
fn compact(past: &Past) -> (String, usize) {
    let mut lines = vec![Line::Next(past.next)];
    for (number, (record, ending)) in &past.processes {
        lines.push(Line::Began(record.clone()));
        lines.extend(ending.clone().map(|ending| Line::Ended(*number, ending)));
    }
    let texts = lines.iter().map(|line| serde_json::to_string(line).expect("a line is plain data") + "\n");
    (texts.collect(), lines.len())
}
