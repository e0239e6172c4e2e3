//! A folder has one owner: the process that holds its lock. Two bridges over one memory would overwrite each other.
//!
//! The lock is the system's (`flock`), so it ends with its process, however that ends: no stale lock is ever in the way.
#![expect(clippy::disallowed_methods, reason = "the lock is the bridge's own file, not a path that a caller names")]

use crate::policy::private;
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
};

/// The lock's file; it holds the owner's process id and the address that it serves, a line each, for whoever finds it
/// taken.
const LOCK: &str = ".lock";

/// The longest text of the lock's file that is read, in bytes.
const MAX_TEXT: u64 = 400;

/// The answer to a claim.
pub enum Claim {
    /// The folder is this process's until the owner is dropped or released.
    Owned(Owner),
    /// Another one has it.
    HeldBy(AlreadyOwned),
}

/// The right to write in a folder.
#[derive(Debug)]
pub struct Owner {
    lock: File,
    folder: PathBuf,
}

/// A folder that another process owns.
#[derive(Clone, Debug, thiserror::Error)]
#[error(
    "{} is in use by another bridge{}: use the one that runs, stop it, or choose another folder with --directory",
    folder.display(),
    self.whose()
)]
pub struct AlreadyOwned {
    /// The folder that was claimed.
    pub folder: PathBuf,
    /// The owner's process id, where it can be read.
    pub pid: Option<u32>,
    /// Where the owner serves HTTP, if it does: `http://127.0.0.1:7860`.
    pub url: Option<String>,
}

impl AlreadyOwned {
    fn whose(&self) -> String {
        match (self.pid, &self.url) {
            (Some(pid), Some(url)) => format!(" (process {pid}, {url})"),
            (Some(pid), None) => format!(" (process {pid})"),
            (None, _) => String::new(),
        }
    }
}

impl Owner {
    /// Claims `folder`, which is made when it is missing. Returns at once.
    ///
    /// # Errors
    /// When the folder or the lock's file cannot be made.
    pub fn claim(folder: &Path) -> io::Result<Claim> {
        private::create_folder(folder)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut lock = private::only_owner(&mut options).open(folder.join(LOCK))?;
        let folder = folder.to_owned();
        match lock.try_lock() {
            Ok(()) => {
                sign(&lock, "")?;
                Ok(Claim::Owned(Self { lock, folder }))
            }
            Err(TryLockError::WouldBlock) => Ok(Claim::HeldBy(signature(&mut lock, folder))),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Who owns `folder` now; nobody where it was never owned. Nothing is made.
    pub fn of(folder: &Path) -> Option<AlreadyOwned> {
        let mut lock = File::open(folder.join(LOCK)).ok()?;
        match lock.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(signature(&mut lock, folder.to_owned())),
            _ => None,
        }
    }

    /// Whether `folder` was ever owned.
    pub fn was_in(folder: &Path) -> bool {
        folder.join(LOCK).is_file()
    }

    /// Says where the folder's bridge serves HTTP.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn announce(&self, url: &str) -> io::Result<()> {
        sign(&self.lock, url)
    }

    /// The folder that is owned.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Lets another process have the folder. Called once nothing is written any more.
    pub fn release(&self) {
        // What fails here is released at the latest by the end of the process.
        let _ = self.lock.unlock();
    }
}

fn sign(mut lock: &File, url: &str) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    write!(lock, "{}\n{url}\n", std::process::id())
}

/// Whose lock it is; unknown while the owner is just writing it.
fn signature(lock: &mut File, folder: PathBuf) -> AlreadyOwned {
    let mut text = String::new();
    let read = lock.rewind().and_then(|()| lock.take(MAX_TEXT).read_to_string(&mut text));
    let mut lines = text.lines().filter(|_| read.is_ok());
    let pid = lines.next().and_then(|line| line.trim().parse().ok());
    let url = lines.next().map(str::trim).filter(|url| url.starts_with("http://")).map(str::to_owned);
    AlreadyOwned { folder, pid, url }
}
