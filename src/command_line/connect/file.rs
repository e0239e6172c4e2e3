//! A client's own file.
#![expect(
    clippy::disallowed_methods,
    reason = "the files that the user asks to be changed, at the user's own terminal"
)]

use crate::policy::private;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// Where a file really is: a link stays a link.
pub(crate) fn real_path(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// What a file holds; empty when there is none.
///
/// # Errors
/// When it is there and cannot be read as text.
pub(crate) fn read(path: &Path) -> Result<String> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
    }
}

/// Writes the new text, as a whole, for its owner only since a key is in it; the old text is kept beside it.
///
/// # Errors
/// When the system refuses; the old file is whole then.
pub(crate) fn write(path: &Path, before: &str, after: &str) -> Result<Option<PathBuf>> {
    let failed = || format!("{} cannot be written", path.display());
    let folder = path.parent().context("a file lies in a folder")?;
    std::fs::create_dir_all(folder).with_context(failed)?;
    let backup = if before.is_empty() { None } else { Some(keep(path, before).with_context(failed)?) };
    private::replace(path, after.as_bytes()).with_context(failed)?;
    Ok(backup)
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
