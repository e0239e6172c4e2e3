//! `mcp-server permissions check` and `accept`: whether the file has mistakes, and whose it is.

use crate::{
    agents::{Agents, Record},
    bridge::Bridge,
    catalog,
    near::nearest,
    permissions::{Base, Mistakes, PRESETS, Profile, Profiles},
    policy::{
        Workspace,
        own_files::{self, PERMISSIONS},
        paths::{Directory, private},
    },
    settings::Settings,
};
use anyhow::{Context, Result};
use std::path::Path;

/// Remembers that the file is the person's.
pub(super) fn accept(directory: &Path, mut show: impl FnMut(&str)) -> Result<bool> {
    let (folder, name) = (Directory::own(directory)?, PERMISSIONS.name);
    let remembered = own_files::remember_made(&folder, directory, &PERMISSIONS);
    remembered.with_context(|| format!("{name} must be in this folder, beside memory/, which must be writable"))?;
    show(&format!("{name} is taken as yours."));
    Ok(true)
}

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
    let path = file.unwrap_or(Path::new(PERMISSIONS.name));
    let Some(text) = read(file, directory)? else {
        let name = PERMISSIONS.name;
        show(&format!(
            "There is no {name} here: there are the presets alone, and an agent of which nothing is said has `trusted`."
        ));
        let base = Base { directory, settings, tools: &catalog::tools() };
        let presets = Profiles::read("", &base).map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
        return all_agents_have_one(&presets, path, directory, &mut show);
    };
    let base = Base { directory, settings, tools: &catalog::tools() };
    let Some(profiles) = without_mistakes(&text, path, &base, &mut show) else { return Ok(false) };
    let mut is_well = true;
    for profile in profiles.all().filter(|profile| !PRESETS.contains(&profile.name())) {
        is_well &= describe(profile, settings, directory, &mut show);
    }
    is_well &= all_agents_have_one(&profiles, path, directory, &mut show)?;
    if is_well {
        show(&format!("{} has no mistakes", path.display()));
    }
    Ok(is_well)
}

/// Whether the profile of each agent is there; says which is not.
fn all_agents_have_one(
    profiles: &Profiles,
    path: &Path,
    directory: &Path,
    show: &mut impl FnMut(&str),
) -> Result<bool> {
    let agents = Agents::open(&Bridge::folder_in(directory))?.all();
    let missing = agents.iter().filter(|agent| agent.revoked.is_none() && profiles.get(&agent.profile).is_none());
    let mut is_well = true;
    for Record { name, profile, .. } in missing {
        is_well = false;
        let near = nearest(profile, profiles.all().map(|profile| profile.name()));
        let near = near.first().map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
        show(&format!(
            "the agent `{name}` has the profile `{profile}`, which is not in {}{near}, so that its calls are refused: add it, or \
             give the agent another one with `mcp-server agent set {name} --profile …`",
            path.display()
        ));
    }
    Ok(is_well)
}

/// The profiles of a file that the person names; none where it has mistakes, which are shown.
///
/// # Errors
/// When it cannot be read.
pub(super) fn profiles(file: &Path, base: &Base<'_>, show: &mut impl FnMut(&str)) -> Result<Option<Profiles>> {
    let text = read(Some(file), base.directory)?.unwrap_or_default();
    Ok(without_mistakes(&text, file, base, show))
}

fn without_mistakes(text: &str, path: &Path, base: &Base<'_>, show: &mut impl FnMut(&str)) -> Option<Profiles> {
    Profiles::read(text, base).map_err(|mistakes| tell(&mistakes, path, show)).ok()
}

#[expect(clippy::disallowed_methods, reason = "a file that the person names on the command line")]
fn read(file: Option<&Path>, directory: &Path) -> Result<Option<String>> {
    let text = match file {
        None => Directory::own(directory).and_then(|folder| private::read_own(&folder, PERMISSIONS.name)),
        Some(file) => std::fs::read_to_string(file).map(Some),
    };
    let shown = file.unwrap_or(Path::new(PERMISSIONS.name)).display();
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
