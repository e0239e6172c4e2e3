//! One look at all denied names.
#![expect(clippy::disallowed_methods, reason = "it looks at denied places, of which nothing is opened to read")]

use super::{
    Denial, Identity, Kind, Spared,
    hold::{HELD, Hold, identity},
    sight::{End, Sight, moved},
};
use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags},
    process::geteuid,
};
use std::{
    collections::{HashMap, HashSet},
    io,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What one look finds.
pub(super) struct Look<'a> {
    spared: &'a Spared,
    /// What a link leads to at the start stays denied.
    is_first: bool,
    most: usize,
    pub found: Vec<(Identity, Hold)>,
    /// Folders that this user could allow itself to search, with what they are.
    pub barriers: HashMap<Identity, Hold>,
    /// Names that are links, and those that cannot be seen.
    unsettled: HashSet<PathBuf>,
    missing: Missing,
    /// Folders whose names cannot be seen.
    hidden: HashSet<PathBuf>,
}

impl<'a> Look<'a> {
    /// Nothing yet; `most` places may be found.
    pub(crate) fn new(spared: &'a Spared, is_first: bool, most: usize) -> Self {
        let (found, barriers, unsettled) = (Vec::new(), HashMap::new(), HashSet::new());
        let (missing, hidden) = (Missing::default(), HashSet::new());
        Self { spared, is_first, most, found, barriers, unsettled, missing, hidden }
    }

    /// Looks at a denied name.
    pub(crate) fn at(&mut self, denial: &Denial) -> io::Result<()> {
        if denial.path.parent().is_some_and(|above| self.missing.has(above)) {
            return Ok(());
        }
        if denial.path.ancestors().any(|above| self.hidden.contains(above)) {
            self.unsettled.insert(denial.path.clone());
            return Ok(());
        }
        match hold(denial, OFlags::NOFOLLOW)? {
            Sight::Absent => Ok(()),
            Sight::Barred => {
                self.hidden.extend(denial.path.parent().map(Path::to_owned));
                self.at_hidden(&denial.path)
            }
            Sight::There((identity, hold)) => {
                if hold.kind == Kind::Link {
                    self.behind_link(denial)?;
                }
                self.push(identity, hold)
            }
        }
    }

    /// Looks at a folder that could not be looked through.
    pub(crate) fn at_barred(&mut self, folder: &Path) -> io::Result<()> {
        self.hidden.insert(folder.to_owned());
        let flags = HELD | OFlags::DIRECTORY | OFlags::NOFOLLOW;
        match Sight::of(rustix::fs::open(folder, flags, Mode::empty()), folder)? {
            // What can be reached in it by its name may be what is denied.
            Sight::There(folder) => self.cover(folder),
            Sight::Absent => Ok(()),
            Sight::Barred => self.at_hidden(folder),
        }
    }

    /// Looks for what keeps a path from being seen.
    pub(crate) fn at_hidden(&mut self, path: &Path) -> io::Result<()> {
        self.unsettled.insert(path.to_owned());
        match End::of(path)? {
            End::In(folder) => self.bar(folder),
            End::At(path) => match hold(&Denial { path, reading_too: true }, OFlags::NOFOLLOW)? {
                Sight::There((identity, hold)) => self.push(identity, hold),
                Sight::Absent => Ok(()),
                Sight::Barred => Err(moved()),
            },
        }
    }

    /// Whether something that is not found by a name any more stays denied.
    pub(crate) fn keeps(&self, hold: &Hold) -> bool {
        let path = &hold.denial.path;
        hold.stays || self.unsettled.contains(path) || path.ancestors().any(|above| self.hidden.contains(above))
    }

    fn behind_link(&mut self, denial: &Denial) -> io::Result<()> {
        self.unsettled.insert(denial.path.clone());
        match hold(denial, OFlags::empty())? {
            Sight::Absent => Ok(()),
            Sight::Barred => self.at_hidden(&denial.path),
            Sight::There((_, hold)) if hold.path().is_ok_and(|path| self.spared.spare(&path)) => Ok(()),
            Sight::There((identity, hold)) => self.push(identity, Hold { stays: self.is_first, ..hold }),
        }
    }

    fn push(&mut self, identity: Identity, hold: Hold) -> io::Result<()> {
        self.found.push((identity, hold));
        // A place may be found by two names.
        if self.found.len() > 2 * self.most { Err(too_many(self.most)) } else { Ok(()) }
    }

    /// A folder in which this user may not look. Where it can change that, so can a command: it is covered as a whole.
    fn bar(&mut self, folder: OwnedFd) -> io::Result<()> {
        let (owner, user) = (rustix::fs::fstat(&folder)?.st_uid, geteuid());
        if user.is_root() || owner == user.as_raw() { self.cover(folder) } else { Ok(()) }
    }

    fn cover(&mut self, folder: OwnedFd) -> io::Result<()> {
        let identity = identity(&rustix::fs::fstat(&folder)?);
        let denial = Denial { path: PathBuf::new(), reading_too: true };
        let hold = Hold { place: Arc::new(folder), denial, kind: Kind::Folder, stays: false };
        let denial = Denial { path: hold.path()?, reading_too: true };
        self.barriers.insert(identity, Hold { denial, ..hold });
        Ok(())
    }
}

/// That there are more denied places than can be held.
pub(super) fn too_many(most: usize) -> io::Error {
    io::Error::other(format!(
        "more than {most} denied places are there: deny the folder that holds them instead of each (MCP_DENIED_PATHS), \
         or restart the bridge where many were moved"
    ))
}

fn hold(denial: &Denial, flags: OFlags) -> io::Result<Sight<(Identity, Hold)>> {
    let found = rustix::fs::open(&denial.path, HELD | flags, Mode::empty()).and_then(|place| {
        let stat = rustix::fs::fstat(&place)?;
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            FileType::Symlink => Kind::Link,
            _ => Kind::Special,
        };
        Ok((identity(&stat), Hold { place: Arc::new(place), denial: denial.clone(), kind, stays: true }))
    });
    Sight::of(found, &denial.path)
}

/// Folders that are not there: nothing is in them, and nobody has to look for it.
#[derive(Default)]
struct Missing(HashMap<PathBuf, bool>);

impl Missing {
    fn has(&mut self, folder: &Path) -> bool {
        if let Some(is_missing) = self.0.get(folder) {
            return *is_missing;
        }
        let is_in_missing = folder.parent().is_some_and(|above| self.has(above));
        let look = || Sight::of(rustix::fs::statat(CWD, folder, AtFlags::empty()), folder);
        let is_missing = is_in_missing || matches!(look(), Ok(Sight::Absent));
        self.0.insert(folder.to_owned(), is_missing);
        is_missing
    }
}
