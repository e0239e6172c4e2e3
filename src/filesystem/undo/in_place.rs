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
    io::{self, Read, Seek, SeekFrom},
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
        if self.size > self.instead_of {
            // Who appends from here on does so behind what is written.
            file.set_len(self.size)?;
        }
        file.rewind()?;
        io::copy(content, file)?;
        if self.size < self.instead_of {
            now.seek(SeekFrom::Start(self.instead_of))?;
            let late = io::copy(&mut now, file)?;
            file.set_len(self.size + late)?;
        }
        file.sync_all()
    }
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
