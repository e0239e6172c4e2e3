//! What calls on files are about, for whoever decides whether they are done.

use super::{Files, digest};
use crate::{
    permissions::{Needs, Subjects},
    policy::paths::{Found, Intent},
};
use std::{io::Read as _, path::Path};

/// Of a longer file an answer is bound to when it changed, and not to what is in it, in bytes.
const MAX_HASHED: u64 = 64 * 1024 * 1024;

/// A place that a call names.
pub(super) struct Place<'a> {
    /// As it was sent.
    pub(super) path: &'a str,
    pub(super) intent: Intent,
    /// Whether a link at its end stands for what it leads to.
    pub(super) follows: bool,
}

impl<'a> Place<'a> {
    pub(super) fn read(path: &'a str) -> Self {
        Self { path, intent: Intent::Read, follows: true }
    }

    pub(super) fn write(path: &'a str) -> Self {
        Self { path, intent: Intent::Write, follows: true }
    }

    /// The link itself where it is one.
    pub(super) fn itself(self) -> Self {
        Self { follows: false, ..self }
    }
}

impl Files {
    /// What a call is about that reads or changes these places.
    pub(super) fn about<'a>(&self, needs: Needs, places: impl IntoIterator<Item = Place<'a>>) -> Subjects {
        let mut about = Subjects::default();
        if !needs.paths && !needs.bound {
            return about;
        }
        for place in places {
            // What has none is refused for its text.
            let Some(path) = self.workspace.leads_to(place.path, place.follows) else { continue };
            if needs.bound && place.intent == Intent::Write {
                about.bound.push(self.state_of(&path));
            }
            about.paths.push((path, place.intent));
        }
        about
    }

    /// What is at a place now, in a word that is another one when it changes.
    fn state_of(&self, place: &Path) -> String {
        let shown = place.display();
        let Ok(path) = self.workspace.resolve_real(place, Intent::Read) else { return format!("{shown} is not open") };
        match path.found() {
            None => format!("{shown} is not there"),
            Some(found) if found.is_file() && found.size <= MAX_HASHED => {
                match path.open().map(|(file, _)| digest::of_reader(file.take(MAX_HASHED + 1))) {
                    Ok(Ok((digest, _))) => format!("{shown} holds {digest}"),
                    _ => format!("{shown} cannot be read"),
                }
            }
            Some(found) => format!("{shown} is {:?} since {}", found.identity, found.changed),
        }
    }

    /// How many files are at a place and below it, counted up to one more than `most`.
    pub(super) fn count_files(&self, path: &str, most: u64) -> u64 {
        let Some(place) = self.workspace.leads_to(path, false) else { return 0 };
        let Ok(found) = self.workspace.resolve_real(&place, Intent::Read) else { return 0 };
        if !found.found().is_some_and(Found::is_folder) {
            return u64::from(found.found().is_some());
        }
        let files = walkdir::WalkDir::new(place).into_iter().flatten().filter(|entry| !entry.file_type().is_dir());
        files.take(usize::try_from(most).unwrap_or(usize::MAX).saturating_add(1)).count() as u64
    }
}
