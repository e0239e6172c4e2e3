//! Places that are denied without being named in a setting: `secret_places.txt`, in every home.

use super::{copies::originals, patterns::Fitting};
use std::{
    collections::HashMap,
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    sync::LazyLock,
};

/// Of the system: its settings and accounts, the superuser's home, the kernel's windows into every process.
pub const SYSTEM: [&str; 4] = ["/etc", "/root", "/sys", "/proc"];

/// Whether names are usually found in any case.
pub const ANY_CASE: bool = cfg!(any(target_os = "macos", windows));

/// The list.
pub static PLACES: LazyLock<Tree> = LazyLock::new(|| {
    let mut tree = Tree::default();
    for (path, _) in listed() {
        tree.add(path.split('/'));
    }
    tree
});

/// The lines of the list: each place with what lies there.
pub fn listed() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = include_str!("secret_places.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("no place and what lies there: {line}")))
}

/// The list by names, so that a check costs the depth of a path and not the length of the list.
#[derive(Debug, Default)]
pub struct Tree {
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
    pub fn holds(&self, below: &[&OsStr], any_case: bool) -> bool {
        let Some((name, rest)) = below.split_first().filter(|_| !self.is_place) else { return self.is_place };
        self.below(&name.to_string_lossy(), any_case).iter().any(|tree| tree.holds(rest, any_case))
    }

    /// What the list says of what lies at a name, or at the name that this one is a copy of.
    fn below(&self, name: &str, any_case: bool) -> Vec<&Self> {
        let mut found = Vec::new();
        self.add_below(name, any_case, &mut found);
        originals(name).for_each(|original| self.add_below(original, any_case, &mut found));
        found
    }

    fn add_below<'a>(&'a self, name: &str, any_case: bool, found: &mut Vec<&'a Self>) {
        // Folders of many names are looked through for a few patterns.
        if any_case || !self.names.is_empty() {
            let small = name.to_ascii_lowercase();
            let named = self.names.get(&small).into_iter().flatten().filter(|(known, _)| any_case || *known == name);
            found.extend(named.map(|(_, tree)| tree));
        }
        let fitting = self.patterns.iter().filter(|(pattern, _)| match any_case {
            true => fits(&name.to_ascii_lowercase(), &pattern.to_ascii_lowercase()),
            false => fits(name, pattern),
        });
        found.extend(fitting.map(|(_, tree)| tree));
    }

    /// What the list says of what lies at a path.
    pub fn at(&self, path: &str) -> Option<&Self> {
        path.split('/').try_fold(self, |tree, name| tree.below(name, false).first().copied())
    }
}

/// Whether a name fits a pattern, in which each `*` stands for any letters.
fn fits(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => name == pattern,
        Some((start, rest)) if !rest.contains('*') => name.strip_prefix(start).is_some_and(|name| name.ends_with(rest)),
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|name| {
            let ends = name.char_indices().map(|(end, _)| end).chain([name.len()]);
            { ends }.any(|end| fits(&name[end..], rest))
        }),
    }
}

