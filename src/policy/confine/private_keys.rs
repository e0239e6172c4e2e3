//! What lies in the parts of `/etc` that programs see and is none of their business: the private keys of the machine.

use super::system_settings;
use globset::GlobBuilder;
use std::{
    ffi::OsString,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The places, with what lies there.
const PLACES: &str = include_str!("private_keys.txt");

/// How deep the settings of programs go at most.
const DEPTH: usize = 8;

/// What everybody may do with a folder that everybody may use: list it, and go through it.
const USABLE: u32 = 0o005;

/// What everybody may do with a file that everybody may use: read it.
const READABLE: u32 = 0o004;

/// Every one that there is; `names` gives the names in a folder.
pub(crate) fn hidden(names: impl Fn(&Path) -> Vec<OsString>) -> Vec<PathBuf> {
    let mut hidden: Vec<PathBuf> = places().flat_map(|place| found(place, &names)).collect();
    // Others may not read what the system keeps from them.
    if rustix::process::geteuid().is_root() {
        hidden.extend(not_for_everybody());
    }
    hidden.sort();
    // What lies in a hidden folder is hidden with it.
    hidden.dedup_by(|path, before| path.starts_with(before));
    hidden
}

fn places() -> impl Iterator<Item = &'static str> {
    let lines = PLACES.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_ascii_whitespace().next())
}

/// What is there of a place, name by name: only where a pattern stands is a folder listed.
fn found(place: &str, names: &impl Fn(&Path) -> Vec<OsString>) -> Vec<PathBuf> {
    let parts = place.split('/').filter(|part| !part.is_empty());
    parts.fold(vec![PathBuf::from("/")], |folders, part| {
        if !part.contains('*') {
            return folders.iter().map(|folder| folder.join(part)).filter(|path| path.exists()).collect();
        }
        let Ok(pattern) = GlobBuilder::new(part).literal_separator(true).build() else { return Vec::new() };
        let pattern = pattern.compile_matcher();
        let all = folders.iter().filter(|folder| folder.is_dir());
        all.flat_map(|folder| names(folder).into_iter().map(|name| (folder.join(&name), name)))
            .filter(|(_, name)| pattern.is_match(name))
            .map(|(path, _)| path)
            .collect()
    })
}

/// What in the settings that programs see is not for everybody to read, by the system's own rights.
fn not_for_everybody() -> Vec<PathBuf> {
    let mut hidden = Vec::new();
    for folder in system_settings::present().into_iter().filter(|path| path.is_dir()) {
        let mut entries = walkdir::WalkDir::new(folder).min_depth(1).max_depth(DEPTH).into_iter();
        while let Some(entry) = entries.next() {
            let Ok(entry) = entry else { continue };
            let Ok(data) = entry.metadata() else { continue };
            let wanted = if data.is_dir() { USABLE } else { READABLE };
            if !data.is_symlink() && data.mode() & wanted != wanted {
                hidden.push(entry.path().to_owned());
                if data.is_dir() {
                    entries.skip_current_dir();
                }
            }
        }
    }
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "in a scratch folder")]
    fn a_star_stands_for_part_of_one_name() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["tls/private", "qemu/private", "tls/certs", "private"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        let names = |folder: &Path| {
            let entries = std::fs::read_dir(folder).unwrap();
            entries.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>()
        };
        let mut found = found(&format!("{}/*/private", folder.path().display()), &names);
        found.sort();
        assert_eq!(found, ["qemu/private", "tls/private"].map(|name| folder.path().join(name)));
    }

    #[test]
    fn every_place_lies_in_settings_that_programs_see_and_says_what_it_holds() {
        for line in PLACES.lines().filter(|line| !line.starts_with('#')) {
            let (place, what) = line.split_once(' ').unwrap_or_default();
            let name = place.strip_prefix("/etc/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
            assert!(system_settings::is_shown(name) && !what.trim().is_empty(), "{line}");
        }
    }
}
