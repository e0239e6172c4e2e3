//! Folders of the server's own, which stand in for those that programs do not get. Programs may write there and are not
//! trusted with what they left: nothing here follows a link.

use crate::policy::{
    paths::{Directory, Identity},
    private,
};
use rustix::fs::Mode;
use std::{
    io,
    path::{Component, Path, PathBuf},
};
use tempfile::TempDir;

/// The folders, each known by what it is.
#[derive(Debug)]
pub struct Private {
    home: Folder,
    tmp: Folder,
    /// Removed with this value.
    folder: TempDir,
}

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    identity: Identity,
    directory: Directory,
}

impl Private {
    /// New ones.
    ///
    /// # Errors
    /// When they cannot be made.
    #[expect(clippy::disallowed_methods, reason = "a folder that the bridge has just made")]
    pub fn new() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("bridge-").tempdir()?;
        let real = folder.path().canonicalize()?;
        // Programs that change their user use it, too, as they do the machine's; nobody else comes into what holds it.
        let tmp = Folder::new(real.join("tmp"))?;
        rustix::fs::chmod(&tmp.path, Mode::from_raw_mode(0o1777))?;
        Ok(Self { home: Folder::new(real.join("home"))?, tmp, folder })
    }

    /// Stands in for the user's home.
    pub fn home(&self) -> &Path {
        &self.home.path
    }

    /// Stands in for `/tmp`.
    pub fn tmp(&self) -> &Path {
        &self.tmp.path
    }

    /// Whether a path lies in them.
    pub fn holds(&self, path: &Path) -> bool {
        path.starts_with(self.folder.path()) || self.all().any(|folder| path.starts_with(&folder.path))
    }

    /// What one of them is: no program may have put another folder in its place.
    pub fn identity(&self, path: &Path) -> Option<Identity> {
        self.all().find(|folder| folder.path == path).map(|folder| folder.identity)
    }

    /// Each of them, held open.
    pub fn directories(&self) -> impl Iterator<Item = &Directory> {
        self.all().map(|folder| &folder.directory)
    }

    /// Makes something to mount on, at a path in one of them; what is there already may serve.
    ///
    /// # Errors
    /// When something is in the way, or the system refuses.
    pub fn make_mount_point(&self, path: &Path, folder: bool) -> io::Result<()> {
        let holder = self.all().find(|folder| path.starts_with(&folder.path)).ok_or(io::ErrorKind::NotFound)?;
        let below = path.strip_prefix(&holder.path).map_err(|_| io::ErrorKind::NotFound)?;
        let mut directory = holder.directory.clone();
        let mut names = below.components().filter_map(|part| match part {
            Component::Normal(name) => Some(name),
            _ => None,
        });
        let last = if folder { None } else { names.next_back() };
        for name in names {
            there_or(directory.make_folder(name, 0o755))?;
            directory = directory.enter(name)?;
        }
        match last {
            Some(name) => {
                there_or(directory.create(name, 0o600).map(drop))?;
                if directory.look(name)?.is_file() { Ok(()) } else { Err(io::ErrorKind::AlreadyExists.into()) }
            }
            None => Ok(()),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Folder> {
        [&self.home, &self.tmp].into_iter()
    }
}

impl Folder {
    fn new(path: PathBuf) -> io::Result<Self> {
        private::create_folder(&path)?;
        let directory = Directory::own(&path)?;
        Ok(Self { path, identity: directory.fstat()?.identity, directory })
    }
}

fn there_or(made: io::Result<()>) -> io::Result<()> {
    match made {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
