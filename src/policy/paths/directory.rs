//! A directory held open, and what can be done with one name in it. Nothing here follows a link.
#![expect(clippy::disallowed_methods, reason = "this is where checked paths are opened")]

use super::found::{Found, Kind, OURS, Times};
use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, RenameFlags, Timespec, Timestamps},
    io::Errno,
};
use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

/// Enough to walk through; needs no permission to read the directory's names.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
pub(super) const PASSAGE: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
const PASSAGE: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// A FIFO answers at once, a link is refused, a terminal does not become ours.
const FILE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::NOCTTY).union(OFlags::CLOEXEC);

/// A directory held open: it stays the same one whatever happens to the names that lead to it.
#[derive(Clone, Debug)]
pub struct Directory(Arc<OwnedFd>);

impl Directory {
    /// The root of the file system.
    ///
    /// # Errors
    /// When the system refuses.
    pub(super) fn top() -> io::Result<Self> {
        Ok(Self::from(rustix::fs::open("/", PASSAGE, Mode::empty())?))
    }

    /// A directory of the bridge's own, which no caller names.
    ///
    /// # Errors
    /// When it is not there, or the system refuses.
    pub fn own(path: &Path) -> io::Result<Self> {
        Ok(Self::from(rustix::fs::open(path, PASSAGE, Mode::empty())?))
    }

    /// The directory `path` below this one, when no link is in the way. `None` where the kernel cannot tell or finds
    /// one, or anything else is unusual: who asks then walks by himself.
    #[cfg(target_os = "linux")]
    pub(super) fn descend_without_links(&self, path: &Path) -> Option<Self> {
        use rustix::fs::ResolveFlags;
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let resolve = ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::BENEATH;
        rustix::fs::openat2(&self.0, path, PASSAGE, Mode::empty(), resolve).ok().map(Self::from)
    }

