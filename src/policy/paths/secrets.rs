//! Places that are denied without being named in a setting: `secret_places.txt`, in every home.

use super::copies::originals;
use std::{collections::HashMap, ffi::OsStr, sync::LazyLock};

/// Of the system: its settings and accounts, the superuser's home, the kernel's windows into every process.
pub(crate) const SYSTEM: [&str; 4] = ["/etc", "/root", "/sys", "/proc"];

/// Whether names are usually found in any case.
pub(crate) const ANY_CASE: bool = cfg!(any(target_os = "macos", windows));

/// The list.
pub(crate) static PLACES: LazyLock<Tree> = LazyLock::new(|| {
    let mut tree = Tree::default();
    for (path, _) in listed() {
        tree.add(path.split('/'));
    }
    tree
});

/// The lines of the list: each place with what lies there.
pub(crate) fn listed() -> impl Iterator<Item = (&'static str, &'static str)> {
    let lines = include_str!("secret_places.txt").lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| line.split_once(": ").unwrap_or_else(|| panic!("no place and what lies there: {line}")))
}

/// The list by names, so that a check costs the depth of a path and not the length of the list.
#[derive(Debug, Default)]
pub(crate) struct Tree {
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
    pub(crate) fn holds(&self, below: &[&OsStr], any_case: bool) -> bool {
        let Some((name, rest)) = below.split_first().filter(|_| !self.is_place) else { return self.is_place };
        self.below(&name.to_string_lossy(), any_case).iter().any(|tree| tree.holds(rest, any_case))
    }

    /// The names that it lists, as they are written.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.names.values().flatten().map(|(name, _)| *name)
    }

    /// Whether it is a place itself.
    pub(crate) fn is_place(&self) -> bool {
        self.is_place
    }

    /// What the list says of what lies at a name, or at the name that this one is a copy of.
    pub(crate) fn below(&self, name: &str, any_case: bool) -> Vec<&Self> {
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
    pub(crate) fn at(&self, path: &str) -> Option<&Self> {
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
