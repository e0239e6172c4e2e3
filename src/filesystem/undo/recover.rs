//! What was interrupted is finished or undone.

use super::{
    Change, Edit, Source, State, Undo,
    apply::{Made, Manner, remove_all},
    journal::{Around, Moved, Place, Step},
};
use crate::{
    error::Result,
    filesystem::replacement::{is_temporary, temporary_name},
    policy::paths::{Intent, Times},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

impl Undo {
    /// Settles the changes that the journal began and did not end, and removes the names they left.
    pub(super) fn recover(&self, begun: Vec<Change>, scratch: &[Around]) {
        // Before anything is compared: what is left behind changes the times of the directory it is in.
        let left: Vec<&Around> = scratch.iter().filter(|left| self.remove_scratch(&left.path)).collect();
        if begun.is_empty() {
            for left in left {
                self.set_times_of(left.path.0.parent().unwrap_or(Path::new("/")), left.before);
            }
        }
        for mut change in begun {
            if let Some(appended) = change.appended.clone() {
                self.settle_append(change, appended);
                continue;
            }
            for place in &change.scratch {
                self.remove_scratch(place);
            }
            if self.was_made(&change) {
                tracing::info!(id = change.id, "a change that was interrupted had been made: it is finished");
                self.finish(&mut change, &[]);
                self.done(Arc::new(change));
            } else {
                tracing::info!(id = change.id, "a change was interrupted: it is undone");
                self.roll_back(&change, None);
                self.void(&change);
            }
        }
    }

    /// Takes back the steps of a change that were `made`, or, where nobody knows that any more, those that look so.
    /// What someone else put there is left alone.
    pub(super) fn roll_back(&self, change: &Change, made: Option<&[Made]>) {
        if change.steps_first {
            self.move_back(change);
            self.take_back_steps(change, made);
        } else {
            self.take_back_steps(change, made);
            self.move_back(change);
        }
        self.set_folder_times(change.steps.iter().map(|step| (&step.path.0, &step.before)));
        self.set_around_times(change);
    }

    fn take_back_steps(&self, change: &Change, made: Option<&[Made]>) {
        let scratch = temporary_name();
        let manner = Manner { scratch: &scratch, durable: true };
        let count = made.map_or(change.steps.len(), <[Made]>::len);
        for (place, step) in change.steps[..count].iter().enumerate().rev() {
            if let Err(error) = self.take_back(change, step, made.map(|made| made[place]), manner) {
                tracing::warn!(%error, path = %step.path.0.display(), "a step of a change could not be undone");
            }
        }
    }

    fn move_back(&self, change: &Change) {
        if let Some(moved) = &change.moved {
            let back = Moved { from: moved.to.clone(), to: moved.from.clone(), ..moved.clone() };
            let is_there = self.now(&moved.to.0).is_ok_and(|now| now.is_same(&moved.what));
            let is_free = self.now(&moved.from.0).is_ok_and(|now| now == State::Absent);
            if is_there
                && is_free
                && let Err(error) = self.move_now(&Change { moved: Some(back), ..change.clone() })
            {
                tracing::warn!(%error, path = %moved.to.0.display(), "a move could not be undone");
            }
        }
    }

    fn take_back(&self, change: &Change, step: &Step, made: Option<Made>, manner: Manner) -> Result<()> {
        let path = self.workspace.resolve_real(&step.path.0, Intent::Write)?;
        let now = State::at(&path)?;
        let is_ours = match made {
            Some(Made::Nothing) => false,
            Some(Made::Put(identity)) => path.found().is_some_and(|found| found.identity == identity),
            Some(Made::Removed) | None => true,
        };
        // Of one that was being overwritten, nobody knows how far that came.
        let is_mixed = made.is_none() && change.in_place.contains(&step.path) && matches!(now, State::File { .. });
        if is_ours && (now.is_same(&step.after) || is_mixed) && !now.is_same(&step.before) {
            self.put(&path, &Edit::new(step.path.0.clone(), step.before.clone(), Source::Kept), manner)?;
            path.holder()?.sync()?;
        }
        Ok(())
    }

    /// Whether everything is as the change would leave it.
    fn was_made(&self, change: &Change) -> bool {
        let is_moved = |moved: &Moved| {
            let is_gone = || self.now(&moved.from.0).is_ok_and(|now| now == State::Absent);
            self.now(&moved.to.0).is_ok_and(|now| now.is_same(&moved.what))
                && (change.has_step(&moved.from.0) || is_gone())
        };
        let is_made =
            |step: &Step| change.is_overtaken(step) || self.now(&step.path.0).is_ok_and(|now| now.is_same(&step.after));
        change.moved.as_ref().is_none_or(is_moved) && change.steps.iter().all(is_made)
    }

    /// What is at a path now.
    pub(super) fn now(&self, path: &Path) -> Result<State> {
        State::at(&self.workspace.resolve_real(path, Intent::Write)?)
    }

    /// Removes what an interrupted change left at a name; false when there is nothing.
    fn remove_scratch(&self, place: &Place) -> bool {
        let Ok(path) = self.workspace.resolve_real(&place.0, Intent::Read) else { return false };
        match (is_temporary(path.name()), path.found(), path.holder()) {
            (true, Some(_), Ok(holder)) => remove_all(holder, path.name()).is_ok(),
            _ => false,
        }
    }

    /// Gives directories the times that their states have, inner ones first.
    pub(super) fn set_folder_times<'a>(&self, states: impl Iterator<Item = (&'a PathBuf, &'a State)>) {
        let is_set = |times: Option<Times>| times.is_some_and(|times| times != Times::default());
        let is_folder = |state: &State| matches!(state, State::Folder { .. }) && is_set(state.times());
        let mut folders: Vec<_> = states.filter(|(_, state)| is_folder(state)).collect();
        folders.sort_by_key(|(path, _)| std::cmp::Reverse(path.components().count()));
        for (path, state) in folders {
            if let (Some(times), Ok(path)) = (state.times(), self.workspace.resolve_real(path, Intent::Write))
                && let (Some(_), Ok(holder)) = (path.found(), path.holder())
            {
                let _ = holder.set_times(path.name(), times);
            }
        }
    }

    fn set_around_times(&self, change: &Change) {
        for around in &change.around {
            self.set_times_of(&around.path.0, around.before);
        }
    }

    /// Sets a directory's times; one that is gone or denied has none.
    pub(super) fn set_times_of(&self, path: &Path, times: Times) {
        if let Ok(path) = self.workspace.resolve_real(path, Intent::Read)
            && let (Some(_), Ok(holder)) = (path.found(), path.holder())
        {
            let _ = holder.set_times(path.name(), times);
        }
    }
}
