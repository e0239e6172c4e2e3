//! The denied places: those of the settings and the bridge's own by path, those of homes by the list.

use super::{
    Denial, Intent, Spared,
    homes::Homes,
    linked,
    patterns::Fitting,
    places::{OWN_FILES, canonical, lies_under},
    secrets::{self, ANY_CASE},
};
use std::{
    collections::{BTreeSet, HashMap, HashSet},
    io,
    path::{Component, Path, PathBuf},
};

/// All that is denied. A check costs the depth of a path, however many places there are.
#[derive(Debug)]
pub(crate) struct Denials {
    /// Every place, those of homes last.
    list: Vec<Denial>,
    /// How many of them are not of homes.
    own: usize,
    unreadable: HashSet<PathBuf>,
    unwritable: HashSet<PathBuf>,
    homes: Homes,
    linked: BTreeSet<PathBuf>,
}

/// What of the bridge's own is not even read beside [`OWN_FILES`]: keys, what proves the person, the ways in that need no
/// key, and what was removed; nor what tells one agent of another.
const OWN: [&str; 9] = [
    "memory/undo",
    "memory/owner.token",
    "memory/owner.passphrase",
    "memory/.control",
    "memory/.socket",
    "memory/agents.json",
    "memory/oauth.json",
    "memory/processes",
    "memory/history",
];

impl Denials {
    /// What always holds for a bridge in `directory`, what the settings ask for, and the file of `rules` for commands.
    ///
    /// # Errors
    /// When what earlier starts kept cannot be read, or what this one found cannot be written.
    pub(crate) fn of_settings(
        asked: Vec<PathBuf>,
        rules: &str,
        directory: &Path,
        spared: &Spared,
    ) -> anyhow::Result<Self> {
        let mut linked = linked::kept(directory)?;
        let own = OWN_FILES.into_iter().chain(OWN).map(|name| directory.join(name));
        let system = secrets::SYSTEM.iter().map(PathBuf::from);
        let unreadable =
            own.chain(system).chain(asked).chain(linked.iter().cloned()).map(|path| Denial { path, reading_too: true });
        let rules = Some(rules).filter(|rules| !rules.is_empty()).map(|rules| directory.join(rules));
        let unwritable =
            rules.into_iter().chain([directory.join("memory")]).map(|path| Denial { path, reading_too: false });
        let denials = Self::new(unreadable.chain(unwritable), spared);
        for place in linked.difference(denials.linked()) {
            let (place, file) = (place.display(), linked::FILE);
            tracing::warn!(
                "{place} stays denied, since a link at a denied place led there at an earlier start: see {file}"
            );
        }
        if !denials.linked().is_subset(&linked) {
            linked.extend(denials.linked().iter().cloned());
            linked::keep(directory, &linked)?;
        }
        Ok(denials)
    }

    /// `places` in this order, then those of homes, where links do not deny what is `spared`.
    pub(crate) fn new(places: impl Iterator<Item = Denial>, spared: &Spared) -> Self {
        let (mut real, mut known, mut list, mut linked) = (HashMap::new(), HashSet::new(), Vec::new(), BTreeSet::new());
        let mut add = |list: &mut Vec<Denial>, denial: Denial, is_of_home: bool| {
            // Where the place is a link, both the link and what it leads to.
            let path = without_links(&denial.path, &mut real);
            let is_linked = path != denial.path && !(is_of_home && spared.spare(&path));
            if is_linked && denial.reading_too && is_there(&path) {
                linked.insert(path.clone());
            }
            let target = is_linked.then_some(Denial { path, ..denial });
            for one in target.into_iter().chain([denial]) {
                if known.insert((one.path.clone(), one.reading_too)) {
                    list.push(one);
                }
            }
        };
        places.for_each(|place| add(&mut list, place, false));
        let (own, homes) = (list.len(), Homes::find(spared));
        // What cannot be told now is told before each command, and keeps it from running.
        let there = homes.places().unwrap_or_default().places;
        there.into_iter().for_each(|path| add(&mut list, Denial { path, reading_too: true }, true));
        let paths = |reading_too| list.iter().filter(move |it| it.reading_too == reading_too).map(|it| key(&it.path));
        let (unreadable, unwritable) = (paths(true).collect(), paths(false).collect());
        Self { list, own, unreadable, unwritable, homes, linked }
    }

