//! `index_memory.json`: every entry, for people and other programs to read and to edit.
#![expect(clippy::disallowed_methods, reason = "these are the bridge's own files, not paths that a caller names")]

use super::aside;
use crate::{memory::entry::Entry, policy::private, problem::described};
use crc32fast::Hasher;
use std::{
    fs::Metadata,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

/// A file that was changed less than this ago and cannot be read may still be on its way from an editor.
const STILL_WRITING: Duration = Duration::from_millis(300);

/// What tells one version of a file from another, without reading it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    #[cfg(unix)]
    identity: (u64, u64, i64, i64),
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        #[cfg(unix)]
        use std::os::unix::fs::MetadataExt;
        Self {
            length: metadata.len(),
            modified: metadata.modified().ok(),
            #[cfg(unix)]
            identity: (metadata.dev(), metadata.ino(), metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// What lies at the place of the file.
pub(crate) enum Content {
    /// Nothing.
    Missing,
    /// A whole index.
    Entries {
        /// In the file's order.
        entries: Vec<Entry>,
        /// Of the bytes that were read.
        crc: u32,
        /// How many bytes.
        bytes: u64,
        /// Of the file that was read.
        stamp: Stamp,
    },
    /// Something else: damaged, or no file.
    Damaged(String),
}

/// A new version, written and on disk beside the file, not yet in its place.
pub(crate) struct Prepared {
    file: tempfile::NamedTempFile,
    /// Of its bytes.
    pub crc: u32,
    /// Its length.
    pub bytes: u64,
}

/// The place of the file.
pub(crate) struct IndexFile {
    path: PathBuf,
}

impl IndexFile {
    /// The file in a memory folder.
    pub(crate) fn new(folder: &Path) -> Self {
        Self { path: folder.join("index_memory.json") }
    }

    /// The version that lies there, `None` when nothing does.
    pub(crate) fn stamp(&self) -> Option<Stamp> {
        std::fs::symlink_metadata(&self.path).ok().map(|metadata| Stamp::of(&metadata))
    }

    /// Reads it. A file that cannot be read and was changed a moment ago is given the time to become whole.
    ///
    /// # Errors
    /// When the system refuses to read it, though it is a file.
    pub(crate) fn read(&self) -> io::Result<Content> {
        loop {
            let metadata = match std::fs::metadata(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Content::Missing),
                other => other?,
            };
            if !metadata.is_file() {
                return Ok(Content::Damaged("it is not a file".to_owned()));
            }
            let stamp = self.stamp();
            let bytes = std::fs::read(&self.path)?;
            let young =
                metadata.modified().ok().and_then(|time| time.elapsed().ok()).is_some_and(|age| age < STILL_WRITING);
            match (parse(&bytes), stamp) {
                (Ok(entries), Some(stamp)) => {
                    let (crc, bytes) = (crc32fast::hash(&bytes), bytes.len() as u64);
                    return Ok(Content::Entries { entries, crc, bytes, stamp });
                }
                (Err(problem), _) if !young => return Ok(Content::Damaged(problem)),
                _ => std::thread::sleep(STILL_WRITING / 10),
            }
        }
    }

    /// Puts what lies there under another name, which is returned.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn set_aside(&self) -> io::Result<PathBuf> {
        let aside = aside(&self.path);
        std::fs::rename(&self.path, &aside)?;
        Ok(aside)
    }

    /// Writes a new version beside the file.
    ///
    /// # Errors
    /// When the disk refuses.
    pub(crate) fn prepare(&self, entries: &[Arc<Entry>]) -> io::Result<Prepared> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::Builder::new().prefix(".index_memory-").tempfile_in(folder)?;
        let inner = Counted { inner: file.as_file_mut(), crc: Hasher::new(), bytes: 0 };
        let mut writer = BufWriter::with_capacity(1 << 18, inner);
        serde_json::to_writer_pretty(&mut writer, entries).map_err(io::Error::from)?;
        let counted = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        let (crc, bytes) = (counted.crc.finalize(), counted.bytes);
        file.as_file().sync_data()?;
        Ok(Prepared { file, crc, bytes })
    }

    /// Puts a prepared version in its place, unless what lies there is not the version `known`, which becomes the new
    /// one then. Says whether it did; it is durable after [`Self::settle`].
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn publish(&self, prepared: Prepared, known: &mut Option<Stamp>) -> io::Result<bool> {
        if self.stamp() != *known {
            return Ok(false);
        }
        prepared.file.persist(&self.path).map_err(|error| error.error)?;
        *known = self.stamp();
        Ok(true)
    }

    /// Waits until the name of the version in place is on disk.
    ///
    /// # Errors
    /// When the system refuses.
    pub(crate) fn settle(&self) -> io::Result<()> {
        private::sync_folder(self.path.parent().unwrap_or(Path::new(".")))
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<Entry>, String> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    serde_json::from_slice(bytes).map_err(|error| described(&error, bytes))
}

/// Counts and sums up what goes through.
struct Counted<W> {
    inner: W,
    crc: Hasher,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(part)?;
        self.crc.update(&part[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
