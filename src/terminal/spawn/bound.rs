//! What the person's yes to a command is bound to: the folder, the programs and the scripts that it names, as they are.

use crate::policy::{Workspace, paths::Intent};
use command_guard::Reading;
use sha2::{Digest as _, Sha256};
#[cfg(unix)]
use std::os::unix::fs::MetadataExt as _;
use std::{
    collections::BTreeSet,
    fmt::Debug,
    fs::Metadata,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

/// Of a longer file an answer is bound to when it changed, and not to what is in it, in bytes.
const MAX_HASHED: u64 = 1024 * 1024;

/// More files of one command are not looked at: who names more is not asked about these.
const MAX_FILES: usize = 200;

/// Words that are other ones when something of it changes.
pub(super) fn states(reading: &Reading, folder: &Path, workspace: &Arc<Workspace>) -> Vec<String> {
    let mut states = vec![stamp(folder)];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let (mut programs, mut files) = (BTreeSet::new(), BTreeSet::new());
    for call in &reading.executions {
        if call.program.contains('/') {
            files.insert(folder.join(&call.program));
        } else {
            programs.extend(std::env::split_paths(&path).map(|folder| folder.join(&call.program)).find(is_file));
        }
        files.extend(call.arguments.iter().filter(|it| !it.text.is_empty()).map(|it| folder.join(&it.text)));
    }
    states.extend(programs.iter().map(|program| stamp(program)));
    states.extend(files.iter().filter(|file| is_file(file)).take(MAX_FILES).map(|file| contents(file, workspace)));
    states
}

fn contents(file: &Path, workspace: &Arc<Workspace>) -> String {
    let opened = file.to_str().and_then(|sent| workspace.leads_to(sent, true));
    let opened = opened.and_then(|real| workspace.resolve_real(&real, Intent::Read).ok());
    let Some(Ok((opened, _))) = opened.map(|path| path.open()) else { return stamp(file) };
    let (mut hasher, mut part) = (Sha256::new(), opened.take(MAX_HASHED));
    match io::copy(&mut part, &mut hasher) {
        Ok(_) => format!("{} holds {:x}", stamp(file), hasher.finalize()),
        Err(_) => stamp(file),
    }
}

#[expect(clippy::disallowed_methods, reason = "nothing of what is there is told to a caller")]
fn is_file(path: &PathBuf) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.is_file())
}

#[expect(clippy::disallowed_methods, reason = "nothing of what is there is told to a caller")]
fn stamp(path: &Path) -> String {
    let shown = path.display();
    match std::fs::metadata(path) {
        // Files come and go in it; it is another one where its number is.
        Ok(found) if found.is_dir() => format!("{shown} is {:?}", identity(&found)),
        Ok(found) => format!("{shown} is {:?}, {} bytes, {:?}", identity(&found), found.len(), changed(&found)),
        Err(_) => format!("{shown} is not there"),
    }
}

/// Which file it is.
#[cfg(unix)]
fn identity(found: &Metadata) -> impl Debug + use<> {
    (found.dev(), found.ino())
}

#[cfg(not(unix))]
fn identity(found: &Metadata) -> impl Debug + use<> {
    found.created().ok()
}

/// When anything about it last changed.
#[cfg(unix)]
fn changed(found: &Metadata) -> impl Debug + use<> {
    (found.ctime(), found.ctime_nsec())
}

#[cfg(not(unix))]
fn changed(found: &Metadata) -> impl Debug + use<> {
    found.modified().ok()
}
