//! The fallback where directories cannot be held open by descriptor: the same operations by path. Between a check and
//! its use another program can swap a link in; `docs/security.md` says so.
#![expect(clippy::disallowed_methods, reason = "this is where checked paths are opened")]

use super::found::{Found, Kind, Times};
use std::{
    ffi::{OsStr, OsString},
    fs::{self, File, Metadata, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// A directory by its path.
#[derive(Clone, Debug)]
pub struct Directory(PathBuf);

#[expect(missing_docs, clippy::missing_errors_doc, reason = "as in directory.rs")]
impl Directory {
    pub(super) fn top() -> io::Result<Self> {
        Ok(Self(PathBuf::from("/")))
    }

    pub fn own(path: &Path) -> io::Result<Self> {
        Ok(Self(path.to_owned()))
    }

    pub(super) fn descend_without_links(&self, _: &Path) -> Option<Self> {
        None
    }

    pub fn enter(&self, name: &OsStr) -> io::Result<Self> {
        if self.look(name)?.is_folder() { Ok(Self(self.at(name)?)) } else { Err(io::ErrorKind::NotADirectory.into()) }
    }

    pub fn look(&self, name: &OsStr) -> io::Result<Found> {
        Ok(found(&fs::symlink_metadata(self.at(name)?)?))
    }

    pub fn fstat(&self) -> io::Result<Found> {
        Ok(found(&fs::metadata(&self.0)?))
    }

    pub fn read_link(&self, name: &OsStr) -> io::Result<PathBuf> {
        fs::read_link(self.at(name)?)
    }

    pub fn open(&self, name: &OsStr) -> io::Result<(File, Found)> {
        self.open_with(name, OpenOptions::new().read(true))
    }

    pub fn open_to_write(&self, name: &OsStr) -> io::Result<(File, Found)> {
        self.open_with(name, OpenOptions::new().read(true).write(true))
    }

    pub fn open_to_append(&self, name: &OsStr) -> io::Result<(File, Found)> {
        self.open_with(name, OpenOptions::new().append(true))
    }

    fn open_with(&self, name: &OsStr, options: &mut OpenOptions) -> io::Result<(File, Found)> {
        if !self.look(name)?.is_file() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let file = options.open(self.at(name)?)?;
        let found = look_at(&file)?;
        Ok((file, found))
    }

    pub fn may_write(&self, _: &OsStr) -> io::Result<()> {
        Ok(())
    }

    pub fn create(&self, name: &OsStr, _: u32) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(self.at(name)?)
    }

    pub fn make_folder(&self, name: &OsStr, _: u32) -> io::Result<()> {
        fs::create_dir(self.at(name)?)
    }

    pub fn make_link(&self, _: &OsStr, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn rename(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        fs::rename(self.at(name)?, to.at(new)?)
    }

    pub fn rename_to_free(&self, name: &OsStr, to: &Self, new: &OsStr) -> io::Result<()> {
        match to.look(new) {
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(_) => self.rename(name, to, new),
        }
    }

    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_file(self.at(name)?)
    }

    pub fn remove_folder(&self, name: &OsStr) -> io::Result<()> {
        fs::remove_dir(self.at(name)?)
    }

    pub fn set_times(&self, name: &OsStr, times: Times) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(self.at(name)?)?;
        file.set_times(fs::FileTimes::new().set_modified(times.modified()))
    }

    pub fn dress_folder(&self, _: &OsStr, _: u32, _: (u32, u32)) -> io::Result<()> {
        Ok(())
    }

    pub fn entries(&self) -> io::Result<Entries> {
        Ok(Entries(fs::read_dir(&self.0)?))
    }

    pub fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    pub fn sync_file_system(&self) -> io::Result<()> {
        Ok(())
    }

    fn at(&self, name: &OsStr) -> io::Result<PathBuf> {
        let mut parts = Path::new(name).components();
        match (parts.next(), parts.next()) {
            (Some(std::path::Component::Normal(_)), None) => Ok(self.0.join(name)),
            (Some(std::path::Component::CurDir), None) => Ok(self.0.clone()),
            _ => Err(io::ErrorKind::InvalidFilename.into()),
        }
    }
}

/// The names in a directory.
pub struct Entries(fs::ReadDir);

impl Iterator for Entries {
    type Item = io::Result<(OsString, Option<Kind>)>;

    fn next(&mut self) -> Option<Self::Item> {
        let entry = self.0.next()?;
        Some(entry.map(|entry| (entry.file_name(), entry.file_type().ok().map(kind))))
    }
}

/// Permission bits and owners are Unix's.
///
/// # Errors
/// Never here.
pub fn set_mode_and_owner(_: &File, _: u32, _: (u32, u32)) -> io::Result<()> {
    Ok(())
}

/// What an open file is.
///
/// # Errors
/// What the system says.
pub fn look_at(file: &File) -> io::Result<Found> {
    Ok(found(&file.metadata()?))
}

fn kind(of: fs::FileType) -> Kind {
    match of {
        file if file.is_file() => Kind::File,
        folder if folder.is_dir() => Kind::Folder,
        link if link.is_symlink() => Kind::Link,
        _ => Kind::Special,
    }
}

fn found(data: &Metadata) -> Found {
    let nanoseconds = |time: io::Result<SystemTime>| {
        let since = time.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        since.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or(0)
    };
    let modified = nanoseconds(data.modified());
    Found {
        kind: kind(data.file_type()),
        size: data.len(),
        mode: if data.permissions().readonly() { 0o444 } else { 0o644 },
        times: Times { accessed: nanoseconds(data.accessed()), modified },
        changed: modified,
        identity: (0, 0),
        names: 1,
        owner: (0, 0),
    }
}
