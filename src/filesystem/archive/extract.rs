//! Takes an archive apart.

use super::{Format, damaged, survey::survey, unpack::Unpack};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    filesystem::about::Place,
    filesystem::{
        Files,
        undo::{ChangeAuthor, Changed},
    },
    permissions::{Needs, Subjects},
    policy::{
        SafePath,
        paths::{Intent, Named},
    },
};
use flate2::read::MultiGzDecoder;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{BufReader, Read, Seek},
};
use tokio_util::sync::CancellationToken;

/// Unpack an archive.
///
/// ZIP, tar or tar.gz, known by its content. All of it or nothing. An archive that names files outside the folder, or
/// unpacks to more than `max_bytes`, is refused; links that lead outside and devices are left out and named.
#[derive(Deserialize, JsonSchema)]
pub struct ExtractArchive {
    /// The archive.
    path: String,
    /// The folder to unpack into; it is made when it is missing.
    to: String,
    /// Whether files that are there are replaced.
    #[serde(default)]
    overwrite: bool,
    /// Whether files that are read-only are replaced anyway.
    #[serde(default)]
    force: bool,
    /// The most that all files together may have, in bytes; without it, a hundred times the archive, and no less than
    /// 100 MiB and no more than 1 GiB.
    max_bytes: Option<u64>,
    /// A label that groups changes: `filesystem_undo` takes back all of one label.
    session: Option<String>,
}

/// What an archive of a size may hold when nobody says: text shrinks to a tenth, and what shrinks to a hundredth is made
/// for it.
fn trusted(archive: u64) -> u64 {
    const MIB: u64 = 1024 * 1024;
    archive.saturating_mul(100).clamp(100 * MIB, 1024 * MIB)
}

/// What was unpacked.
#[derive(Serialize, JsonSchema)]
pub struct ExtractOutput {
    /// The path as sent.
    path: String,
    /// The folder's path as sent.
    to: String,
    /// How many files, folders and links were unpacked.
    count: usize,
    /// How many were left out.
    skipped: usize,
    /// The first 100 of these, by their names in the archive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    skipped_names: Vec<String>,
    /// The size of all files together, in bytes.
    size: u64,
    /// The change, for filesystem_undo.
    #[serde(flatten)]
    change: Changed,
}

impl Capability for ExtractArchive {
    const NAME: &'static str = "filesystem_extract";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"path": "notes.zip", "to": "restored"}"#;
    type Service = Files;
    type Output = ExtractOutput;

    fn aside(_: &ExtractOutput) -> &'static [&'static str] {
        &["path", "to", "change_id"]
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        let about = files.about(needs, [Place::read(&self.path), Place::write(&self.to)]);
        Subjects { is_of_trees: true, ..about }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<ExtractOutput> {
        let who = ChangeAuthor::of(context, Self::NAME, self.session.as_ref());
        let cancelled = context.cancelled.clone();
        let this = files.look(context, move |files, cancelled| self.survey(files, cancelled)).await?;
        files.change_late(move |files| this.extract(files, &who, &cancelled)).await
    }
}

/// An archive that is open.
struct Archive {
    file: File,
    format: Format,
    /// What its files may have together, in bytes.
    most: u64,
}

impl ExtractArchive {
    fn open(&self, files: &Files) -> Result<Archive> {
        let archive = files.workspace.resolve(&self.path, Named::File, Intent::Read)?;
        let (mut file, found) = archive.open()?;
        let mut start = Vec::new();
        file.by_ref().take(512).read_to_end(&mut start)?;
        file.rewind()?;
        let format = Format::of_start(&start).or_else(|| Format::of_name(&self.path));
        let format = format.ok_or_else(|| damaged("it begins like none"))?;
        Ok(Archive { file, format, most: self.max_bytes.unwrap_or_else(|| trusted(found.size)) })
    }

    fn target(&self, files: &Files) -> Result<SafePath> {
        let to = files.workspace.resolve(&self.to, Named::Folder, Intent::Write)?;
        match to.found().is_some_and(|found| !found.is_folder()) {
            true => Err(Error::Conflict("The target is no folder: name one to unpack into".into())),
            false => Ok(to),
        }
    }

    fn survey(self, files: &Files, cancelled: &CancellationToken) -> Result<Self> {
        let Archive { file, format, most } = self.open(files)?;
        self.target(files)?;
        survey(file, format, most, cancelled)?;
        Ok(self)
    }

    fn extract(self, files: &Files, who: &ChangeAuthor, cancelled: &CancellationToken) -> Result<ExtractOutput> {
        let Archive { file, format, most } = self.open(files)?;
        let to = self.target(files)?;
        let mut unpack = Unpack::new(files, &to, most, cancelled)?;
        match format {
            Format::Zip => unpack.zip(file)?,
            Format::Tar => unpack.tar(BufReader::new(file))?,
            Format::TarGz => unpack.tar(MultiGzDecoder::new(BufReader::new(file)))?,
        }
        unpack.settle()?;
        let _turn = files.turn();
        self.target(files)?.is_still_at(&to)?;
        let unpacked = unpack.finish(self.overwrite, self.force)?;
        let change = files.undo.commit(who, unpacked.edits, Some(unpacked.staging))?;
        Ok(ExtractOutput {
            path: self.path,
            to: self.to,
            count: unpacked.count,
            skipped: unpacked.skipped,
            skipped_names: unpacked.skipped_names,
            size: most - unpacked.left,
            change,
        })
    }
}
