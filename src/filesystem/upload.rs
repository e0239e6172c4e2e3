//! Takes a file as a stream, and goes on where a broken upload ended.
//!
//! What has come so far lies in the bridge's own folder under a name that follows from the target's, so that a later
//! request, or a later process, finds it. When all is there it takes the target's place at once.

use super::{
    Files,
    about::Place,
    basis::Basis,
    digest,
    undo::{ChangeAuthor, Changed, Edit, Source, State},
    write::{is_as_expected, may_be_written},
};
use crate::{
    blocking::blocking,
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    permissions::{Needs, Subjects},
    policy::{
        SafePath,
        paths::{Directory, Intent, Named, OURS, Times, look_at, set_mode_and_owner},
        private,
    },
};
use anyhow::Context as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    ffi::{OsStr, OsString},
    fs::{File, TryLockError},
    io::{self, Seek, SeekFrom},
    path::Path,
    time::Duration,
};

/// How long what has come of a file waits for the rest.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);

/// Upload a file.
///
/// As multipart/form-data with these fields, then the part `file`, streamed to disk. A broken upload goes on with
/// `offset`: `filesystem_upload_status` tells how much has come. The file appears when all of it is there.
#[derive(Clone, Deserialize, JsonSchema)]
pub struct UploadFile {
    /// Where the file is to be; the folders above it are made.
    path: String,
    /// Where in the file the part that is sent begins, in bytes: what has come so far, or 0 to start over.
    #[serde(default)]
    offset: u64,
    /// The whole file's size in bytes. Default: the part that is sent is the rest of it.
    size: Option<u64>,
    /// Whether a file that is there is replaced.
    #[serde(default)]
    overwrite: bool,
    /// Whether a file that is read-only is replaced, too.
    #[serde(default)]
    force: bool,
    /// `sha256` of an earlier read: when the file has changed since, nothing is replaced and the answer is 409.
    expected_sha256: Option<String>,
    /// A label that groups changes: `filesystem_undo` takes back all of one label.
    session: Option<String>,
}

/// What has come of a file.
#[derive(Serialize, JsonSchema)]
pub struct UploadOutput {
    /// The path as sent.
    path: String,
    /// How many bytes have come in all: the next part's `offset`.
    received: u64,
    /// Whether the file is complete and in its place.
    complete: bool,
    /// SHA-256 of the complete file.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// The change, for filesystem_undo, once the file is complete.
    #[serde(flatten)]
    change: Option<Changed>,
    /// What takes the bytes.
    #[serde(skip)]
    pub upload: Option<Upload>,
}

/// What to do where the person has to say yes.
const INSTEAD: &str =
    "What an upload brings is not known before it comes, so nobody can say yes to it: use POST /filesystem/write";

impl Capability for UploadFile {
    const NAME: &'static str = "filesystem_upload";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = true;
    const FROM_QUERY: bool = true;
    const EXAMPLE: &'static str = r#"{"path": "notes/picture.png"}"#;
    type Service = Files;
    type Output = UploadOutput;

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        Subjects { instead: Some(INSTEAD), ..files.about(needs, [Place::write(&self.path)]) }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<UploadOutput> {
        let who = ChangeAuthor::of(context, Self::NAME, self.session.as_ref());
        files.change(move |files| self.begin(files, who)).await
    }
}

/// See how much of an upload has come.
///
/// Send the rest with that `offset`. What nobody goes on with is dropped after a day.
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

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        files.about(needs, [Place::read(&self.path)])
    }

    async fn run(self, files: &Files, context: &Context) -> Result<UploadOutput> {
        files.look(context, |files, _| self.status(files)).await
    }
}

