//! A checked path.

use super::{Directory, Found, Intent, Named, Workspace, walk::Place};
use crate::{
    error::{Error, Result},
    near::nearest,
};
use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// So many names of a folder are looked at for one that is near.
const MAX_NAMES: usize = 5000;

/// A path that the policy allows: a name in a directory that is held open.
#[derive(Debug)]
pub struct SafePath {
    pub(super) workspace: Arc<Workspace>,
    pub(super) holder: Directory,
    pub(super) missing: Vec<OsString>,
    pub(super) name: OsString,
    pub(super) real: PathBuf,
    pub(super) found: Option<Found>,
    pub(super) named: Named,
    means_folder: bool,
}

impl SafePath {
    pub(super) fn new(workspace: Arc<Workspace>, place: Place, named: Named, means_folder: bool) -> Self {
        let Place { holder, missing, name, real, found } = place;
        Self { workspace, holder, missing, name, real, found, named, means_folder }
    }

    /// Where it is: absolute, without dots and links.
    pub fn real(&self) -> &Path {
        &self.real
    }

    /// The last name of [`Self::real`]; `.` for the root of the file system.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    /// What was there when it was checked.
    pub fn found(&self) -> Option<&Found> {
        self.found.as_ref()
    }

    /// What was there.
    ///
    /// # Errors
    /// [`Error::NotFound`] when nothing was.
    pub fn existing(&self) -> Result<&Found> {
        self.found.as_ref().ok_or_else(|| self.not_found())
    }

    /// Whether the caller's text can only mean a directory (`notes/`).
    pub fn means_folder(&self) -> bool {
        self.means_folder
    }

    /// The directory that holds the name.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it has to be made first.
    pub fn holder(&self) -> Result<&Directory> {
        if self.missing.is_empty() { Ok(&self.holder) } else { Err(self.not_found()) }
    }

    fn not_found(&self) -> Error {
        self.named.not_found().with_hint(|| Some(hint_of_missing(self)))
    }

    /// The directories above it that are not there, topmost first.
    pub fn missing_folders(&self) -> Vec<PathBuf> {
        let mut path: PathBuf = self.real.clone();
        let mut folders: Vec<PathBuf> = Vec::new();
        for _ in &self.missing {
            path.pop();
            folders.push(path.clone());
        }
        folders.reverse();
        folders
    }

    /// Fails unless an earlier look at the same name led to the same place.
    ///
    /// # Errors
    /// [`Error::Conflict`]: a link or a folder is another one by now.
    pub fn is_still_at(&self, earlier: &Self) -> Result<()> {
        if self.real == earlier.real {
            return Ok(());
        }
        Err(Error::Conflict("Someone else changed the path while the call ran: look at it and try again".into()))
    }

    /// Looks at what has the name now. Where that is was checked, and stays so: the directory is held open.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is a denied place by now; [`Error::NotFound`] when a directory has to be made first.
    pub fn look_again(&mut self, intent: Intent) -> Result<()> {
        let found = match self.holder()?.look(&self.name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            found => Some(found.map_err(|error| self.explain(error))?),
        };
        let is_denied =
            |found: &Found| self.workspace.is_own_file(found) || self.workspace.is_denied_place(found.identity, intent);
        if found.as_ref().is_some_and(is_denied) {
            return Err(self.named.refused());
        }
        self.found = found;
        Ok(())
    }

    /// Opens the regular file that is there, and tells what it is.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Unusable`] for anything but a regular file, at once; [`Error::Refused`] when a link
    /// took its place.
    pub fn open(&self) -> Result<(File, Found)> {
        self.open_by(Directory::open)
    }

