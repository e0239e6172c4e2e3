//! `mcp-server permissions`: what the permission file says.

use crate::{
    catalog,
    permissions::{Base, Mistakes, PRESETS, Profile, Profiles},
    policy::{
        Workspace,
        paths::{Directory, private},
    },
    settings::Settings,
};
use anyhow::{Context, Result};
use std::path::Path;

/// The person's file, in the server's directory.
const FILE: &str = "permissions.toml";

/// Looks for mistakes in the file of `directory`, or in another one; false when there are some.
///
/// # Errors
/// When there is no such file, or it cannot be read.
pub(super) fn check(
    file: Option<&Path>,
    settings: &Settings,
    directory: &Path,
    mut show: impl FnMut(&str),
) -> Result<bool> {
    let path = file.unwrap_or(Path::new(FILE));
    let Some(text) = read(file, directory)? else {
        show(&format!("There is no {FILE} here: every agent has the profile `trusted`, as the settings have it."));
        return Ok(true);
    };
    let base = Base { directory, settings, tools: &catalog::tools() };
    let profiles = match Profiles::read(&text, &base) {
        Ok(profiles) => profiles,
        Err(mistakes) => {
            tell(&mistakes, path, &mut show);
            return Ok(false);
        }
    };
    let mut is_well = true;
    for profile in profiles.all().filter(|profile| !PRESETS.contains(&profile.name())) {
        is_well &= describe(profile, settings, directory, &mut show);
    }
    if is_well {
        show(&format!("{} has no mistakes", path.display()));
    }
    Ok(is_well)
}

#[expect(clippy::disallowed_methods, reason = "a file that the person names on the command line")]
fn read(file: Option<&Path>, directory: &Path) -> Result<Option<String>> {
    let text = match file {
        None => Directory::own(directory).and_then(|folder| private::read_own(&folder, FILE)),
        Some(file) => std::fs::read_to_string(file).map(Some),
    };
    let shown = file.unwrap_or(Path::new(FILE)).display();
    text.with_context(|| format!("{shown} cannot be read: it must be a text file that this user may read"))
}

/// Shows each mistake as compilers do, so that editors find the place.
fn tell(mistakes: &Mistakes, path: &Path, show: &mut impl FnMut(&str)) {
    for mistake in mistakes.list() {
        show(&format!("{}:{}:{}: {}", path.display(), mistake.line, mistake.column, mistake.what));
    }
}

/// Says what a profile opens that a person should know of; false when its places cannot be used on this disk.
fn describe(profile: &Profile, settings: &Settings, directory: &Path, show: &mut impl FnMut(&str)) -> bool {
    let name = profile.name();
    for (grant, warning) in profile.grants() {
        if let Some(warning) = warning {
            show(&format!("note: `{name}` is granted {grant}: {warning}"));
        }
    }
    match Workspace::open(&profile.settings(settings), directory) {
        Ok(_) => true,
        Err(problem) => {
            let settings = "files.read is its MCP_ALLOWED_DIRS, files.write its MCP_WRITABLE_PATHS, files.deny part of its MCP_DENIED_PATHS";
            show(&format!("`{name}` cannot be used ({settings}): {problem:#}"));
            false
        }
    }
}
