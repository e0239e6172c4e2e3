//! A client's own file.
#![expect(
    clippy::disallowed_methods,
    reason = "the files that the user asks to be changed, at the user's own terminal"
)]

use crate::policy::private;
use anyhow::{Context, Result, bail, ensure};
use std::{
    fs::{File, FileType},
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

/// Where a file really is: a link stays a link.
///
/// # Errors
/// When a link leads nowhere: what is to be changed is not known then.
pub(crate) fn real_path(path: &Path) -> Result<PathBuf> {
    if !std::fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        return Ok(std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
    }
    std::fs::canonicalize(path).with_context(|| {
        format!("{} is a link that leads nowhere: make the file that it leads to, or remove the link", path.display())
    })
}

/// What a file holds; empty when there is none.
///
/// # Errors
/// When it is there and cannot be read as text, or is no file: a device or a pipe in its place is not touched.
pub(crate) fn read(path: &Path) -> Result<String> {
    let failed = || format!("{} cannot be read", path.display());
    match std::fs::metadata(path).map(|found| found.file_type()) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(String::new()),
        found => ensure!(
            FileType::is_file(&found.with_context(failed)?),
            "{} is no file: move away what is there, then say this again",
            path.display()
        ),
    }
    std::fs::read_to_string(path).with_context(failed)
}

/// Keeps others that connect clients to a bridge waiting as long as it is held, where the system can.
pub(crate) fn lock(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    folder.lock().is_ok().then_some(folder)
}

/// Sees whether so many bytes can be written beside a file, before anything is changed for them.
///
/// # Errors
/// When they cannot.
pub(crate) fn try_out(path: &Path, size: usize) -> Result<()> {
    let failed = || format!("{} cannot be written", path.display());
    let mut temporary = new_beside(path).with_context(failed)?;
    temporary.write_all(&vec![b' '; size]).with_context(failed)?;
    temporary.as_file().sync_all().with_context(failed)
}

/// What became of a file that was to be written.
pub(crate) enum Written {
    /// It was, and what it held before is there.
    With(Option<PathBuf>),
    /// It was not: another program changed it meanwhile, to this.
    Changed(String),
}

/// Writes the new text, as a whole, for its owner only since a key is in it; the old text is kept beside it.
///
/// # Errors
/// When the system refuses; the old file is whole then.
pub(crate) fn write(path: &Path, before: &str, after: &str) -> Result<Written> {
    let failed = || format!("{} cannot be written", path.display());
    let mut temporary = new_beside(path).with_context(failed)?;
    temporary.write_all(after.as_bytes()).with_context(failed)?;
    temporary.as_file().sync_all().with_context(failed)?;
    let backup = if before.is_empty() { None } else { Some(keep(path, before).with_context(failed)?) };
    // As late as can be: what came since is not written over.
    let now = read(path)?;
    if now != before {
        backup.iter().for_each(|backup| drop(std::fs::remove_file(backup)));
        return Ok(Written::Changed(now));
    }
    match temporary.persist(path) {
        Ok(_) => private::sync_folder(folder_of(path)?).with_context(failed)?,
        Err(error) => {
            backup.iter().for_each(|backup| drop(std::fs::remove_file(backup)));
            bail!("{}: {}", failed(), error.error)
        }
    }
    Ok(Written::With(backup))
}

fn folder_of(path: &Path) -> Result<&Path> {
    path.parent().context("a file lies in a folder")
}

fn new_beside(path: &Path) -> Result<tempfile::NamedTempFile> {
    let folder = folder_of(path)?;
    std::fs::create_dir_all(folder)?;
    Ok(tempfile::NamedTempFile::new_in(folder)?)
}

/// Under a name that says when, and never over another backup.
fn keep(path: &Path, text: &str) -> Result<PathBuf> {
    let moment = crate::clock::timestamp().replace([':', '.'], "-");
    let mut name = path.file_name().context("a file has a name")?.to_owned();
    name.push(format!(".backup-{moment}"));
    let backup = path.with_file_name(name);
    private::replace(&backup, text.as_bytes())?;
    Ok(backup)
}
