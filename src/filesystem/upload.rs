//! Takes a file as a stream, and goes on where a broken upload ended.
//!
//! What has come so far lies beside the target under a name that follows from the target's, so that a later request, or
//! a later process, finds it. When all is there it takes the target's place at once.

use super::{
    Files, digest,
    undo::{Edit, Source, State, Who},
    write::{is_as_expected, may_be_written},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
    policy::{
        SafePath,
        paths::{Directory, Intent, Named, Times, dress, look_at},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    ffi::OsString,
    fs::File,
    io::{Seek, SeekFrom},
    path::PathBuf,
};

/// Upload a file.
///
/// As multipart/form-data with these fields, then the part `file`, streamed to disk. A broken upload goes on with
/// `offset`: `filesystem_upload_status` tells how much has come. The file appears when all of it is there.
#[derive(Clone, Deserialize, JsonSchema)]
pub struct UploadFile {
    /// Where the file is to be; the folders above it are made.
    path: String,
    /// Where in the file the part that is sent begins, in bytes: what has come so far, or 0 to begin anew.
    #[serde(default)]
    offset: u64,
    /// The whole file's size in bytes. Default: the part that is sent is the rest of it.
    size: Option<u64>,
    /// Whether a file that is there is replaced.
    #[serde(default)]
    overwrite: bool,
    /// `sha256` of an earlier read: when the file has changed since, nothing is replaced and the answer is 409.
    expected_sha256: Option<String>,
    /// A label that groups changes: `filesystem_undo` takes back all of one label.
    session: Option<String>,
}

/// What has come of a file.
#[derive(Serialize, JsonSchema)]
pub struct UploadOutput {
    /// Always true: a failure is an error.
    success: bool,
    /// The path as sent.
    path: String,
    /// How many bytes have come in all: the next part's `offset`.
    received: u64,
    /// Whether the file is complete and in its place.
    complete: bool,
    /// SHA-256 of the complete file.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// The change's name, for filesystem_undo.
    #[serde(skip_serializing_if = "Option::is_none")]
    change_id: Option<String>,
    /// When it was received.
    timestamp: String,
    /// What takes the bytes.
    #[serde(skip)]
    pub upload: Option<Upload>,
}

impl Capability for UploadFile {
    const NAME: &'static str = "filesystem_upload";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = true;
    const FROM_QUERY: bool = true;
    const EXAMPLE: &'static str = r#"{"path": "notes/picture.png"}"#;
    type Service = Files;
    type Output = UploadOutput;

    async fn run(self, files: &Files, context: &Context) -> Result<UploadOutput> {
        let who = Who::of(context, Self::NAME, self.session.as_ref());
        files.change(move |files| self.begin(files, who)).await
    }
}

/// See how much of an upload has come.
///
/// Send the rest with that `offset`.
#[derive(Deserialize, JsonSchema)]
pub struct UploadStatus {
    /// Where the file is to be.
    path: String,
}

impl Capability for UploadStatus {
    const NAME: &'static str = "filesystem_upload_status";
    const ACCESS: Access = Access::Read;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str = r#"{"path": "notes/picture.png"}"#;
    type Service = Files;
    type Output = UploadOutput;

    async fn run(self, files: &Files, context: &Context) -> Result<UploadOutput> {
        files
            .look(context, |files, _| {
                let path = files.workspace.resolve(&self.path, Named::File, Intent::Write)?;
                let part = files.workspace.resolve_real(&part_of(&path), Intent::Write)?;
                let received = part.found().map_or(0, |found| found.size);
                Ok(answer(self.path, received))
            })
            .await
    }
}

/// Bytes that come in.
pub struct Upload {
    files: Files,
    who: Who,
    request: UploadFile,
    holder: Directory,
    part: OsString,
    /// To write into; what is written counts from `received` on.
    pub file: File,
    /// What has come so far, in bytes.
    pub received: u64,
}

fn answer(path: String, received: u64) -> UploadOutput {
    UploadOutput {
        success: true,
        path,
        received,
        complete: false,
        sha256: None,
        change_id: None,
        timestamp: clock::timestamp(),
        upload: None,
    }
}

/// Where what has come so far of a file lies.
fn part_of(path: &SafePath) -> PathBuf {
    let digest = digest::of(path.real().as_os_str().as_encoded_bytes());
    path.real().with_file_name(format!(".upload-{}.part", &digest[..16]))
}

impl UploadFile {
    fn begin(self, files: &Files, who: Who) -> Result<UploadOutput> {
        let path = files.workspace.resolve(&self.path, Named::File, Intent::Write)?;
        self.may_begin(&path)?;
        if let Some(above) = path.missing_folders().pop() {
            let edit = Edit { path: above, after: files.undo.new_folder(), source: Source::Nothing };
            files.undo.commit(&who, vec![edit], None)?;
        }
        let part = files.workspace.resolve_real(&part_of(&path), Intent::Write)?;
        let received = part.found().map_or(0, |found| found.size);
        if self.offset != received && self.offset != 0 {
            return Err(Error::Conflict(format!(
                "{received} bytes have come so far: send the rest with that offset, or all with 0"
            )));
        }
        let holder = part.holder()?.clone();
        let mut file = match part.found() {
            Some(_) => holder.open_to_write(part.name())?.0,
            None => holder.create(part.name(), 0o600)?,
        };
        file.set_len(self.offset)?;
        file.seek(SeekFrom::Start(self.offset))?;
        let mut output = answer(self.path.clone(), self.offset);
        let (received, part) = (self.offset, part.name().to_owned());
        output.upload = Some(Upload { files: files.clone(), who, request: self, holder, part, file, received });
        Ok(output)
    }

    fn may_begin(&self, path: &SafePath) -> Result<()> {
        may_be_written(path)?;
        if path.found().is_some() && !self.overwrite {
            return Err(Error::Conflict("The file is there already: set overwrite to replace it".into()));
        }
        is_as_expected(path, self.expected_sha256.as_deref())
    }
}

impl Upload {
    /// Puts the file in its place if all of it has come.
    ///
    /// # Errors
    /// [`Error::Unusable`] when more came than the size that was said; what the policy and the system say.
    pub async fn finish(self) -> Result<UploadOutput> {
        let files = self.files.clone();
        files.change(move |files| self.place(files)).await
    }

    fn place(mut self, files: &Files) -> Result<UploadOutput> {
        let mut output = answer(self.request.path.clone(), self.received);
        match self.request.size {
            Some(size) if self.received < size => {
                self.file.sync_all()?;
                return Ok(output);
            }
            Some(size) if self.received > size => {
                self.holder.remove(&self.part)?;
                return Err(Error::Unusable(format!("More than the {size} bytes of size came: nothing was kept")));
            }
            _ => {}
        }
        let path = files.workspace.resolve(&self.request.path, Named::File, Intent::Write)?;
        self.request.may_begin(&path)?;
        self.file.rewind()?;
        let (sha256, size) = digest::of_reader(&mut self.file)?;
        let (mode, owner) =
            path.found().map_or((files.undo.new_file_mode(), crate::policy::paths::OURS), |old| (old.mode, old.owner));
        dress(&self.file, mode, owner)?;
        self.file.sync_all()?;
        let owner = look_at(&self.file)?.owner;
        let after = State::File { sha256: sha256.clone(), size, mode, owner, times: Times::default(), kept: false };
        let source = Source::Staged(self.holder.clone(), self.part.clone());
        let edit = Edit { path: path.real().to_owned(), after, source };
        output.change_id = Some(files.undo.commit(&self.who, vec![edit], None)?);
        (output.complete, output.sha256) = (true, Some(sha256));
        Ok(output)
    }
}
