//! Listings of folders that are looked through before each command: what was found holds as long as the folder is the same
//! one and has the same times, so that a look costs one call of the system however much is in it.
#![expect(clippy::disallowed_methods, reason = "it lists folders that the bridge itself looks through")]

use super::Kind;
use std::{
    ffi::OsString,
    io,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

/// A listing is believed once it was made this long after the folder was first seen with its times: what changes within
/// one tick of a file system's clock leaves no other times. The slowest of [`TELLING`] counts whole seconds.
const SETTLES: Duration = Duration::from_secs(2);

/// File systems on this machine's own disks and memory, whose folders get other times with each name that comes or goes
/// (statfs(2)): ext2 to ext4, XFS, Btrfs, F2FS, tmpfs, overlayfs, ZFS, bcachefs. Those of networks and of programs tell late or never.
#[cfg(target_os = "linux")]
const TELLING: [i64; 8] =
    [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994, 0x794c_7630, 0x2fc1_2fc1, 0xca45_1a4e];

/// A name, with what has it where that can be told.
pub(crate) type Listed = (OsString, Option<Kind>);

/// What was found in a folder.
#[derive(Debug)]
pub struct Listing<T> {
    /// What.
    pub found: Arc<T>,
    /// None: the folder does not tell of changes.
    stamp: Option<Stamp>,
    /// When it was first seen with these times; no clock that anybody sets.
    since: Instant,
    is_settled: bool,
}

impl<T> Clone for Listing<T> {
    fn clone(&self) -> Self {
        Self { found: self.found.clone(), ..*self }
    }
}

impl<T> Listing<T> {
    /// What is in a folder: as it is `known`, where nothing can have changed since, otherwise what `find` finds among the
    /// names in it now.
    ///
    /// # Errors
    /// When it cannot be read, and what `find` fails with.
    pub fn of(
        folder: &Path,
        known: Option<&Self>,
        find: impl FnOnce(Vec<Listed>) -> io::Result<T>,
    ) -> io::Result<Self> {
        if let Some(known) = known.filter(|known| known.is_settled && known.stamp == Stamp::at(folder)) {
            return Ok(known.clone());
        }
        let now = Instant::now();
        let (stamp, names) = list(folder)?;
        let same = known.filter(|known| known.stamp == stamp);
        // The times were taken before this.
        let since = same.map_or_else(Instant::now, |known| known.since);
        let is_settled = stamp.is_some() && now.saturating_duration_since(since) >= SETTLES;
        Ok(Self { found: Arc::new(find(names)?), stamp, since, is_settled })
    }
}

/// What a folder is, with its times: no name in it comes or goes without another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: (u32, u32),
    number: u64,
    /// Seconds and nanoseconds. A program can set the first as it likes, and nobody the second.
    modified: (i64, u32),
    changed: (i64, u32),
}

#[cfg(target_os = "linux")]
mod system {
    use super::{Listed, Stamp, TELLING};
    use crate::policy::paths::{Directory, Entries};
    use rustix::fs::{AtFlags, CWD, Mode, OFlags, Statx, StatxAttributes, StatxFlags};
    use std::{io, os::fd::OwnedFd, path::Path};

    impl Stamp {
        /// That of the folder at a path.
        pub(crate) fn at(folder: &Path) -> Option<Self> {
            rustix::fs::statx(CWD, folder, AtFlags::empty(), StatxFlags::BASIC_STATS).ok().map(|found| Self::of(&found))
        }

        /// That of an open folder, where it tells of every change. The names in an encrypted one change with the key being
        /// there, which is no change of the folder's.
        fn of_telling(folder: &OwnedFd) -> Option<Self> {
            let found = rustix::fs::statx(folder, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS).ok()?;
            let system = rustix::fs::fstatfs(folder).ok()?.f_type;
            #[allow(clippy::unnecessary_cast, reason = "it has other types on other processors")]
            let tells = TELLING.contains(&(system as i64 & 0xffff_ffff));
            let is_encrypted = found.stx_attributes.contains(StatxAttributes::ENCRYPTED);
            (tells && !is_encrypted).then(|| Self::of(&found))
        }

        fn of(found: &Statx) -> Self {
            Self {
                device: (found.stx_dev_major, found.stx_dev_minor),
                number: found.stx_ino,
                modified: (found.stx_mtime.tv_sec, found.stx_mtime.tv_nsec),
                changed: (found.stx_ctime.tv_sec, found.stx_ctime.tv_nsec),
            }
        }
    }

    /// The names in a folder and, as it was before they were read, what it is.
    pub(crate) fn list(folder: &Path) -> io::Result<(Option<Stamp>, Vec<Listed>)> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let folder = rustix::fs::open(folder, flags, Mode::empty())?;
        let stamp = Stamp::of_telling(&folder);
        let (entries, folder) = (Entries::of(folder.try_clone()?)?, Directory::from(folder));
        let listed = |entry: io::Result<Listed>| {
            let (name, kind) = entry?;
            let kind = kind.or_else(|| folder.look(&name).ok().map(|found| found.kind));
            Ok((name, kind))
        };
        Ok((stamp, entries.map(listed).collect::<io::Result<_>>()?))
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{Listed, Stamp};
    use crate::policy::paths::Kind;
    use std::{fs, io, path::Path};

    impl Stamp {
        /// Not known here.
        pub fn at(_: &Path) -> Option<Self> {
            None
        }
    }

