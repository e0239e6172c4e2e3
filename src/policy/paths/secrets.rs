//! Places that are denied without being named in a setting: `secret_places.txt`, in every home.

use std::{
    collections::HashMap,
    ffi::OsStr,
    io,
    path::{Component, Path, PathBuf},
    sync::LazyLock,
};

/// Of the system: its settings and accounts, the superuser's home, the kernel's windows into every process.
pub const SYSTEM: [&str; 4] = ["/etc", "/root", "/sys", "/proc"];

/// Where homes are, also those that appear while the bridge runs. The last two are Windows' drives under WSL, where
/// names are found in any case.
const SHELVES: [&str; 6] =
    ["/home", "/var/home", "/export/home", "/Users", "/mnt/?/Users", "/mnt/?/Documents and Settings"];

/// The first names of places that homes of other systems have: many, and here usually none of them is there.
const ELSEWHERE: [&str; 2] = ["Library", "AppData"];

static PLACES: LazyLock<Tree> = LazyLock::new(|| {
    let mut tree = Tree::default();
    for (path, _) in listed() {
        tree.add(path.split('/'));
    }
    tree
});

/// The lines of the list: each place with what lies there.
fn listed() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = include_str!("secret_places.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("no place and what lies there: {line}")))
}

/// The list by names, so that a check costs the depth of a path and not the length of the list.
#[derive(Default)]
struct Tree {
    is_place: bool,
    /// By names in small letters, with how they are written.
    names: HashMap<String, Vec<(&'static str, Tree)>>,
    /// With a `*`.
    patterns: Vec<(&'static str, Tree)>,
}

impl Tree {
    fn add(&mut self, mut names: impl Iterator<Item = &'static str>) {
        let Some(name) = names.next() else {
            self.is_place = true;
            return;
        };
        let same = match name.contains('*') {
            true => &mut self.patterns,
            false => self.names.entry(name.to_ascii_lowercase()).or_default(),
        };
        let place = same.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            same.push((name, Self::default()));
            same.len() - 1
        });
        same[place].1.add(names);
    }

    /// Whether a path below a home is a place or lies in one.
    fn holds(&self, below: &[&OsStr], any_case: bool) -> bool {
        let Some((name, rest)) = below.split_first().filter(|_| !self.is_place) else { return self.is_place };
        let name = name.to_string_lossy();
        let small = name.to_ascii_lowercase();
        let named = self.names.get(&small).into_iter().flatten().filter(|(known, _)| any_case || *known == name);
        let fitting = self.patterns.iter().filter(|(pattern, _)| match any_case {
            true => fits(&small, &pattern.to_ascii_lowercase()),
            false => fits(&name, pattern),
        });
        named.chain(fitting).any(|(_, tree)| tree.holds(rest, any_case))
    }
}

/// Whether a name fits a pattern, in which each `*` stands for any letters.
fn fits(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            let ends = name.char_indices().map(|(end, _)| end).chain([name.len()]);
            { ends }.any(|end| fits(&name[end..], rest))
        }),
    }
}

/// The homes of this machine, and what of them is denied.
#[derive(Debug)]
pub struct Homes {
    /// Those that lie on no shelf.
    others: Vec<PathBuf>,
}

impl Homes {
    /// Those of the accounts and of the environment, and whatever lies on a shelf at any time.
    pub fn find() -> Self {
        let mut others: Vec<PathBuf> = std::env::home_dir().into_iter().chain(of_accounts()).collect();
        others.extend(others.clone().iter().filter_map(|home| really(home)));
        others.retain(|home| {
            home.is_absolute() && home != Path::new("/") && on_shelf(home).is_none_or(|(below, _)| below > 0)
        });
        others.sort();
        others.dedup();
        Self { others }
    }

    /// Whether something lies in a secret place of a home.
    pub fn deny(&self, real: &Path) -> bool {
        let lies = |below: &Path, any_case| PLACES.holds(&names(below), any_case || ANY_CASE);
        self.others.iter().filter_map(|home| real.strip_prefix(home).ok()).any(|below| lies(below, false))
            || on_shelf(real).is_some_and(|(length, any_case)| {
                let below: PathBuf =
                    real.components().rev().take(length).collect::<Vec<_>>().into_iter().rev().collect();
                lies(&below, any_case)
            })
    }

    /// Every secret place of the homes that are there now, whether or not it is there itself; those with a `*` where
    /// something fits.
    pub fn places(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for home in self.others.iter().cloned().chain(SHELVES.iter().flat_map(|shelf| on(shelf))) {
            let missing = ELSEWHERE.map(|name| (name, !is_there(&home.join(name))));
            let here = listed().filter(|(path, _)| !missing.iter().any(|(name, is)| *is && path.starts_with(name)));
            for (path, _) in here {
                expand(home.clone(), path, &mut found);
            }
        }
        found.sort();
        found.dedup();
        found
    }
}

/// Whether names are usually found in any case.
pub const ANY_CASE: bool = cfg!(any(target_os = "macos", windows));

fn names(path: &Path) -> Vec<&OsStr> {
    path.components().map(Component::as_os_str).collect()
}

