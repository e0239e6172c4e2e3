//! What is there of the list of secret places.

use super::{
    Kind, Listing,
    patterns::Fitting,
    secrets::{ANY_CASE, Tree},
};
use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What the list says of something.
pub(crate) type Said = Vec<&'static Tree>;

/// A name of which it says something, with whether that is a link.
#[derive(Debug)]
pub(crate) struct Match {
    name: OsString,
    is_link: bool,
    said: Said,
}

/// What was found in each folder, by what the list says of the folder itself (the trees, by where they are).
pub(crate) type Known = HashMap<(PathBuf, Vec<usize>), Listing<Vec<Match>>>;

/// A look for what is there of the list. Folders are listed rather than names looked for: a home has few of those that the
/// list names, and the list is long.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// The places, and the folders in which some may be although this user may not look there now.
    pub found: Fitting,
    /// Where links among the folders lead, with what the list says of what lies there.
    pub linked: Vec<(PathBuf, &'static Tree)>,
    /// What the last search found, and what the next one may know.
    known: Arc<Known>,
    pub seen: Known,
}

impl Search {
    /// One that knows what the last one saw.
    pub(crate) fn knowing(known: Arc<Known>) -> Self {
        Self { known, ..Self::default() }
    }

    /// Looks through a folder, of which the list says this.
    ///
    /// # Errors
    /// When it cannot be told what is in it.
    pub(crate) fn below(&mut self, folder: &Path, said: &[&'static Tree]) -> io::Result<()> {
        let any_case = ANY_CASE || folder.starts_with("/mnt");
        let says = |name: &OsStr| -> Said {
            let name = name.to_string_lossy();
            said.iter().flat_map(|tree| tree.below(&name, any_case)).collect()
        };
        let there = match self.list(folder, said, |name, _| Some(says(name)).filter(|said| !said.is_empty())) {
            Ok(there) => there,
            // What is in it can be reached by its name anyway.
            Err(error) if self.bars(folder, &error)? => {
                let names = said.iter().flat_map(|tree| tree.names()).filter(|name| is_there(&folder.join(name)));
                let found = |name: &str| Match {
                    is_link: folder.join(name).is_symlink(),
                    said: says(name.as_ref()),
                    name: name.into(),
                };
                Arc::new(names.map(found).collect())
            }
            Err(_) => return Ok(()),
        };
        there.iter().try_for_each(|one| self.at(folder.join(&one.name), one.is_link, &one.said))
    }

    /// The folders in a folder of which the list says nothing, and what may lead to some.
    ///
    /// # Errors
    /// As [`Self::below`].
    pub(crate) fn within(&mut self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        match self.folders(folder) {
            Err(error) => self.bars(folder, &error).map(|_| Vec::new()),
            folders => folders,
        }
    }

    /// The same, where a folder that cannot be read is an error.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn folders(&mut self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let is_none = |kind| matches!(kind, Some(Kind::File | Kind::Special));
        let there = self.list(folder, &[], |_, kind| (!is_none(kind)).then(Vec::new))?;
        Ok(there.iter().map(|one| folder.join(&one.name)).collect())
    }

    fn list(
        &mut self,
        folder: &Path,
        said: &[&'static Tree],
        says: impl Fn(&OsStr, Option<Kind>) -> Option<Said>,
    ) -> io::Result<Arc<Vec<Match>>> {
        let key = (folder.to_owned(), said.iter().map(|tree| std::ptr::from_ref(*tree).addr()).collect());
        let listing = Listing::of(folder, self.known.get(&key), |names| {
            let found = names.into_iter().filter_map(|(name, kind)| {
                let said = says(&name, kind)?;
                Some(Match { name, is_link: kind == Some(Kind::Link), said })
            });
            Ok(found.collect())
        })?;
        let found = listing.found.clone();
        self.seen.insert(key, listing);
        Ok(found)
    }

    fn at(&mut self, place: PathBuf, is_link: bool, said: &[&'static Tree]) -> io::Result<()> {
        if said.iter().any(|tree| tree.is_place()) {
            self.found.places.insert(place);
            return Ok(());
        }
        if let Some(real) = Some(&place).filter(|_| is_link).and_then(|place| really(place)) {
            self.linked.extend(said.iter().map(|tree| (real.clone(), *tree)));
        }
        self.below(&place, said)
    }

    /// Notes a folder in which this user could allow itself to look, and says of another one whether what is in it can be
    /// reached by name.
    fn bars(&mut self, folder: &Path, error: &io::Error) -> io::Result<bool> {
        if is_nothing(error) {
            return Ok(false);
        }
        if error.kind() != io::ErrorKind::PermissionDenied {
            return Err(io::Error::new(
                error.kind(),
                format!("{} cannot be looked through: {error}", folder.display()),
            ));
        }
        let is_barred = is_ours(folder).or_else(|error| match error.kind() {
            // Something above it is what may not be looked into.
            io::ErrorKind::PermissionDenied => Ok(true),
            _ if is_nothing(&error) => Ok(false),
            _ => Err(error),
        })?;
        if is_barred {
            self.found.barred.insert(folder.to_owned());
        }
        Ok(!is_barred && is_there(&folder.join(".")))
    }
}

/// Whether the system's answer means that no such folder is there, whoever looks.
fn is_nothing(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename) || is_circle(error)
}

#[cfg(unix)]
fn is_circle(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::LOOP)
}

#[cfg(not(unix))]
fn is_circle(_: &io::Error) -> bool {
    false
}

/// Whether something has this name and can be seen by this user.
#[expect(clippy::disallowed_methods, reason = "a place of the list, of which nothing is opened")]
fn is_there(place: &Path) -> bool {
    std::fs::symlink_metadata(place).is_ok()
}

/// Whether this user could allow itself to look into a folder. The superuser's programs can become its owner.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "whose folder it is, of which nothing is opened")]
fn is_ours(folder: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid();
    Ok(user.is_root() || std::fs::metadata(folder)?.uid() == user.as_raw())
}

#[cfg(not(unix))]
fn is_ours(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Where a link leads.
#[expect(clippy::disallowed_methods, reason = "a home, or a folder of the list, before any caller")]
pub(crate) fn really(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok()
}
