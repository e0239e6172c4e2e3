//! Moves files and directories.

use super::{
    Files,
    about::Place,
    copy::{Copied, Copy, is_free},
    delete::may_leave,
    undo::{ChangeAuthor, Changed, Edit, Staging, State},
    write::{is_as_expected, may_go},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    permissions::{Needs, Subjects},
    policy::{
        Folder, SafePath,
        paths::{Intent, Kind, Named},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

/// Move or rename a file or directory.
///
/// At once, with all in it. A link is moved itself.
#[derive(Deserialize, JsonSchema)]
pub struct MovePath {
    /// What to move.
    path: String,
    /// Where it is to be; the directories above it are made.
    to: String,
    /// Whether a file that is there is replaced; without it that is a conflict.
    #[serde(default)]
    overwrite: bool,
    /// Whether a file that is read-only is moved, or replaced, anyway.
    #[serde(default)]
    force: bool,
    /// `sha256` of an earlier read: when the file has changed since, it stays and the answer is 409.
    expected_sha256: Option<String>,
    /// A label that groups changes: `filesystem_undo` takes back all of one label.
    session: Option<String>,
}

/// What was moved.
#[derive(Serialize, JsonSchema)]
pub struct MoveOutput {
    /// The old path as sent.
    path: String,
    /// The new path as sent.
    to: String,
    /// The change, for filesystem_undo.
    #[serde(flatten)]
    change: Changed,
}

impl Capability for MovePath {
    const NAME: &'static str = "filesystem_move";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = true;
    // With the digest of no file, so that it moves nothing until somebody puts a file's own there.
    const EXAMPLE: &'static str = r#"{"path": "notes/today.md", "to": "notes/yesterday.md", "expected_sha256": "0000000000000000000000000000000000000000000000000000000000000000"}"#;
    type Service = Files;
    type Output = MoveOutput;

    fn aside(_: &MoveOutput) -> &'static [&'static str] {
        &["path", "to", "change_id"]
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        let about = files.about(needs, [Place::write(&self.path).itself(), Place::write(&self.to).itself()]);
        Subjects { is_of_trees: true, ..about }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<MoveOutput> {
        let who = ChangeAuthor::of(context, Self::NAME, self.session.as_ref());
        let cancelled = context.cancelled.clone();
        files.change_late(move |files| self.relocate(files, &who, &cancelled)).await
    }
}

impl MovePath {
    fn relocate(self, files: &Files, who: &ChangeAuthor, cancelled: &CancellationToken) -> Result<MoveOutput> {
        let (from, to) = self.ends(files)?;
        // Before its turn, so that no other change waits while a large file is read.
        let expected = is_as_expected(&from, self.expected_sha256.as_deref())?;
        let what = State::at(&from)?;
        let turn = files.turn();
        let known = what.as_basis(&from);
        let (from, to) = self.ends_still(files, &from, &to)?;
        let changed = known.is_some_and(|known| from.holder().is_ok_and(|at| known.check(at, from.name()).is_err()));
        let what = match changed {
            true => State::at(&from)?,
            false => what,
        };
        expected.map_or(Ok(()), |expected| expected.is_same(what.sha256()))?;
        let change = match files.undo.relocate(who, &from, &to, self.overwrite, what) {
            Err(error) if crosses_devices(&error) => {
                drop(turn);
                self.over_devices(files, who, &from, &to, cancelled)?
            }
            moved => moved?,
        };
        Ok(MoveOutput { path: self.path, to: self.to, change })
    }
}

fn crosses_devices(error: &Error) -> bool {
    let Error::Internal(cause) = error else { return false };
    cause.downcast_ref::<std::io::Error>().is_some_and(|cause| cause.kind() == std::io::ErrorKind::CrossesDevices)
}

impl MovePath {
    /// What is to be moved and where, if it may be.
    fn ends(&self, files: &Files) -> Result<(SafePath, SafePath)> {
        let from = files.workspace.resolve_link(&self.path, Named::File, Intent::Write)?;
        let to = files.workspace.resolve_link(&self.to, Named::File, Intent::Write)?;
        is_free(&from, &to, self.overwrite)?;
        may_leave(files, &from)?;
        may_go(&from, self.force, "move")?;
        may_go(&to, self.force, "replace")?;
        Ok((from, to))
    }

    /// The same once more, if both are where they were.
    fn ends_still(&self, files: &Files, from: &SafePath, to: &SafePath) -> Result<(SafePath, SafePath)> {
        let ends = self.ends(files)?;
        ends.0.is_still_at(from)?;
        ends.1.is_still_at(to)?;
        Ok(ends)
    }

    /// From one file system to another: a copy and a removal, as one change.
    fn over_devices(
        &self,
        files: &Files,
        who: &ChangeAuthor,
        from: &SafePath,
        to: &SafePath,
        cancelled: &CancellationToken,
    ) -> Result<Changed> {
        let mut copy = Copy::new(Staging::beside(&files.undo, to)?, cancelled);
        copy.take(from, to.real().to_owned())?;
        let (staging, mut edits, copied, skipped) = copy.finish()?;
        if skipped > 0 {
            return Err(Error::Unusable(
                "It lies on another disk and holds what cannot be copied: copy what you need, then delete it".into(),
            ));
        }
        let _turn = files.turn();
        let (from, _) = &self.ends_still(files, from, to)?;
        remove_all_of(from, &copied, &mut edits)?;
        files.undo.commit(who, edits, Some(staging))
    }
}

/// Adds the edits that remove a tree: what is in a directory before the directory. A file that is not as it was when it
/// was copied stays.
fn remove_all_of(path: &SafePath, copied: &Copied, edits: &mut Vec<Edit>) -> Result<()> {
    if path.existing()?.kind == Kind::Folder {
        let folder: Folder = path.open_folder()?;
        for child in folder.children()? {
            remove_all_of(&folder.at(&child.name, Intent::Write)?, copied, edits)?;
        }
    }
    edits.push(Edit::removal(path).made_from(copied.get(path.real()).cloned()));
    Ok(())
}
