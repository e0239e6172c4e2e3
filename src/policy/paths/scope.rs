//! A part of the disk, by places and patterns: what callers may change.

use super::{
    Entry, PatternSet,
    asked::{Asked, check_commas},
    denials::without_links,
    places::lies_under,
};
use crate::settings::WritablePaths;
use anyhow::ensure;
use std::{
    collections::{BTreeSet, HashMap},
    io,
    path::{Path, PathBuf},
};

/// Places with all below them, and what fits patterns, now or later.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    places: Vec<PathBuf>,
    patterns: PatternSet,
}

impl Scope {
    /// What the settings let callers change; none: all that they may reach.
    ///
    /// # Errors
    /// When a place cannot be understood, or lies outside the roots.
    pub(super) fn of_settings(
        setting: &WritablePaths,
        directory: &Path,
        roots: &[PathBuf],
    ) -> anyhow::Result<Option<Self>> {
        const NAME: &str = "MCP_WRITABLE_PATHS";
        let WritablePaths::Only(paths) = setting else { return Ok(None) };
        check_commas(NAME, paths, &[&[directory.to_owned()], roots].concat())?;
        let scope = Self::of(NAME, paths, directory, roots)?;
        for place in scope.places() {
            let lies_in_root =
                roots.is_empty() || roots.iter().any(|root| lies_under(place, root) || lies_under(root, place));
            ensure!(
                lies_in_root,
                "{NAME} names {}, which lies in no folder of MCP_ALLOWED_DIRS: add it there, or take it out here",
                place.display()
            );
        }
        Ok(Some(scope))
    }

    /// What the texts of the setting `name` mean. A place need not be there.
    ///
    /// # Errors
    /// When one cannot be understood.
    fn of(name: &str, texts: &[String], directory: &Path, roots: &[PathBuf]) -> anyhow::Result<Self> {
        let asked = Asked::of(name, texts, directory, roots)?;
        let mut known = HashMap::new();
        let mut places: Vec<PathBuf> = asked.places.iter().map(|place| without_links(place, &mut known)).collect();
        places.sort();
        places.dedup();
        Ok(Self { places, patterns: PatternSet::new(asked.patterns) })
    }

    /// Its places, without links in them.
    pub(crate) fn places(&self) -> &[PathBuf] {
        &self.places
    }

    /// Whether something that really lies at `real` belongs to it.
    pub(crate) fn holds(&self, real: &Path) -> bool {
        self.places.iter().any(|place| lies_under(real, place)) || self.patterns.covers(real)
    }

    /// Its places, and what is there now of what fits its patterns within `roots`, by the deepest folders that hold all of
    /// it. `entries` tells what is in a folder.
    ///
    /// # Errors
    /// When there is too much to look through, and what `entries` fails with.
    pub(crate) fn now(
        &self,
        roots: &[PathBuf],
        entries: &mut dyn FnMut(&Path) -> io::Result<Vec<Entry>>,
    ) -> io::Result<BTreeSet<PathBuf>> {
        let mut all: BTreeSet<PathBuf> = self.places.iter().cloned().collect();
        for pattern in self.patterns.patterns() {
            all.extend(pattern.found(roots, entries)?.places);
        }
        let within = |place: &PathBuf| match roots.iter().find(|root| root.starts_with(place)) {
            // A root in it is what is left of it.
            Some(_) => roots.iter().filter(|root| root.starts_with(place)).cloned().collect(),
            None => vec![place.clone()],
        };
        let all: BTreeSet<PathBuf> = all.iter().flat_map(within).collect();
        Ok(all.iter().filter(|place| !place.ancestors().skip(1).any(|above| all.contains(above))).cloned().collect())
    }
}
