//! Makes changes: down in the journal first, then on the disk.

use super::{
    Change, ChangeAuthor, Changed, Edit, MAX_SHOWN, Source, Staging, State, Undo,
    apply::{Made, Manner, remove_all},
    journal::{Around, Moved, Place, Step},
    remove_later,
};
use crate::{
    error::{Error, Result},
    filesystem::{
        reasons::mounted,
        replacement::{is_temporary, temporary_name},
    },
    policy::{
        Folder, SafePath,
        paths::{Found, Intent, Kind, OURS, Times, is_mount, spelled},
    },
};
use std::{
    collections::BTreeSet,
    ffi::OsStr,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Above so many steps, the disk is asked once at the end to keep them all.
const MANY: usize = 16;

/// Files up to this size are kept while several are changed together, whatever the setting, in bytes.
const MAX_TAKEN_BACK: u64 = 1024 * 1024 * 1024;

/// A tree with more things in it is removed without being kept.
const MAX_KEPT_STEPS: usize = 100_000;

impl Undo {
    /// Makes all edits or none. Missing directories above them are made too.
    ///
    /// # Errors
    /// What the policy or the system says; nothing was changed then.
    pub(crate) fn commit(&self, who: &ChangeAuthor, edits: Vec<Edit>, staging: Option<Staging>) -> Result<Changed> {
        self.make(self.new_change(who), edits, None, staging)
    }

    /// Makes a change whose steps are not known yet. `restored` is the change that it takes back.
    pub(super) fn make(
        &self,
        mut change: Change,
        edits: Vec<Edit>,
        restored: Option<&Change>,
        staging: Option<Staging>,
    ) -> Result<Changed> {
        let mut edits = self.with_folders(edits)?;
        // Of several, each must be there to be undone should a later one fail.
        let is_one = edits.len() == 1;
        let most = if is_one { self.max_bytes } else { self.max_bytes.max(MAX_TAKEN_BACK) };
        for edit in &mut edits {
            let before = self.before(&change, edit, most, is_one)?;
            if !is_one && !before.can_return() {
                return Err(Error::TooLarge(format!(
                    "{} is larger than what is kept to undo a change ({} MiB, MCP_UNDO_MAX_MIB), and of a change of several \
                     things each is kept: change it alone; instead of a move to another disk copy it, then delete it",
                    edit.path.display(),
                    most >> 20
                )));
            }
            self.keep_to_show(edit);
            change.steps.push(Step { path: Place(edit.path.clone()), before, after: edit.after.clone() });
        }
        let scratch = temporary_name();
        let held: Vec<&SafePath> = edits.iter().filter_map(|edit| edit.held.as_ref()).collect();
        self.look_around(&mut change, &scratch, &held);
        if let Some(staging) = &staging {
            staging.look_before(&mut change.around);
        }
        self.begin(&change)?;
        let manner = Manner { scratch: &scratch, durable: edits.len() <= MANY };
        let mut made = Vec::with_capacity(edits.len());
        let mut steps = || edits.iter().try_for_each(|edit| self.apply(edit, manner, &mut made));
        let result = match change.steps_first {
            true => steps().and_then(|()| self.move_now(&change)),
            false => self.move_now(&change).and_then(|()| steps()),
        };
        let result = result.and_then(|()| self.settle(&edits, manner));
        drop(staging);
        if let Err(error) = result {
            self.roll_back(&change, Some(&made));
            self.void(&change);
            return Err(error);
        }
        self.set_folder_times(edits.iter().map(|edit| (&edit.path, &edit.after)));
        self.set_times(&change, restored);
        // A directory that someone else made meanwhile is not this change's to take back.
        let mut came_to = made.into_iter();
        change.steps.retain(|step| came_to.next() != Some(Made::Nothing) || step.before != State::Absent);
        Ok(self.finished(change, &held))
    }

    /// What is there before an edit. Nothing that comes later is lost by the edit: an undo would know only this.
    fn before(&self, change: &Change, edit: &mut Edit, most: u64, is_one: bool) -> Result<State> {
        let moved = change.moved.as_ref().filter(|_| !change.steps_first);
        if moved.is_some_and(|moved| moved.from.0 == edit.path) {
            return Ok(State::Absent);
        }
        let path = match edit.held.take() {
            None => self.workspace.resolve_real(&edit.path, Intent::Write)?,
            Some(mut path) => {
                path.look_again(Intent::Write)?;
                path
            }
        };
        let before = self.capture(&path, most)?;
        if edit.expected.as_ref().is_some_and(|expected| !before.may_be(expected)) {
            let (undone, path) = (change.reverts.join(", "), spelled(&edit.path));
            return Err(Error::Conflict(format!(
                "{undone} cannot be undone. {path}: it was changed after this change"
            )));
        }
        // Who deletes a file wants it gone, but an undo removes only what the change had made.
        if edit.basis.is_none() && (edit.after != State::Absent || !change.reverts.is_empty()) {
            edit.basis = before.as_basis(&path);
        }
        if is_one && change.moved.is_none() {
            edit.held = Some(path);
        }
        Ok(before)
    }

    /// Looks at how a change turned out and writes that down.
    pub(super) fn finished(&self, mut change: Change, held: &[&SafePath]) -> Changed {
        self.finish(&mut change, held);
        let change = Arc::new(change);
        self.done(change.clone());
        self.changed(&change)
    }

    /// Makes the move of a change that has one.
    pub(super) fn move_now(&self, change: &Change) -> Result<()> {
        let Some(moved) = &change.moved else { return Ok(()) };
        let from = self.workspace.resolve_real(&moved.from.0, Intent::Write)?;
        let to = self.workspace.resolve_real(&moved.to.0, Intent::Write)?;
        from.holder()?.rename_to_free(from.name(), to.holder()?, to.name())?;
        to.holder()?.sync()?;
        Ok(from.holder()?.sync()?)
    }

    /// Gives something, which is `what`, another place by one rename. Missing directories above that are made too.
    ///
    /// # Errors
    /// What the policy or the system says; nothing was changed then.
    pub(crate) fn relocate(
        &self,
        who: &ChangeAuthor,
        from: &SafePath,
        to: &SafePath,
        replaces: bool,
        what: State,
    ) -> Result<Changed> {
        let mut change = self.new_change(who);
        let replaced = self.capture(to, self.max_bytes)?;
        let (old, new) = (Place(from.real().to_owned()), Place(to.real().to_owned()));
        change.moved = Some(Moved { from: old, to: new, what, replaced });
        match to.missing_folders().pop() {
            None => self.rename(change, from, to, replaces),
            Some(above) => {
                change.steps_first = true;
                let edit = Edit::new(above, self.new_folder(), Source::Nothing);
                self.make(change, vec![edit], None, None)
            }
        }
    }

    fn rename(&self, mut change: Change, from: &SafePath, to: &SafePath, replaces: bool) -> Result<Changed> {
        self.look_around(&mut change, OsStr::new(""), &[from, to]);
        self.begin(&change)?;
        let (source, target) = (from.holder()?, to.holder()?);
        let moved = match replaces {
            true => source.rename(from.name(), target, to.name()),
            false => source.rename_to_free(from.name(), target, to.name()),
        };
        if let Err(error) = moved.and_then(|()| target.sync()).and_then(|()| source.sync()) {
            self.void(&change);
            return Err(error.into());
        }
        Ok(self.finished(change, &[from, to]))
    }

    /// Removes a directory with all that is in it: out of sight by one rename, then bit by bit.
    ///
    /// # Errors
    /// What the policy or the system says; nothing was changed then.
    pub(crate) fn remove_tree(&self, who: &ChangeAuthor, path: &SafePath) -> Result<Changed> {
        let mut change = self.new_change(who);
        let mut tree = Tree { undo: self, steps: vec![], bytes: 0, lost: false };
        tree.fold(&path.open_folder()?, path)?;
        (change.steps, change.lost) = (tree.steps, tree.lost);
        let (scratch, holder) = (temporary_name(), path.holder()?);
        self.look_around(&mut change, OsStr::new(""), &[path]);
        change.scratch = vec![Place(path.real().with_file_name(&scratch))];
        self.begin(&change)?;
        // On the bridge's own disk nobody waits for the rest; on another one it hides where it is.
        let is_away = holder.rename_to_free(path.name(), &self.removed, &scratch).is_ok();
        let hidden = if is_away { Ok(()) } else { holder.rename_to_free(path.name(), holder, &scratch) };
        if let Err(error) = hidden.and_then(|()| holder.sync()) {
            self.void(&change);
            return Err(error.into());
        }
        if is_away {
            remove_later(&self.removed, scratch);
        } else if let Err(error) = remove_all(holder, &scratch) {
            // It is tried again at the next start.
            tracing::warn!(%error, path = %path.real().display(), "a part of what was removed is still there");
        }
        Ok(self.finished(change, &[path]))
    }

    /// Adds the directories that have to be made, before what goes into them.
    fn with_folders(&self, edits: Vec<Edit>) -> Result<Vec<Edit>> {
        let mut known: BTreeSet<PathBuf> = BTreeSet::new();
        let mut all = Vec::with_capacity(edits.len());
        for mut edit in edits {
            let parent = edit.path.parent().map(Path::to_owned);
            if edit.after != State::Absent
                && let Some(parent) = parent
                && !known.contains(&parent)
            {
                let missing = match &edit.held {
                    Some(path) => path.missing_folders(),
                    None => self.workspace.resolve_real(&edit.path, Intent::Write)?.missing_folders(),
                };
                if !missing.is_empty() {
                    // They are made first.
                    edit.held = None;
                }
                for folder in missing {
                    if known.insert(folder.clone()) {
                        all.push(Edit::new(folder, self.new_folder(), Source::Nothing));
                    }
                }
                known.insert(parent);
            }
            if matches!(edit.after, State::Folder { .. }) {
                known.insert(edit.path.clone());
            }
            all.push(edit);
        }
        Ok(all)
    }

    /// A new directory: its owner is who makes it, which the system says when it is made.
    pub(crate) fn new_folder(&self) -> State {
        State::Folder { mode: self.new_folder_mode(), owner: OURS, times: Times::default() }
    }

    /// Keeps a small text as it becomes, so that the change can be shown.
    fn keep_to_show(&self, edit: &Edit) {
        if let (Source::Bytes(bytes) | Source::New(bytes), State::File { sha256, .. }) = (&edit.source, &edit.after)
            && bytes.len() as u64 <= MAX_SHOWN
            && self.max_bytes > 0
        {
            // What cannot be kept is only not shown.
            let _ = self.kept().store.keep_to_show(sha256, bytes);
        }
    }

    /// Notes the directories around the steps, and the names that will be in use in them.
    pub(super) fn look_around(&self, change: &mut Change, scratch: &OsStr, held: &[&SafePath]) {
        let parents: BTreeSet<&Path> = change.paths().filter_map(Path::parent).collect();
        let (mut around, mut names) = (Vec::new(), Vec::new());
        for parent in parents {
            if let Some(found) = self.look(parent, held) {
                around.push(Around { path: Place(parent.to_owned()), before: found.times, after: Times::default() });
            }
            names.push(Place(parent.join(scratch)));
        }
        change.around = around;
        if !scratch.is_empty() {
            change.scratch = names;
        }
    }

    fn settle(&self, edits: &[Edit], manner: Manner) -> Result<()> {
        if manner.durable {
            return Ok(());
        }
        let Some(last) = edits.last() else { return Ok(()) };
        match self.workspace.resolve_real(&last.path, Intent::Write)?.holder() {
            Ok(holder) => Ok(holder.sync_file_system()?),
            // It went with its directory; what is left was made durable with something else.
            Err(_) => Ok(()),
        }
    }

    /// What is at a path now: one of those that are held, or a directory that holds one, or any other.
    fn look(&self, path: &Path, held: &[&SafePath]) -> Option<Found> {
        for place in held {
            let Ok(holder) = place.holder() else { continue };
            if place.real() == path {
                return holder.look(place.name()).ok();
            }
            if place.real().parent() == Some(path) {
                return holder.fstat().ok();
            }
        }
        self.workspace.resolve_real(path, Intent::Read).ok()?.found().copied()
    }

    /// Looks at how a change turned out.
    pub(super) fn finish(&self, change: &mut Change, held: &[&SafePath]) {
        let look = |path: &Path| self.look(path, held);
        for step in &mut change.steps {
            if let Some(found) = look(&step.path.0) {
                step.after.seen_as(&found);
            }
        }
        if let Some(appended) = &mut change.appended {
            appended.after = look(&appended.path.0).map_or(appended.before, |found| found.times);
        }
        for around in &mut change.around {
            around.after = look(&around.path.0).map_or(around.before, |found| found.times);
        }
        change.scratch.clear();
    }
}

/// The steps that remove a tree: what is in a directory before the directory.
struct Tree<'a> {
    undo: &'a Undo,
    steps: Vec<Step>,
    bytes: u64,
    lost: bool,
}

