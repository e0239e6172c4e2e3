//! The walk from the root of the file system to where a path leads, by descriptors, following links by itself.

use super::{Directory, Found, Intent, Kind, Named, Workspace, same_name};
use crate::error::Error;
use std::{
    ffi::OsString,
    io,
    path::{Component, Path, PathBuf},
};

/// As many links as Linux follows in one path (path_resolution(7)).
const MAX_LINKS: usize = 40;

/// How often a directory may turn into something else between a look and a step before the walk gives up.
const MAX_SWAPS: usize = 16;

/// Where a path leads.
pub(crate) struct Place {
    /// The last directory on the way that is there.
    pub holder: Directory,
    /// Directories that would have to be made between it and the name.
    pub missing: Vec<OsString>,
    /// The last name; `.` for the root of the file system.
    pub name: OsString,
    /// The whole path, without links.
    pub real: PathBuf,
    /// What has the name.
    pub found: Option<Found>,
}

/// Why the walk ended early.
pub(crate) enum Stop {
    /// It left the roots or came into a denied place.
    Refused,
    /// The system refused a step.
    Failed(io::Error),
    /// The links lead in a circle.
    Circle,
}

impl Stop {
    /// Something on the way is no directory.
    pub(crate) fn no_folder() -> Self {
        Self::Failed(io::ErrorKind::NotADirectory.into())
    }

    /// As the caller is told.
    pub(crate) fn explain(self, named: Named, intent: Intent) -> Error {
        match self {
            Self::Refused => named.refused(),
            Self::Circle => Error::Unusable("The path's links lead in a circle, or there are too many of them".into()),
            Self::Failed(error) => match error.kind() {
                io::ErrorKind::NotADirectory if intent == Intent::Write => {
                    Error::Unusable("A part of the path that should be a directory is a file".into())
                }
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => named.not_found(),
                _ => error.into(),
            },
        }
    }
}

/// How a path is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Whether a link at the end is followed too.
    pub follow: bool,
    /// Whether names are meant to the byte; otherwise one that is not there may be there in another form of Unicode.
    pub exact: bool,
}

/// Walks to `path`, which is absolute and without dots.
pub(crate) fn walk(workspace: &Workspace, path: &Path, intent: Intent, manner: Manner) -> Result<Place, Stop> {
    let place = match without_links(workspace, path, intent, manner) {
        Some(place) => place,
        None => Walk::new(workspace, path, intent, manner).run()?,
    };
    let is_denied = place.found.is_some_and(|found| workspace.is_denied_place(found.identity, intent));
    if is_denied || workspace.lies_in_denied_place(&place.holder, intent) { Err(Stop::Refused) } else { Ok(place) }
}

/// The usual case: no link on the way, so the text is where it leads, and the kernel vouches for it in one call.
fn without_links(workspace: &Workspace, path: &Path, intent: Intent, manner: Manner) -> Option<Place> {
    let name = path.file_name()?;
    if !workspace.allows(path, intent) {
        return None;
    }
    let holder = workspace.top.descend_without_links(path.parent()?.strip_prefix("/").ok()?)?;
    let found = match holder.look(name) {
        Ok(found) if found.kind == Kind::Link && manner.follow => return None,
        Ok(found) => Some(found),
        Err(_) if !manner.exact && !name.as_encoded_bytes().is_ascii() => return None,
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(_) => return None,
    };
    Some(Place { holder, missing: vec![], name: name.to_owned(), real: path.to_owned(), found })
}

fn is_denied(workspace: &Workspace, directory: &Directory) -> bool {
    directory.fstat().is_ok_and(|found| workspace.is_denied_place(found.identity, Intent::Read))
}

struct Walk<'a> {
    workspace: &'a Workspace,
    intent: Intent,
    manner: Manner,
    /// Every directory from the top to where the walk is, so that a link's `..` goes back to the very same one.
    way: Vec<Directory>,
    real: PathBuf,
    /// The names still ahead, the next one last.
    ahead: Vec<OsString>,
    links: usize,
    swaps: usize,
}

impl<'a> Walk<'a> {
    fn new(workspace: &'a Workspace, path: &Path, intent: Intent, manner: Manner) -> Self {
        let mut walk = Self {
            workspace,
            intent,
            manner,
            way: vec![workspace.top.clone()],
            real: PathBuf::from("/"),
            ahead: vec![],
            links: 0,
            swaps: 0,
        };
        walk.push(path);
        walk
    }

    fn push(&mut self, path: &Path) {
        for component in path.components().rev() {
            match component {
                Component::Normal(name) => self.ahead.push(name.to_owned()),
                Component::ParentDir => self.ahead.push("..".into()),
                // Components come last first: what was pushed so far is meant from the top.
                Component::RootDir => self.go_to_top(),
                Component::CurDir | Component::Prefix(_) => {}
            }
        }
    }

    fn go_to_top(&mut self) {
        self.way.truncate(1);
        self.real = PathBuf::from("/");
    }

