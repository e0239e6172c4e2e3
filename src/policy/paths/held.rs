//! The denied places that are there, held open: each is known by what it is, wherever it is moved to.
#![expect(clippy::disallowed_methods, reason = "it looks at denied places, of which nothing is opened to read")]

use super::{
    Denial, Directory, Identity, Intent, Kind, Spared,
    hold::{HELD, Hold, identity},
    look::{Look, too_many},
    sight::{Sight, at, moved},
};
use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, StatxFlags},
    io::Errno,
    process::Resource,
};
use std::{
    collections::HashMap,
    ffi::OsString,
    io,
    os::{
        fd::AsFd,
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

/// The most places that are held, and the part of the process's descriptors that they may take: each takes one, and a
/// cover in each view. Past that nothing is left out: no command runs.
const MOST_HELD: usize = 2048;
const PART_OF_DESCRIPTORS: usize = 2;

/// How often a place is looked for that is moved meanwhile.
const MOST_LOOKS: usize = 100;

/// What the system writes behind the path of a name that is gone.
const GONE: &[u8] = b" (deleted)";

/// The denied places that were found.
#[derive(Debug, Default)]
pub(crate) struct Held {
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
    /// The number of the mount that it is seen on (statx(2)); none before Linux 5.8.
    pub mount: Option<u64>,
}

impl Present {
    /// What is denied by its being there.
    pub fn as_denial(&self) -> Denial {
        Denial { path: self.path.clone(), reading_too: self.denial.reading_too }
    }

    /// Its path, where nobody may see what is in it.
    pub fn hides(&self) -> Option<&Path> {
        (self.denial.reading_too && self.kind == Kind::Folder).then_some(&self.path)
    }
}

/// Where a held place is.
enum Whereabouts {
    At(PathBuf),
    /// Gone, or under a mount, where nobody gets at it.
    Nowhere,
    /// Said to be at this path, on which a folder may not be searched.
    Behind(PathBuf),
}

impl Held {
    /// Holds what has come into being at a denied name since the last look, beside what was found there before, and tells
    /// where all of it is. What is gone from the disk is let go. A link is denied itself, and so is what it leads to, but
    /// for what is `spared`. With the places come the folders in which this user could allow itself to look again, which
    /// it may not now: those that are met on the way, and `barred` ones. They are not held.
    ///
    /// # Errors
    /// When it cannot be told what is there, or there is too much; nothing is forgotten then. [`moved`] when that changes
    /// while it is looked at.
    pub(crate) fn look_again(
        &self,
        denials: &[Denial],
        barred: &[PathBuf],
        spared: &Spared,
    ) -> io::Result<Vec<Present>> {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let most = most_held();
        let mut look = Look::new(spared, *looks == 0, most);
        denials.iter().try_for_each(|denial| look.at(denial))?;
        barred.iter().try_for_each(|folder| look.at_barred(folder))?;
        let before = self.now();
        let mut after: HashMap<Identity, Hold> = HashMap::new();
        let found = std::mem::take(&mut look.found);
        for (identity, hold) in found.iter().cloned() {
            let hold = hold.or_as_before(before.get(&identity));
            if !after.get(&identity).is_some_and(|other| other.is_as_strict_as(&hold)) {
                after.insert(identity, hold);
            }
        }
        for (identity, hold) in before.iter().filter(|(_, hold)| look.keeps(hold) && !hold.is_gone()) {
            after.entry(*identity).or_insert_with(|| hold.clone());
        }
        if after.len() > most {
            return Err(too_many(most));
        }
        let mut present = look.present(&after)?;
        add_names(&found, &mut present)?;
        *self.found.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(after);
        *looks += 1;
        Ok(present)
    }

    /// Whether this is a denied place.
    pub(crate) fn denies(&self, identity: Identity, intent: Intent) -> bool {
        self.now().get(&identity).is_some_and(|hold| hold.denies(intent))
    }

    /// Whether a directory is a denied place or lies in one, as the disk is now; yes, too, where that cannot be told.
    pub(crate) fn reaches_down_to(&self, directory: &Directory, top: Identity, intent: Intent) -> bool {
        let held = self.now();
        let denies = |identity| held.get(&identity).is_some_and(|hold| hold.denies(intent));
        !held.is_empty() && directory.any_upwards(top, denies).unwrap_or(true)
    }

    /// Where each of them is by what the system says, and whether it may not be read; none where it does not say that.
    pub(crate) fn paths(&self) -> Option<Vec<(PathBuf, bool)>> {
        self.now().values().map(|hold| Some((hold.path().ok()?, hold.denial.reading_too))).collect()
    }

    fn now(&self) -> Arc<HashMap<Identity, Hold>> {
        self.found.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Adds where else files are that have several denied names (hard links): each is held once, and seen under every name.
fn add_names(found: &[(Identity, Hold)], present: &mut Vec<Present>) -> io::Result<()> {
    for (identity, hold) in found.iter().filter(|(_, hold)| hold.has_more_names()) {
        match hold.whereabouts(*identity)? {
            Whereabouts::At(path) if present.iter().all(|it| it.path != path) => present.push(hold.at(path, *identity)),
            _ => {}
        }
    }
    Ok(())
}

fn most_held() -> usize {
    let descriptors = rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    usize::try_from(descriptors).map_or(MOST_HELD, |all| (all / PART_OF_DESCRIPTORS).min(MOST_HELD))
}

impl Look<'_> {
    /// Where what is held is, and which folders have to be covered since some of it may lie in them.
    fn present(&mut self, held: &HashMap<Identity, Hold>) -> io::Result<Vec<Present>> {
        let mut present = Vec::new();
        for (identity, hold) in held {
            match hold.whereabouts(*identity)? {
                Whereabouts::At(path) => present.push(hold.at(path, *identity)),
                Whereabouts::Behind(path) => self.at_hidden(&path)?,
                Whereabouts::Nowhere => {}
            }
        }
        if !self.found.is_empty() {
            // What could not be seen came into sight meanwhile.
            return Err(moved());
        }
        for (identity, barrier) in &self.barriers {
            match barrier.whereabouts(*identity)? {
                Whereabouts::At(path) => present.push(barrier.at(path, *identity)),
                Whereabouts::Nowhere => {}
                Whereabouts::Behind(_) => return Err(moved()),
            }
        }
        Ok(present)
    }
}

impl Hold {
    /// The same as it was held before, unless this is stricter.
    fn or_as_before(self, known: Option<&Self>) -> Self {
        match known.filter(|known| known.is_as_strict_as(&self)) {
            Some(known) => Self { stays: self.stays || known.stays, ..known.clone() },
            None => self,
        }
    }

    fn denies(&self, intent: Intent) -> bool {
        self.denial.reading_too || intent == Intent::Write
    }

    fn is_as_strict_as(&self, other: &Self) -> bool {
        self.denial.reading_too || !other.denial.reading_too
    }

    fn has_more_names(&self) -> bool {
        self.kind != Kind::Folder && rustix::fs::fstat(&self.place).is_ok_and(|stat| stat.st_nlink > 1)
    }

    fn is_gone(&self) -> bool {
        rustix::fs::fstat(&self.place).is_ok_and(|stat| stat.st_nlink == 0)
    }

    fn at(&self, path: PathBuf, identity: Identity) -> Present {
        Present { path, identity, kind: self.kind, denial: self.denial.clone(), mount: mount(&self.place) }
    }

    fn whereabouts(&self, identity: Identity) -> io::Result<Whereabouts> {
        for _ in 0..MOST_LOOKS {
            if self.is_gone() {
                return Ok(Whereabouts::Nowhere);
            }
            let path = self.path()?;
            match look(&path)? {
                Sight::There(found) if found == identity => return Ok(Whereabouts::At(path)),
                Sight::Barred => return Ok(Whereabouts::Behind(path)),
                _ if self.is_under_another_mount(&path) => return Ok(Whereabouts::Nowhere),
                _ => {}
            }
            if let Some(path) = without_mark(&path) {
                return another_name(&path, identity);
            }
        }
        // Before Linux 5.8 nobody can tell which mount it is on, and there is no confinement.
        if mount(&self.place).is_none() { Ok(Whereabouts::Nowhere) } else { Err(moved()) }
    }

    /// Whether the way to a path leads onto another mount than the one that this is on.
    fn is_under_another_mount(&self, path: &Path) -> bool {
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        let open = |path: &Path| rustix::fs::openat2(CWD, path, HELD | OFlags::NOFOLLOW, Mode::empty(), resolve).ok();
        let reached = path.ancestors().find_map(open).and_then(|place| mount(&place));
        reached.is_some() && reached != mount(&self.place)
    }
}

/// The path of a name that is gone.
fn without_mark(path: &Path) -> Option<PathBuf> {
    let path = path.as_os_str().as_bytes().strip_suffix(GONE)?;
    Some(PathBuf::from(OsString::from_vec(path.to_vec())))
}

/// A file that lost its name and has another one: an editor put a new one in its place, say. Beside it, it is found.
fn another_name(path: &Path, identity: Identity) -> io::Result<Whereabouts> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let directory = match Sight::of(rustix::fs::open(folder, flags, Mode::empty()), folder)? {
        Sight::There(directory) => Directory::from(directory),
        Sight::Absent => return Ok(Whereabouts::Nowhere),
        Sight::Barred => return Err(at(folder, Errno::ACCESS)),
    };
    for entry in directory.entries()? {
        let (name, _) = entry?;
        if directory.look(&name).is_ok_and(|found| found.identity == identity) {
            return Ok(Whereabouts::At(folder.join(name)));
        }
    }
    Ok(Whereabouts::Nowhere)
}

/// What has a name; a link is meant itself.
fn look(path: &Path) -> io::Result<Sight<Identity>> {
    Sight::of(rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW).map(|stat| identity(&stat)), path)
}

/// The number of the mount that a place is seen on; none before Linux 5.8.
pub fn mount(place: &impl AsFd) -> Option<u64> {
    let found = rustix::fs::statx(place, "", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID).ok()?;
    (found.stx_mask & StatxFlags::MNT_ID.bits() != 0).then_some(found.stx_mnt_id)
}
