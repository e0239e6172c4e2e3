//! Lists what was changed.

use super::{Change, MAX_SHOWN, State, Undo, append};
use crate::{
    caller::{Access, Caller, since_agents},
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
    filesystem::about::Place,
    filesystem::{Files, diff::Diffs},
    permissions::{Needs, Subjects},
    policy::paths::{Intent, Named, composed, spelled},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

/// List changes made to files.
///
/// What you modified lately, the newest first: when, what, with a diff on demand. filesystem_undo takes one back.
#[derive(Deserialize, JsonSchema)]
pub struct ListChanges {
    /// Only changes of this file, or of anything in this directory.
    path: Option<String>,
    /// Only changes with this label.
    session: Option<String>,
    /// Only changes made at this time or later: `2026-01-31T12:00:00`.
    since: Option<String>,
    /// Whether to show what changed in texts, as a unified diff.
    #[serde(default)]
    diff: bool,
    /// The most changes to return. 1 to 1,000.
    #[serde(default = "default_limit")]
    #[schemars(range(min = 1, max = 1000))]
    limit: usize,
    /// `next_cursor` of the page before. Default: the first page.
    cursor: Option<String>,
}

fn default_limit() -> usize {
    50
}

/// What was changed.
#[derive(Serialize, JsonSchema)]
pub struct ChangesOutput {
    /// How many changes are returned.
    count: usize,
    /// Whether there are more.
    truncated: bool,
    /// The changes, newest first.
    items: Vec<ChangeItem>,
    /// Where there are more: send this as `cursor` for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// A change of files.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FileChange")]
pub(crate) struct ChangeItem {
    /// Its name, for filesystem_undo.
    id: String,
    /// When it was made.
    timestamp: String,
    /// The agent that made it.
    caller: String,
    /// The label it was made with.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<String>,
    /// The capability that made it.
    action: String,
    /// The first 100 paths that it changed.
    paths: Vec<ChangedPath>,
    /// How many paths it changed.
    path_count: usize,
    /// Whether what was there is kept, so that it can be undone.
    undoable: bool,
    /// Whether it was undone.
    undone: bool,
    /// The changes that it takes back, for an undo.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reverts: Vec<String>,
    /// What changed in texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

/// A path of a change.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ChangedPath {
    /// Where it is.
    path: String,
    /// What happened to it.
    kind: ChangeKind,
    /// Where it is now, when it was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

/// What happened to a path.
#[derive(Clone, Copy, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChangeKind {
    /// It was made.
    Created,
    /// It got another content.
    Modified,
    /// It was removed.
    Deleted,
    /// It was given another place.
    Moved,
}

impl Capability for ListChanges {
    const NAME: &'static str = "filesystem_changes";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"limit": 5, "diff": true}"#;
    type Service = Files;
    type Output = ChangesOutput;

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        let about = files.about(needs, self.path.iter().map(|path| Place::read(path).itself()));
        Subjects { is_of_trees: true, ..about }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<ChangesOutput> {
        let caller = context.caller.clone();
        files.look(context, move |files, _| self.list(&files.undo, &caller)).await
    }
}

impl ListChanges {
    fn list(self, undo: &Undo, caller: &Caller) -> Result<ChangesOutput> {
        let chosen = Choice::new(undo, caller, self.path.as_deref(), self.session, self.since.as_deref())?;
        let before = self.cursor.as_deref().filter(|cursor| !cursor.is_empty()).map(number_of_cursor).transpose()?;
        let is_after = |change: &Change| before.is_none_or(|before| super::number(&change.id) < before);
        let mut found = undo.select(self.limit + 1, |change| is_after(change) && chosen.takes(change));
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let next_cursor = found.last().filter(|_| more).map(|change| change.id.clone());
        let items: Vec<ChangeItem> = found.into_iter().map(|change| undo.shown(&change, self.diff)).collect();
        Ok(ChangesOutput { count: items.len(), truncated: more, items, next_cursor })
    }
}

/// A change's name is the cursor for what comes after it, also when that change is no longer kept.
fn number_of_cursor(cursor: &str) -> Result<u64> {
    let wrong = "Input should be the next_cursor of an earlier page, or left out for the first";
    match super::number(cursor) {
        number if number > 0 && cursor.starts_with("change_") => Ok(number),
        _ => Err(Error::invalid("cursor", wrong)),
    }
}

/// Which changes are meant.
pub(crate) struct Choice {
    caller: Caller,
    /// With its names in one form of Unicode: what is gone is found by either.
    path: Option<PathBuf>,
    session: Option<String>,
    since: Option<chrono::NaiveDateTime>,
}

impl Choice {
    /// Checks what the caller chose by. A directory means all in it too.
    ///
    /// # Errors
    /// [`Error::Refused`] for a path out of reach, [`Error::Invalid`] for a time that is none.
    pub(crate) fn new(
        undo: &Undo,
        caller: &Caller,
        path: Option<&str>,
        session: Option<String>,
        since: Option<&str>,
    ) -> Result<Self> {
        let path = path.map(|path| undo.workspace.resolve_link(path, Named::File, Intent::Read)).transpose()?;
        let since = since.map(|text| {
            let wrong = || Error::invalid("since", "Input should be a date and time such as 2026-01-31T12:00:00");
            clock::parse(text).ok_or_else(wrong)
        });
        let caller = caller.clone();
        Ok(Self {
            caller,
            path: path.map(|path| composed(path.real()).into_owned()),
            session,
            since: since.transpose()?,
        })
    }

    /// Whether a change is meant.
    pub(crate) fn takes(&self, change: &Change) -> bool {
        let is_there = |path: &Path| self.path.as_ref().is_none_or(|chosen| composed(path).starts_with(chosen));
        let is_late =
            || self.since.is_none_or(|since| clock::parse(&change.timestamp).is_some_and(|time| time >= since));
        self.caller.sees(&change.caller)
            && change.paths().any(is_there)
            && (self.session.is_none() || self.session == change.session)
            && is_late()
    }
}

impl Undo {
    /// The changes that are chosen, newest first, up to `most`.
    pub(crate) fn select(&self, most: usize, chosen: impl Fn(&Change) -> bool) -> Vec<Arc<Change>> {
        self.kept().changes.iter().rev().filter(|change| chosen(change)).take(most).cloned().collect()
    }

    fn shown(&self, change: &Change, with_diff: bool) -> ChangeItem {
        let diff = with_diff.then(|| self.diff(change));
        let moved = change.moved.iter().map(|moved| ChangedPath {
            path: spelled(&moved.from.0),
            kind: ChangeKind::Moved,
            to: Some(spelled(&moved.to.0)),
        });
        let appended = change.appended.iter().map(|appended| ChangedPath {
            path: spelled(&appended.path.0),
            kind: ChangeKind::Modified,
            to: None,
        });
        let steps = change.steps.iter().map(|step| ChangedPath {
            path: spelled(&step.path.0),
            kind: match (&step.before, &step.after) {
                (State::Absent, _) => ChangeKind::Created,
                (_, State::Absent) => ChangeKind::Deleted,
                _ => ChangeKind::Modified,
            },
            to: None,
        });
        ChangeItem {
            paths: moved.chain(appended).chain(steps).take(100).collect(),
            path_count: change.steps.len()
                + usize::from(change.moved.is_some())
                + usize::from(change.appended.is_some()),
            undoable: change.can_be_undone() && !change.undone,
            id: change.id.clone(),
            timestamp: change.timestamp.clone(),
            caller: since_agents(&change.caller).to_owned(),
            session: change.session.clone(),
            action: change.action.clone(),
            undone: change.undone,
            reverts: change.reverts.clone(),
            diff,
        }
    }

    /// The unified diff of the texts of a change that may still be read and are still kept.
    fn diff(&self, change: &Change) -> String {
        let mut all = Diffs::default();
        for step in &change.steps {
            if !self.workspace.allows(&step.path.0, Intent::Read) {
                continue;
            }
            if let (Some(before), Some(after)) = (self.text_of(&step.before), self.text_of(&step.after)) {
                all.add(&before, &after, &spelled(&step.path.0));
            }
        }
        if let Some(appended) = &change.appended
            && self.workspace.allows(&appended.path.0, Intent::Read)
            && let Some(bytes) = self.kept().store.bytes(&appended.sha256, MAX_SHOWN)
            && let Ok(bytes) = String::from_utf8(bytes)
        {
            all.add_lines(&append::shown(&spelled(&appended.path.0), appended, &bytes));
        }
        all.finish()
    }

    fn text_of(&self, state: &State) -> Option<String> {
        match state {
            State::Absent => Some(String::new()),
            State::File { sha256, .. } => String::from_utf8(self.kept().store.bytes(sha256, MAX_SHOWN)?).ok(),
            _ => None,
        }
    }
}
