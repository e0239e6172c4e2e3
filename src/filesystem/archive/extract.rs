//! Takes an archive apart.

use super::{Format, MAX_ENTRIES, damaged, too_many};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
    filesystem::{
        Files, go_on,
        undo::{Edit, Source, Staging, State, Who},
    },
    policy::{
        SafePath,
        paths::{Intent, Named, OURS, Times},
    },
};
use flate2::read::MultiGzDecoder;
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{BufReader, Read, Seek},
    path::{Component, Path, PathBuf},
};
use tokio_util::sync::CancellationToken;
use zip::ZipArchive;

/// The longest text of a link, in bytes.
const MAX_LINK: u64 = 4096;

/// What headers between files may take beside the files themselves, in bytes each.
const HEADERS: u64 = 2048;

/// Unpack an archive.
///
/// ZIP, tar or tar.gz, known by its content. All of it or nothing. An archive that names files outside the folder, or
/// unpacks to more than `max_bytes`, is refused; links that lead outside and devices are left out and counted.
#[derive(Deserialize, JsonSchema)]
pub struct ExtractArchive {
    /// The archive.
    path: String,
    /// The folder to unpack into; it is made when it is missing.
    to: String,
    /// Whether files that are there are replaced.
    #[serde(default)]
    overwrite: bool,
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
    /// Always true: a failure is an error.
    success: bool,
    /// The path as sent.
    path: String,
    /// The folder's path as sent.
    to: String,
    /// How many files, folders and links were unpacked.
    count: usize,
    /// How many were left out.
    skipped: usize,
    /// The size of all files together, in bytes.
    size: u64,
    /// The change's name, for filesystem_undo.
    change_id: String,
    /// When it was unpacked.
    timestamp: String,
}

impl Capability for ExtractArchive {
    const NAME: &'static str = "filesystem_extract";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"path": "notes.zip", "to": "restored"}"#;
    type Service = Files;
    type Output = ExtractOutput;

    async fn run(self, files: &Files, context: &Context) -> Result<ExtractOutput> {
        let who = Who::of(context, Self::NAME, self.session.as_ref());
        let cancelled = context.cancelled.clone();
        files.change(move |files| self.extract(files, &who, &cancelled)).await
    }
}

impl ExtractArchive {
    fn extract(self, files: &Files, who: &Who, cancelled: &CancellationToken) -> Result<ExtractOutput> {
        let archive = files.workspace.resolve(&self.path, Named::File, Intent::Read)?;
        let (mut file, found) = archive.open()?;
        let max_bytes = self.max_bytes.unwrap_or_else(|| trusted(found.size));
        let to = files.workspace.resolve(&self.to, Named::Folder, Intent::Write)?;
        if to.found().is_some_and(|found| !found.is_folder()) {
            return Err(Error::Conflict("The target is no folder: name one to unpack into".into()));
        }
        let mut start = Vec::new();
        file.by_ref().take(512).read_to_end(&mut start)?;
        file.rewind()?;
        let format = Format::of_start(&start).or_else(|| Format::of_name(&self.path));
        let mut unpack = Unpack {
            files,
            cancelled,
            to: &to,
            staging: Staging::beside(&files.undo, &to.inside())?,
            edits: IndexMap::new(),
            left: max_bytes,
            skipped: 0,
        };
        let reader = BufReader::new(file);
        match format {
            Some(Format::Zip) => unpack.zip(reader)?,
            Some(Format::Tar) => unpack.tar(reader)?,
            Some(Format::TarGz) => unpack.tar(MultiGzDecoder::new(reader))?,
            None => return Err(damaged("it begins like none")),
        }
        unpack.is_free(self.overwrite)?;
        let (skipped, size) = (unpack.skipped, max_bytes - unpack.left);
        let (staging, edits) = unpack.finish()?;
        let count = edits.len();
        let change_id = files.undo.commit(who, edits, Some(staging))?;
        let timestamp = clock::timestamp();
        Ok(ExtractOutput { success: true, path: self.path, to: self.to, count, skipped, size, change_id, timestamp })
    }
}

