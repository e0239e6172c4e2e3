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

/// What programs and people put behind a name for a copy, and what is left over of writing: behind a sign, with more or
/// nothing after it. A number counts, too.
const COPIES: [&str; 16] = [
    "bak", "backup", "old", "orig", "original", "save", "saved", "new", "tmp", "temp", "lock", "swp", "swo", "copy",
    "prev", "rpmsave",
];

/// Where Flatpak keeps what a program takes for a folder of the home.
const FLATPAK: [(&str, &str); 3] = [("config", ".config"), ("data", ".local/share"), ("cache", ".cache")];

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
        self.below(&name.to_string_lossy(), any_case).iter().any(|tree| tree.holds(rest, any_case))
    }

    /// What the list says of what lies at a name, or at the name that this one is a copy of.
    fn below(&self, name: &str, any_case: bool) -> Vec<&Self> {
        let known = |name: &str| {
            let small = name.to_ascii_lowercase();
            let named = self.names.get(&small).into_iter().flatten().filter(|(known, _)| any_case || *known == name);
            let fitting = self.patterns.iter().filter(|(pattern, _)| match any_case {
                true => fits(&small, &pattern.to_ascii_lowercase()),
                false => fits(name, pattern),
            });
            named.chain(fitting).map(|(_, tree)| tree).collect::<Vec<_>>()
        };
        originals(name).chain([name]).flat_map(known).collect()
    }

    /// The places that are there below a folder.
    fn find(&self, folder: &Path, found: &mut Vec<PathBuf>) {
        match entries(folder) {
            Ok(entries) => entries.iter().for_each(|name| self.find_at(folder.join(name), found)),
            // What would fit can be reached by its name, or once this user allows itself to look.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => match is_ours(folder) {
                true => found.push(folder.to_owned()),
                false => self.names.values().flatten().for_each(|(name, _)| self.find_at(folder.join(name), found)),
            },
            Err(_) => {}
        }
    }

    fn find_at(&self, place: PathBuf, found: &mut Vec<PathBuf>) {
        let any_case = ANY_CASE || place.starts_with("/mnt");
        let trees = self.below(&place.file_name().unwrap_or_default().to_string_lossy(), any_case);
        if trees.iter().any(|tree| tree.is_place) {
            return found.push(place);
        }
        trees.iter().for_each(|tree| tree.find(&place, found));
    }

    /// What the list says of what lies at a path.
    fn at(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |tree, name| tree.below(name, false).first().copied())
    }
}

/// The names that a name may be a copy of: `.netrc` of `.netrc~` and `.netrc.bak`, `.bash_history` of
/// `.bash_history-1234.tmp`, `config.json` of `.config.json.swp`.
fn originals(name: &str) -> impl Iterator<Item = &str> {
    let cuts = name.char_indices().skip(1).filter(|(_, sign)| "~._-".contains(*sign));
    cuts.filter(|(cut, _)| is_copy(&name[*cut..])).flat_map(|(cut, _)| {
        let original = &name[..cut];
        let hidden = name[cut..].starts_with(".sw").then(|| original.strip_prefix('.')).flatten();
        [Some(original), hidden].into_iter().flatten()
    })
}

fn is_copy(end: &str) -> bool {
    let word = end[1..].split(['~', '.', '_', '-']).next().unwrap_or_default().to_ascii_lowercase();
    let is_number = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    end == "~" || is_number || COPIES.contains(&&*word)
}

/// A path below a home as the program of a package sees it that has its own home there; none elsewhere.
fn in_package<'a>(below: &[&'a OsStr]) -> Option<Vec<&'a OsStr>> {
    match below {
        [snap, _, version, rest @ ..] if *snap == "snap" && is_version(version) => Some(rest.to_vec()),
        [var, app, _, rest @ ..] if *var == ".var" && *app == "app" => {
            let (first, more) = rest.split_first()?;
            let same = FLATPAK.iter().find(|(name, _)| *first == *name);
            Some(match same {
                Some((_, folder)) => folder.split('/').map(OsStr::new).chain(more.iter().copied()).collect(),
                None => rest.to_vec(),
            })
        }
        _ => None,
    }
}

fn is_version(name: &OsStr) -> bool {
    name == "common"
        || name == "current"
        || name.to_str().is_some_and(|name| name.trim_start_matches('x').parse::<u32>().is_ok())
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
        let lies = |below: &Path, any_case| {
            let below = names(below);
            let holds = |below: &[&OsStr]| PLACES.holds(below, any_case || ANY_CASE);
            holds(&below) || in_package(&below).is_some_and(|below| holds(&below))
        };
        self.others.iter().filter_map(|home| real.strip_prefix(home).ok()).any(|below| lies(below, false))
            || on_shelf(real).is_some_and(|(length, any_case)| {
                let below: PathBuf =
                    real.components().rev().take(length).collect::<Vec<_>>().into_iter().rev().collect();
                lies(&below, any_case)
            })
    }

    /// Every secret place that is there now. Folders are listed rather than names looked for: a home has few that the
    /// list names, and the list is long.
    pub fn places(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        for home in self.others.iter().cloned().chain(SHELVES.iter().flat_map(|shelf| on(shelf))) {
            PLACES.find(&home, &mut found);
            for version in within(&home.join("snap")).iter().flat_map(|package| within(package)) {
                if version.file_name().is_some_and(is_version) {
                    PLACES.find(&version, &mut found);
                }
            }
            for package in within(&home.join(".var/app")) {
                PLACES.find(&package, &mut found);
                for (name, same) in FLATPAK {
                    PLACES.at(same).expect("the list names places there").find(&package.join(name), &mut found);
                }
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

/// What is in a folder, by whole paths.
fn within(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().flatten().map(|name| folder.join(name)).collect()
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
        assert!(known.len() > 1000);
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
                for copy in ["~", ".bak", ".old", ".lock", "-1234.tmp", ".bak/id_rsa"] {
                    let copy = PathBuf::from(format!("{}{copy}", place.display()));
                    assert!(homes.deny(&copy), "{}", copy.display());
                }
                for package in ["snap/any/common", "snap/any/current", "snap/any/123", ".var/app/org.any.Any"] {
                    let place = Path::new(home).join(package).join(path.replace('*', "any"));
                    assert!(homes.deny(&place), "{}", place.display());
                }
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
