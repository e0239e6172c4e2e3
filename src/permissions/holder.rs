//! The permission file of a bridge, read again when it changes.

use super::{
    base::{Base, Tool},
    profiles::Profiles,
};
use crate::{
    policy::{
        own_files::{self, OwnFiles, PERMISSIONS},
        paths::{Directory, Found, Identity},
        private,
    },
    settings::Settings,
};
use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// By what a change of the file shows: which file it is, how long, and when it was written and changed.
type Stamp = (Identity, u64, i64, i64);

/// The profiles of `permissions.toml` in a directory, as they are now. A mistake leaves in force what was read before.
#[derive(Debug)]
pub struct Permissions {
    pub(super) directory: PathBuf,
    pub(super) folder: Directory,
    settings: Arc<Settings>,
    tools: Vec<Tool>,
    pub(super) files: Arc<OwnFiles>,
    last: Mutex<Last>,
}

#[derive(Debug)]
pub(super) struct Last {
    stamp: Option<Stamp>,
    profiles: Arc<Profiles>,
    problem: Option<Arc<str>>,
}

impl Permissions {
    /// Reads the file for the first time; without one there are the presets.
    ///
    /// # Errors
    /// When it cannot be read, is not to be trusted, or has mistakes; the message has all of them, and how to fix them.
    pub fn open(directory: &Path, settings: Arc<Settings>, tools: Vec<Tool>) -> anyhow::Result<Self> {
        let folder = Directory::own(directory)?;
        let files = OwnFiles::of(directory)?;
        let stamp = stamp(&folder);
        let base = Base { directory, settings: &settings, tools: &tools };
        let profiles = match read(&folder, directory, &base) {
            Ok(profiles) => profiles.map_or_else(|| Profiles::read("", &base).map_err(|it| it.to_string()), Ok),
            Err(problem) => Err(problem),
        };
        let profiles = Arc::new(profiles.map_err(anyhow::Error::msg)?);
        let last = Mutex::new(Last { stamp, profiles, problem: None });
        Ok(Self { directory: directory.to_owned(), folder, settings, tools, files, last })
    }

    /// The profiles as the file has them now.
    pub fn current(&self) -> Arc<Profiles> {
        let mut last = self.lock();
        // Taken before the file is read: what changes in between is read again.
        let now = stamp(&self.folder);
        if now != last.stamp {
            last.stamp = now;
            match self.read_again() {
                Ok(profiles) => (last.profiles, last.problem) = (Arc::new(profiles), None),
                Err(problem) => {
                    tracing::warn!("the permissions read before stay in force: {problem}");
                    last.problem = Some(problem.into());
                }
            }
        }
        last.profiles.clone()
    }

    /// Why what the file has now is not in force; none where it is.
    pub fn problem(&self) -> Option<Arc<str>> {
        self.current();
        self.lock().problem.clone()
    }

    /// What the file is read on top of.
    pub(super) fn base(&self) -> Base<'_> {
        Base { directory: &self.directory, settings: &self.settings, tools: &self.tools }
    }

    /// Nobody in this process reads the file as long as this is held.
    pub(super) fn lock(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_again(&self) -> Result<Profiles, String> {
        let name = PERMISSIONS.name;
        match read(&self.folder, &self.directory, &self.base())? {
            // An editor may be about to put another one there.
            None => Err(format!("{name} is gone: put an empty file there to have the presets alone")),
            Some(_) if !self.files.counts(&PERMISSIONS) => Err(format!("{name} {}", PERMISSIONS.doubted)),
            Some(profiles) => Ok(profiles),
        }
    }
}

/// The profiles of the file of a folder; none where there is none.
fn read(folder: &Directory, directory: &Path, base: &Base<'_>) -> Result<Option<Profiles>, String> {
    let name = PERMISSIONS.name;
    let text = private::read_own(folder, name).map_err(|error| format!("{name} cannot be read: {error}"))?;
    let Some(text) = text else { return Ok(None) };
    if own_files::is_doubted(folder, directory, &PERMISSIONS, &text) {
        return Err(format!("{name} {}", PERMISSIONS.doubted));
    }
    let profiles = Profiles::read(&text, base);
    profiles.map(Some).map_err(|mistakes| format!("{name} has mistakes:\n{mistakes}"))
}

fn stamp(folder: &Directory) -> Option<Stamp> {
    let found: io::Result<Found> = folder.look(OsStr::new(PERMISSIONS.name));
    found.ok().map(|found| (found.identity, found.size, found.times.modified, found.changed))
}
