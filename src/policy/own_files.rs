//! Whose the files are by which a person governs the bridge: what a command could have put there does not count, now or at
//! the next start.
//!
//! While such a file is there commands cannot touch it. A person can move it away, though, or an editor that saves by renaming
//! can, and then the name is free until the next command's confinement covers it. So a file that comes while a command runs
//! is doubted, and remembered as such where no command writes.

use super::{
    paths::{Directory, Found, Identity, OWN_FILES},
    private,
};
use std::{
    collections::BTreeMap,
    ffi::OsStr,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// One of the files, in the bridge's folder.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OwnFile {
    /// What it is called.
    pub name: &'static str,
    /// Where it is remembered, in `memory/`, whether it is doubted, and which one the bridge itself made.
    judgement: &'static str,
    /// What stands in one that is there to reserve the name.
    reserving: &'static str,
    /// Why one that is doubted is not taken, and what to do.
    pub doubted: &'static str,
}

/// The key and the settings.
pub(crate) static ENV: OwnFile = OwnFile {
    name: OWN_FILES[0],
    judgement: "env_file.txt",
    reserving: "# The bridge made this file, so that no command can put one of its own here. Settings may stand in it: see the README.\n",
    doubted: "came while a command ran, which may have put it there: look at what is in it; if it is yours, put a copy in its \
              place (cp, then mv) while no command runs",
};

/// What each agent may do.
pub(crate) static PERMISSIONS: OwnFile = OwnFile {
    name: OWN_FILES[1],
    judgement: "permissions_file.txt",
    reserving: "# The bridge made this file, so that no command can put one of its own here. What each agent may do may stand in it.\n",
    doubted: "came while a command ran, which may have put it there: look at what is in it; if it is yours, say so with \
              `mcp-server permissions accept`",
};

/// All of them.
static ALL: [&OwnFile; 2] = [&ENV, &PERMISSIONS];

/// The files of a folder, with the commands that run there.
#[derive(Debug)]
pub(crate) struct OwnFiles {
    directory: PathBuf,
    folder: Directory,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Of each file, in the order of [`ALL`].
    files: [Judged; ALL.len()],
    /// How many commands run.
    running: usize,
}

/// What is thought of a file that was seen.
#[derive(Debug, Default)]
struct Judged {
    trusted: Option<Identity>,
    /// The last one that came while a command ran, also where that cannot be written down.
    doubted: Option<Identity>,
}

/// That a command runs; it has ended when this is dropped.
#[derive(Debug)]
pub struct Running(Arc<OwnFiles>);

/// One for each folder: whoever follows a file and whoever starts commands speak of the same.
static FOLDERS: Mutex<BTreeMap<PathBuf, Arc<OwnFiles>>> = Mutex::new(BTreeMap::new());

impl OwnFiles {
    /// Those of a folder.
    ///
    /// # Errors
    /// When the folder cannot be opened.
    pub(crate) fn of(directory: &Path) -> io::Result<Arc<Self>> {
        let mut folders = FOLDERS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = folders.get(directory) {
            return Ok(files.clone());
        }
        let folder = Directory::own(directory)?;
        let seen = ALL.map(|file| look(&folder, file).map(|found| found.identity));
        let files = seen.map(|trusted| Judged { trusted, doubted: None });
        let state = Mutex::new(State { files, running: 0 });
        let files = Arc::new(Self { directory: directory.to_owned(), folder, state });
        folders.insert(directory.to_owned(), files.clone());
        Ok(files)
    }

    /// Lets a command run: the files are there then, so that the command's confinement covers them.
    ///
    /// # Errors
    /// When one is not there and none can be made where a command could.
    pub(crate) fn begin(self: &Arc<Self>) -> io::Result<Running> {
        let mut state = self.lock();
        self.judge(&mut state);
        ALL.iter().try_for_each(|file| reserve(&self.folder, file))?;
        self.judge(&mut state);
        state.running += 1;
        Ok(Running(self.clone()))
    }

    /// Whether what is there now counts.
    pub(crate) fn counts(&self, file: &'static OwnFile) -> bool {
        let mut state = self.lock();
        self.judge(&mut state);
        let judged = ALL.iter().zip(&state.files).find(|(known, _)| **known == file).map(|(_, judged)| judged);
        look(&self.folder, file).is_some_and(|found| judged.is_some_and(|it| it.trusted == Some(found.identity)))
    }

    /// Another file than before is a person's where no command ran since the one before was seen.
    fn judge(&self, state: &mut State) {
        let running = state.running;
        for (file, judged) in ALL.iter().zip(&mut state.files) {
            if let Some(found) = look(&self.folder, file) {
                self.judge_one(file, judged, running, found.identity);
            }
        }
    }

    fn judge_one(&self, file: &'static OwnFile, judged: &mut Judged, running: usize, seen: Identity) {
        let is = |word| is(&self.directory, file, word, seen);
        if judged.trusted == Some(seen) || is("doubted") {
            return;
        }
        if running == 0 && judged.doubted != Some(seen) || is("made") {
            judged.trusted = Some(seen);
            return;
        }
        if judged.doubted.replace(seen) == Some(seen) {
            return;
        }
        tracing::error!("{} {}", self.directory.join(file.name).display(), file.doubted);
        if let Err(error) = remember(&self.directory, file, "doubted", seen) {
            tracing::error!("memory/{} cannot be written: {error}", file.judgement);
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

/// Makes a file that says nothing where there is none: a command that runs later can put none there, since one that is
/// there is covered.
///
/// # Errors
/// When it cannot be made where a command could.
pub(crate) fn reserve(folder: &Directory, file: &OwnFile) -> io::Result<()> {
    use io::ErrorKind;
    let made = folder.create(OsStr::new(file.name), 0o600);
    match made.and_then(|mut made| made.write_all(file.reserving.as_bytes())) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        // Commands run as the same user and cannot make one there, either.
        Err(error) if error.kind() == ErrorKind::ReadOnlyFilesystem => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied && !private::is_own(folder) => Ok(()),
        made => made,
    }
}

/// Whether the file that is there, with this text, came while a command ran. One that says nothing is as good as none.
pub(crate) fn is_doubted(folder: &Directory, directory: &Path, file: &OwnFile, text: &str) -> bool {
    text != file.reserving && look(folder, file).is_some_and(|found| is(directory, file, "doubted", found.identity))
}

/// Remembers that the file that is there was made by the bridge itself, or is the person's by his word.
///
/// # Errors
/// When there is none, or that cannot be written down.
pub(crate) fn remember_made(folder: &Directory, directory: &Path, file: &OwnFile) -> io::Result<()> {
    let found = look(folder, file).ok_or(io::ErrorKind::NotFound)?;
    remember(directory, file, "made", found.identity)
}

/// A device may get another number at the machine's next start; a file keeps its own.
fn is(directory: &Path, file: &OwnFile, word: &str, identity: Identity) -> bool {
    let judged =
        Directory::own(&directory.join("memory")).and_then(|folder| private::read_own(&folder, file.judgement));
    judged.is_ok_and(|text| text.is_some_and(|text| text.trim() == format!("{word} {}", identity.1)))
}

fn remember(directory: &Path, file: &OwnFile, word: &str, identity: Identity) -> io::Result<()> {
    let path = directory.join("memory").join(file.judgement);
    private::replace(&path, format!("{word} {}\n", identity.1).as_bytes())
}

fn look(folder: &Directory, file: &OwnFile) -> Option<Found> {
    folder.look(OsStr::new(file.name)).ok()
}
