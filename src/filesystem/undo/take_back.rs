//! Takes back what was changed.

use super::{Change, ChangeAuthor, Undo, changes::Choice};
use crate::{
    caller::{Access, Caller},
    capability::{Capability, Context},
    error::{Error, Result},
    filesystem::Files,
    filesystem::about::Place,
    permissions::{Needs, Subjects},
    policy::paths::spelled,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Undo changes made to files.
///
/// Give one of: `path` (its last change), `id` (that change; of an undo: redo), `session` (all with that label) or
/// `since` (all from then on).
///
/// Newest first. What someone else changed meanwhile is named as a conflict and left alone.
#[derive(Deserialize, JsonSchema)]
pub struct UndoChanges {
    /// The file, or directory. The last change of it, or of anything in it, is taken back.
    path: Option<String>,
    /// Of filesystem_changes. That change is taken back.
    id: Option<String>,
    /// The label whose changes to take back.
    session: Option<String>,
    /// Like `2026-01-31T12:00:00`. All changes from then on are taken back.
    since: Option<String>,
}

/// What was undone.
#[derive(Serialize, JsonSchema)]
pub struct UndoOutput {
    /// How many changes were undone.
    count: usize,
    /// The changes that were undone, in that order.
    undone: Vec<Undone>,
    /// What was left as it is, and why.
    conflicts: Vec<Conflict>,
}

/// A change that was undone.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UndoneChange")]
pub(crate) struct Undone {
    /// The change.
    id: String,
    /// The capability that had made it.
    action: String,
    /// The first 100 paths that are as they were before.
    paths: Vec<String>,
    /// The change that took it back: undo that to have it again.
    undo_id: String,
}

/// A change that could not be undone.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UndoConflict")]
pub(crate) struct Conflict {
    /// The change.
    id: String,
    /// The path that stands in the way.
    path: String,
    /// What is the matter with it.
    reason: String,
}

impl Capability for UndoChanges {
    const NAME: &'static str = "filesystem_undo";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"id": "change_…"}"#;
    const SUCCESS: &'static str = "Whether nothing stood in the way.";
    type Service = Files;
    type Output = UndoOutput;

    fn succeeded(output: &UndoOutput) -> bool {
        output.conflicts.is_empty()
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        let about = files.about(needs, self.path.iter().map(|path| Place::write(path).itself()));
        Subjects { is_of_trees: true, ..about }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<UndoOutput> {
        let (who, caller) = (ChangeAuthor::of(context, Self::NAME, None), context.caller.clone());
        files.change(move |files| self.undo(&files.undo, &who, &caller)).await
    }
}

impl UndoChanges {
    fn undo(self, undo: &Undo, who: &ChangeAuthor, caller: &Caller) -> Result<UndoOutput> {
        let given = [&self.path, &self.id, &self.session, &self.since];
        if given.iter().filter(|field| field.is_some()).count() != 1 {
            return Err(Error::invalid("path", "Give exactly one of path, id, session and since"));
        }
        if let Some(id) = &self.id {
            return one(undo, who, &*by_id(undo, caller, id)?);
        }
        let chosen = Choice::new(undo, caller, self.path.as_deref(), self.session, self.since.as_deref())?;
        let most = if self.path.is_some() { 1 } else { usize::MAX };
        let found = undo.select(most, |change| !change.undone && change.reverts.is_empty() && chosen.takes(change));
        match (self.path, found.as_slice()) {
            (Some(_), []) => Err(Error::NotFound("No change of this path is kept that could be undone".into())),
            (None, []) => Err(Error::NotFound("No such change is kept that could be undone".into())),
            (Some(_), [last, ..]) => one(undo, who, last),
            (None, all) => Ok(many(undo, who, all)),
        }
    }
}

fn by_id(undo: &Undo, caller: &Caller, id: &str) -> Result<Arc<Change>> {
    match undo.select(1, |change| change.id == id && caller.sees(&change.caller)).pop() {
        None => Err(Error::NotFound("No such change is kept: filesystem_changes lists those that are".into())),
        Some(change) if change.undone => Err(Error::Conflict(format!("{id} is undone already"))),
        Some(change) => Ok(change),
    }
}

fn one(undo: &Undo, who: &ChangeAuthor, change: &Change) -> Result<UndoOutput> {
    let undo_id = undo.revert(who, change)?;
    Ok(answer(vec![undone(change, undo_id)], vec![]))
}

/// Takes back as many as can be; one that stands on a conflict is left with it.
fn many(undo: &Undo, who: &ChangeAuthor, changes: &[Arc<Change>]) -> UndoOutput {
    let (mut done, mut conflicts) = (Vec::new(), Vec::new());
    for change in changes {
        let clashes = undo.clashes(change);
        if clashes.is_empty() {
            match undo.revert(who, change) {
                Ok(undo_id) => done.push(undone(change, undo_id)),
                Err(error) => {
                    let path = change.paths().next().map(spelled);
                    let reason = error.to_string();
                    conflicts.push(Conflict { id: change.id.clone(), path: path.unwrap_or_default(), reason });
                }
            }
            continue;
        }
        let named = clashes.into_iter();
        conflicts.extend(named.map(|clash| Conflict { id: change.id.clone(), path: clash.path, reason: clash.reason }));
    }
    answer(done, conflicts)
}

fn answer(undone: Vec<Undone>, conflicts: Vec<Conflict>) -> UndoOutput {
    UndoOutput { count: undone.len(), undone, conflicts }
}

fn undone(change: &Change, undo_id: String) -> Undone {
    Undone {
        id: change.id.clone(),
        action: change.action.clone(),
        paths: change.paths().take(100).map(spelled).collect(),
        undo_id,
    }
}