impl UploadStatus {
    fn status(self, files: &Files) -> Result<UploadOutput> {
        let path = files.workspace.resolve(&self.path, Named::File, Intent::Write)?;
        if let Some(received) = files.parts.received(&name_of(&path))? {
            return Ok(answer(self.path, received));
        }
        let last = files.undo.select(1, |change| change.paths().any(|changed| changed == path.real())).pop();
        let last = last.filter(|change| change.action == UploadFile::NAME && !change.undone);
        let Some((last, found)) = last.zip(path.found()) else { return Ok(answer(self.path, 0)) };
        let step = last.steps.iter().find(|step| step.path.0 == path.real());
        let is_same = |after: &&State| {
            after.size() == found.size && after.times().is_some_and(|times| times.modified == found.times.modified)
        };
        let Some(state) = step.map(|step| &step.after).filter(is_same) else { return Ok(answer(self.path, 0)) };
        let change = Some(Changed { change_id: last.id.clone(), undoable: last.can_be_undone() });
        let sha256 = Some(state.sha256().to_owned());
        Ok(UploadOutput { complete: true, sha256, change, ..answer(self.path, found.size) })
    }
}

/// What has come so far of files that are not complete.
pub(crate) struct Parts(Directory);

impl Parts {
    /// Opens the folder, and makes it where it is missing.
    ///
    /// # Errors
    /// When it cannot be made or read.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let failed = || format!("{} cannot be used: it must be a folder that this user may write", folder.display());
        let opened = private::create_folder(folder).and_then(|()| Directory::own(folder)).with_context(failed)?;
        let parts = Self(opened);
        parts.drop_old().with_context(failed)?;
        Ok(parts)
    }

    /// Drops what nobody went on with.
    fn drop_old(&self) -> io::Result<()> {
        for entry in self.0.entries()? {
            let (name, _) = entry?;
            // One that is gone meanwhile is complete.
            let modified = self.0.look(&name).map(|found| found.times.modified());
            if modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > KEPT)) {
                self.0.remove(&name)?;
            }
        }
        Ok(())
    }

    /// How many bytes have come of a file; `None` when its upload was never begun, or is over.
    fn received(&self, name: &OsStr) -> io::Result<Option<u64>> {
        match self.0.look(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => Ok(Some(found?.size)),
        }
    }

    /// Opens what has come, or begins, and drops what lies beyond `offset`.
    fn take(&self, name: &OsStr, offset: u64) -> Result<File> {
        let mut file = match self.0.open_to_write(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.0.create(name, 0o600)?,
            opened => opened?.0,
        };
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(Error::Conflict("Another call uploads this file: wait for it, then see how much came".into()));
        }
        file.set_len(offset)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(file)
    }
}

/// The name under which what has come so far of a file lies.
fn name_of(path: &SafePath) -> OsString {
    digest::of(path.real().as_os_str().as_encoded_bytes())[..32].to_owned().into()
}

/// Bytes that come in.
pub struct Upload {
    files: Files,
    who: ChangeAuthor,
    request: UploadFile,
    part: OsString,
    received: u64,
}

fn answer(path: String, received: u64) -> UploadOutput {
    UploadOutput { path, received, complete: false, sha256: None, change: None, upload: None }
}

impl UploadFile {
    fn begin(self, files: &Files, who: ChangeAuthor) -> Result<UploadOutput> {
        let path = files.workspace.resolve(&self.path, Named::File, Intent::Write)?;
        self.may_begin(&path)?;
        if let Some(size) = self.size.filter(|size| *size < self.offset) {
            return Err(Error::invalid(
                "size",
                format!("Input should be the whole file's size: {size} is less than offset"),
            ));
        }
        files.parts.drop_old()?;
        let part = name_of(&path);
        let received = files.parts.received(&part)?.unwrap_or(0);
        if self.offset != received && self.offset != 0 {
            return Err(Error::Conflict(format!(
                "{received} bytes have come so far: send the rest with that offset, or all with 0"
            )));
        }
        let mut output = answer(self.path.clone(), self.offset);
        let received = self.offset;
        output.upload = Some(Upload { files: files.clone(), who, request: self, part, received });
        Ok(output)
    }

