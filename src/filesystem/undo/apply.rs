//! Makes a path what it should be.

use super::{Edit, Source, State, Undo};
use crate::{
    error::{Error, Result},
    filesystem::{
        basis::Basis,
        replacement::{Over, Replacement},
    },
    policy::{
        SafePath,
        paths::{Directory, Found, Intent, Times, look_at},
    },
};
use std::{
    ffi::OsStr,
    io::{self, Read},
    path::Path,
};

/// How a step is made.
#[derive(Clone, Copy)]
pub(crate) struct Manner<'a> {
    /// The name to use for what is not in its place yet.
    pub scratch: &'a OsStr,
    /// Whether each step is on the disk before the next one, or all are at the end.
    pub durable: bool,
}

/// What a step came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// There was nothing to do.
    Nothing,
    /// What had the name is gone.
    Removed,
    /// This was put there: its device and number, by which it is known again.
    Put((u64, u64)),
}

impl Undo {
    /// Makes what is at `path` what `state` says, and notes in `made` what was done. A path that is
    /// not held is checked anew.
    ///
    /// # Errors
    /// What the policy or the system says; where nothing was noted, what was there is whole.
    pub(crate) fn apply(&self, edit: &Edit, manner: Manner, made: &mut Vec<Made>) -> Result<()> {
        let resolved;
        let path = match &edit.held {
            Some(path) => path,
            None => {
                resolved = self.workspace.resolve_real(&edit.path, Intent::Write)?;
                &resolved
            }
        };
        made.push(self.put(path, edit, manner)?);
        if manner.durable {
            path.holder()?.sync()?;
        }
        Ok(())
    }

    /// Makes what was found at `path` what the edit says.
    ///
    /// # Errors
    /// As for [`Self::apply`].
    pub(super) fn put(&self, path: &SafePath, edit: &Edit, manner: Manner) -> Result<Made> {
        match &edit.after {
            State::Absent => remove(path, edit.basis.as_ref()),
            State::File { .. } => self.put_file(path, edit, manner).map_err(|error| edit.explain(error)),
            State::Folder { mode, owner, .. } => put_folder(path, *mode, *owner, manner),
            State::Link { target, times } => put_link(path, target, *times, manner),
            State::Special => Err(Error::Unusable("A FIFO, a socket or a device cannot be brought back".into())),
        }
    }

    fn put_file(&self, path: &SafePath, edit: &Edit, manner: Manner) -> Result<Made> {
        let holder = path.holder()?;
        if path.found().is_some_and(Found::is_folder) {
            return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
        }
        let replaces = path.found().is_some_and(Found::is_file);
        // What is overwritten is kept first, and nothing of the kind where the name must be free.
        let is_kept = path.found().is_some_and(|found| found.size <= self.max_bytes);
        let may_overwrite = replaces && is_kept && !matches!(edit.over(path, manner), Over::Nothing);
        if may_overwrite && is_appended_to(path) {
            match self.put_in_place(path, edit) {
                // Who may not write to it replaces it.
                Err(Error::Refused(_)) => {}
                made => return made,
            }
        }
        if let Source::Staged(directory, name) = &edit.source {
            let made = Made::Put(directory.look(name)?.identity);
            let renamed = edit.over(path, manner).rename((directory, name), holder, path.name());
            match renamed {
                // It is copied then.
                Err(error) if matches!(error.kind(), io::ErrorKind::CrossesDevices | io::ErrorKind::ResourceBusy) => {}
                placed => return Ok(placed.map(|()| made)?),
            }
        }
        let error = match self.replace(path, edit, manner, replaces)? {
            Ok(made) => return Ok(made),
            Err(error) => error,
        };
        if !replaces || !forbids_another_file(&error) {
            return Err(error.into());
        }
        match self.put_in_place(path, edit) {
            // Who may not write to the file itself was refused before, unless it was to be forced.
            Err(Error::Refused(_)) if is_unlike(&error) => Ok(self.replace(path, edit, manner, false)??),
            made => made,
        }
    }

    /// Puts a new file in the place of whatever is there. One that is to be `alike` has the owner and the attributes of
    /// the old one, or is not put there.
    fn replace(&self, path: &SafePath, edit: &Edit, manner: Manner, alike: bool) -> Result<io::Result<Made>> {
        let State::File { sha256, mode, owner, times, .. } = &edit.after else { return Ok(Ok(Made::Nothing)) };
        let (holder, mut content) = (path.holder()?, self.content(&edit.source, sha256)?);
        let old = if alike { Some(path.open()?.0) } else { None };
        let place = || {
            let mut new = Replacement::create(holder, manner.scratch)?;
            io::copy(&mut content, new.file())?;
            match old {
                Some(old) if !new.resemble(&old, *mode, *owner)? => return Err(io::Error::other(Unlike)),
                Some(_) => {}
                None => new.set_mode_and_owner(*mode, *owner)?,
            }
            let made = Made::Put(look_at(new.file())?.identity);
            let times = Some(*times).filter(|times| *times != Times::default());
            new.place(path.name(), times, manner.durable, edit.over(path, manner))?;
            Ok(made)
        };
        Ok({ place }())
    }

