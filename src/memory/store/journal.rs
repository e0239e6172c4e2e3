//! The journal: every change as one JSON line, on disk before it is acknowledged.
//!
//! The index file is written now and then; what changed since stands here. A line `saved` says up to which change the
//! index file of a given checksum reaches, so that a start replays no more than is missing from it.
//!
//! The file is longer than its lines: zeros behind them are room for the next ones. A line that is written into room
//! leaves the file's length and place on the disk as they are, so waiting for the disk is waiting for the line alone,
//! about a third shorter. A normal stop cuts the room off.
#![expect(clippy::disallowed_methods, reason = "the journal is the bridge's own file, not a path that a caller names")]

use super::aside;
use crate::{
    memory::entry::{Compact, Entry},
    policy::private,
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::PathBuf,
    sync::Arc,
};

/// Room that is made at once, in bytes: some two hundred lines.
const ROOM: usize = 64 << 10;

/// A change of the memory.
#[derive(Clone, Debug)]
pub(crate) enum Change {
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
pub(crate) struct Saved {
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
pub(crate) struct Found {
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
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    identity: Identity,
    /// Bytes that are whole lines on disk.
    length: u64,
    /// Where the room behind them ends.
    end: u64,
    /// Whether a write failed, so that something else than zeros may lie behind the lines.
    is_soiled: bool,
}

impl Journal {
    /// Opens the journal, making it when it is missing, and reads what it holds.
    ///
    /// # Errors
    /// When the file cannot be opened, read or cut.
    pub(crate) fn open(path: PathBuf) -> io::Result<(Self, Found)> {
        let mut file = options().open(&path)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let end = bytes.len() as u64;
        let written = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
        let whole = bytes[..written].iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        let mut found = Found { torn: written - whole, ..Found::default() };
        for (number, text) in bytes[..whole].split(|&byte| byte == b'\n').enumerate() {
            read_line(number + 1, text, &mut found);
        }
        let identity = identity(&file.metadata()?);
        let mut journal = Self { path, file, identity, length: whole as u64, end, is_soiled: found.torn > 0 };
        journal.clean()?;
        Ok((journal, found))
    }

    /// Appends whole lines and waits until they are on disk.
    ///
    /// # Errors
    /// When the disk refuses; nothing of the lines counts then.
    pub(crate) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        self.write(lines, File::sync_data)
    }

    /// Appends a line that may be lost: without it a start replays more than it must. A journal that is not in place is
    /// left alone: with more lines it would no longer look cut.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn note(&mut self, saved: Saved) -> io::Result<()> {
        if self.is_in_place() { self.write(&saved_line(saved), |_| Ok(())) } else { Ok(()) }
    }

    fn write(&mut self, lines: &[u8], wait: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
        self.clean()?;
        self.is_soiled = true;
        self.write_behind(lines).and_then(|()| wait(&self.file)).inspect_err(|_| {
            // What cannot be cut now is cut before the next write.
            let _ = self.clean();
        })?;
        self.length += lines.len() as u64;
        self.is_soiled = false;
        Ok(())
    }

    /// Writes lines where the others end, and room behind them where there is none.
    fn write_behind(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(self.length))?;
        self.file.write_all(lines)?;
        let length = self.length + lines.len() as u64;
        if length > self.end {
            // A disk that is too full for room may do for lines.
            let room = self.file.write_all(&[0; ROOM]).map_or(0, |()| ROOM);
            self.end = length + room as u64;
        }
        Ok(())
    }

    /// Cuts off what a write that failed may have left behind the lines: it was refused, and must not be read at a start.
    fn clean(&mut self) -> io::Result<()> {
        if self.is_soiled {
            self.file.set_len(self.length)?;
            self.file.sync_data()?;
            (self.end, self.is_soiled) = (self.length, false);
        }
        Ok(())
    }

    /// How long the journal is, in bytes.
    pub(crate) fn len(&self) -> u64 {
        self.length
    }

    /// Whether the file at the path is the open one, and holds all that was written. Who removes, replaces or cuts it
    /// takes changes away that stand nowhere else on disk.
    pub(crate) fn is_in_place(&self) -> bool {
        std::fs::metadata(&self.path)
            .is_ok_and(|there| there.is_file() && identity(&there) == self.identity && there.len() >= self.length)
    }

    /// Begins a new journal with some lines. Returns where what lay there is kept, if anything did.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn begin_anew(&mut self, lines: &[u8]) -> io::Result<Option<PathBuf>> {
        let aside = aside(&self.path);
        let kept = match std::fs::rename(&self.path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            moved => moved.map(|()| Some(aside))?,
        };
        self.replace(lines)?;
        Ok(kept)
    }

    /// Drops the changes that the index file noted in `saved` holds.
    ///
    /// # Errors
    /// When the disk refuses; the journal stays as it was.
    pub(crate) fn drop_through(&mut self, saved: Saved) -> io::Result<()> {
        let is_needed = |_, line: &[u8]| number_of(line).is_some_and(|number| number > saved.through);
        self.rewrite(saved_line(saved), is_needed)
    }

    /// Keeps a copy under another name, which is returned, and drops the lines with these numbers.
    ///
    /// # Errors
    /// When the disk refuses; the journal stays as it was.
    pub(crate) fn set_aside(&mut self, damaged: &[usize]) -> io::Result<PathBuf> {
        let aside = aside(&self.path);
        std::fs::copy(&self.path, &aside)?;
        self.rewrite(vec![], |number, _| !damaged.contains(&number))?;
        Ok(aside)
    }

    /// Writes `begin` and those lines, by number from 1, that are kept.
    fn rewrite(&mut self, begin: Vec<u8>, keeps: impl Fn(usize, &[u8]) -> bool) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        (&mut self.file).take(self.length).read_to_end(&mut bytes)?;
        let mut lines = begin;
        for (number, line) in (1..).zip(bytes.split_inclusive(|&byte| byte == b'\n')) {
            if keeps(number, line) {
                lines.extend_from_slice(line);
            }
        }
        self.replace(&lines)
    }

    fn replace(&mut self, lines: &[u8]) -> io::Result<()> {
        private::replace(&self.path, lines)?;
        self.file = options().open(&self.path)?;
        self.identity = identity(&self.file.metadata()?);
        self.length = lines.len() as u64;
        (self.end, self.is_soiled) = (self.length, false);
        Ok(())
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // Room that stays is room at the next start.
        let _ = self.file.set_len(self.length);
    }
}

/// What tells a file from another at the same path, where the system says it.
#[cfg(unix)]
type Identity = (u64, u64);
#[cfg(not(unix))]
type Identity = ();

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino())
}
#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {}

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
pub(crate) fn line(number: u64, change: &Change) -> Vec<u8> {
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