    /// Opens the regular file that is there for writing at any place.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_to_write(&self) -> Result<(File, Found)> {
        self.open_by(Directory::open_to_write)
    }

    /// Opens the regular file that is there for writing behind all that it holds at that moment.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_to_append(&self) -> Result<(File, Found)> {
        self.open_by(Directory::open_to_append)
    }

    fn open_by(&self, open: impl FnOnce(&Directory, &OsStr) -> io::Result<(File, Found)>) -> Result<(File, Found)> {
        self.existing()?;
        let (file, found) = open(self.holder()?, &self.name).map_err(|error| self.explain(error))?;
        let is_denied =
            self.workspace.is_own_file(&found) || self.workspace.is_denied_place(found.identity, Intent::Read);
        if is_denied { Err(self.named.refused()) } else { Ok((file, found)) }
    }

    /// Fails unless the whole directory may go: nothing in it is denied.
    ///
    /// # Errors
    /// [`Error::Refused`] naming no place: who may not see it does not learn where it is.
    pub fn may_go_whole(&self) -> Result<()> {
        if self.found.is_some_and(|found| found.is_folder()) && self.workspace.holds_denied(&self.real) {
            return Err(self.named.refused());
        }
        Ok(())
    }

    /// A name that stands for whatever will be in this directory, for work beside that.
    pub fn inside(&self) -> Self {
        let mut missing = self.missing.clone();
        let mut holder = self.holder.clone();
        match holder.enter(&self.name).ok().filter(|_| missing.is_empty()) {
            Some(inner) => holder = inner,
            None => missing.push(self.name.clone()),
        }
        Self {
            workspace: self.workspace.clone(),
            holder,
            missing,
            name: "x".into(),
            real: self.real.join("x"),
            found: None,
            named: self.named,
            means_folder: false,
        }
    }

    /// The policy it was checked by.
    pub fn workspace(&self) -> &Arc<Workspace> {
        &self.workspace
    }

    /// Tells what the system said about this path in the caller's words.
    pub fn explain(&self, error: io::Error) -> Error {
        match (error.kind(), self.named) {
            (io::ErrorKind::NotFound, _) => self.not_found(),
            (io::ErrorKind::InvalidInput | io::ErrorKind::IsADirectory, Named::File) => not_a_file(),
            (io::ErrorKind::NotADirectory, Named::Folder) => Error::Unusable("Path is not a directory".into()),
            _ if is_link(&error) => self.named.refused(),
            _ => error.into(),
        }
    }
}

/// Where something was looked for that is not there, and which names are near.
fn hint_of_missing(path: &SafePath) -> String {
    let names = path.missing.iter().map(OsString::as_os_str).chain([path.name.as_os_str()]);
    let names: Vec<&OsStr> = names.collect();
    let folder: PathBuf = path.real.ancestors().nth(names.len()).unwrap_or(Path::new("/")).to_owned();
    let missing = names[0].to_string_lossy();
    let known = names_in(path, &folder);
    let near = nearest(&missing, known.iter().map(String::as_str));
    let mut hint = path.workspace.where_looked(&path.real);
    if names.len() > 1 {
        hint.push_str(&format!(". There is no {}", folder.join(names[0]).display()));
    }
    if !near.is_empty() {
        let near: Vec<String> = near.iter().map(|name| folder.join(name).display().to_string()).collect();
        hint.push_str(&format!(". Did you mean {}?", near.join(" or ")));
    }
    hint
}

/// What the caller may see in the folder where the first missing name should be.
fn names_in(path: &SafePath, folder: &Path) -> Vec<String> {
    let holder: &Directory = &path.holder;
    let may_see = |name: &OsStr| {
        let found = holder.look(name);
        path.workspace.allows(&folder.join(name), Intent::Read)
            && found.is_ok_and(|found| !path.workspace.is_denied_place(found.identity, Intent::Read))
    };
    let entries = holder.entries().into_iter().flatten().take(MAX_NAMES);
    let names = entries.filter_map(|entry| entry.ok()?.0.into_string().ok());
    names.filter(|name| may_see(OsStr::new(name))).collect()
}

/// What a directory, a FIFO, a socket or a device is reported as.
pub fn not_a_file() -> Error {
    Error::Unusable("Path is not a file".into())
}

#[cfg(unix)]
fn is_link(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::LOOP)
}

#[cfg(not(unix))]
fn is_link(_: &io::Error) -> bool {
    false
}