    /// The bytes that a file is to have.
    pub(super) fn content<'a>(&self, source: &'a Source, sha256: &str) -> Result<Box<dyn Read + 'a>> {
        Ok(match source {
            Source::Bytes(bytes) | Source::New(bytes) => Box::new(bytes.as_slice()),
            Source::Staged(directory, name) => Box::new(directory.open(name)?.0),
            Source::Nothing | Source::Kept => Box::new(self.kept().store.read(sha256)?),
        })
    }
}

impl Edit {
    /// What its file may take the place of, by what was found at the path.
    fn over(&self, path: &SafePath, manner: Manner) -> Over<'_> {
        match (&self.source, &self.basis) {
            (Source::New(_), _) => Over::Nothing,
            (_, Some(basis)) => Over::Known { basis, durable: manner.durable },
            _ if path.found().is_none() => Over::Nothing,
            _ => Over::Anything,
        }
    }
}

/// The new file could not have the owner or the attributes of the old one.
#[derive(Debug, thiserror::Error)]
#[error("a new file cannot have the owner and the attributes of the old one")]
struct Unlike;

fn is_unlike(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<Unlike>)
}

/// Whether no other file may take the place of the one that is there, though that one may be written to: its directory
/// is not writable, or it is a mount of its own.
fn forbids_another_file(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    is_unlike(error) || matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem | ResourceBusy)
}

#[cfg(target_os = "linux")]
fn is_appended_to(path: &SafePath) -> bool {
    path.open().is_ok_and(|(file, _)| crate::filesystem::appenders::has(&file))
}

#[cfg(not(target_os = "linux"))]
fn is_appended_to(_: &SafePath) -> bool {
    false
}

/// A directory is removed only when it is empty, and a link that took its name meanwhile is not.
fn remove(path: &SafePath, basis: Option<&Basis>) -> Result<Made> {
    let Some(found) = path.found() else { return Ok(Made::Nothing) };
    let holder = path.holder()?;
    if let Some(basis) = basis {
        basis.check(holder, path.name())?;
    }
    if found.is_folder() {
        holder.remove_folder(path.name())?;
    } else {
        holder.remove(path.name())?;
    }
    Ok(Made::Removed)
}

/// Makes a directory out of sight first: one that someone else makes meanwhile under its name is theirs, and neither
/// dressed nor taken for this one.
fn put_folder(path: &SafePath, mode: u32, owner: (u32, u32), manner: Manner) -> Result<Made> {
    match path.found() {
        Some(found) if found.is_folder() => return Ok(Made::Nothing),
        Some(_) => return Err(io::Error::from(io::ErrorKind::NotADirectory).into()),
        None => {}
    }
    let (holder, name) = (path.holder()?, path.name());
    holder.make_folder(manner.scratch, mode)?;
    let placed = holder.dress_folder(manner.scratch, mode, owner).and_then(|()| {
        let identity = holder.look(manner.scratch)?.identity;
        holder.rename_to_free(manner.scratch, holder, name)?;
        Ok(Made::Put(identity))
    });
    placed.or_else(|error| {
        let _ = holder.remove_folder(manner.scratch);
        let is_there = error.kind() == io::ErrorKind::AlreadyExists && holder.look(name)?.is_folder();
        if is_there { Ok(Made::Nothing) } else { Err(error.into()) }
    })
}

fn put_link(path: &SafePath, target: &Path, times: Times, manner: Manner) -> Result<Made> {
    let holder = path.holder()?;
    holder.make_link(manner.scratch, target)?;
    let placed: Result<Made> = (|| {
        if times != Times::default() {
            holder.set_times(manner.scratch, times)?;
        }
        let identity = holder.look(manner.scratch)?.identity;
        holder.rename(manner.scratch, holder, path.name())?;
        Ok(Made::Put(identity))
    })();
    placed.inspect_err(|_| {
        let _ = holder.remove(manner.scratch);
    })
}

/// Removes all that has a name, whatever it is. Links are removed, not followed.
///
/// # Errors
/// What the system says.
pub(crate) fn remove_all(holder: &Directory, name: &OsStr) -> io::Result<()> {
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
