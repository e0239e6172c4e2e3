//! Settings of programs that commands need and do not see: each gets a copy of what is known to be harmless in it, which
//! stands in the view where the file would be. The copies are files of the view alone; nothing of them is on the disk.

mod allowed;
mod lines;
mod public_keys;
mod tables;

use super::{
    steps::{Step, at},
    view::{Copy, Draft},
    view_snapshot::{Names, ViewSnapshot},
    whole_files::WholeFiles,
};
use crate::policy::paths::Kind;
use allowed::{SETS, Set, Syntax};
use std::{
    ffi::CString,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

/// Where the copies lie in the view before they are shown at their places.
const STORE: &str = "/run/settings";

/// Where those of the system lie.
const SYSTEM: &str = "/etc";

/// The bit of a file's mode that lets everybody read it.
const FOR_ALL: u32 = 0o004;

/// The longest of these files, and all of them together, in bytes: what is larger is no settings, or not worth its memory
/// in each view.
const LONGEST: usize = 128 * 1024;
const ALL: usize = 512 * 1024;

/// The files of which there is a copy, below `home` those of it: each that is given whole, and those of the list with what is
/// harmless in them.
fn files(home: &Path, given: &WholeFiles, looks: &ViewSnapshot) -> Vec<(PathBuf, Option<&'static Set>)> {
    let whole: Vec<PathBuf> = given.in_home(home).collect();
    let paths = SETS.iter().flat_map(|set| set.files.iter().map(move |file| (*file, set)));
    let found = paths.flat_map(|(path, set)| {
        let path = match path.strip_prefix("~/") {
            Some(below) => home.join(below),
            None => PathBuf::from(path),
        };
        expand(&path, looks).into_iter().map(move |path| (path, Some(set)))
    });
    let others = found.filter(|(path, _)| !whole.contains(path));
    whole.iter().cloned().map(|path| (path, None)).chain(others).collect()
}

/// What fits a path whose last name may begin with `*`.
fn expand(path: &Path, looks: &ViewSnapshot) -> Vec<PathBuf> {
    let end = path.file_name().and_then(|name| name.to_str()?.strip_prefix('*'));
    let (Some(folder), Some(end)) = (path.parent(), end) else { return vec![path.to_owned()] };
    let is_folder = looks.leads_to_folder(folder);
    let names = is_folder.then(|| looks.names(folder, Names::All).ok()).flatten().unwrap_or_default();
    let paths = names.into_iter().map(|name| folder.join(name));
    paths.filter(|path| path.as_os_str().as_bytes().ends_with(end.as_bytes())).collect()
}

/// What a file says; none for what is no text.
fn text(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

/// What is harmless in a file of settings; none where nothing of it may be shown.
fn harmless(text: &str, set: &Set) -> Option<String> {
    match set.syntax {
        Syntax::Toml => tables::harmless(text, set),
        Syntax::Keys => Some(public_keys::harmless(text)),
        _ => lines::harmless(text, set),
    }
}

impl Draft<'_> {
    /// Puts copies of what is there, and programs would not see, into the frame. To be called when all else is shown.
    pub(crate) fn copy_settings(&mut self) {
        let mut room = ALL;
        let home = &self.bounds.home;
        // Where the home is seen by a link, the copies belong where that leads; a private home stands at the path itself.
        let is_behind_link = self.is_linked(home) || self.is_of_the_disk(home);
        let home = if is_behind_link { self.looks.real(home) } else { Some(home.clone()) };
        for (place, set) in files(&home.unwrap_or_default(), &self.bounds.files, &self.looks) {
            // Nothing is written through a link: behind it may lie the file itself.
            if self.is_linked(&place) {
                continue;
            }
            if let Some(text) = self.text_of(&place, set).filter(|text| text.len() <= room) {
                room -= text.len();
                self.copy(place, &text);
            }
        }
    }

    fn copy(&mut self, place: PathBuf, text: &str) {
        let number = self.copies.len();
        let (stored, place) = match self.nearest(&place) {
            // The frame has its folder, or can have it.
            None => return self.write(&place, text),
            Some(shown) if self.bounds.private().holds(&shown.from) => {
                let below = place.strip_prefix(&shown.at).expect("it lies in what is shown");
                if self.bounds.private().make_mount_point(&shown.from.join(below), false).is_err() {
                    return;
                }
                (store(number), place)
            }
            Some(_) => match self.covered_folder_of(&place) {
                // Nothing can be mounted in what is covered: all copies that belong there come as one folder.
                Some(folder) => {
                    let known = self.copies.iter().find(|copy| copy.place == folder).map(|copy| copy.stored.clone());
                    let stored = known.clone().unwrap_or_else(|| store(number));
                    let below = place.strip_prefix(&folder).expect("it lies in the folder");
                    self.write(&stored.join(below), text);
                    if known.is_none() {
                        self.copies.push(Copy { stored, place: folder });
                    }
                    return;
                }
                None => (store(number), place),
            },
        };
        self.write(&stored, text);
        self.copies.push(Copy { stored, place });
    }

    /// A file of the frame.
    fn write(&mut self, path: &Path, text: &str) {
        self.folder(path.parent().unwrap_or(Path::new("/")));
        self.frame.push(Step::File(at(path)));
        let text = CString::new(text).expect("a text with a NUL is no settings");
        self.frame.push(Step::Say { text, at: at(path) });
    }

    /// The text for programs, of a file that they do not see themselves: what is harmless in it, or all that the settings
    /// give. A link to another denied place brings nothing out of it.
    fn text_of(&self, place: &Path, set: Option<&Set>) -> Option<String> {
        let real = self.looks.real(place)?;
        if self.is_of_the_disk(place) && !self.bounds.denies(&real) {
            return None;
        }
        let is_of_system = place.starts_with(SYSTEM);
        let base = if is_of_system { PathBuf::from(SYSTEM) } else { self.looks.real(&self.bounds.home)? };
        let below = place.strip_prefix(&self.bounds.home).unwrap_or(place);
        let may = [place, &real].iter().all(|path| !self.bounds.is_denied_by_settings(path))
            && !self.is_of_another(&real)
            && (base.join(below) == real || self.bounds.may_show_tool(&real))
            && (set.is_some() || self.bounds.is_of_homes_alone(&real));
        let (bytes, mode) = may.then(|| self.looks.content(&real, &base, LONGEST)).flatten()?;
        // What the system keeps from some of its users it keeps from a superuser's commands, too.
        let is_for_all = mode & FOR_ALL != 0;
        let text = text(bytes).filter(|_| is_for_all || !is_of_system)?;
        match set {
            Some(set) => harmless(&text, set),
            None => Some(text),
        }
    }

    /// Whether a path leads into another denied place, which was moved there or is mounted there.
    fn is_of_another(&self, real: &Path) -> bool {
        let mut holding = self.bounds.present.iter().filter(|it| it.denial.reading_too && real.starts_with(&it.path));
        holding.any(|it| self.looks.real(&it.denial.path).as_ref() != Some(&it.path))
    }

    /// The folder, of those that nobody sees into, that a place lies in.
    fn covered_folder_of(&self, place: &Path) -> Option<PathBuf> {
        let covered = self.bounds.present.iter().filter(|it| it.kind == Kind::Folder && it.denial.reading_too);
        let above = covered.map(|it| &it.path).filter(|folder| place.starts_with(folder) && place != *folder);
        above.min_by_key(|folder| folder.components().count()).cloned()
    }

    /// Shows the copies over what covers their places; where that fails, nothing is shown there.
    pub(crate) fn show_copies(&self) -> Vec<Step> {
        self.copies.iter().map(|copy| Step::Offer { from: at(&copy.stored), at: at(&copy.place) }).collect()
    }
}

fn store(number: usize) -> PathBuf {
    Path::new(STORE).join(number.to_string())
}
