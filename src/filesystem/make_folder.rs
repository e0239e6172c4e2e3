//! Makes a directory.

use super::{
    Files,
    about::Place,
    undo::{ChangeAuthor, Changed, Edit, Source},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    permissions::{Needs, Subjects},
    policy::paths::{Intent, Named},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Make a directory.
///
/// With those above it. One that is there already is fine.
#[derive(Deserialize, JsonSchema)]
pub struct MakeDirectory {
    /// The directory.
    path: String,
    /// A label that groups changes: `filesystem_undo` takes back all of one label.
    session: Option<String>,
}

/// What was made.
#[derive(Serialize, JsonSchema)]
pub struct MakeOutput {
    /// The path as sent.
    path: String,
    /// Whether it was made now; false when it was there.
    created: bool,
    /// The change, for filesystem_undo.
    #[serde(flatten)]
    change: Option<Changed>,
}

impl Capability for MakeDirectory {
    const NAME: &'static str = "filesystem_mkdir";
    const ACCESS: Access = Access::Write;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"path": "notes/archive"}"#;
    type Service = Files;
    type Output = MakeOutput;

    fn aside(_: &MakeOutput) -> &'static [&'static str] {
        &["path", "change_id"]
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        files.about(needs, [Place::write(&self.path)])
    }

    async fn run(self, files: &Files, context: &Context) -> Result<MakeOutput> {
        let who = ChangeAuthor::of(context, Self::NAME, self.session.as_ref());
        files.change(move |files| self.make(files, &who)).await
    }
}

impl MakeDirectory {
    fn make(self, files: &Files, who: &ChangeAuthor) -> Result<MakeOutput> {
        let path = files.workspace.resolve(&self.path, Named::Folder, Intent::Write)?;
        if path.found().is_some_and(|found| !found.is_folder()) {
            return Err(Error::Conflict("Something that is no directory has this name: choose another".into()));
        }
        let created = path.found().is_none();
        if created && files.workspace.resolve_link(&self.path, Named::Folder, Intent::Write)?.found().is_some() {
            return Err(Error::Conflict("A link that leads nowhere has this name: choose another".into()));
        }
        let edit = Edit::new(path.real().to_owned(), files.undo.new_folder(), Source::Nothing).at(path);
        let change = created.then(|| files.undo.commit(who, vec![edit], None)).transpose()?;
        Ok(MakeOutput { path: self.path, created, change })
    }
}
