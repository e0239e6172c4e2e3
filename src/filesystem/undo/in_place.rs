//! Writes into the file that is there, where no other may take its place: it is a mount of its own, its directory may not
//! be written to, a new file could not have its owner, group or attributes, or a program has it open to append to it.
//!
//! What it held is in the store before, and the journal says so: a start after a crash brings that back.

use super::{Edit, State, Undo, apply::Made, journal::Place};
use crate::{
    error::{Error, Result},
    policy::{
        SafePath,
        paths::{Found, OURS, Times, set_mode_and_owner},
    },
};
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
};

impl Undo {
    /// Makes the file at `path` hold what the edit says.
    ///
    /// # Errors
    /// What the system says; the file holds what it held then.
    pub(super) fn put_in_place(&self, path: &SafePath, edit: &Edit) -> Result<Made> {
        let State::File { sha256, size, mode, times, .. } = &edit.after else { return Ok(Made::Nothing) };
        let content = self.content(&edit.source, sha256)?;
        let (mut file, found) = open_to_write(path)?;
        let before = self.keep_before_it_is_overwritten(path)?;
        reserve(&file, *size)?;
        if *mode != found.mode {
            set_mode_and_owner(&file, *mode, OURS)?;
        }
        let mut now = path.open()?.0;
        let rest = edit.basis.as_ref().map_or(Ok(vec![]), |basis| basis.rest(&mut now))?;
        let length = if edit.basis.is_some() { now.stream_position()? } else { now.metadata()?.len() };
        let new = New { size: size + rest.len() as u64, instead_of: length };
        if let Err(error) = new.put(&mut file, &now, &mut content.chain(rest.as_slice())) {
            let mut old = self.kept().store.read(&before)?;
            let back = New { size: length, instead_of: now.metadata()?.len() };
            back.put(&mut file, &now, &mut old)?;
            return Err(error.into());
        }
        if *times != Times::default() {
            // Only a file's owner may set these.
            let _ = path.holder()?.set_times(path.name(), *times);
        }
        Ok(Made::Put(found.identity))
    }

    /// Sees to it that the next start can bring back what the file holds, and gives its digest.
    fn keep_before_it_is_overwritten(&self, path: &SafePath) -> Result<String> {
        let (mut old, _) = path.open()?;
        let mut kept = self.kept();
        let (sha256, _) = kept.store.keep(&mut old)?;
        kept.store.settle()?;
        kept.journal.in_place(Place(path.real().to_owned()))?;
        Ok(sha256)
    }
}

/// Opens it for writing, also when its owner, who is the bridge's user, took that right from himself.
fn open_to_write(path: &SafePath) -> Result<(File, Found)> {
    match path.open_to_write() {
        Err(Error::Refused(_)) if path.found().is_some_and(|found| found.mode & 0o200 == 0) => {
            let (old, found) = path.open()?;
            set_mode_and_owner(&old, found.mode | 0o200, OURS)?;
            let opened = path.open_to_write();
            set_mode_and_owner(&old, found.mode, OURS)?;
            Ok((opened?.0, found))
        }
        opened => opened,
    }
}

/// What is written over what a file held, in bytes.
struct New {
    size: u64,
    /// How long it was when it was looked at: what is behind that was appended since, and stays.
    instead_of: u64,
}

impl New {
    /// `now` is the same file, open to read.
    fn put(&self, file: &mut File, mut now: &File, content: &mut dyn Read) -> io::Result<()> {
        // What was appended since stands between the old content and the room, and who appends from here on does so behind.
        let room_at = self.make_room(file)?;
        now.seek(SeekFrom::Start(self.instead_of))?;
        let mut late = Vec::new();
        now.take(room_at.saturating_sub(self.instead_of)).read_to_end(&mut late)?;
        file.rewind()?;
        io::copy(content, file)?;
        file.write_all(&late)?;
        if self.size < self.instead_of {
            now.seek(SeekFrom::Start(self.instead_of))?;
            let late = io::copy(&mut now, file)?;
            file.set_len(self.size + late)?;
        }
        file.sync_all()
    }

    /// Makes a file that grows as long as it will be, and says where it ended before.
    fn make_room(&self, file: &mut File) -> io::Result<u64> {
        let more = self.size.saturating_sub(self.instead_of);
        match more {
            0 => {}
            1..=MOST_AT_ONCE => {
                append(file, &vec![0; usize::try_from(more).unwrap_or(0)])?;
                return Ok(file.stream_position()? - more);
            }
            _ => file.set_len(self.size)?,
        }
        Ok(self.instead_of)
    }
}

/// As much is appended in one call of the system, which nobody else's comes between, in bytes.
const MOST_AT_ONCE: u64 = 1 << 20;

/// Writes at the end, wherever that is by then, and leaves the file's position behind it.
#[cfg(unix)]
fn append(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
    let flags = fcntl_getfl(&*file)?;
    fcntl_setfl(&*file, flags | OFlags::APPEND)?;
    let written = file.write_all(bytes);
    fcntl_setfl(&*file, flags)?;
    written
}

#[cfg(not(unix))]
fn append(file: &mut File, bytes: &[u8]) -> io::Result<()> {
    file.seek(SeekFrom::End(0))?;
    file.write_all(bytes)
}

/// Asks for all the space before anything is overwritten. Not every file system can promise it.
#[cfg(target_os = "linux")]
fn reserve(file: &File, size: u64) -> io::Result<()> {
    use rustix::{fs::FallocateFlags, io::Errno};
    match rustix::fs::fallocate(file, FallocateFlags::KEEP_SIZE, 0, size) {
        Err(error @ (Errno::NOSPC | Errno::DQUOT)) => Err(error.into()),
        _ => Ok(()),
    }
}

#[cfg(not(target_os = "linux"))]
fn reserve(_: &File, _: u64) -> io::Result<()> {
    Ok(())
}