    fn may_begin(&self, path: &SafePath) -> Result<Option<Basis>> {
        may_be_written(path, self.force)?;
        if path.found().is_some() && !self.overwrite {
            return Err(Error::Conflict("The file is there already: set overwrite to replace it".into()));
        }
        is_as_expected(path, self.expected_sha256.as_deref())
    }
}

impl Upload {
    /// Opens what takes the bytes, at the place where they go on.
    ///
    /// # Errors
    /// [`Error::Conflict`] while another call has it open; what the system says.
    pub async fn open(&self) -> Result<File> {
        let (files, part, offset) = (self.files.clone(), self.part.clone(), self.received);
        blocking(move || files.parts.take(&part, offset)).await?
    }

    /// Lets the next call have the part that this one took. Closing it is not enough: a program that is just being
    /// started holds a copy of every open file until its first instruction, and with it the lock.
    pub fn leave(part: &File) {
        // What cannot be unlocked is unlocked when it is closed.
        let _ = part.unlock();
    }

    /// Notes that so many more bytes came.
    ///
    /// # Errors
    /// [`Error::Unusable`] when they are more than the size that was said.
    pub fn came(&mut self, bytes: u64) -> Result<()> {
        self.received += bytes;
        match self.request.size {
            Some(size) if self.received > size => Err(Error::Unusable(format!(
                "More than the {size} bytes of size came: only what had come before this call is kept"
            ))),
            _ => Ok(()),
        }
    }

    /// Drops what came with this call.
    ///
    /// # Errors
    /// What the system says.
    pub async fn take_back(self, file: File) -> Result<()> {
        blocking(move || {
            match self.request.offset {
                0 => self.files.parts.0.remove(&self.part)?,
                offset => file.set_len(offset)?,
            }
            Self::leave(&file);
            Ok(())
        })
        .await?
    }

    /// Puts the file in its place if all of it has come.
    ///
    /// # Errors
    /// What the policy and the system say.
    pub async fn finish(self, mut file: File) -> Result<UploadOutput> {
        if self.request.size.is_some_and(|size| self.received < size) {
            let synced = blocking(move || file.sync_all().inspect(|()| Self::leave(&file)));
            synced.await??;
            return Ok(answer(self.request.path, self.received));
        }
        // Before its turn, so that no other change waits while a large file is read.
        let digested = blocking(move || {
            file.sync_all()?;
            file.rewind()?;
            let (sha256, size) = digest::of_reader(&mut file)?;
            Ok::<_, Error>((file, sha256, size))
        });
        let (file, sha256, size) = digested.await??;
        let files = self.files.clone();
        files.change(move |files| self.place(files, &file, sha256, size)).await
    }

    fn place(self, files: &Files, file: &File, sha256: String, size: u64) -> Result<UploadOutput> {
        let path = files.workspace.resolve(&self.request.path, Named::File, Intent::Write)?;
        let basis = self.request.may_begin(&path)?;
        let rights = path.found().map(|old| (old.mode_of_new_content(), old.owner));
        let (mode, owner) = rights.unwrap_or((files.undo.new_file_mode(), OURS));
        set_mode_and_owner(file, mode, owner)?;
        file.sync_all()?;
        let owner = look_at(file)?.owner;
        let after = State::File { sha256: sha256.clone(), size, mode, owner, times: Times::default(), kept: false };
        let source = Source::Staged(files.parts.0.clone(), self.part.clone());
        let edit = Edit::new(path.real().to_owned(), after, source).made_from(basis);
        let change = Some(files.undo.commit(&self.who, vec![edit], None)?);
        // It is still there when it had to be copied to another disk.
        let _ = files.parts.0.remove(&self.part);
        Ok(UploadOutput { complete: true, sha256: Some(sha256), change, ..answer(self.request.path, self.received) })
    }
}