    fn here(&self) -> &Directory {
        self.way.last().expect("the top is never left")
    }

    fn run(mut self) -> Result<Place, Stop> {
        while let Some(name) = self.ahead.pop() {
            if name == ".." {
                if self.way.len() > 1 {
                    self.way.pop();
                    self.real.pop();
                }
                continue;
            }
            if !self.may_pass(&name) {
                return Err(Stop::Refused);
            }
            let is_last = self.ahead.is_empty();
            match self.here().look(&name) {
                Ok(found) if found.kind == Kind::Link && (self.manner.follow || !is_last) => self.follow_link(&name)?,
                Ok(found) if is_last => return self.arrive(name, Some(found)),
                Ok(found) if found.is_folder() => self.step(name)?,
                Ok(_) => return Err(self.stop(&name, io::ErrorKind::NotADirectory.into())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => match self.other_form(&name) {
                    Some(there) => self.ahead.push(there),
                    None => return self.arrive_at_nothing(name),
                },
                Err(error) => return Err(self.stop(&name, error)),
            }
        }
        // The path ends in a directory that the walk is in already: the top, or a link's `..`.
        self.arrive_here()
    }

    /// Whether nothing denied begins here. Roots are not asked: a way may lead through elsewhere and come back.
    fn may_pass(&self, name: &OsString) -> bool {
        !self.workspace.hides(&self.real.join(name))
    }

    /// The name that is there in another form. It could go as fast as it is found, so that is not done without end.
    fn other_form(&mut self, name: &OsString) -> Option<OsString> {
        self.swaps += 1;
        let may_look = !self.manner.exact && self.swaps <= MAX_SWAPS;
        may_look.then(|| same_name::other_form(self.here(), name)).flatten()
    }

    fn step(&mut self, name: OsString) -> Result<(), Stop> {
        match self.here().enter(&name) {
            Ok(directory) if is_denied(self.workspace, &directory) => Err(Stop::Refused),
            Ok(directory) => {
                self.real.push(name);
                self.way.push(directory);
                Ok(())
            }
            Err(_) if self.swaps < MAX_SWAPS => {
                // It was a directory a moment ago: look again.
                self.swaps += 1;
                self.ahead.push(name);
                Ok(())
            }
            Err(error) => Err(self.stop(&name, error)),
        }
    }

    fn follow_link(&mut self, name: &OsString) -> Result<(), Stop> {
        self.links += 1;
        if self.links > MAX_LINKS {
            return Err(Stop::Circle);
        }
        match self.here().read_link(name) {
            Ok(target) if target.as_os_str().is_empty() => Err(self.stop(name, io::ErrorKind::NotFound.into())),
            Ok(target) => {
                self.push(&target);
                Ok(())
            }
            Err(_) if self.swaps < MAX_SWAPS => {
                self.swaps += 1;
                self.ahead.push(name.clone());
                Ok(())
            }
            Err(error) => Err(self.stop(name, error)),
        }
    }

    fn arrive(self, name: OsString, found: Option<Found>) -> Result<Place, Stop> {
        let real = self.real.join(&name);
        if !self.workspace.allows(&real, self.intent) {
            return Err(Stop::Refused);
        }
        let holder = self.here().clone();
        Ok(Place { holder, missing: vec![], name, real, found })
    }

    fn arrive_here(mut self) -> Result<Place, Stop> {
        let Some(name) = self.real.file_name().map(OsString::from) else {
            let found = self.here().fstat().map_err(Stop::Failed)?;
            return self.arrive(".".into(), Some(found));
        };
        self.way.pop();
        self.real.pop();
        let found = self.here().look(&name).map_err(|error| self.stop(&name, error))?;
        // Should it have become a link, no one follows it from here: what is opened later refuses links.
        self.arrive(name, Some(found))
    }

    /// Nothing has `name`: all that is ahead would have to be made.
    fn arrive_at_nothing(self, name: OsString) -> Result<Place, Stop> {
        let mut missing = vec![name];
        missing.extend(self.ahead.iter().rev().cloned());
        if missing.iter().any(|name| name == "..") {
            return Err(Stop::Refused);
        }
        let real = missing.iter().fold(self.real.clone(), |path, name| path.join(name));
        if !self.workspace.allows(&real, self.intent) {
            return Err(Stop::Refused);
        }
        let name = missing.pop().expect("it holds at least the name that is not there");
        Ok(Place { holder: self.here().clone(), missing, name, real, found: None })
    }

    /// Ends the walk at `name`. Who may not know what is there learns only that it is refused.
    fn stop(&self, name: &OsString, error: io::Error) -> Stop {
        let ahead = self.ahead.iter().rev();
        let whole = std::iter::once(name).chain(ahead).fold(self.real.clone(), |path, name| path.join(name));
        let may_know = !self.ahead.iter().any(|name| name == "..") && self.workspace.allows(&whole, self.intent);
        if may_know { Stop::Failed(error) } else { Stop::Refused }
    }
}
