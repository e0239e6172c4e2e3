//! What was looked at on the disk while a view was made: as long as all of it is still so, the view is still right.
#![expect(clippy::disallowed_methods, reason = "it looks at places that the settings name, and opens nothing")]

use crate::policy::paths::{Entry, Identity, Kind, Listing, mount};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{CWD, Mode, OFlags, ResolveFlags, openat2},
    io::Errno,
};
use std::{
    cell::RefCell,
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fs::{self, File, Metadata},
    io::{self, Read},
    os::{
        fd::AsFd,
        unix::{
            ffi::OsStrExt,
            fs::{FileTypeExt, MetadataExt},
        },
    },
    path::{Path, PathBuf},
};

/// What has a name: which file, and its mode's kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Thing {
    identity: Identity,
    kind: u32,
}

/// What a path is by itself, and what it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    itself: Option<Thing>,
    target: Option<Thing>,
    /// Whether this user may not know.
    is_barred: bool,
}

impl Look {
    const NOTHING: Self = Self { itself: None, target: None, is_barred: false };
}

/// The names that folders had when they were listed.
type Listings = BTreeMap<(PathBuf, Names), Option<Listing<Vec<OsString>>>>;

/// Everything that was looked at, with what was there.
#[derive(Debug)]
pub struct ViewSnapshot {
    mounts: MountTable,
    paths: RefCell<BTreeMap<PathBuf, Look>>,
    /// None: it could not be read.
    folders: RefCell<Listings>,
    contents: RefCell<BTreeMap<PathBuf, Option<Change>>>,
}

/// What changes with the content of a file: which file, its length, and when it was written, in seconds and nanoseconds.
type Change = (Identity, u64, i64, i64);

/// Which names of a folder are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Names {
    /// Every one.
    All,
    /// Those that begin with a dot.
    Hidden,
    /// Every one, with a slash after those of folders.
    Kinds,
}

impl ViewSnapshot {
    /// Nothing yet.
    ///
    /// # Errors
    /// When the system does not say what is mounted.
    pub fn new() -> io::Result<Self> {
        Ok(Self {
            mounts: MountTable::open()?,
            paths: RefCell::default(),
            folders: RefCell::default(),
            contents: RefCell::default(),
        })
    }

    /// Whether a path leads to something.
    pub fn leads_somewhere(&self, path: &Path) -> bool {
        self.look(path).target.is_some()
    }

    /// Whether a path leads to a folder.
    pub fn leads_to_folder(&self, path: &Path) -> bool {
        self.look(path).target.is_some_and(|target| target.kind == libc::S_IFDIR)
    }

    /// What a path leads to.
    pub fn identity(&self, path: &Path) -> Option<Identity> {
        self.look(path).target.map(|target| target.identity)
    }

    /// What a link says; none for what is no link.
    pub fn link(&self, path: &Path) -> Option<PathBuf> {
        let is_link = self.look(path).itself.is_some_and(|itself| itself.kind == libc::S_IFLNK);
        if is_link { fs::read_link(path).ok() } else { None }
    }

    /// Where a path leads, without links in it.
    pub fn real(&self, path: &Path) -> Option<PathBuf> {
        if self.leads_somewhere(path) { fs::canonicalize(path).ok() } else { None }
    }