    /// This system has no such call: always `None`.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn descend_without_links(&self, _: &Path) -> Option<Self> {
        None
    }

    /// The directory of this name; a link is refused.
    ///
    /// # Errors
    /// When it is not there, is no directory, or the system refuses.
    pub fn enter(&self, name: &OsStr) -> io::Result<Self> {
        Ok(Self::from(rustix::fs::openat(&self.0, single(name)?, PASSAGE | OFlags::NOFOLLOW, Mode::empty())?))
    }

    /// What has this name.
    ///
    /// # Errors
    /// When nothing has it, or the system refuses.
    pub fn look(&self, name: &OsStr) -> io::Result<Found> {
        Ok(found(&rustix::fs::statat(&self.0, single(name)?, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// The directory itself.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn fstat(&self) -> io::Result<Found> {
        Ok(found(&rustix::fs::fstat(&self.0)?))
    }

    /// The text of a link.
    ///
    /// # Errors
    /// When it is no link, or the system refuses.
    pub fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        let text = rustix::fs::readlinkat(&self.0, single(name)?, Vec::new())?;
        Ok(PathBuf::from(OsString::from_vec(text.into_bytes())))
    }

    /// Opens a regular file for reading, at once: anything else is refused before and after.
    ///
    /// # Errors
    /// `InvalidInput` when it is no regular file, otherwise what the system says.
    pub fn open(&self, name: &OsStr) -> io::Result<(File, Found)> {
        self.open_with(name, OFlags::RDONLY)
    }

    /// Opens a regular file for writing at any place.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_to_write(&self, name: &OsStr) -> io::Result<(File, Found)> {
        self.open_to_change(name, OFlags::RDWR)
    }

    /// Opens a regular file for writing behind all that it holds at that moment, whoever else writes.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_to_append(&self, name: &OsStr) -> io::Result<(File, Found)> {
        self.open_to_change(name, OFlags::WRONLY | OFlags::APPEND)
    }

    /// What is changed no longer runs with its owner's or group's rights. For who is neither the superuser nor the owner
    /// the kernel sees to that when it is written to.
    fn open_to_change(&self, name: &OsStr, access: OFlags) -> io::Result<(File, Found)> {
        let (file, mut found) = self.open_with(name, access)?;
        if found.is_set_id() {
            found.mode = found.mode_of_new_content();
            let _ = rustix::fs::fchmod(file.as_fd(), Mode::from_bits_truncate(found.mode));
        }
        Ok((file, found))
    }

    fn open_with(&self, name: &OsStr, access: OFlags) -> io::Result<(File, Found)> {
        regular(&self.look(name)?)?;
        let file = rustix::fs::openat(&self.0, single(name)?, access | FILE, Mode::empty())?;
        let found = found(&rustix::fs::fstat(&file)?);
        regular(&found)?;
        Ok((File::from(file), found))
    }

    /// Whether the system lets this process write to the file of this name.
    ///
    /// # Errors
    /// `ReadOnlyFilesystem` or `PermissionDenied` when it does not.
    pub fn may_write(&self, name: &OsStr) -> io::Result<()> {
        let flags = AtFlags::EACCESS | AtFlags::SYMLINK_NOFOLLOW;
        Ok(rustix::fs::accessat(&self.0, single(name)?, rustix::fs::Access::WRITE_OK, flags)?)
    }

    /// Makes a file that must not be there yet.
    ///
    /// # Errors
    /// `AlreadyExists` when something has the name.
    pub fn create(&self, name: &OsStr, mode: u32) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | FILE;
        Ok(File::from(rustix::fs::openat(&self.0, single(name)?, flags, Mode::from_bits_truncate(mode))?))
    }

    /// Makes a directory.
    ///
    /// # Errors
    /// `AlreadyExists` when something has the name.
    pub fn make_folder(&self, name: &OsStr, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::mkdirat(&self.0, single(name)?, Mode::from_bits_truncate(mode))?)
    }

    /// Makes a link.
    ///
    /// # Errors
    /// `AlreadyExists` when something has the name.
    pub fn make_link(&self, name: &OsStr, target: &Path) -> io::Result<()> {
        Ok(rustix::fs::symlinkat(target, &self.0, single(name)?)?)
    }

    /// Gives something another name, here or in another directory, replacing what has it.
    ///
    /// # Errors
    /// `CrossesDevices` between two file systems, otherwise what the system says.
    pub fn rename(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.0, single(name)?, &to.0, single(new)?)?)
    }

    /// The same, unless something has the new name.
    ///
    /// # Errors
    /// `AlreadyExists` when something has it.
    pub fn rename_to_free(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        match rustix::fs::renameat_with(&self.0, single(name)?, &to.0, single(new)?, RenameFlags::NOREPLACE) {
            // Some file systems cannot promise it.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => self.link_or_rename(name, to, new),
            done => Ok(done?),
        }
    }

    /// A second name is never given in another's place. What can have none, a folder for instance, is renamed; between
    /// the look and that someone else may take the name.
    fn link_or_rename(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        match rustix::fs::linkat(&self.0, single(name)?, &to.0, single(new)?, AtFlags::empty()) {
            Ok(()) => self.remove(name),
            Err(Errno::EXIST) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) if to.look(new).is_ok() => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => self.rename(name, to, new),
        }
    }

    /// Removes a file or a link (not what it leads to).
    ///
    /// # Errors
    /// What the system says.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, single(name)?, AtFlags::empty())?)
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// `DirectoryNotEmpty`, otherwise what the system says.
    pub fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.0, single(name)?, AtFlags::REMOVEDIR)?)
    }

    /// Sets when something (a link itself, too) was read and changed.
    ///
    /// # Errors
    /// What the system says.
    pub fn set_times(&self, name: &OsStr, times: Times) -> io::Result<()> {
        let stamps = Timestamps { last_access: spec(times.accessed), last_modification: spec(times.modified) };
        Ok(rustix::fs::utimensat(&self.0, single(name)?, &stamps, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Gives the directory of this name permission bits and, where that is allowed, an owner.
    ///
    /// # Errors
    /// What the system says.
    pub fn dress_folder(&self, name: &OsStr, mode: u32, owner: (u32, u32)) -> io::Result<()> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::openat(&self.0, single(name)?, flags, Mode::empty())?;
        set_mode_and_owner(&File::from(folder), mode, owner)
    }

    /// The names in the directory, in no order, without `.` and `..`.
    ///
    /// # Errors
    /// When it may not be read.
    pub fn entries(&self) -> io::Result<Entries> {
        Entries::of(self.readable()?)
    }

    /// Makes new names in it durable. A directory that may not be read is left to the system's own time.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync(&self) -> io::Result<()> {
        match self.readable() {
            Ok(readable) => Ok(rustix::fs::fsync(readable)?),
            Err(Errno::ACCESS) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes everything on its file system durable: after many changes this is quicker than each by itself.
    ///
    /// # Errors
    /// What the system says.
    pub fn sync_file_system(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        rustix::fs::syncfs(self.readable()?)?;
        #[cfg(not(target_os = "linux"))]
        rustix::fs::sync();
        Ok(())
    }

    /// The same directory, open for more than passing through.
    fn readable(&self) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        rustix::fs::openat(&self.0, ".", flags, Mode::empty())
    }
}

/// One name, not a way through others.
fn single(name: &OsStr) -> io::Result<&OsStr> {
    let bytes = name.as_bytes();
    let is_way = bytes.contains(&b'/') || bytes.contains(&0) || bytes == b"..";
    if is_way || bytes.is_empty() { Err(io::ErrorKind::InvalidFilename.into()) } else { Ok(name) }
}

impl From<OwnedFd> for Directory {
    fn from(descriptor: OwnedFd) -> Self {
        Self(Arc::new(descriptor))
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The names in a directory.
pub struct Entries(rustix::fs::Dir);

impl Entries {
    /// Those in a directory that is open for reading.
    pub(super) fn of(directory: OwnedFd) -> io::Result<Self> {
        Ok(Self(rustix::fs::Dir::new(directory)?))
    }
}

impl Iterator for Entries {
    type Item = io::Result<(OsString, Option<Kind>)>;

    /// A name, and its kind where the directory itself tells.
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.0.read()? {
                Ok(entry) if matches!(entry.file_name().to_bytes(), b"." | b"..") => {}
                Ok(entry) => {
                    let name = OsStr::from_bytes(entry.file_name().to_bytes()).to_owned();
                    return Some(Ok((name, kind(entry.file_type()))));
                }
                Err(error) => return Some(Err(error.into())),
            }
        }
    }
}

/// Gives an open file the permission bits and, where that is allowed, the owner of another.
///
/// # Errors
/// When the bits cannot be set.
pub fn set_mode_and_owner(file: &File, mode: u32, owner: (u32, u32)) -> io::Result<()> {
    if owner != OURS {
        let (user, group) = owner;
        let (user, group) = (rustix::fs::Uid::from_raw(user), rustix::fs::Gid::from_raw(group));
        // Only root may give a file away; for others the file stays the bridge's user's.
        let _ = rustix::fs::fchown(file.as_fd(), Some(user), Some(group));
    }
    Ok(rustix::fs::fchmod(file.as_fd(), Mode::from_bits_truncate(mode))?)
}

/// What an open file is.
///
/// # Errors
/// What the system says.
pub fn look_at(file: &File) -> io::Result<Found> {
    Ok(found(&rustix::fs::fstat(file)?))
}

fn regular(found: &Found) -> io::Result<()> {
    match found.kind {
        Kind::File => Ok(()),
        Kind::Link => Err(Errno::LOOP.into()),
        Kind::Folder | Kind::Special => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn kind(of: FileType) -> Option<Kind> {
    match of {
        FileType::RegularFile => Some(Kind::File),
        FileType::Directory => Some(Kind::Folder),
        FileType::Symlink => Some(Kind::Link),
        FileType::Unknown => None,
        _ => Some(Kind::Special),
    }
}

#[expect(clippy::unnecessary_cast, reason = "these fields have other types on other systems")]
#[expect(clippy::cast_sign_loss, reason = "no file has a negative size")]
fn found(stat: &rustix::fs::Stat) -> Found {
    let nanoseconds = |seconds: i64, part: i64| seconds.saturating_mul(1_000_000_000).saturating_add(part);
    Found {
        kind: kind(FileType::from_raw_mode(stat.st_mode)).unwrap_or(Kind::Special),
        size: stat.st_size as u64,
        mode: stat.st_mode as u32 & 0o7777,
        times: Times {
            accessed: nanoseconds(stat.st_atime as i64, stat.st_atime_nsec as i64),
            modified: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        },
        changed: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        identity: (stat.st_dev as u64, stat.st_ino as u64),
        names: stat.st_nlink as u64,
        owner: (stat.st_uid as u32, stat.st_gid as u32),
    }
}

fn spec(nanoseconds: i64) -> Timespec {
    Timespec { tv_sec: nanoseconds.div_euclid(1_000_000_000), tv_nsec: nanoseconds.rem_euclid(1_000_000_000) as _ }
}
