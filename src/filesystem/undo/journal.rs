//! The journal: a line before a change, a line after it. What has the first and not the second was interrupted.
#![expect(clippy::disallowed_methods, reason = "the journal is the bridge's own file, not a path that a caller names")]

use super::state::State;
use crate::policy::{paths::Times, private};
use serde::{Deserialize, Serialize};
use std::{
    fs::{File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

/// A change of files, as it was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Change {
    /// Its name; later ones are greater.
    pub id: String,
    /// When it was made.
    pub timestamp: String,
    /// Who made it.
    pub caller: String,
    /// The label of the calls it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The capability that made it.
    pub action: String,
    /// What was changed, in the order in which it was done.
    pub steps: Vec<Step>,
    /// What was given another place as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
    /// What was put behind all that a file holds, or cut off there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub appended: Option<Appended>,
    /// Whether the steps come before the move, where there are both.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub steps_first: bool,
    /// Directories around what was changed, whose times change with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub around: Vec<Around>,
    /// Names in use while it is made, and gone afterwards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scratch: Vec<Place>,
    /// Files that were overwritten where they are, not replaced.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_place: Vec<Place>,
    /// The changes that it takes back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reverts: Vec<String>,
    /// Whether it was too large to be kept, so that it cannot be undone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
    /// Whether it was undone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undone: bool,
}

/// A path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Place(#[serde(with = "super::path_text")] pub PathBuf);

/// One path of a change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Step {
    /// Where, without links.
    pub path: Place,
    /// What was there.
    pub before: State,
    /// What is there now.
    pub after: State,
}

/// A move.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Moved {
    /// Where it was.
    pub from: Place,
    /// Where it is.
    pub to: Place,
    /// What it is.
    pub what: State,
    /// What it replaced.
    pub replaced: State,
}

/// Bytes at the end of a file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Appended {
    /// The file, without links.
    pub path: Place,
    /// Where in it they begin.
    pub offset: u64,
    /// How many they are.
    pub size: u64,
    /// SHA-256 of them.
    pub sha256: String,
    /// Whether they are in the store, so that they can be appended again.
    pub kept: bool,
    /// Whether they were cut off, which takes an append back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// The file's times before.
    pub before: Times,
    /// Its times after.
    pub after: Times,
}

/// A directory around a change.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Around {
    /// Where.
    pub path: Place,
    /// Its times before.
    pub before: Times,
    /// Its times after.
    #[serde(default)]
    pub after: Times,
}

