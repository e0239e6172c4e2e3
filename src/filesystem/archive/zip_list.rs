//! The list at the end of a ZIP, read within bounds, and whether what it says can be true.
//!
//! A list is as long as who made it wants, and its entries may all lie over each other: then kilobytes hold thousands of
//! files, each of which costs what a file costs. No program writes such an archive.

use super::{MAX_ENTRIES, damaged, too_many};
use crate::error::{Error, Result};
use std::{
    cell::Cell,
    fs::File,
    io::{self, BufReader, Read, Seek, SeekFrom},
    rc::Rc,
};
use zip::ZipArchive;

/// The most that is read to find and read the list, in bytes: names and attributes are held in memory.
const MAX_LIST: u64 = 32 * 1024 * 1024;

/// What an entry of the list begins with. Its reader asks for it together with what follows, once for each entry.
const ENTRY: &[u8] = b"PK\x01\x02";

/// A reader that gives no more than it was allowed to.
pub(crate) struct Bounded {
    inner: BufReader<File>,
    left: Rc<Left>,
}

/// What may still be read.
struct Left {
    bytes: Cell<u64>,
    entries: Cell<usize>,
}

/// Reads the list.
///
/// # Errors
/// [`Error::Unusable`] for a damaged archive and for one whose entries lie over each other, [`Error::TooLarge`] for too
/// many of them.
pub(crate) fn open(file: File) -> Result<ZipArchive<Bounded>> {
    let left = Rc::new(Left { bytes: Cell::new(MAX_LIST), entries: Cell::new(MAX_ENTRIES) });
    let opened = ZipArchive::new(Bounded { inner: BufReader::new(file), left: left.clone() });
    if left.entries.get() == 0 {
        return too_many();
    }
    if left.bytes.get() == 0 {
        return Err(Error::TooLarge(format!(
            "The list of what is in the archive is longer than {} MiB: make several archives of it",
            MAX_LIST / (1024 * 1024)
        )));
    }
    let mut archive = opened.map_err(damaged)?;
    left.bytes.set(u64::MAX);
    left.entries.set(usize::MAX);
    if archive.has_overlapping_entries().map_err(damaged)? {
        return Err(Error::Unusable(
            "The archive's entries lie over each other, which no program writes: it is damaged, or made to fill a disk. \
             Nothing was unpacked"
                .into(),
        ));
    }
    Ok(archive)
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (left, entries) = (self.left.bytes.get(), self.left.entries.get());
        if left == 0 || entries == 0 {
            return Err(io::Error::other("the list is too long"));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.inner.read(&mut buffer[..most])?;
        self.left.bytes.set(left - read as u64);
        self.left.entries.set(entries - usize::from(buffer[..read].starts_with(ENTRY)));
        Ok(read)
    }
}

impl Seek for Bounded {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