    /// The names in a folder, which is never believed to be unchanged.
    #[expect(clippy::disallowed_methods, reason = "folders that the bridge itself looks through")]
    pub fn list(folder: &Path) -> io::Result<(Option<Stamp>, Vec<Listed>)> {
        let kind = |kind: fs::FileType| match kind {
            kind if kind.is_dir() => Kind::Folder,
            kind if kind.is_symlink() => Kind::Link,
            kind if kind.is_file() => Kind::File,
            _ => Kind::Special,
        };
        let listed = |entry: fs::DirEntry| (entry.file_name(), entry.file_type().ok().map(kind));
        Ok((None, fs::read_dir(folder)?.map(|entry| entry.map(listed)).collect::<io::Result<_>>()?))
    }
}

use system::list;

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "the tests' own scratch folders")]
mod tests {
    use super::*;
    use std::{fs, time::SystemTime};

    /// A listing of all names, as if the folder had been seen with its times long before, and whether it was made now.
    fn again(folder: &Path, known: &mut Option<Listing<Vec<OsString>>>) -> (bool, Vec<OsString>) {
        let mut is_new = false;
        let listing = Listing::of(folder, known.as_ref(), |names| {
            is_new = true;
            let mut names: Vec<OsString> = names.into_iter().map(|(name, _)| name).collect();
            names.sort();
            Ok(names)
        });
        let listing = known.insert(listing.unwrap());
        listing.since = listing.since.checked_sub(SETTLES).unwrap_or(listing.since);
        (is_new, listing.found.to_vec())
    }

    /// Waits for the next tick of the file system's clock.
    fn tick(above: &Path) {
        let time = || {
            fs::write(above.join("clock"), "x").unwrap();
            fs::metadata(above.join("clock")).unwrap().modified().unwrap()
        };
        let now = time();
        while time() == now {}
    }

    /// A folder with one file, whose listing is believed.
    fn settled() -> (tempfile::TempDir, Option<Listing<Vec<OsString>>>) {
        let above = tempfile::tempdir().unwrap();
        let folder = above.path().join("it");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("a"), "").unwrap();
        let mut known = None;
        assert_eq!([again(&folder, &mut known).0, again(&folder, &mut known).0], [true; 2], "seen once, it may change");
        assert_eq!(again(&folder, &mut known), (false, vec!["a".into()]));
        tick(above.path());
        (above, known)
    }

    #[test]
    fn a_folder_that_is_as_it_was_is_not_listed_again() {
        let (above, mut known) = settled();
        fs::write(above.path().join("it/a"), "another content").unwrap();
        assert_eq!(again(&above.path().join("it"), &mut known), (false, vec!["a".into()]));
    }

    #[test]
    fn a_folder_is_listed_again_within_two_seconds_of_its_last_change() {
        let above = tempfile::tempdir().unwrap();
        let mut known = None;
        for _ in 0..3 {
            let listing = Listing::of(above.path(), known.as_ref(), |names| Ok(names.len())).unwrap();
            assert!(!listing.is_settled);
            known = Some(listing);
        }
    }

    #[test]
    fn a_name_that_comes_is_found_whatever_times_the_folder_is_given() {
        let (above, mut known) = settled();
        let folder = above.path().join("it");
        let before = fs::metadata(&folder).unwrap().modified().unwrap();
        for (name, time) in [("b", before), ("c", SystemTime::UNIX_EPOCH), ("d", before + SETTLES * 1000)] {
            tick(above.path());
            fs::write(folder.join(name), "").unwrap();
            fs::File::open(&folder).unwrap().set_modified(time).unwrap();
            let (is_new, names) = again(&folder, &mut known);
            assert!(is_new && names.contains(&name.into()), "{names:?}");
            // Once more until it is believed.
            assert_eq!([again(&folder, &mut known).0, again(&folder, &mut known).0], [true, false]);
        }
    }

    #[test]
    fn another_folder_in_its_place_is_listed() {
        let (above, mut known) = settled();
        let at = |name: &str| above.path().join(name);
        fs::create_dir(at("other")).unwrap();
        fs::write(at("other/b"), "").unwrap();
        let time = fs::metadata(at("it")).unwrap().modified().unwrap();
        fs::File::open(at("other")).unwrap().set_modified(time).unwrap();
        fs::rename(at("it"), at("away")).unwrap();
        fs::rename(at("other"), at("it")).unwrap();
        assert_eq!(again(&at("it"), &mut known), (true, vec!["b".into()]));
        fs::remove_dir_all(at("it")).unwrap();
        std::os::unix::fs::symlink("away", at("it")).unwrap();
        assert_eq!(again(&at("it"), &mut known), (true, vec!["a".into()]));
    }

    #[test]
    fn what_cannot_be_read_any_more_is_an_error() {
        let (above, mut known) = settled();
        fs::remove_dir_all(above.path().join("it")).unwrap();
        let gone = Listing::of(&above.path().join("it"), known.as_ref(), |_| Ok(vec![])).unwrap_err();
        assert_eq!(gone.kind(), io::ErrorKind::NotFound);
        fs::write(above.path().join("it"), "").unwrap();
        let file = Listing::of(&above.path().join("it"), known.take().as_ref(), |_| Ok(vec![])).unwrap_err();
        assert_eq!(file.kind(), io::ErrorKind::NotADirectory);
    }

    #[test]
    fn a_file_system_that_does_not_tell_of_changes_is_never_believed() {
        let mut known = None;
        let listed = (0..4).map(|_| again(Path::new("/proc/self/task"), &mut known).0);
        assert_eq!(listed.collect::<Vec<_>>(), [true; 4]);
    }
}
