//! `.env` in the bridge's folder, read where it may be trusted: what the settings and the policy do together.

use crate::{
    policy::{
        own_files::{self, ENV},
        paths::Directory,
        private,
    },
    settings::{self, Line, Secret, SettingValue, Settings},
};
use anyhow::{Context, Result, anyhow, ensure};
use std::path::Path;

/// The settings of `.env` of `directory` and of the process's environment, which wins.
///
/// # Errors
/// When `.env` cannot be read, has a line or a name that is not understood, or a value is not what its setting takes; the
/// message names it.
pub fn load(directory: &Path) -> Result<Settings> {
    let folder = Directory::own(directory).with_context(|| format!("{} cannot be entered", directory.display()))?;
    let path = directory.join(ENV.name);
    Settings::from_lines(&path, read(&folder, &path)?)
}

/// The key in `.env` of a folder that is held open, whatever the environment says; `directory` is what it is called.
///
/// # Errors
/// When `.env` cannot be read, is not to be trusted, or has a line that is not understood.
pub(crate) fn key(folder: &Directory, directory: &Path) -> Result<Option<Secret>> {
    let lines = read(folder, &directory.join(ENV.name))?;
    let key = lines.into_iter().find(|line| line.name == settings::KEY).map(|line| line.value.trim().to_owned());
    let key = key.filter(|key| !key.is_empty()).map(|key| Secret::parse(&key));
    key.transpose().map_err(|expected| anyhow!("{} must be {expected}", settings::KEY))
}

/// Says in the log which names, of the environment and of `.env` of `directory`, may be meant for settings and are none.
///
/// # Errors
/// When `.env` cannot be read.
pub(crate) fn warn_of_doubtful_names(directory: &Path) -> Result<()> {
    settings::warn_of_doubtful_names(&read(&Directory::own(directory)?, &directory.join(ENV.name))?);
    Ok(())
}

/// The lines of `.env` in a folder, which is called `path`; none where there is none.
///
/// # Errors
/// When it cannot be read, could have been written by others, or has a line that is not understood.
fn read(folder: &Directory, path: &Path) -> Result<Vec<Line>> {
    let text = private::read_own(folder, ENV.name).with_context(|| {
        format!(
            "{} cannot be read: it must be a text file that this user may read and nobody else may write",
            path.display()
        )
    })?;
    let Some(text) = text else { return Ok(Vec::new()) };
    let holder = path.parent().unwrap_or(Path::new("."));
    ensure!(!own_files::is_doubted(folder, holder, &ENV, &text), "{} {}", path.display(), ENV.doubted);
    settings::parse(&text).map_err(|problem| anyhow!("{}: {problem}", path.display()))
}
