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

/// The lock's file; it holds the owner's process id, for whoever finds it taken.
const LOCK: &str = ".lock";

/// The answer to a claim.
pub enum Claim {
    /// The folder is this process's until the owner is dropped or released.
    Owned(Owner),
    /// Another one has it.
    HeldBy(Held),
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
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
)]
pub struct Held {
    /// The folder that was claimed.
    pub folder: PathBuf,
    /// The owner's process id, where it can be read.
    pub pid: Option<u32>,
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
                sign(&mut lock)?;
                Ok(Claim::Owned(Self { lock, folder }))
            }
            Err(TryLockError::WouldBlock) => Ok(Claim::HeldBy(Held { folder, pid: signature(&mut lock) })),
            Err(TryLockError::Error(error)) => Err(error),
        }
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

fn sign(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    writeln!(lock, "{}", std::process::id())
}

/// Whose lock it is; unknown while the owner is just writing it.
fn signature(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.rewind().ok()?;
    lock.take(20).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