impl Change {
    /// Every path that it changed.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        let moved = self.moved.iter().flat_map(|moved| [moved.from.0.as_path(), moved.to.0.as_path()]);
        let appended = self.appended.iter().map(|appended| appended.path.0.as_path());
        self.steps.iter().map(|step| step.path.0.as_path()).chain(moved).chain(appended)
    }

    /// Whether one of its steps is at this path.
    pub(crate) fn has_step(&self, path: &Path) -> bool {
        self.steps.iter().any(|step| step.path.0 == path)
    }

    /// Whether the move came after this step and put something else in its place.
    pub(crate) fn is_overtaken(&self, step: &Step) -> bool {
        self.steps_first && self.moved.as_ref().is_some_and(|moved| moved.to == step.path)
    }

    /// The contents that are needed to take it back or to show it.
    pub(crate) fn contents(&self) -> impl Iterator<Item = &str> {
        let steps = self.steps.iter().flat_map(|step| [&step.before, &step.after]);
        let moved = self.moved.iter().map(|moved| &moved.replaced);
        let appended = self.appended.iter().map(|appended| appended.sha256.as_str());
        let files = steps.chain(moved).filter_map(|state| match state {
            State::File { sha256, .. } => Some(sha256.as_str()),
            _ => None,
        });
        files.chain(appended)
    }

    /// Whether all that it replaced can be brought back.
    pub(crate) fn can_be_undone(&self) -> bool {
        !self.lost
            && self.steps.iter().all(|step| step.before.can_return())
            && self.moved.as_ref().is_none_or(|moved| moved.replaced.can_return())
            && self.appended.as_ref().is_none_or(|appended| appended.kept || !appended.cut)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Line {
    /// About to be made.
    Begin(Change),
    /// Made; as it turned out.
    Done(Change),
    /// Not made.
    Void(String),
    /// A file of the change that was begun last is about to be overwritten where it is.
    InPlace(Place),
    /// A name that is in use before a change begins, and the times of the directory that holds it.
    Scratch(Around),
}

/// The file.
pub(crate) struct Journal {
    path: PathBuf,
    file: File,
    /// Names that are in use for changes that have not begun, with the times that the directories had before.
    scratch: Vec<Around>,
}

/// What a journal holds at start.
#[derive(Default)]
pub(crate) struct Kept {
    /// Changes that were made, oldest first.
    pub done: Vec<Arc<Change>>,
    /// Changes that were interrupted.
    pub begun: Vec<Change>,
    /// Names that may have been left behind, with the times that the directories holding them had before.
    pub scratch: Vec<Around>,
}

impl Journal {
    /// Opens the journal and reads what it holds. A damaged line costs that line only.
    ///
    /// # Errors
    /// When it cannot be read or made.
    pub(crate) fn open(path: PathBuf) -> io::Result<(Self, Kept)> {
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut options = OpenOptions::new();
        let mut file = private::only_owner(options.create(true).append(true)).open(&path)?;
        if text.last().is_some_and(|last| *last != b'\n') {
            file.write_all(b"\n")?;
        }
        Ok((Self { path, file, scratch: vec![] }, read(&text)))
    }

    /// Says that a change is about to be made; this is on the disk when it returns.
    ///
    /// # Errors
    /// What the system says: the change must not be made then.
    pub(crate) fn begin(&mut self, change: &Change) -> io::Result<()> {
        self.write(&Line::Begin(change.clone()))?;
        self.file.sync_data()
    }

    /// Says that a change was made. It need not be on the disk: at a start, what is on the disk tells.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn done(&mut self, change: &Change) -> io::Result<()> {
        look_again(&mut self.scratch, change);
        self.write(&Line::Done(change.clone()))
    }

    /// Says that a change was not made after all.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn void(&mut self, id: &str) -> io::Result<()> {
        self.write(&Line::Void(id.to_owned()))
    }

    /// Says that a file is about to be overwritten where it is; this is on the disk when it returns.
    ///
    /// # Errors
    /// What the system says: it must not be overwritten then.
    pub(crate) fn in_place(&mut self, place: Place) -> io::Result<()> {
        self.write(&Line::InPlace(place))?;
        self.file.sync_data()
    }

    /// Says that a name will be in use in a directory with these times; this is on the disk when it returns.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn scratch(&mut self, place: &Path, before: Times) -> io::Result<()> {
        let scratch = Around { path: Place(place.to_owned()), before, after: Times::default() };
        self.write(&Line::Scratch(scratch.clone()))?;
        self.scratch.push(scratch);
        self.file.sync_data()
    }

    /// The times that the directory of such a name would have without it.
    pub(crate) fn without_scratch(&self, place: &Path) -> Option<Times> {
        self.scratch.iter().find(|scratch| scratch.path.0 == place).map(|scratch| scratch.before)
    }

    /// Such a name is no longer in use.
    pub(crate) fn forget_scratch(&mut self, place: &Path) {
        self.scratch.retain(|scratch| scratch.path.0 != place);
    }

    /// Replaces all lines by those of these changes.
    ///
    /// # Errors
    /// What the system says; the old journal is whole then.
    pub(crate) fn rewrite(&mut self, changes: &[Arc<Change>]) -> io::Result<()> {
        let mut text = Vec::new();
        for change in changes {
            serde_json::to_writer(&mut text, &Line::Done(Change::clone(change)))?;
            text.push(b'\n');
        }
        for scratch in &self.scratch {
            serde_json::to_writer(&mut text, &Line::Scratch(scratch.clone()))?;
            text.push(b'\n');
        }
        private::replace(&self.path, &text)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        Ok(())
    }

    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.file.write_all(&text)
    }
}

/// Notes the times of directories as a change left them.
fn look_again(scratch: &mut [Around], change: &Change) {
    for scratch in scratch {
        let above = change.around.iter().find(|around| scratch.path.0.parent() == Some(&around.path.0));
        if let Some(above) = above.filter(|above| above.after != Times::default()) {
            scratch.before = above.after;
        }
    }
}

/// Adds a change that was made. What it takes back is undone; what that had undone is in force again.
pub(crate) fn enter(done: &mut Vec<Arc<Change>>, change: Arc<Change>) {
    let mut again = Vec::new();
    for old in done.iter_mut().filter(|old| change.reverts.contains(&old.id)) {
        Arc::make_mut(old).undone = true;
        again.extend(old.reverts.clone());
    }
    for old in done.iter_mut().filter(|old| again.contains(&old.id)) {
        Arc::make_mut(old).undone = false;
    }
    done.push(change);
}

fn read(text: &[u8]) -> Kept {
    let mut kept = Kept::default();
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        match serde_json::from_slice(line) {
            Ok(Line::Begin(change)) => kept.begun.push(change),
            Ok(Line::Void(id)) => kept.begun.retain(|change| change.id != id),
            Ok(Line::InPlace(place)) => {
                if let Some(change) = kept.begun.last_mut() {
                    change.in_place.push(place);
                }
            }
            Ok(Line::Scratch(place)) => kept.scratch.push(place),
            Ok(Line::Done(change)) => {
                kept.begun.retain(|begun| begun.id != change.id);
                look_again(&mut kept.scratch, &change);
                enter(&mut kept.done, Arc::new(change));
            }
            Err(error) => tracing::warn!(%error, "a line of the undo journal is damaged and is left out"),
        }
    }
    kept
}
