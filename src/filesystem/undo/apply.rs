//! Makes a path what it should be.

use super::{Source, State, Undo};
use crate::{
    error::{Error, Result},
    filesystem::replacement::Replacement,
    policy::{
        SafePath,
        paths::{Directory, Intent, Times},
    },
};
use std::{
    ffi::OsStr,
    io::{self, Write},
    path::Path,
};

/// How a step is made.
#[derive(Clone, Copy)]
pub struct Manner<'a> {
    /// The name to use for what is not in its place yet.
    pub scratch: &'a OsStr,
    /// Whether each step is on the disk before the next one, or all are at the end.
    pub durable: bool,
}

impl Undo {
    /// Makes what is at `path` what `state` says. The path is checked anew.
    ///
    /// # Errors
    /// What the policy or the system says; what was there is whole then.
    pub fn apply(&self, path: &Path, state: &State, source: &Source, manner: Manner) -> Result<()> {
        let path = self.workspace.resolve_real(path, Intent::Write)?;
        match state {
            State::Absent => remove(&path),
            State::File { .. } => self.put_file(&path, state, source, manner),
            State::Folder { mode, owner, .. } => put_folder(&path, *mode, *owner),
            State::Link { target, times } => put_link(&path, target, *times, manner),
            State::Special => Err(Error::Unusable("A FIFO, a socket or a device cannot be brought back".into())),
        }?;
        if manner.durable {
            path.holder()?.sync()?;
        }
        Ok(())
    }

    fn put_file(&self, path: &SafePath, state: &State, source: &Source, manner: Manner) -> Result<()> {
        let State::File { sha256, mode, owner, times, .. } = state else { return Ok(()) };
        let holder = path.holder()?;
        if path.found().is_some_and(crate::policy::paths::Found::is_folder) {
            return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
        }
        if let Source::Staged(directory, name) = source {
            return Ok(directory.rename(name, holder, path.name())?);
        }
        let mut new = Replacement::create(holder, manner.scratch)?;
        match source {
            Source::Bytes(bytes) => new.file().write_all(bytes)?,
            _ => drop(io::copy(&mut self.kept().store.read(sha256)?, new.file())?),
        }
        new.dress(*mode, *owner)?;
        new.place(path.name(), Some(*times).filter(|times| *times != Times::default()), manner.durable)
    }
}

fn remove(path: &SafePath) -> Result<()> {
    let Some(found) = path.found() else { return Ok(()) };
    let holder = path.holder()?;
    if found.is_folder() {
        holder.remove_folder(path.name())?;
    } else {
        holder.remove(path.name())?;
    }
    Ok(())
}

fn put_folder(path: &SafePath, mode: u32, owner: (u32, u32)) -> Result<()> {
    match path.found() {
        Some(found) if found.is_folder() => return Ok(()),
        Some(_) => return Err(io::Error::from(io::ErrorKind::NotADirectory).into()),
        None => path.holder()?.make_folder(path.name(), mode)?,
    }
    Ok(path.holder()?.dress_folder(path.name(), mode, owner)?)
}

fn put_link(path: &SafePath, target: &Path, times: Times, manner: Manner) -> Result<()> {
    let holder = path.holder()?;
    holder.make_link(manner.scratch, target)?;
    if times != Times::default() {
        holder.set_times(manner.scratch, times)?;
    }
    holder.rename(manner.scratch, holder, path.name()).inspect_err(|_| {
        let _ = holder.remove(manner.scratch);
    })?;
    Ok(())
}

/// Removes all that has a name, whatever it is. Links are removed, not followed.
///
/// # Errors
/// What the system says.
pub fn remove_all(holder: &Directory, name: &OsStr) -> io::Result<()> {
    let found = match holder.look(name) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if !found.is_folder() {
        return holder.remove(name);
    }
    let inner = holder.enter(name)?;
    for entry in inner.entries()? {
        remove_all(&inner, &entry?.0)?;
    }
    holder.remove_folder(name)
}