    /// The names in a folder, in order.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn names(&self, folder: &Path, which: Names) -> io::Result<Vec<OsString>> {
        let names = names(folder, which, None);
        self.folders.borrow_mut().insert((folder.to_owned(), which), names.as_ref().ok().cloned());
        names.map(|names| names.found.to_vec())
    }

    /// What is in a folder; nothing where there is none.
    ///
    /// # Errors
    /// When it cannot be read, or cannot be seen by this user.
    pub fn entries(&self, folder: &Path) -> io::Result<Vec<Entry>> {
        match self.look(folder) {
            Look { is_barred: true, .. } => return Err(io::ErrorKind::PermissionDenied.into()),
            Look { target: Some(target), .. } if target.kind == libc::S_IFDIR => {}
            _ => return Ok(Vec::new()),
        }
        Ok(self.names(folder, Names::Kinds)?.into_iter().map(entry).collect())
    }

    /// What is in a file of one name, at a path without links, with its mode; none for what is no file, is longer than
    /// `most` bytes, or is seen on another mount than the folder `base`: what is mounted there may be any other file.
    pub fn content(&self, real: &Path, base: &Path, most: usize) -> Option<(Vec<u8>, u32)> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat2(CWD, real, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS);
        let file = opened.ok().map(File::from);
        let found = file.as_ref().and_then(|file| file.metadata().ok());
        self.contents.borrow_mut().insert(real.to_owned(), found.as_ref().map(change));
        let found = found.filter(|found| found.is_file() && found.nlink() == 1 && found.len() <= most as u64)?;
        let file = file?;
        let base =
            openat2(CWD, base, OFlags::PATH | OFlags::CLOEXEC, Mode::empty(), ResolveFlags::NO_MAGICLINKS).ok()?;
        if mount(&file)? != mount(&base)? {
            return None;
        }
        let mut bytes = Vec::with_capacity(found.len() as usize);
        file.take(most as u64).read_to_end(&mut bytes).ok()?;
        Some((bytes, found.mode()))
    }

    /// Whether all that was looked at is as it was.
    pub fn are_current(&self) -> bool {
        !self.mounts.has_changed()
            && self
                .contents
                .borrow()
                .iter()
                .all(|(path, was)| fs::symlink_metadata(path).ok().as_ref().map(change) == *was)
            && self.paths.borrow().iter().all(|(path, was)| look(path) == *was)
            && self.folders.borrow_mut().iter_mut().all(|((folder, which), were)| is_as_it_was(folder, *which, were))
    }

    /// What lies in a folder that is not there or cannot be seen needs no look of its own: the folder has one.
    fn look(&self, path: &Path) -> Look {
        if let Some(known) = self.paths.borrow().get(path) {
            return *known;
        }
        match path.parent().map(|above| self.look(above)) {
            Some(Look { target: None, is_barred: false, .. }) => return Look::NOTHING,
            Some(Look { target: None, is_barred: true, .. }) => return Look { is_barred: true, ..Look::NOTHING },
            _ => {}
        }
        *self.paths.borrow_mut().entry(path.to_owned()).or_insert_with(|| look(path))
    }
}

/// What is mounted where, watched for changes (proc_pid_mountinfo(5)).
#[derive(Debug)]
pub struct MountTable(File);

impl MountTable {
    /// The table as it is now.
    ///
    /// # Errors
    /// When there is none.
    pub fn open() -> io::Result<Self> {
        File::open("/proc/self/mountinfo").map(Self)
    }

    /// Whether it has changed since it was opened or last asked.
    pub fn has_changed(&self) -> bool {
        poll(&mut [self.change()], Some(&Timespec::default())).is_ok_and(|changed| changed > 0)
    }

    /// Waits for a change; false when `end` has an end before.
    pub fn wait(&self, end: &impl AsFd) -> bool {
        let mut events = [self.change(), PollFd::new(end, PollFlags::IN)];
        while matches!(poll(&mut events, None), Err(Errno::INTR)) {}
        events[1].revents().is_empty()
    }

    fn change(&self) -> PollFd<'_> {
        PollFd::new(&self.0, PollFlags::PRI)
    }
}

/// Links are followed by the system: an identity that changed says that one of them was changed.
fn look(path: &Path) -> Look {
    let (itself, bars_itself) = seen(fs::symlink_metadata(path));
    let is_link = itself.is_some_and(|itself| itself.kind == libc::S_IFLNK);
    let (target, is_barred) = if is_link { seen(fs::metadata(path)) } else { (itself, bars_itself) };
    Look { itself, target, is_barred }
}

fn seen(found: io::Result<Metadata>) -> (Option<Thing>, bool) {
    match found {
        Ok(found) => (Some(thing(found)), false),
        Err(error) => (None, error.kind() == io::ErrorKind::PermissionDenied),
    }
}

fn change(found: &Metadata) -> Change {
    ((found.dev(), found.ino()), found.len(), found.ctime(), found.ctime_nsec())
}

fn thing(found: Metadata) -> Thing {
    Thing { identity: (found.dev(), found.ino()), kind: found.mode() & libc::S_IFMT }
}

fn names(folder: &Path, which: Names, known: Option<&Listing<Vec<OsString>>>) -> io::Result<Listing<Vec<OsString>>> {
    Listing::of(folder, known, |listed| {
        let mut names = Vec::new();
        for (mut name, kind) in listed {
            if which == Names::Kinds && kind.ok_or(io::ErrorKind::PermissionDenied)? == Kind::Folder {
                name.push("/");
            }
            if which != Names::Hidden || name.as_encoded_bytes().starts_with(b".") {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    })
}

/// Lists a folder again where that has to be done, and notes the new listing.
fn is_as_it_was(folder: &Path, which: Names, were: &mut Option<Listing<Vec<OsString>>>) -> bool {
    let now = names(folder, which, were.as_ref()).ok();
    let same = now.as_ref().map(|now| &now.found) == were.as_ref().map(|were| &were.found);
    *were = now;
    same
}

/// A name of [`Names::Kinds`] taken apart.
fn entry(name: OsString) -> Entry {
    match name.as_bytes().strip_suffix(b"/") {
        Some(folder) => (OsStr::from_bytes(folder).to_owned(), true),
        None => (name, false),
    }
}

/// Whether a path is a socket.
pub(crate) fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}
