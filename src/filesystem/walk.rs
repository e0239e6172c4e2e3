//! A walk through a tree in a stable order: by name, a directory before what is in it. Links are not walked into, nor
//! what is denied, nor to what the bridge has not put in its place yet. It holds one descriptor a level and, of a huge directory, only the names that are needed.

use super::{go_on, replacement::is_temporary};
use crate::{
    error::Result,
    policy::{Folder, paths::Child},
};
use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    ffi::{OsStr, OsString},
    path::{Component, Path, PathBuf},
};
use tokio_util::sync::CancellationToken;

/// Deeper directories are not walked into: each level holds a descriptor.
const MAX_DEPTH: usize = 256;

/// As many names of a directory are in memory at once; the rest is looked for again.
const BATCH: usize = 100_000;

/// What is visited.
pub(crate) struct Visit<'a> {
    /// The directory it is in.
    pub folder: &'a Folder,
    /// Its name.
    pub child: &'a Child,
    /// Where it is below the start.
    pub path: &'a Path,
}

/// How the walk goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Into it, if it is a directory, then on.
    Into,
    /// Not into it.
    Past,
    /// No further.
    Stop,
}

/// Visits all in `start` that comes after `after` in the walk's order. At most `most` things can be wanted.
///
/// # Errors
/// What `visit` says; [`crate::Error::Cancelled`] when the call is over; the system's word when `start` cannot be read.
pub(crate) fn walk(
    start: &Folder,
    after: Option<&Path>,
    most: usize,
    cancelled: &CancellationToken,
    visit: &mut dyn FnMut(&Visit) -> Result<Next>,
) -> Result<()> {
    let resume: Vec<&OsStr> = after.into_iter().flat_map(Path::components).filter_map(normal).collect();
    drop(start.children()?);
    Walk { most, cancelled, visit, path: PathBuf::new() }.folder(start, &resume, 0).map(|_| ())
}

fn normal(component: Component<'_>) -> Option<&OsStr> {
    match component {
        Component::Normal(name) => Some(name),
        _ => None,
    }
}

struct Walk<'a> {
    most: usize,
    cancelled: &'a CancellationToken,
    visit: &'a mut dyn FnMut(&Visit) -> Result<Next>,
    path: PathBuf,
}

impl Walk<'_> {
    /// False when the walk is over.
    fn folder(&mut self, folder: &Folder, resume: &[&OsStr], depth: usize) -> Result<bool> {
        let most = self.most.min(BATCH);
        let mut before: Option<OsString> = None;
        loop {
            let first = before.as_deref().or(resume.first().copied());
            let batch = sorted(folder, first, most, self.cancelled)?;
            let is_last = batch.len() < most.saturating_add(2);
            let visited = before.clone();
            for child in batch.into_iter().filter(|child| visited.as_ref() != Some(&child.name)) {
                go_on(self.cancelled)?;
                self.path.push(&child.name);
                let goes_on = self.child(folder, &child, resume, depth)?;
                self.path.pop();
                if !goes_on {
                    return Ok(false);
                }
                before = Some(child.name);
            }
            if is_last {
                return Ok(true);
            }
        }
    }

    fn child(&mut self, folder: &Folder, child: &Child, resume: &[&OsStr], depth: usize) -> Result<bool> {
        let seen = resume.first().is_some_and(|name| *name == child.name);
        let next = match seen {
            true => Next::Into,
            false => (self.visit)(&Visit { folder, child, path: &self.path })?,
        };
        match next {
            Next::Stop => Ok(false),
            Next::Past => Ok(true),
            Next::Into if depth + 1 >= MAX_DEPTH || !may_be_folder(folder, child) => Ok(true),
            Next::Into => match folder.enter(&child.name) {
                Some(inner) => self.folder(&inner, if seen { &resume[1..] } else { &[] }, depth + 1),
                None => Ok(true),
            },
        }
    }
}

fn may_be_folder(folder: &Folder, child: &Child) -> bool {
    match child.kind {
        Some(kind) => kind == crate::policy::paths::Kind::Folder,
        None => folder.look(&child.name).is_ok_and(|found| found.is_folder()),
    }
}

/// The names of a directory from `first` on, in order, the `most` that come first (one more tells that there are more).
/// A directory that cannot be read has none.
pub(crate) fn sorted(
    folder: &Folder,
    first: Option<&OsStr>,
    most: usize,
    cancelled: &CancellationToken,
) -> Result<Vec<Child>> {
    let mut kept = BinaryHeap::new();
    let most = most.saturating_add(2);
    for child in folder.children().into_iter().flatten() {
        go_on(cancelled)?;
        if is_temporary(&child.name) {
            continue;
        }
        if first.is_some_and(|first| child.name.as_os_str() < first) {
            continue;
        }
        if kept.len() < most {
            kept.push(ByName(child));
        } else if let Some(mut last) = kept.peek_mut()
            && child.name < last.0.name
        {
            *last = ByName(child);
        }
    }
    Ok(kept.into_sorted_vec().into_iter().map(|by_name| by_name.0).collect())
}

struct ByName(Child);

impl ByName {
    fn name(&self) -> &OsString {
        &self.0.name
    }
}

impl PartialEq for ByName {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for ByName {}

impl PartialOrd for ByName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ByName {
    fn cmp(&self, other: &Self) -> Ordering {
        self.name().cmp(other.name())
    }
}
