//! The journal: every change as one JSON line, on disk before it is acknowledged.
//!
//! The index file is written now and then; what changed since stands here. A line `saved` says up to which change the
//! index file of a given checksum reaches, so that a start replays no more than is missing from it.
#![expect(clippy::disallowed_methods, reason = "the journal is the bridge's own file, not a path that a caller names")]

use crate::{
    memory::entry::{Compact, Entry},
    policy::private,
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// A change of the memory.
#[derive(Clone, Debug)]
pub enum Change {
    /// New entries, all or none.
    Add(Vec<Arc<Entry>>),
    /// An entry takes the place of the one with its id.
    Update(Arc<Entry>),
    /// The entries with these ids go.
    Delete(Vec<Arc<str>>),
    /// Everything goes.
    Clear,
}

/// Which index file holds everything up to change `through`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Saved {
    /// The number of the last change in it.
    pub through: u64,
    /// Its CRC-32.
    pub crc: u32,
    /// Its length.
    pub bytes: u64,
}

/// A line as it stands in the file.
#[derive(Deserialize)]
struct Line {
    #[serde(default)]
    n: u64,
    op: String,
    #[serde(default)]
    entries: Vec<Entry>,
    #[serde(default)]
    ids: Vec<String>,
    saved: Option<Saved>,
}

/// What an opened journal held.
#[derive(Default)]
pub struct Found {
    /// The changes with their numbers, in order.
    pub changes: Vec<(u64, Change)>,
    /// What is known of index files, in order.
    pub saved: Vec<Saved>,
    /// Lines that could not be read, by number from 1.
    pub damaged: Vec<usize>,
    /// Bytes of an unfinished last line, which was never acknowledged and is dropped.
    pub torn: usize,
}

/// The open file.
pub struct Journal {
    path: PathBuf,
    file: File,
    /// Bytes that are whole lines on disk. What lies behind them is of a write that failed.
    length: u64,
}

impl Journal {
    /// Opens the journal, making it when it is missing, and reads what it holds.
    ///
    /// # Errors
    /// When the file cannot be opened, read or cut.
    pub fn open(path: PathBuf) -> io::Result<(Self, Found)> {
        let mut file = options().open(&path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        let mut found = Found { torn: bytes.len() - whole, ..Found::default() };
        for (number, text) in bytes[..whole].split(|&byte| byte == b'\n').enumerate() {
            read_line(number + 1, text, &mut found);
        }
        let length = whole as u64;
        if found.torn > 0 {
            file.set_len(length)?;
            file.sync_data()?;
        }
        file.seek(SeekFrom::Start(length))?;
        Ok((Self { path, file, length }, found))
    }

    /// Appends whole lines and waits until they are on disk.
    ///
    /// # Errors
    /// When the disk refuses; nothing of the lines is in the journal then.
    pub fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let written = self.write(lines).and_then(|()| self.file.sync_data());
        if written.is_ok() {
            self.length += lines.len() as u64;
        }
        written
    }

    /// Appends a line that may be lost: without it a start replays more than it must.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn note(&mut self, saved: Saved) -> io::Result<()> {
        let line = saved_line(saved);
        self.write(&line)?;
        self.length += line.len() as u64;
        Ok(())
    }

    /// Writes behind the last whole line, after cutting what a failed write may have left there.
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.file.metadata()?.len() != self.length {
            self.file.set_len(self.length)?;
        }
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(lines).inspect_err(|_| {
            // What stays behind is cut before the next write.
            let _ = self.file.set_len(self.length);
        })
    }

    /// How long the journal is, in bytes.
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Drops the changes that the index file noted in `saved` holds.
    ///
    /// # Errors
    /// When the disk refuses; the journal stays as it was.
    pub fn drop_through(&mut self, saved: Saved) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        (&mut self.file).take(self.length).read_to_end(&mut bytes)?;
        let mut rest = saved_line(saved);
        for line in bytes.split_inclusive(|&byte| byte == b'\n') {
            if number_of(line).is_some_and(|number| number > saved.through) {
                rest.extend_from_slice(line);
            }
        }
        private::replace(&self.path, &rest)?;
        self.file = options().open(&self.path)?;
        self.length = rest.len() as u64;
        Ok(())
    }

    /// Copies the file to another name beside it.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn copy_to(&self, path: &Path) -> io::Result<u64> {
        std::fs::copy(&self.path, path)
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).read(true).write(true);
    private::only_owner(&mut options);
    options
}

fn read_line(number: usize, text: &[u8], found: &mut Found) {
    if text.is_empty() {
        return;
    }
    let Ok(line) = serde_json::from_slice::<Line>(text) else {
        found.damaged.push(number);
        return;
    };
    let mut entries = line.entries.into_iter().map(Arc::new);
    let change = match line.op.as_str() {
        "add" => Change::Add(entries.collect()),
        "update" => match entries.next() {
            Some(entry) => Change::Update(entry),
            None => return found.damaged.push(number),
        },
        "delete" => Change::Delete(line.ids.into_iter().map(Into::into).collect()),
        "clear" => Change::Clear,
        "saved" => return found.saved.extend(line.saved),
        _ => return found.damaged.push(number),
    };
    found.changes.push((line.n, change));
}

/// A change as a line of the journal.
pub fn line(number: u64, change: &Change) -> Vec<u8> {
    #[derive(Serialize)]
    struct Out<'a> {
        n: u64,
        op: &'static str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        entries: Vec<Compact<'a>>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        ids: Vec<&'a str>,
    }
    let (op, entries, ids) = match change {
        Change::Add(entries) => ("add", entries.iter().map(|entry| Compact(entry)).collect(), vec![]),
        Change::Update(entry) => ("update", vec![Compact(entry)], vec![]),
        Change::Delete(ids) => ("delete", vec![], ids.iter().map(|id| &**id).collect()),
        Change::Clear => ("clear", vec![], vec![]),
    };
    json_line(&Out { n: number, op, entries, ids })
}

/// The number with which the line of a change begins.
fn number_of(line: &[u8]) -> Option<u64> {
    let digits = line.strip_prefix(b"{\"n\":")?;
    let end = digits.iter().position(|byte| !byte.is_ascii_digit())?;
    std::str::from_utf8(&digits[..end]).ok()?.parse().ok()
}

fn saved_line(saved: Saved) -> Vec<u8> {
    #[derive(Serialize)]
    struct Out {
        op: &'static str,
        saved: Saved,
    }
    json_line(&Out { op: "saved", saved })
}

fn json_line(line: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(line).expect("entries and ids can be written as JSON");
    bytes.push(b'\n');
    bytes
}
