//! The homes of this machine, and what of them is denied.

use super::{
    Spared,
    patterns::Fitting,
    search::{Known, Search, really},
    secrets::{ANY_CASE, PLACES, Tree},
};
use std::{
    ffi::OsStr,
    io,
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

/// Where homes are, also those that appear while the bridge runs. The last two are Windows' drives under WSL, where
/// names are found in any case.
const SHELVES: [&str; 6] =
    ["/home", "/var/home", "/export/home", "/Users", "/mnt/?/Users", "/mnt/?/Documents and Settings"];

/// Where Flatpak keeps what a program takes for a folder of the home.
const FLATPAK: [(&str, &str); 3] = [("config", ".config"), ("data", ".local/share"), ("cache", ".cache")];

/// The homes, and what of them is denied.
#[derive(Debug, Default)]
pub(crate) struct Homes {
    /// Those that lie on no shelf.
    others: Vec<PathBuf>,
    /// Where links at a home or in it led at the start, with what the list says of what lies there.
    linked: Vec<(PathBuf, &'static Tree)>,
    /// What the last search saw.
    known: Mutex<Arc<Known>>,
}

impl Homes {
    /// Those of the accounts and of the environment, and whatever lies on a shelf at any time. Links deny nothing in what is
    /// `spared`.
    pub(crate) fn find(spared: &Spared) -> Self {
        let mut others: Vec<PathBuf> = std::env::home_dir().into_iter().chain(of_accounts()).collect();
        others.extend(others.clone().iter().filter_map(|home| really(home)));
        others.retain(|home| {
            home.is_absolute() && home != Path::new("/") && on_shelf(home).is_none_or(|(below, _)| below > 0)
        });
        others.sort();
        others.dedup();
        let homes = Self { others, ..Self::default() };
        // What cannot be told now is told before each command.
        let mut linked = homes.search().map(|search| search.linked).unwrap_or_default();
        linked.retain(|(folder, _)| !spared.spare(folder));
        Self { linked, ..homes }
    }

    /// Whether something lies in a secret place of a home.
    pub(crate) fn deny(&self, real: &Path) -> bool {
        let lies = |below: &Path, any_case| {
            let below = names(below);
            let holds = |below: &[&OsStr]| PLACES.holds(below, any_case || ANY_CASE);
            holds(&below) || in_package(&below).is_some_and(|below| holds(&below))
        };
        let is_linked = |(folder, tree): &(PathBuf, &Tree)| {
            real.strip_prefix(folder).is_ok_and(|below| tree.holds(&names(below), ANY_CASE))
        };
        self.others.iter().filter_map(|home| real.strip_prefix(home).ok()).any(|below| lies(below, false))
            || self.linked.iter().any(is_linked)
            || on_shelf(real).is_some_and(|(length, any_case)| {
                let below: PathBuf =
                    real.components().rev().take(length).collect::<Vec<_>>().into_iter().rev().collect();
                lies(&below, any_case)
            })
    }

    /// Every secret place that is there now, and the folders in which this user may not look for some.
    ///
    /// # Errors
    /// When it cannot be told what is there.
    pub(crate) fn places(&self) -> io::Result<Fitting> {
        self.search().map(|search| search.found)
    }

    fn search(&self) -> io::Result<Search> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut search = Search::knowing(known().clone());
        let on_shelves: Vec<PathBuf> = SHELVES.iter().flat_map(|shelf| search.on(shelf)).collect();
        self.others.iter().chain(&on_shelves).try_for_each(|home| search.home(home))?;
        *known() = Arc::new(std::mem::take(&mut search.seen));
        Ok(search)
    }
}

impl Search {
    /// What lies on a shelf. One that cannot be listed has no home that could be found in it.
    fn on(&mut self, shelf: &str) -> Vec<PathBuf> {
        let mut within = |folder: &PathBuf| self.folders(folder).unwrap_or_default();
        let folders = shelf.split('/').skip(1).fold(vec![PathBuf::from("/")], |above, part| match part {
            "?" => {
                let all = above.iter().flat_map(&mut within);
                all.filter(|path| path.file_name().is_some_and(|name| name.len() == 1)).collect()
            }
            part => above.into_iter().map(|folder| folder.join(part)).collect(),
        });
        folders.iter().flat_map(within).collect()
    }

    fn home(&mut self, home: &Path) -> io::Result<()> {
        if let Some(real) = Some(home).filter(|home| home.is_symlink()).and_then(really) {
            self.linked.push((real, &*PLACES));
        }
        self.below(home, &[&*PLACES])?;
        for package in self.within(&home.join("snap"))? {
            for version in self.within(&package)?.iter().filter(|path| path.file_name().is_some_and(is_version)) {
                self.below(version, &[&*PLACES])?;
            }
        }
        for package in self.within(&home.join(".var/app"))? {
            self.below(&package, &[&*PLACES])?;
            for (name, same) in FLATPAK {
                self.below(&package.join(name), &[PLACES.at(same).expect("the list names places there")])?;
            }
        }
        Ok(())
    }
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
    use crate::policy::paths::secrets::listed;

    #[test]
    fn each_place_is_denied_in_homes_of_every_kind_with_all_below_and_not_beside_it() {
        let homes = Homes { others: vec!["/srv/people/ana".into()], ..Homes::default() };
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

    #[test]
    fn what_an_attack_found_in_homes_is_denied() {
        let homes = Homes { others: vec!["/srv/people/ana".into()], ..Homes::default() };
        let files: Vec<&str> = include_str!("../../../tests/corpora/secret-files.txt").lines().collect();
        let open: Vec<&&str> =
            files.iter().filter(|file| !homes.deny(&Path::new("/srv/people/ana").join(file))).collect();
        assert!(files.len() > 250 && open.is_empty(), "{open:?}");
    }

    #[test]
    fn where_a_link_led_at_the_start_the_list_holds_for_what_comes_later() {
        let list = PLACES.at(".config").unwrap();
        let homes = Homes {
            others: vec!["/srv/people/ana".into()],
            linked: vec![("/data/conf".into(), list)],
            ..Homes::default()
        };
        for denied in ["/data/conf/gh/hosts.yml", "/data/conf/gh.bak", "/data/conf/Code/User/globalStorage/x"] {
            assert!(homes.deny(Path::new(denied)), "{denied}");
        }
        assert!(!homes.deny(Path::new("/data/conf/starship.toml")) && !homes.deny(Path::new("/data/gh")));
    }
}
