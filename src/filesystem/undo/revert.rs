//! Takes changes back.

use super::{
    Change, ChangeAuthor, Edit, Source, State, Undo,
    journal::{Moved, Place, Step},
};
use crate::{
    error::{Error, Result},
    policy::paths::{Intent, Times, spelled},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Why a change cannot be undone: a path, and what is the matter with it.
#[derive(Clone, Debug)]
pub(crate) struct Clash {
    /// The path.
    pub path: String,
    /// What is the matter.
    pub reason: String,
}

impl Clash {
    pub(super) fn at(path: &Path, reason: &str) -> Self {
        Self { path: spelled(path), reason: reason.to_owned() }
    }
}

impl Undo {
    /// What stands against taking a change back.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn clashes(&self, change: &Change) -> Vec<Clash> {
        let mut clashes = Vec::new();
        if !change.can_be_undone() {
            let path = change.paths().last().unwrap_or(Path::new("")).to_owned();
            clashes.push(Clash::at(&path, "what was there was too large to be kept, or no regular file"));
        }
        for step in change.steps.iter().filter(|step| !change.is_overtaken(step)) {
            match self.now(&step.path.0) {
                Ok(now) if now.is_same(&step.after) => {}
                Ok(_) => clashes.push(Clash::at(&step.path.0, "it was changed after this change")),
                Err(error) => clashes.push(Clash::at(&step.path.0, &error.to_string())),
            }
        }
        if let Some(moved) = &change.moved {
            match self.now(&moved.to.0) {
                Ok(now) if now.is_same(&moved.what) => {}
                Ok(_) => clashes.push(Clash::at(&moved.to.0, "it was changed after this move")),
                Err(error) => clashes.push(Clash::at(&moved.to.0, &error.to_string())),
            }
            let is_free = || self.now(&moved.from.0).is_ok_and(|now| now == State::Absent);
            if !change.has_step(&moved.from.0) && !is_free() {
                clashes.push(Clash::at(&moved.from.0, "something else is there now"));
            }
        }
        clashes.extend(change.appended.as_ref().and_then(|appended| self.append_clash(appended)));
        let staying = self.staying(change);
        if change.moved.is_none() && !change.steps.is_empty() && staying.len() == change.steps.len() {
            // Nothing of it would be undone.
            let reason = "it was put into a directory that this change made";
            clashes.extend(
                staying.values().filter(|kept| !staying.contains_key(*kept)).map(|kept| Clash::at(kept, reason)),
            );
        }
        clashes
    }

    /// The directories that this change made and that stay when it is undone, since others put something into them:
    /// each with one thing that keeps it.
    fn staying(&self, change: &Change) -> BTreeMap<PathBuf, PathBuf> {
        let goes = |path: &Path| change.has_step(path) || change.moved.as_ref().is_some_and(|moved| moved.to.0 == path);
        let mut staying: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
        let made = change.steps.iter().filter(|step| step.before == State::Absent);
        let mut folders: Vec<_> = made.filter(|step| matches!(step.after, State::Folder { .. })).collect();
        // What is in a directory decides before the directory.
        folders.sort_by_key(|step| std::cmp::Reverse(step.path.0.components().count()));
        for Step { path: Place(folder), .. } in folders {
            let opened = self.workspace.resolve_real(folder, Intent::Read).and_then(|path| path.open_folder());
            let names = opened.ok().and_then(|opened| opened.children().ok()).into_iter().flatten();
            let stays = |path: &PathBuf| !goes(path) || staying.contains_key(path);
            if let Some(kept) = names.map(|child| folder.join(child.name)).find(stays) {
                staying.insert(folder.clone(), kept);
            }
        }
        staying
    }

    /// Takes a change back, as a change of its own that can be undone too.
    ///
    /// # Errors
    /// [`Error::Conflict`] naming what was changed since; nothing was changed then.
    pub(crate) fn revert(&self, who: &ChangeAuthor, change: &Change) -> Result<String> {
        let clashes = self.clashes(change);
        if !clashes.is_empty() {
            let named: Vec<String> = clashes.iter().map(|clash| format!("{}: {}", clash.path, clash.reason)).collect();
            return Err(Error::Conflict(format!("{} cannot be undone. {}", change.id, named.join("; "))));
        }
        if let Some(appended) = &change.appended {
            return self.revert_append(who, change, appended).map(|back| back.change_id);
        }
        let mut back = self.new_change(who);
        back.reverts = vec![change.id.clone()];
        let staying = self.staying(change);
        let goes_back = change.steps.iter().rev().filter(|step| !staying.contains_key(&step.path.0));
        let mut edits: Vec<Edit> = goes_back.map(|step| undoing(change, step)).collect();
        if let Some(moved) = &change.moved {
            back.moved = Some(Moved {
                from: moved.to.clone(),
                to: moved.from.clone(),
                what: moved.what.clone(),
                replaced: State::Absent,
            });
            back.steps_first = !edits.is_empty() && !change.steps_first;
            if moved.replaced != State::Absent {
                edits.push(brought_back(&moved.to.0, &moved.replaced));
            }
        }
        self.make(back, edits, Some(change), None).map(|back| back.change_id)
    }

    /// Gives directories back the times they had before `restored`, unless someone else changed them since.
    pub(super) fn set_times(&self, made: &Change, restored: Option<&Change>) {
        let Some(restored) = restored else { return };
        self.set_folder_times(restored.steps.iter().map(|step| (&step.path.0, &step.before)));
        for around in &restored.around {
            let now: Option<Times> = made.around.iter().find(|now| now.path == around.path).map(|around| around.before);
            if now.is_some_and(|now| now.modified == around.after.modified) {
                self.set_times_of(&around.path.0, around.before);
            }
        }
    }
}

/// Undoes a step, if what it made is still there when that is replaced.
fn undoing(change: &Change, step: &Step) -> Edit {
    let expected = (!change.is_overtaken(step)).then(|| step.after.clone());
    Edit { expected, ..brought_back(&step.path.0, &step.before) }
}

fn brought_back(path: &Path, state: &State) -> Edit {
    let source = if matches!(state, State::File { .. }) { Source::Kept } else { Source::Nothing };
    Edit::new(path.to_owned(), state.clone(), source)
}
