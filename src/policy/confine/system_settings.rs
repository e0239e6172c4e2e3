//! The harmless part of `/etc`: how to resolve names, check certificates, show times, find libraries, start programs.
//! `system_settings.txt` is the list.

use globset::{Glob, GlobSet, GlobSetBuilder};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::LazyLock,
};

const LIST: &str = include_str!("system_settings.txt");

static SHOWN: LazyLock<GlobSet> = LazyLock::new(|| {
    let mut names = GlobSetBuilder::new();
    for (name, _) in lines() {
        names.add(Glob::new(name).expect("the tests compile each name"));
    }
    names.build().expect("the tests compile each name")
});

fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    LIST.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '))
}

/// Whether commands see what has this name in `/etc`.
pub(crate) fn is_shown(name: &str) -> bool {
    SHOWN.is_match(name)
}

/// What commands see of `/etc`, where it is there, in the order of its names.
#[expect(clippy::disallowed_methods, reason = "it looks at the system's settings, which no caller names")]
pub(crate) fn present() -> Vec<PathBuf> {
    let entries = fs::read_dir("/etc").into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name()).filter(|name| name.to_str().is_some_and(is_shown));
    let mut shown: Vec<PathBuf> = names.map(|name| Path::new("/etc").join(name)).collect();
    shown.sort();
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_one_name_and_says_what_for() {
        for line in LIST.lines().filter(|line| !line.starts_with('#')) {
            let (name, what) = line.split_once(' ').unwrap_or_default();
            assert!(!name.is_empty() && !name.contains('/') && !what.trim().is_empty(), "{line}");
            Glob::new(name).unwrap();
        }
    }

    #[test]
    fn what_holds_passwords_or_says_how_the_machine_is_run_is_none_of_it() {
        for name in [
            "shadow",
            "gshadow",
            "sudoers",
            "sudoers.d",
            "ssh",
            "docker",
            "wgetrc",
            "environment",
            "machine-id",
            "cron.d",
        ] {
            assert!(!is_shown(name), "{name}");
        }
        assert!(is_shown("os-release") && is_shown("java-17-openjdk") && is_shown("hosts"));
    }
}