impl Tree<'_> {
    fn fold(&mut self, folder: &Folder, path: &SafePath) -> Result<()> {
        let mut children: Vec<_> = folder.children()?.collect();
        // What another call puts together there goes, and is nothing to bring back.
        children.retain(|child| !is_temporary(&child.name));
        children.sort_by(|one, other| one.name.cmp(&other.name));
        for child in children {
            let inner = folder.at(&child.name, Intent::Write)?;
            match inner.found().map(|found| found.kind) {
                Some(Kind::Folder) => {
                    let below = folder.enter(&child.name).ok_or_else(|| Error::Refused("Unsafe file path".into()))?;
                    self.fold(&below, &inner)?;
                }
                Some(_) => self.step(&inner)?,
                None => {}
            }
        }
        self.step(path)
    }

    /// What is mounted in a tree is not removed with it: it is elsewhere, too.
    fn step(&mut self, path: &SafePath) -> Result<()> {
        if is_mount(path.holder()?, path.name())? {
            return Err(mounted(&spelled(path.real())));
        }
        self.bytes += path.found().filter(|found| found.is_file()).map_or(0, |found| found.size);
        self.lost |= self.bytes > self.undo.max_bytes || self.steps.len() >= MAX_KEPT_STEPS;
        if self.lost {
            // Only the top is named then: the last step.
            self.steps.clear();
        }
        let before = if self.lost { State::Special } else { self.undo.capture(path, self.undo.max_bytes)? };
        self.steps.push(Step { path: Place(path.real().to_owned()), before, after: State::Absent });
        Ok(())
    }
}
