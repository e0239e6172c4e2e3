//! What a view does to denied places: it covers them, and keeps what holds them from being renamed.
//!
//! A program may not rename a folder that holds a denied place, as the file routes may not: the place would come out
//! under another name, where the bridge's next start would not know it.

use super::{
    MOVED,
    looks::Names,
    private_keys,
    steps::{Step, at},
    view::{Draft, Shown},
};
use crate::policy::paths::{Identity, Kind, Present};
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

/// A step for each place, by where it is in the view: what holds a place comes before it.
type ByPlace = BTreeMap<PathBuf, Step>;

impl Draft<'_> {
    /// Pins what holds a denied place or one of the bridge's own, then covers what is denied.
    pub fn denials(&self) -> io::Result<Vec<Step>> {
        let (mut pins, mut covers) = (ByPlace::new(), ByPlace::new());
        for name in &self.bounds.denied {
            // What comes to have it is noticed.
            self.looks.leads_somewhere(&name.path);
        }
        for place in &self.bounds.present {
            for (shown, path) in self.shown_at(&place.path) {
                if !self.is_covered_with_another(place, shown) {
                    self.pin_above(&path, shown, &mut pins)?;
                    covers.extend(self.cover(place, path)?);
                }
            }
        }
        self.pin_private_folders(&mut pins)?;
        Ok(pins.into_values().chain(covers.into_values()).collect())
    }

    /// Where a place of the machine is seen.
    fn shown_at(&self, path: &Path) -> Vec<(&Shown, PathBuf)> {
        let places = self.shown.iter().filter_map(|shown| {
            let place = join(&shown.at, path.strip_prefix(&shown.from).ok()?);
            let is_seen = self.nearest(&place).is_some_and(|nearest| nearest.at == shown.at);
            is_seen.then_some((shown, place))
        });
        places.collect()
    }

    /// Whether a folder that nobody sees into holds it.
    fn is_covered_with_another(&self, place: &Present, shown: &Shown) -> bool {
        self.bounds.present.iter().any(|other| {
            let hides = other.denial.reading_too && other.path != place.path && other.path.starts_with(&shown.from);
            hides && place.path.starts_with(&other.path)
        })
    }

    /// Pins the folders between a place and the top of what is shown, where programs may change that.
    fn pin_above(&self, path: &Path, shown: &Shown, pins: &mut ByPlace) -> io::Result<()> {
        let above = path.ancestors().skip(1).take_while(|above| *above != shown.at && above.starts_with(&shown.at));
        for folder in above.filter(|_| shown.writable) {
            self.pin(folder, shown, pins)?;
        }
        Ok(())
    }

    fn pin(&self, folder: &Path, shown: &Shown, pins: &mut ByPlace) -> io::Result<()> {
        let below = folder.strip_prefix(&shown.at).expect("it lies in what is shown");
        let is = self.looks.identity(&join(&shown.from, below)).ok_or_else(moved)?;
        pins.insert(folder.to_owned(), Step::Pin { at: at(folder), is });
        Ok(())
    }

    /// The server's private folders, which it shows to every program by their names, and the places in them that tools
    /// are mounted on.
    fn pin_private_folders(&self, pins: &mut ByPlace) -> io::Result<()> {
        let private = self.bounds.private();
        for folder in [private.home(), private.tmp()] {
            for (shown, path) in self.shown_at(folder).into_iter().filter(|(shown, _)| shown.from != folder) {
                self.pin_above(&path.join("what is in it"), shown, pins)?;
            }
        }
        for tool in &self.shown {
            let holder = tool.at.parent().and_then(|above| self.nearest(above));
            if let Some(holder) = holder.filter(|holder| private.holds(&holder.from)) {
                self.pin_above(&tool.at, holder, pins)?;
            }
        }
        Ok(())
    }

    fn cover(&self, place: &Present, path: PathBuf) -> io::Result<ByPlace> {
        let mut steps = ByPlace::new();
        if place.kind == Kind::Link {
            // What it leads to is a place of its own.
            return Ok(steps);
        }
        if self.looks.identity(&place.path) != Some(place.identity) {
            return Err(moved());
        }
        if !place.denial.reading_too {
            // A socket can be used where nothing can be written.
            steps.extend(self.cover_hidden(&place.path, &path));
        }
        let (at, is) = (at(&path), place.identity);
        let step = match place.denial.reading_too {
            true => hide(at, is, place.kind == Kind::Folder),
            false => Step::Keep { at, is },
        };
        steps.insert(path, step);
        Ok(steps)
    }

    /// Covers the machine's private keys in what is shown of its settings.
    pub fn private_keys(&self) -> Vec<Step> {
        let names = |folder: &Path| self.looks.names(folder, Names::All).unwrap_or_default();
        let hidden = private_keys::hidden(names).into_iter();
        let shown = hidden.filter(|path| self.is_of_the_disk(path) && self.looks.real(path).as_deref() == Some(path));
        let covered = shown.filter_map(|path| {
            let is = self.looks.identity(&path)?;
            Some(hide(at(&path), is, self.looks.leads_to_folder(&path)))
        });
        covered.collect()
    }

    /// Covers what in a folder has a name that begins with a dot and is the bridge's own: its folders and its socket.
    fn cover_hidden(&self, folder: &Path, path: &Path) -> ByPlace {
        let names = self.looks.names(folder, Names::Hidden).unwrap_or_default();
        let covered = names.into_iter().filter_map(|name| {
            let (real, path) = (folder.join(&name), path.join(&name));
            let is_folder = self.looks.leads_to_folder(&real);
            let hidden = self.looks.link(&real).is_none() && (is_folder || self.looks.is_socket(&real));
            let is = self.looks.identity(&real).filter(|_| hidden)?;
            let step = hide(at(&path), is, is_folder);
            Some((path, step))
        });
        covered.collect()
    }
}

fn hide(at: std::ffi::CString, is: Identity, is_folder: bool) -> Step {
    if is_folder { Step::Cover { at, is } } else { Step::Shut { at, is } }
}

fn join(place: &Path, below: &Path) -> PathBuf {
    if below.as_os_str().is_empty() { place.to_owned() } else { place.join(below) }
}

fn moved() -> io::Error {
    io::Error::from_raw_os_error(MOVED)
}
