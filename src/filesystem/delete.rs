//! Removes a file or a directory.

use super::{
    Files,
    about::Place,
    undo::{ChangeAuthor, Changed, Edit},
    write::{is_as_expected, may_go},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    permissions::{Needs, Subjects},
    policy::{
        SafePath,
        paths::{Intent, Named},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Delete a file or directory.
///
/// filesystem_undo brings it back.
///
/// A link is removed itself, not what it leads to.
#[derive(Deserialize, JsonSchema)]
pub struct DeletePath {
    /// The file, link or directory.
    path: String,
    /// Whether a directory goes with all in it. Without it, only an empty one goes.
    #[serde(default)]
    recursive: bool,
    /// Whether a file that is read-only goes anyway. What lies in a directory goes with it.
    #[serde(default)]
    force: bool,
    /// `sha256` of an earlier read: when the file has changed since, it stays and the answer is 409.
    expected_sha256: Option<String>,
    /// A label that groups changes: `filesystem_undo` takes back all of one label.
    session: Option<String>,
}

/// What was removed.
#[derive(Serialize, JsonSchema)]
pub struct DeleteOutput {
    /// The path as sent.
    path: String,
    /// The change, for filesystem_undo.
    #[serde(flatten)]
    change: Changed,
}

impl Capability for DeletePath {
    const NAME: &'static str = "filesystem_delete";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = true;
    // With the digest of no file, so that it deletes nothing until somebody puts a file's own there.
    const EXAMPLE: &'static str = r#"{"path": "notes/old.md", "expected_sha256": "0000000000000000000000000000000000000000000000000000000000000000"}"#;
    type Service = Files;
    type Output = DeleteOutput;

    fn aside(_: &DeleteOutput) -> &'static [&'static str] {
        &["path", "change_id"]
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        let about = files.about(needs, [Place::write(&self.path).itself()]);
        let deletes = needs.deletes.map_or(0, |most| files.count_files(&self.path, most));
        Subjects { deletes, is_of_trees: self.recursive, ..about }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<DeleteOutput> {
        let who = ChangeAuthor::of(context, Self::NAME, self.session.as_ref());
        files.change_anew(move |files| self.delete(files, &who)).await
    }
}

impl DeletePath {
    fn delete(&self, files: &Files, who: &ChangeAuthor) -> Result<DeleteOutput> {
        let path = files.workspace.resolve_link(&self.path, Named::File, Intent::Write)?;
        let found = *path.existing()?;
        may_leave(files, &path)?;
        may_go(&path, self.force, "delete")?;
        let basis = is_as_expected(&path, self.expected_sha256.as_deref())?;
        let change = if found.is_folder() {
            let is_empty = path.open_folder()?.children()?.next().is_none();
            if !is_empty && !self.recursive {
                return Err(Error::Conflict("The directory is not empty: set recursive to delete all in it".into()));
            }
            files.undo.remove_tree(who, &path)?
        } else {
            files.undo.commit(who, vec![Edit::removal(&path).made_from(basis).at(path)], None)?
        };
        Ok(DeleteOutput { path: self.path.clone(), change })
    }
}

/// A root stays, and so do a directory at the top of the file system, which is no one caller's, and one in which something
/// is denied.
pub(super) fn may_leave(files: &Files, path: &SafePath) -> Result<()> {
    if files.workspace.holds_a_root(path.real()) || path.real().parent().is_none() {
        return Err(Error::Refused("A directory that callers are allowed as a whole cannot itself go away".into()));
    }
    if path.real().parent().is_some_and(|above| above.parent().is_none()) && path.existing()?.is_folder() {
        return Err(Error::Refused(
            "A directory at the root of the file system cannot itself go away: name what in it may".into(),
        ));
    }
    path.may_go_whole()
}