/// How many names of a path lie below a home on a shelf, and whether its names are found in any case.
fn on_shelf(path: &Path) -> Option<(usize, bool)> {
    let all: Vec<&OsStr> =
        path.components().filter(|it| matches!(it, Component::Normal(_))).map(Component::as_os_str).collect();
    SHELVES.iter().find_map(|shelf| {
        let any_case = shelf.starts_with("/mnt/") || ANY_CASE;
        let parts: Vec<&str> = shelf.split('/').skip(1).collect();
        let same = |(part, name): (&&str, &&OsStr)| match *part {
            "?" => name.len() == 1,
            part if any_case => name.eq_ignore_ascii_case(part),
            part => **name == *part,
        };
        let fits = all.len() > parts.len() && parts.iter().zip(&all).all(same);
        fits.then(|| (all.len() - parts.len() - 1, any_case))
    })
}

/// The folders on a shelf.
fn on(shelf: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let pattern = shelf.replace('?', "*") + "/*";
    expand(PathBuf::from("/"), &pattern[1..], &mut found);
    found
}

/// The paths below a folder that fit a pattern: by name alone up to the first name with a `*`, by what is there then.
fn expand(folder: PathBuf, pattern: &str, found: &mut Vec<PathBuf>) {
    let (name, rest) = pattern.split_once('/').map_or((pattern, None), |(name, rest)| (name, Some(rest)));
    let next = |path: PathBuf, found: &mut Vec<PathBuf>| match rest {
        Some(rest) => expand(path, rest, found),
        None => found.push(path),
    };
    if !name.contains('*') {
        return next(folder.join(name), found);
    }
    let entries = match entries(&folder) {
        Ok(entries) => entries,
        // What would fit can be reached by its name, or once this user allows itself to look.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && is_ours(&folder) => return found.push(folder),
        Err(_) => return,
    };
    for entry in entries {
        if entry.to_str().is_some_and(|entry| fits(entry, name)) {
            next(folder.join(entry), found);
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the names of homes and of what the list names, before any caller")]
fn entries(folder: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    Ok(std::fs::read_dir(folder)?.flatten().map(|entry| entry.file_name()).collect())
}

/// Whether something has this name, or may have it: it is enough that this user may not know.
#[expect(clippy::disallowed_methods, reason = "a place of the list, of which nothing is opened")]
pub fn is_there(place: &Path) -> bool {
    let nothing = |error: io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    !std::fs::symlink_metadata(place).is_err_and(nothing)
}

#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "whose folder it is, of which nothing is opened")]
fn is_ours(folder: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(folder).is_ok_and(|found| found.uid() == rustix::process::geteuid().as_raw())
}

#[cfg(not(unix))]
fn is_ours(_: &Path) -> bool {
    false
}

#[expect(clippy::disallowed_methods, reason = "a home of the accounts, at start, before any caller")]
fn really(home: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(home).ok()
}

/// The homes of people and of the superuser by the list of accounts (passwd(5)); people's numbers begin at 1000.
#[expect(clippy::disallowed_methods, reason = "the list of accounts, at start, before any caller")]
fn of_accounts() -> Vec<PathBuf> {
    let accounts = if cfg!(unix) { std::fs::read_to_string("/etc/passwd").unwrap_or_default() } else { String::new() };
    let home = |line: &str| {
        let fields: Vec<&str> = line.split(':').collect();
        let number: u32 = fields.get(2)?.parse().ok()?;
        let home = PathBuf::from(*fields.get(5)?);
        (home.is_dir() && (number == 0 || number >= 1000)).then_some(home)
    };
    accounts.lines().filter_map(home).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn each_line_of_the_list_names_a_place_once_and_says_what_lies_there() {
        let mut known = HashSet::new();
        for (path, what) in listed() {
            assert!(known.insert(path), "{path} is listed twice");
            assert!(!what.trim().is_empty() && what == what.trim(), "{path}: {what:?}");
            let parts: Vec<&str> = path.split('/').collect();
            assert!(
                !parts.iter().any(|part| part.is_empty() || *part == ".." || *part == "*" && parts.len() < 3),
                "{path}"
            );
        }
        assert!(known.len() > 400);
    }

    #[test]
    fn each_place_is_denied_in_homes_of_every_kind_with_all_below_and_not_beside_it() {
        let homes = Homes { others: vec!["/srv/people/ana".into()] };
        for home in
            ["/srv/people/ana", "/home/later", "/var/home/ana", "/export/home/ana", "/Users/ana", "/mnt/d/Users/Ana"]
        {
            for (path, _) in listed() {
                let place = Path::new(home).join(path.replace('*', "any"));
                assert!(homes.deny(&place) && homes.deny(&place.join("below/it")), "{}", place.display());
                let holder = place.parent().unwrap();
                assert!(!homes.deny(&holder.join("zz-project")) || homes.deny(holder), "{}", holder.display());
            }
            for harmless in
                ["", ".sshx", "project/.ssh", ".claude", ".config", ".config/ghx", ".cargo/registry", "code/.npmrc"]
            {
                assert!(!homes.deny(&Path::new(home).join(harmless)), "{home}/{harmless}");
            }
        }
        assert!(homes.deny(Path::new("/mnt/c/users/Ana/appdata/local/google/chrome/User Data")));
        assert!(
            !homes.deny(Path::new("/mnt/data/.ssh")) && !homes.deny(Path::new("/home")) && !homes.deny(Path::new("/"))
        );
    }
}
