//! A new version of a file, made beside it and put in its place at once.

use crate::{
    filesystem::{attributes, basis::Basis},
    policy::paths::{Directory, OURS, Times, look_at, set_mode_and_owner},
};
use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
};

/// A name for something that is not meant to stay, short enough beside any other.
pub(crate) fn temporary_name() -> OsString {
    let mut random = [0; 8];
    getrandom::fill(&mut random).expect("a system without random numbers cannot have started the bridge");
    format!(".bridge-{:016x}.tmp", u64::from_ne_bytes(random)).into()
}

/// Whether a name is one of these: what is not in its place yet is nothing that a caller sees.
pub(crate) fn is_temporary(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    let middle = name.strip_prefix(b".bridge-").and_then(|name| name.strip_suffix(b".tmp"));
    middle.is_some_and(|middle| middle.len() == 16 && middle.iter().all(u8::is_ascii_hexdigit))
}

/// What a file may take the place of.
#[derive(Clone, Copy)]
pub(crate) enum Over<'a> {
    /// Nothing: the name must be free.
    Nothing,
    /// Whatever has the name.
    Anything,
    /// A file that begins as it was when it was read. What was added to it goes behind the new one.
    Known {
        /// As it was then.
        basis: &'a Basis,
        /// Whether the new name is on the disk at once.
        durable: bool,
    },
}

impl Over<'_> {
    /// Gives what is called `from` that name.
    ///
    /// # Errors
    /// What the system says; the old file is in its place then.
    pub(crate) fn rename(self, from: (&Directory, &OsStr), holder: &Directory, at: &OsStr) -> io::Result<()> {
        let (directory, name) = from;
        match self {
            Self::Nothing => directory.rename_to_free(name, holder, at),
            Self::Anything => directory.rename(name, holder, at),
            Self::Known { basis, durable } => {
                basis.give_way(holder, at, durable, || directory.rename(name, holder, at))
            }
        }
    }
}

/// A file that has no place yet; dropped, it is gone.
pub(crate) struct Replacement {
    holder: Directory,
    name: OsString,
    file: File,
    placed: bool,
}

impl Replacement {
    /// An empty one in `holder`, under a name from [`temporary_name`]. No one else may read it before it is dressed.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn create(holder: &Directory, name: &OsStr) -> io::Result<Self> {
        let file = holder.create(name, 0o600)?;
        Ok(Self { holder: holder.clone(), name: name.to_owned(), file, placed: false })
    }

    /// To write into.
    pub(crate) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gives it what belongs to the file that it replaces, permission bits and an owner; false when it cannot have all
    /// of that.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn resemble(&self, old: &File, mode: u32, owner: (u32, u32)) -> io::Result<bool> {
        let is_kept = attributes::keep(old, &self.file).is_ok();
        self.set_mode_and_owner(mode, owner)?;
        Ok(is_kept && (owner == OURS || look_at(&self.file)?.owner == owner))
    }

    /// Gives it permission bits and an owner.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn set_mode_and_owner(&self, mode: u32, owner: (u32, u32)) -> io::Result<()> {
        set_mode_and_owner(&self.file, mode, owner)
    }

    /// Puts it in its place. With `durable` its content is on the disk before.
    ///
    /// # Errors
    /// What the system says; the old file is whole then.
    pub(crate) fn place(mut self, at: &OsStr, times: Option<Times>, durable: bool, over: Over) -> io::Result<()> {
        if let Some(times) = times {
            self.holder.set_times(&self.name, times)?;
        }
        if durable {
            self.file.sync_all()?;
        }
        over.rename((&self.holder, &self.name), &self.holder, at)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Replacement {
    fn drop(&mut self) {
        if !self.placed {
            // What cannot be removed is found and removed at the next start.
            let _ = self.holder.remove(&self.name);
        }
    }
}