/// A look for what is there of the list. Folders are listed rather than names looked for: a home has few of those that the
/// list names, and the list is long.
#[derive(Debug, Default)]
pub struct Search {
    /// The places, and the folders in which some may be although this user may not look there now.
    pub found: Fitting,
    /// Where links among the folders lead, with what the list says of what lies there.
    pub linked: Vec<(PathBuf, &'static Tree)>,
}

impl Search {
    /// Looks through a folder, of which the list says this.
    ///
    /// # Errors
    /// When it cannot be told what is in it.
    pub fn below(&mut self, folder: &Path, trees: &[&'static Tree]) -> io::Result<()> {
        let there = match entries(folder) {
            Ok(there) => there,
            // What is in it can be reached by its name all the same.
            Err(error) if self.bars(folder, &error)? => {
                let names = trees.iter().flat_map(|tree| tree.names.values()).flatten();
                let there = names.filter(|(name, _)| is_there(&folder.join(name)));
                there.map(|(name, _)| (OsString::from(name), folder.join(name).is_symlink())).collect()
            }
            Err(_) => Vec::new(),
        };
        let any_case = ANY_CASE || folder.starts_with("/mnt");
        for (name, is_link) in there {
            let said = |tree: &&'static Tree| tree.below(&name.to_string_lossy(), any_case);
            let trees: Vec<&'static Tree> = trees.iter().flat_map(said).collect();
            if !trees.is_empty() {
                self.at(folder.join(name), is_link, &trees)?;
            }
        }
        Ok(())
    }

    /// The folders, and whatever else, in a folder of which the list says nothing.
    ///
    /// # Errors
    /// As [`Self::below`].
    pub fn within(&mut self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        match entries(folder) {
            Ok(entries) => Ok(entries.into_iter().map(|(name, _)| folder.join(name)).collect()),
            Err(error) => self.bars(folder, &error).map(|_| Vec::new()),
        }
    }

    fn at(&mut self, place: PathBuf, is_link: bool, trees: &[&'static Tree]) -> io::Result<()> {
        if trees.iter().any(|tree| tree.is_place) {
            self.found.places.insert(place);
            return Ok(());
        }
        if let Some(real) = Some(&place).filter(|_| is_link).and_then(|place| really(place)) {
            self.linked.extend(trees.iter().map(|tree| (real.clone(), *tree)));
        }
        self.below(&place, trees)
    }

    /// Notes a folder in which this user could allow itself to look, and says of another one whether what is in it can be
    /// reached by name.
    fn bars(&mut self, folder: &Path, error: &io::Error) -> io::Result<bool> {
        if is_nothing(error) {
            return Ok(false);
        }
        if error.kind() != io::ErrorKind::PermissionDenied {
            return Err(io::Error::new(
                error.kind(),
                format!("{} cannot be looked through: {error}", folder.display()),
            ));
        }
        let is_barred = is_ours(folder).or_else(|error| match error.kind() {
            // Something above it is what may not be looked into.
            io::ErrorKind::PermissionDenied => Ok(true),
            _ if is_nothing(&error) => Ok(false),
            _ => Err(error),
        })?;
        if is_barred {
            self.found.barred.insert(folder.to_owned());
        }
        Ok(!is_barred && is_there(&folder.join(".")))
    }
}

/// What is in a folder: names, and whether each is a link.
#[expect(clippy::disallowed_methods, reason = "the names of homes and of what the list names, before any caller")]
fn entries(folder: &Path) -> io::Result<Vec<(OsString, bool)>> {
    let entry = |entry: io::Result<std::fs::DirEntry>| {
        entry.map(|entry| (entry.file_name(), entry.file_type().is_ok_and(|kind| kind.is_symlink())))
    };
    std::fs::read_dir(folder)?.map(entry).collect()
}

/// Whether the system's answer means that no such folder is there, whoever looks.
fn is_nothing(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | InvalidFilename) || is_circle(error)
}

#[cfg(unix)]
fn is_circle(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::LOOP)
}

#[cfg(not(unix))]
fn is_circle(_: &io::Error) -> bool {
    false
}

/// Whether something has this name and can be seen by this user.
#[expect(clippy::disallowed_methods, reason = "a place of the list, of which nothing is opened")]
fn is_there(place: &Path) -> bool {
    std::fs::symlink_metadata(place).is_ok()
}

/// Whether this user could allow itself to look into a folder. The superuser's programs can become its owner.
#[cfg(unix)]
#[expect(clippy::disallowed_methods, reason = "whose folder it is, of which nothing is opened")]
fn is_ours(folder: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let user = rustix::process::geteuid();
    Ok(user.is_root() || std::fs::metadata(folder)?.uid() == user.as_raw())
}

#[cfg(not(unix))]
fn is_ours(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Where a link leads.
#[expect(clippy::disallowed_methods, reason = "a home, or a folder of the list, before any caller")]
pub fn really(path: &Path) -> Option<PathBuf> {
    std::fs::canonicalize(path).ok()
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
    fn a_name_with_a_star_stands_for_any_letters_of_one_name() {
        assert!(fits("google-chrome-beta", "google-chrome*") && fits("google-chrome", "google-chrome*"));
        assert!(!fits("chrome", "google-chrome*") && fits("x.secret.y", "*secret*") && !fits("secrt", "*secret*"));
    }
}