    /// What is there and was denied since a link leads to it.
    pub(crate) fn linked(&self) -> &BTreeSet<PathBuf> {
        &self.linked
    }

    /// Every place that is known by its path.
    pub(crate) fn list(&self) -> &[Denial] {
        &self.list
    }

    /// What of homes has come since the start: places, and the folders in which this user may not look for some now.
    ///
    /// # Errors
    /// When it cannot be told what is there.
    pub(crate) fn new_of_homes(&self) -> io::Result<Fitting> {
        let mut now = self.homes.places()?;
        now.places.retain(|path| !self.unreadable.contains(&key(path)));
        Ok(now)
    }

    /// Whether a place, absolute and without dots and links, is denied.
    pub(crate) fn deny(&self, real: &Path, intent: Intent) -> bool {
        let real = key(real);
        let is_kept = |path: &Path| intent == Intent::Write && self.unwritable.contains(path);
        real.ancestors().any(|path| self.unreadable.contains(path) || is_kept(path)) || self.homes.deny(&real)
    }

    /// Whether a place is denied as a secret of somebody's home.
    pub(crate) fn are_of_homes(&self, real: &Path) -> bool {
        let lies = |denial: &Denial| lies_under(real, &denial.path);
        self.homes.deny(&key(real)) || self.list[self.own..].iter().any(lies)
    }

    /// The denial, not of homes, by which a place is denied.
    pub(crate) fn covering(&self, real: &Path, intent: Intent) -> Option<&Denial> {
        let counts = |denial: &&Denial| denial.reading_too || intent == Intent::Write;
        self.list[..self.own].iter().filter(counts).find(|denial| lies_under(real, &denial.path))
    }

    /// Whether a place that may not be read is this one or lies above it.
    pub(crate) fn hide(&self, real: &Path) -> bool {
        self.unreadable.contains(&key(real)) || self.homes.deny(real)
    }

    /// Whether a denied place lies in a folder. One of a home counts where it is there; what cannot be looked through may
    /// hold anything.
    pub(crate) fn lie_in(&self, folder: &Path) -> bool {
        let holds = |path: &Path| lies_under(path, folder);
        let of_homes = || {
            let now = self.homes.places();
            now.map_or(true, |now| now.places.iter().chain(&now.barred).any(|path| holds(path)))
        };
        self.list[..self.own].iter().any(|denial| holds(&denial.path))
            || self.list[self.own..].iter().any(|denial| holds(&denial.path) && is_there(&denial.path))
            || of_homes()
    }
}

/// Whether something has this name, or may have it: it is enough that this user may not know.
#[expect(clippy::disallowed_methods, reason = "a denied place, of which nothing is opened")]
fn is_there(place: &Path) -> bool {
    let nothing = |error: io::Error| matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    !std::fs::symlink_metadata(place).is_err_and(nothing)
}

/// A path as it is compared.
fn key(path: &Path) -> PathBuf {
    if ANY_CASE { path.to_string_lossy().to_lowercase().into() } else { path.to_owned() }
}

#[expect(clippy::disallowed_methods, reason = "a denied place, of which nothing is opened")]
fn link(path: &Path) -> Option<PathBuf> {
    std::fs::read_link(path).ok()
}

/// The path without `.` and `..`.
fn without_dots(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => {
                plain.pop();
            }
            component => plain.push(component),
        }
    }
    plain
}

/// The path with the links of the part that is there followed; what was found out before is in `known`.
pub(crate) fn without_links(path: &Path, known: &mut HashMap<PathBuf, PathBuf>) -> PathBuf {
    if let Some(real) = known.get(path) {
        return real.clone();
    }
    // A link that leads to itself ends here.
    known.insert(path.to_owned(), path.to_owned());
    let real = canonical(path).unwrap_or_else(|_| match (path.parent(), path.file_name()) {
        (Some(holder), Some(name)) => {
            let holder = without_links(holder, known);
            match link(&holder.join(name)) {
                // What it leads to may come to be there.
                Some(target) => without_links(&without_dots(&holder.join(target)), known),
                None => holder.join(name),
            }
        }
        _ => path.to_owned(),
    });
    known.insert(path.to_owned(), real.clone());
    real
}
