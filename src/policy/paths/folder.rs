//! A checked directory, and what is in it.

use super::{Directory, Entries, Found, Intent, Kind, Named, SafePath, Workspace, walk};
use crate::error::{Error, Result};
use std::{
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// A directory that the policy allows, held open. Links in it are never walked into.
#[derive(Clone, Debug)]
pub struct Folder {
    workspace: Arc<Workspace>,
    directory: Directory,
    real: PathBuf,
}

impl SafePath {
    /// Opens the directory that is there.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unusable`] for anything but a directory.
    pub fn open_folder(&self) -> Result<Folder> {
        if !self.existing()?.is_folder() {
            return Err(Error::Unusable("Path is not a directory".into()));
        }
        let directory = self.holder()?.enter(&self.name).map_err(|error| self.explain(error))?;
        if self.workspace.is_denied_place(directory.fstat()?.identity, Intent::Read) {
            return Err(self.named.refused());
        }
        Ok(Folder::new(self.workspace.clone(), directory, self.real.clone()))
    }
}

/// A name in a directory.
#[derive(Clone, Debug)]
pub struct Child {
    /// The name, which need not be text.
    pub name: OsString,
    /// What it is, where the directory itself tells.
    pub kind: Option<Kind>,
}

impl Folder {
    pub(super) fn new(workspace: Arc<Workspace>, directory: Directory, real: PathBuf) -> Self {
        Self { workspace, directory, real }
    }

    /// Where it is: absolute, without dots and links.
    pub fn real(&self) -> &Path {
        &self.real
    }

    /// The descriptor.
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// The names in it, in no order. One that cannot be read ends them.
    ///
    /// # Errors
    /// When the directory may not be read.
    pub fn children(&self) -> io::Result<impl Iterator<Item = Child> + use<>> {
        let entries: Entries = self.directory.entries()?;
        Ok(entries.map_while(|entry| entry.ok().map(|(name, kind)| Child { name, kind })))
    }

    /// What has a name.
    ///
    /// # Errors
    /// When nothing has it any more.
    pub fn look(&self, name: &OsStr) -> io::Result<Found> {
        self.directory.look(name)
    }

    /// Whether a name is that of a denied place that was moved here. A place's own name is no secret, a new one says where
    /// it is.
    pub fn hides(&self, name: &OsStr) -> bool {
        let is_denied = |found: Found| self.workspace.is_denied_place(found.identity, Intent::Read);
        self.look(name).is_ok_and(is_denied) && self.workspace.allows(&self.real.join(name), Intent::Read)
    }

    /// What a link leads to, where that may be known.
    pub fn look_through(&self, name: &OsStr) -> Option<Found> {
        let manner = walk::Manner { follow: true, exact: true };
        walk::walk(&self.workspace, &self.real.join(name), Intent::Read, manner).ok()?.found
    }

    /// The directory of this name, unless it is denied, a link or gone.
    pub fn enter(&self, name: &OsStr) -> Option<Self> {
        let real = self.real.join(name);
        if !self.workspace.allows(&real, Intent::Read) {
            return None;
        }
        let directory = self.directory.enter(name).ok()?;
        if self.workspace.is_denied_place(directory.fstat().ok()?.identity, Intent::Read) {
            return None;
        }
        Some(Self { workspace: self.workspace.clone(), directory, real })
    }

    /// The path of a name in it, checked anew for `intent`; a link is meant itself.
    ///
    /// # Errors
    /// [`crate::Error::Refused`] when it is denied.
    pub fn at(&self, name: &OsStr, intent: Intent) -> Result<SafePath> {
        let real = self.real.join(name);
        if !self.workspace.allows(&real, intent) {
            return Err(Named::File.refused());
        }
        let found = self.directory.look(name).ok();
        if found.is_some_and(|found| self.workspace.is_denied_place(found.identity, intent)) {
            return Err(Named::File.refused());
        }
        let place = walk::Place { holder: self.directory.clone(), missing: vec![], name: name.to_owned(), real, found };
        Ok(SafePath::new(self.workspace.clone(), place, Named::File, false))
    }
}
