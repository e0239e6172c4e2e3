//! Hands out a file as a stream.

use super::{Files, about::Place, read::mime_type};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::Result,
    permissions::{Needs, Subjects},
    policy::paths::{Intent, Named, spelled},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{Read, Seek},
    time::SystemTime,
};

/// Download a file.
///
/// Its bytes as they are, of any size. `Range` asks for a part, so that a broken download can go on; `ETag` tells
/// whether it is still the same file.
#[derive(Deserialize, JsonSchema)]
pub struct DownloadFile {
    /// The file.
    path: String,
}

/// A file that is being handed out.
#[derive(Serialize, JsonSchema)]
pub struct DownloadOutput {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// What kind of file it is.
    pub mime_type: String,
    /// What changes when the file does.
    pub tag: String,
    /// When it was last changed.
    #[serde(skip)]
    pub modified: Option<SystemTime>,
    /// The file, at its start.
    #[serde(skip)]
    pub file: Option<File>,
}

impl Capability for DownloadFile {
    const NAME: &'static str = "filesystem_download";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const FROM_QUERY: bool = true;
    const EXAMPLE: &'static str = r#"{"path": "notes/today.md"}"#;
    type Service = Files;
    type Output = DownloadOutput;

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        files.about(needs, [Place::read(&self.path)])
    }

    async fn run(self, files: &Files, context: &Context) -> Result<DownloadOutput> {
        files.look(context, |files, _| self.open(files)).await
    }
}

impl DownloadFile {
    fn open(self, files: &Files) -> Result<DownloadOutput> {
        let path = files.workspace.resolve(&self.path, Named::File, Intent::Read)?;
        let (mut file, found) = path.open()?;
        let mut start = Vec::new();
        file.by_ref().take(8192).read_to_end(&mut start)?;
        file.rewind()?;
        Ok(DownloadOutput {
            name: spelled(path.name()),
            size: found.size,
            mime_type: mime_type(&self.path, &start),
            tag: format!("\"{:x}-{:x}-{:x}\"", found.identity.1, found.size, found.changed),
            modified: Some(found.times.modified()),
            file: Some(file),
        })
    }
}
