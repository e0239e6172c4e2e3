//! What a view does to denied places: it covers them, and keeps what holds them from being renamed.
//!
//! A program may not rename a folder that holds a denied place, as the file routes may not: the place would come out
//! under another name, where the bridge's next start would not know it.

use super::{
    MOVED, private_keys,
    steps::{Step, at},
    view::{Draft, Shown},
    view_snapshot::{Names, is_socket},
};
use crate::policy::paths::{Identity, Kind, Present};
use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    io,
    path::{Path, PathBuf},
};

/// A step for each place, by where it is in the view: what holds a place comes before it.
type ByPlace = BTreeMap<PathBuf, Step>;

impl Draft<'_> {
    /// Pins what holds a denied place, one of the bridge's own or anything shown, then covers what is denied.
    pub(crate) fn denials(&self) -> io::Result<Vec<Step>> {
        let (mut pins, mut covers) = (ByPlace::new(), ByPlace::new());
        let hiding: HashSet<&Path> = self.bounds.present.iter().filter_map(Present::hides).collect();
        for place in &self.bounds.present {
            for (shown, path) in self.shown_at(&place.path) {
                let mut above = place.path.ancestors().skip(1).take_while(|above| above.starts_with(&shown.from));
                // What a folder that nobody sees into holds is covered with it.
                if !above.any(|above| hiding.contains(above)) {
                    self.pin_above(&path, &mut pins)?;
                    covers.extend(self.cover(place, path)?);
                }
            }
        }
        for shown in &self.shown {
            self.pin_above(&shown.at, &mut pins)?;
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

    /// Pins every folder above a place that programs could rename, in whichever place that is shown it lies.
    fn pin_above(&self, path: &Path, pins: &mut ByPlace) -> io::Result<()> {
        for folder in path.ancestors().skip(1) {
            if pins.contains_key(folder) {
                // So is all that is above it.
                break;
            }
            // What is shown is mounted, and so kept from being renamed already.
            if let Some(shown) = self.nearest(folder).filter(|shown| shown.writable && shown.at != folder) {
                let below = folder.strip_prefix(&shown.at).expect("it lies in what is shown");
                let is = self.looks.identity(&join(&shown.from, below)).ok_or_else(moved)?;
                pins.insert(folder.to_owned(), Step::Pin { at: at(folder), is });
            }
        }
        Ok(())
    }

    /// The server's private folders, which it shows to every program by their names.
    fn pin_private_folders(&self, pins: &mut ByPlace) -> io::Result<()> {
        let private = self.bounds.private();
        for folder in [private.home(), private.tmp()] {
            for (_, path) in self.shown_at(folder).into_iter().filter(|(shown, _)| shown.from != folder) {
                self.pin_above(&path.join("what is in it"), pins)?;
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
        if !place.denial.reading_too && place.kind == Kind::Folder {
            // A socket can be used where nothing can be written.
            steps.extend(self.cover_hidden(&place.path, &path)?);
        }
        let (at, is) = (at(&path), place.identity);
        let step = match place.denial.reading_too {
            true => hide(at, is, place.kind == Kind::Folder),
            false => Step::Keep { at, is },
        };
        steps.insert(path, step);
        Ok(steps)
    }

    /// Covers the machine's private keys wherever they are seen, by where they really are: what is shown of the
    /// machine's settings may lie elsewhere.
    pub(crate) fn private_keys(&self) -> Vec<Step> {
        let names = |folder: &Path| self.looks.names(folder, Names::All).unwrap_or_default();
        let hidden: BTreeSet<PathBuf> =
            private_keys::hidden(names).iter().filter_map(|path| self.looks.real(path)).collect();
        let covered = hidden.iter().flat_map(|real| {
            let is_folder = self.looks.leads_to_folder(real);
            let places = self.shown_at(real).into_iter();
            places.filter_map(move |(_, path)| Some(hide(at(&path), self.looks.identity(real)?, is_folder)))
        });
        covered.collect()
    }

    /// Shuts the foreign sockets wherever they are seen. One that is no longer where it was looked for may be anywhere.
    pub(crate) fn foreign_sockets(&self) -> io::Result<Vec<Step>> {
        let mut steps = Vec::new();
        for (socket, is) in self.reach.covered() {
            for (_, path) in self.shown_at(socket) {
                if self.looks.identity(socket) != Some(is) {
                    return Err(moved());
                }
                steps.push(Step::Shut { at: at(&path), is });
            }
        }
        Ok(steps)
    }

    /// Covers what in a folder has a name that begins with a dot and is the bridge's own: its folders and its socket.
    fn cover_hidden(&self, folder: &Path, path: &Path) -> io::Result<ByPlace> {
        let names = self.looks.names(folder, Names::Hidden)?;
        let covered = names.into_iter().filter_map(|name| {
            let (real, path) = (folder.join(&name), path.join(&name));
            let is_folder = self.looks.leads_to_folder(&real);
            let hidden = self.looks.link(&real).is_none() && (is_folder || is_socket(&real));
            let is = self.looks.identity(&real).filter(|_| hidden)?;
            let step = hide(at(&path), is, is_folder);
            Some((path, step))
        });
        Ok(covered.collect())
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
