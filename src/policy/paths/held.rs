//! The denied places that are there, held open: each is known by what it is, wherever it is moved to.

use super::{Denial, Directory, Intent, Kind};
use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat},
    io,
};
use std::{
    collections::HashMap,
    ffi::OsString,
    os::{
        fd::{AsRawFd, OwnedFd},
        unix::ffi::OsStringExt,
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

/// What says that two names mean one thing: a device and the number of a file on it.
pub type Identity = (u64, u64);

/// What is held needs no permission, and opening it does nothing.
const HELD: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);

/// The most places that are held under other names than the denied ones. Each takes a descriptor; a command that makes
/// denied places and moves them away without end must not take them all. Those that were known first stay.
const MOST_MOVED: usize = 256;

/// How often a place is looked for that is moved meanwhile. What no look ever finds where the system says that it is
/// lies under another mount.
const MOST_LOOKS: usize = 1000;

/// A denied place that is there.
#[derive(Clone, Debug)]
struct Hold {
    place: Arc<OwnedFd>,
    /// Which look found it first.
    since: u64,
    /// The denial that it was found by.
    denial: Denial,
    kind: Kind,
}

/// The denied places that were found.
#[derive(Debug, Default)]
pub struct Held {
    found: RwLock<Arc<HashMap<Identity, Hold>>>,
    /// How many looks there were. One looks at a time: none may forget what another found.
    looks: Mutex<u64>,
}

/// Where a denied place is now.
#[derive(Clone, Debug)]
pub struct Present {
    /// Where, without links.
    pub path: PathBuf,
    /// What it is.
    pub identity: Identity,
    /// Which kind of thing.
    pub kind: Kind,
    /// The denial that it was found by.
    pub denial: Denial,
}

impl Held {
    /// Holds what has come into being at a denied name since the last look, beside what was found there before. What is
    /// gone from the disk is let go. A link is denied itself, and so is what it leads to, unless that holds one of the
    /// places that `spared` names: then it would deny more than it means.
    pub fn look_again(&self, denials: &[Denial], spared: &[PathBuf]) {
        let mut look = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        *look += 1;
        let before = self.now();
        let mut after = HashMap::new();
        for (identity, hold) in denials.iter().flat_map(|denial| holds(denial, spared, *look)) {
            let known = before.get(&identity).filter(|known| known.is_as_strict_as(&hold));
            let hold = known.cloned().unwrap_or(hold);
            if !after.get(&identity).is_some_and(|other: &Hold| other.is_as_strict_as(&hold)) {
                after.insert(identity, hold);
            }
        }
        let moved = before.iter().filter(|(identity, hold)| !after.contains_key(*identity) && !hold.is_gone());
        let mut moved: Vec<(Identity, Hold)> = moved.map(|(identity, hold)| (*identity, hold.clone())).collect();
        moved.sort_by_key(|(_, hold)| hold.since);
        after.extend(moved.into_iter().take(MOST_MOVED));
        *self.found.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(after);
    }

    /// Whether this is a denied place.
    pub fn denies(&self, identity: Identity, intent: Intent) -> bool {
        self.now().get(&identity).is_some_and(|hold| hold.denies(intent))
    }

    /// Whether a directory is a denied place or lies in one, as the disk is now; yes, too, where that cannot be told.
    pub fn reaches_down_to(&self, directory: &Directory, top: Identity, intent: Intent) -> bool {
        let held = self.now();
        let denies = |identity| held.get(&identity).is_some_and(|hold| hold.denies(intent));
        !held.is_empty() && directory.any_upwards(top, denies).unwrap_or(true)
    }

    /// Where each of them is now; those that lie under a mount, where nobody gets at them, are left out.
    pub fn present(&self) -> Vec<Present> {
        let held = self.now();
        held.iter().filter_map(|(identity, hold)| hold.present(*identity)).collect()
    }

    fn now(&self) -> Arc<HashMap<Identity, Hold>> {
        self.found.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What has the name, and what that leads to if it is a link.
fn holds(denial: &Denial, spared: &[PathBuf], look: u64) -> Vec<(Identity, Hold)> {
    let mut found = Vec::new();
    let itself = hold(denial, HELD | OFlags::NOFOLLOW, look);
    let is_link = itself.as_ref().is_some_and(|(_, hold)| hold.kind == Kind::Link);
    found.extend(itself);
    if is_link {
        let target = hold(denial, HELD, look).filter(|(identity, hold)| {
            let place = hold.present(*identity);
            place.is_some_and(|place| !spared.iter().any(|spared| spared.starts_with(&place.path)))
        });
        found.extend(target);
    }
    found
}

fn hold(denial: &Denial, flags: OFlags, since: u64) -> Option<(Identity, Hold)> {
    let place = rustix::fs::open(&denial.path, flags, Mode::empty()).ok()?;
    let stat = rustix::fs::fstat(&place).ok()?;
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => Kind::File,
        FileType::Directory => Kind::Folder,
        FileType::Symlink => Kind::Link,
        _ => Kind::Special,
    };
    Some((identity(&stat), Hold { place: Arc::new(place), since, denial: denial.clone(), kind }))
}

impl Hold {
    fn denies(&self, intent: Intent) -> bool {
        self.denial.reading_too || intent == Intent::Write
    }

    fn is_as_strict_as(&self, other: &Self) -> bool {
        self.denial.reading_too || !other.denial.reading_too
    }

    fn is_gone(&self) -> bool {
        rustix::fs::fstat(&self.place).is_ok_and(|stat| stat.st_nlink == 0)
    }

    fn present(&self, identity: Identity) -> Option<Present> {
        let at = |path: &Path| look(path).is_ok_and(|found| found == identity);
        let present = |path| Present { path, identity, kind: self.kind, denial: self.denial.clone() };
        let path = (0..MOST_LOOKS).find_map(|_| self.path().filter(|path| at(path)))?;
        Some(present(path))
    }

    /// Where the system says that it is.
    fn path(&self) -> Option<PathBuf> {
        let link = format!("/proc/self/fd/{}", self.place.as_raw_fd());
        let text = rustix::fs::readlink(link, Vec::new()).ok()?;
        Some(PathBuf::from(OsString::from_vec(text.into_bytes())))
    }
}

/// What has a name; a link is meant itself.
fn look(path: &Path) -> io::Result<Identity> {
    rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).map(|stat| identity(&stat))
}

fn identity(stat: &Stat) -> Identity {
    (stat.st_dev, stat.st_ino)
}
