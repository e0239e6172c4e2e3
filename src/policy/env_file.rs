//! Whose `.env` is: what a command could have put there does not count, now or at the next start.
//!
//! While `.env` is there commands cannot touch it. A person can move it away, though, or an editor that saves by renaming
//! can, and then the name is free until the next command's confinement covers it. So a file that comes while a command runs
//! is doubted, and remembered as such where no command writes.

use super::{
    paths::{Directory, Found, Identity},
    private,
};
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Where it stands, in the bridge's folder.
pub const FILE: &str = ".env";

/// Where it is remembered which file is doubted, and which one the bridge itself made, in the bridge's folder.
pub const JUDGEMENT: &str = "memory/env_file.txt";

/// Why such a file is not taken, and what to do.
pub const DOUBTED: &str = "came while a command ran, which may have put it there: look at what is in it; if it is yours, \
                           put a copy in its place (cp, then mv) while no command runs";

/// What stands in a `.env` that is there to keep the name.
const GUARD: &str = "# The bridge made this file, so that no command can put one of its own here. Settings may stand in it: see the README.
";

/// The `.env` of a folder, with the commands that run there.
#[derive(Debug)]
pub struct EnvFile {
    directory: PathBuf,
    folder: Directory,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    trusted: Option<Identity>,
    /// The last one that came while a command ran, also where that cannot be written down.
    doubted: Option<Identity>,
    /// How many commands run.
    running: usize,
}

/// That a command runs; it has ended when this is dropped.
#[derive(Debug)]
pub struct Running(Arc<EnvFile>);

/// One for each folder: whoever follows the key and whoever starts commands speak of the same.
static FILES: Mutex<BTreeMap<PathBuf, Arc<EnvFile>>> = Mutex::new(BTreeMap::new());

impl EnvFile {
    /// That of a folder.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub fn of(directory: &Path) -> io::Result<Arc<Self>> {
        let mut files = FILES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(directory) {
            return Ok(file.clone());
        }
        let folder = Directory::own(directory)?;
        let trusted = look(&folder).map(|found| found.identity);
        let state = Mutex::new(State { trusted, doubted: None, running: 0 });
        let file = Arc::new(Self { directory: directory.to_owned(), folder, state });
        files.insert(directory.to_owned(), file.clone());
        Ok(file)
    }

    /// Lets a command run: `.env` is there then, so that the command's confinement covers it.
    ///
    /// # Errors
    /// When there is none and none can be made where a command could.
    pub fn begin(self: &Arc<Self>) -> io::Result<Running> {
        let mut state = self.lock();
        self.judge(&mut state);
        guard(&self.folder)?;
        self.judge(&mut state);
        state.running += 1;
        Ok(Running(self.clone()))
    }

    /// Whether what is there now counts.
    pub fn counts(&self) -> bool {
        let mut state = self.lock();
        self.judge(&mut state);
        look(&self.folder).is_some_and(|found| state.trusted == Some(found.identity))
    }

    /// Another file than before is a person's where no command ran since the one before was seen.
    fn judge(&self, state: &mut State) {
        let Some(found) = look(&self.folder) else { return };
        if state.trusted == Some(found.identity) || is(&self.directory, "doubted", found.identity) {
            return;
        }
        let is_free = state.running == 0 && state.doubted != Some(found.identity);
        if is_free || is(&self.directory, "made", found.identity) {
            state.trusted = Some(found.identity);
            return;
        }
        if state.doubted.replace(found.identity) == Some(found.identity) {
            return;
        }
        tracing::error!("{} {DOUBTED}", self.directory.join(FILE).display());
        if let Err(error) = remember(&self.directory, "doubted", found.identity) {
            tracing::error!("{JUDGEMENT} cannot be written: {error}");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        self.0.judge(&mut state);
        state.running -= 1;
    }
}

/// Makes a `.env` without any setting where there is none: a command that runs later can put none there, since one that
/// is there is covered.
///
/// # Errors
/// When it cannot be made where a command could.
pub fn guard(folder: &Directory) -> io::Result<()> {
    use io::ErrorKind;
    let made = folder.create(OsStr::new(FILE), 0o600);
    match made.and_then(|mut file| file.write_all(GUARD.as_bytes())) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // Commands run as the same user and cannot make one there, either.
        Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied && !private::is_own(folder) => Ok(()),
        made => made,
    }
}

/// Whether the file that is there, with this text, came while a command ran. One that sets nothing is as good as none.
pub fn is_doubted(folder: &Directory, directory: &Path, text: &str) -> bool {
    text != GUARD && look(folder).is_some_and(|found| is(directory, "doubted", found.identity))
}

/// Remembers that the bridge itself made the file that is there.
pub fn remember_made(folder: &Directory, directory: &Path) {
    // Where there is no memory no bridge has run commands yet.
    if let Some(found) = look(folder) {
        let _ = remember(directory, "made", found.identity);
    }
}

/// A device may get another number at the machine's next start; a file keeps its own.
fn is(directory: &Path, word: &str, identity: Identity) -> bool {
    let judged =
        Directory::own(&directory.join("memory")).and_then(|folder| private::read_own(&folder, "env_file.txt"));
    judged.is_ok_and(|text| text.is_some_and(|text| text.trim() == format!("{word} {}", identity.1)))
}

fn remember(directory: &Path, word: &str, identity: Identity) -> io::Result<()> {
    private::replace(&directory.join(JUDGEMENT), format!("{word} {}\n", identity.1).as_bytes())
}

fn look(folder: &Directory) -> Option<Found> {
    folder.look(OsStr::new(FILE)).ok()
}
