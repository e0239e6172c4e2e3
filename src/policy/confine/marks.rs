//! What the kernel's rules on paths are made for: places by what they are, not by names that could be given to others.
#![expect(clippy::disallowed_methods, reason = "it lists places of the settings to make rules of, and opens no file")]

use super::MOVED;
use crate::policy::paths::{Identity, Kind, Present};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags};
use std::{
    collections::{HashMap, HashSet},
    ffi::{CStr, CString},
    fs, io,
    os::fd::{AsFd, OwnedFd},
    path::{Path, PathBuf},
};

/// What is opened for a rule: nothing can be done with it.
const PLACE: OFlags = OFlags::PATH.union(OFlags::CLOEXEC).union(OFlags::NOFOLLOW);

/// What lies below a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// A folder that nobody may see into.
    HiddenFolder,
    /// Denied places, and no such folder.
    Others,
}

/// Which places are denied, and which hold one.
pub(crate) struct Marks {
    /// The denied places, and whether they may not even be read.
    pub denied: HashMap<Identity, bool>,
    /// The folders above them.
    pub above: HashMap<Identity, Holds>,
    /// What the kernel shows of itself and of devices, which is allowed piece by piece.
    pub kernels: HashSet<Identity>,
}

impl Marks {
    /// For the denied places, where they are now, and for others that are `hidden`.
    ///
    /// # Errors
    /// When the folders above one cannot be told; [`MOVED`] when it is no longer there.
    pub(crate) fn of(present: &[Present], hidden: &[PathBuf]) -> io::Result<Self> {
        let kernels = ["/dev", "/proc", "/sys", "/run"].iter().filter_map(|path| look(Path::new(path))).collect();
        let mut marks = Self { denied: HashMap::new(), above: HashMap::new(), kernels };
        for place in present {
            let hides_folder = place.denial.reading_too && place.kind == Kind::Folder;
            marks.mark(&place.path, place.identity, place.denial.reading_too, hides_folder)?;
        }
        // What is shown of the machine's settings may lie elsewhere.
        for path in hidden.iter().cloned().filter_map(real) {
            if let Some(identity) = look(&path) {
                marks.mark(&path, identity, true, path.is_dir())?;
            }
        }
        Ok(marks)
    }

    fn mark(&mut self, path: &Path, identity: Identity, reading_too: bool, hides_folder: bool) -> io::Result<()> {
        *self.denied.entry(identity).or_insert(reading_too) |= reading_too;
        for identity in above(path, identity)? {
            let holds = self.above.entry(identity).or_insert(Holds::Others);
            if hides_folder {
                *holds = Holds::HiddenFolder;
            }
        }
        Ok(())
    }
}

/// The folders above a place, found by going up from it: whatever is renamed meanwhile, none is left out.
fn above(path: &Path, identity: Identity) -> io::Result<Vec<Identity>> {
    let moved = || io::Error::from_raw_os_error(MOVED);
    let (Some(holder), Some(name)) = (path.parent(), path.file_name()) else { return Ok(Vec::new()) };
    let holder = Place::at(holder).ok_or_else(moved)?;
    let found = rustix::fs::statat(&holder.descriptor, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if (found.st_dev, found.st_ino) != identity {
        return Err(moved());
    }
    let (mut folder, mut above) = (holder, Vec::new());
    // Only the top is the folder above itself.
    while above.last() != Some(&folder.identity) {
        above.push(folder.identity);
        folder = folder.child(c"..").ok_or_else(moved)?;
    }
    Ok(above)
}

/// A place that is held open.
pub(crate) struct Place {
    pub descriptor: OwnedFd,
    pub identity: Identity,
    pub is_folder: bool,
}

impl Place {
    /// What is at a path without links in it; none where there is nothing, or a link.
    pub(crate) fn at(path: &Path) -> Option<Self> {
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        Self::of(rustix::fs::openat2(CWD, path, PLACE, Mode::empty(), resolve).ok()?)
    }

    /// What is in a folder, without links. Each is opened when it is its turn: a folder may hold more than a process may
    /// have open.
    pub(crate) fn children(&self) -> impl Iterator<Item = Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let readable = rustix::fs::openat(&self.descriptor, ".", flags, Mode::empty());
        let names = readable.and_then(Dir::new).into_iter().flatten().flatten();
        let names = names.map(|entry| entry.file_name().to_owned());
        let names: Vec<CString> = names.filter(|name| !matches!(name.to_bytes(), b"." | b"..")).collect();
        names.into_iter().filter_map(|name| self.child(&name))
    }

    fn child(&self, name: &CStr) -> Option<Self> {
        Self::of(rustix::fs::openat(self.descriptor.as_fd(), name, PLACE, Mode::empty()).ok()?)
    }

    fn of(descriptor: OwnedFd) -> Option<Self> {
        let stat = rustix::fs::fstat(&descriptor).ok()?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        let is_folder = kind == FileType::Directory;
        (kind != FileType::Symlink).then(|| Self { descriptor, identity: (stat.st_dev, stat.st_ino), is_folder })
    }
}

/// Where a path leads.
pub(crate) fn real(path: PathBuf) -> Option<PathBuf> {
    fs::canonicalize(path).ok()
}

fn look(path: &Path) -> Option<Identity> {
    let stat = rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    Some((stat.st_dev, stat.st_ino))
}