/// What is taken out of an archive, before any of it is in its place.
struct Unpack<'a> {
    files: &'a Files,
    cancelled: &'a CancellationToken,
    to: &'a SafePath,
    staging: Staging,
    /// By where it goes: of a name that comes twice, the last counts.
    edits: IndexMap<PathBuf, Edit>,
    left: u64,
    skipped: usize,
}

impl Unpack<'_> {
    fn zip(&mut self, reader: BufReader<File>) -> Result<()> {
        let mut archive = ZipArchive::new(reader).map_err(damaged)?;
        if archive.len() > MAX_ENTRIES {
            return too_many();
        }
        for number in 0..archive.len() {
            let entry = archive.by_index(number).map_err(damaged)?;
            let name = entry.name().map_err(damaged)?.into_owned();
            let mode = entry.unix_mode();
            let times = entry.last_modified().map_or(Times::default(), |time| zip_time(&time));
            match () {
                () if entry.is_dir() => self.folder(Path::new(&name), mode, times)?,
                () if entry.is_symlink() => {
                    let mut target = String::new();
                    entry.take(MAX_LINK).read_to_string(&mut target).map_err(damaged)?;
                    self.link(Path::new(&name), Path::new(&target), times)?;
                }
                () => self.file(Path::new(&name), entry, mode, times)?,
            }
        }
        Ok(())
    }

    fn tar(&mut self, reader: impl Read) -> Result<()> {
        // Long names are read into memory: with this bound they cannot grow without end either.
        let most = self.left.saturating_add(MAX_ENTRIES as u64 * HEADERS);
        let mut archive = tar::Archive::new(reader.take(most));
        for entry in archive.entries().map_err(damaged)? {
            let entry = entry.map_err(damaged)?;
            let name = entry.path().map_err(damaged)?.into_owned();
            let mode = entry.header().mode().ok();
            let seconds = entry.header().mtime().ok().and_then(|seconds| i64::try_from(seconds).ok());
            let times = at(seconds.unwrap_or(0));
            match entry.header().entry_type() {
                tar::EntryType::Directory => self.folder(&name, mode, times)?,
                tar::EntryType::Regular | tar::EntryType::Continuous | tar::EntryType::GNUSparse => {
                    self.file(&name, entry, mode, times)?;
                }
                tar::EntryType::Symlink => {
                    let target = entry.link_name().map_err(damaged)?.unwrap_or_default().into_owned();
                    self.link(&name, &target, times)?;
                }
                tar::EntryType::XGlobalHeader => {}
                _ => self.skipped += 1,
            }
        }
        Ok(())
    }

    fn file(&mut self, name: &Path, content: impl Read, mode: Option<u32>, times: Times) -> Result<()> {
        let Some(place) = self.place(name)? else { return Ok(()) };
        let mode = mode.map_or(self.files.undo.new_file_mode(), |mode| mode & 0o777);
        let (after, source) = self.staging.file(content, self.left, mode, times).map_err(|error| match error {
            Error::TooLarge(_) => {
                Error::TooLarge("The archive unpacks to more than max_bytes: raise it if you trust the archive".into())
            }
            // What the decoder says of damaged content comes as a fault of reading.
            Error::Internal(cause) => damaged(cause),
            error => error,
        })?;
        self.left -= after.size();
        self.add(place, after, source)
    }

    fn folder(&mut self, name: &Path, mode: Option<u32>, times: Times) -> Result<()> {
        let Some(place) = self.place(name)? else { return Ok(()) };
        let mode = mode.map_or(self.files.undo.new_folder_mode(), |mode| mode & 0o777 | 0o700);
        self.add(place, State::Folder { mode, owner: OURS, times }, Source::Nothing)
    }

    /// A link is made only when it stays in the folder, wherever the folder is taken.
    fn link(&mut self, name: &Path, target: &Path, times: Times) -> Result<()> {
        let Some(place) = self.place(name)? else { return Ok(()) };
        let depth = name.components().filter(|part| matches!(part, Component::Normal(_))).count();
        if !stays_inside(target, depth.saturating_sub(1)) {
            self.skipped += 1;
            return Ok(());
        }
        self.add(place, State::Link { target: target.to_owned(), times }, Source::Nothing)
    }

    fn add(&mut self, place: PathBuf, after: State, source: Source) -> Result<()> {
        if self.edits.len() >= MAX_ENTRIES {
            return too_many();
        }
        self.edits.insert(place.clone(), Edit { path: place, after, source });
        Ok(())
    }

    /// Where an entry goes; `None` for the folder itself.
    fn place(&self, name: &Path) -> Result<Option<PathBuf>> {
        go_on(self.cancelled)?;
        let hostile = || {
            let shown: String = name.to_string_lossy().chars().take(100).collect();
            Error::Unusable(format!("The archive names {shown:?}, which lies outside: nothing was unpacked"))
        };
        let mut place = self.to.real().to_owned();
        for part in name.components() {
            match part {
                Component::Normal(part) if !part.as_encoded_bytes().contains(&0) => place.push(part),
                Component::CurDir => {}
                _ => return Err(hostile()),
            }
        }
        if place == self.to.real() {
            return Ok(None);
        }
        if !self.files.workspace.allows(&place, Intent::Write) {
            return Err(Named::File.refused());
        }
        Ok(Some(place))
    }

    /// Fails when something is in the way.
    fn is_free(&self, overwrite: bool) -> Result<()> {
        for edit in self.edits.values() {
            let there = self.files.workspace.resolve_real(&edit.path, Intent::Write)?;
            let Some(found) = there.found() else { continue };
            let becomes_folder = matches!(edit.after, State::Folder { .. });
            if found.is_folder() && becomes_folder {
                continue;
            }
            if !overwrite || found.is_folder() || becomes_folder {
                return Err(Error::Conflict(format!(
                    "{} is there already: set overwrite to replace files, or unpack into a new folder",
                    edit.path.display()
                )));
            }
        }
        Ok(())
    }

    /// The edits that put all in its place. A folder that is there stays as it is.
    fn finish(self) -> Result<(Staging, Vec<Edit>)> {
        self.staging.sync()?;
        let there = |edit: &Edit| {
            matches!(edit.after, State::Folder { .. })
                && self.files.workspace.resolve_real(&edit.path, Intent::Write).is_ok_and(|path| path.found().is_some())
        };
        let mut edits: Vec<Edit> = self.edits.into_values().filter(|edit| !there(edit)).collect();
        // A folder may come after what is in it.
        edits.sort_by_key(|edit| match edit.after {
            State::Folder { .. } => (0, edit.path.components().count()),
            _ => (1, 0),
        });
        Ok((self.staging, edits))
    }
}

/// Whether a relative target never leaves the folder, for a link `depth` folders below it.
fn stays_inside(target: &Path, depth: usize) -> bool {
    let mut level = depth;
    target.components().all(|part| match part {
        Component::Normal(_) => {
            level += 1;
            true
        }
        Component::CurDir => true,
        Component::ParentDir => level.checked_sub(1).is_some_and(|up| {
            level = up;
            true
        }),
        Component::RootDir | Component::Prefix(_) => false,
    })
}

fn at(seconds: i64) -> Times {
    let nanoseconds = seconds.saturating_mul(1_000_000_000);
    Times { accessed: nanoseconds, modified: nanoseconds }
}

/// ZIP keeps local time.
fn zip_time(time: &zip::DateTime) -> Times {
    let date = chrono::NaiveDate::from_ymd_opt(time.year().into(), time.month().into(), time.day().into());
    let clock = date.and_then(|date| date.and_hms_opt(time.hour().into(), time.minute().into(), time.second().into()));
    let local = clock.and_then(|clock| clock.and_local_timezone(chrono::Local).earliest());
    local.map_or(Times::default(), |local| at(local.timestamp()))
}
