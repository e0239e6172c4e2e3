//! What is taken out of an archive, until all of it can be put in its place.

use super::{MAX_ENTRIES, MAX_PATH, check_name, damaged, links, tar_entries, too_large, too_many, zip_list};
use crate::{
    error::{Error, Result},
    filesystem::{
        Files, go_on,
        undo::{Edit, Source, Staging, State},
        write::may_go,
    },
    policy::{
        SafePath,
        paths::{Intent, Named, OURS, Times, spelled},
    },
};
use indexmap::IndexMap;
use std::{
    fs::File,
    io::Read,
    path::{Component, Path, PathBuf},
};
use tokio_util::sync::CancellationToken;

/// As much as all names and texts of links may have together, in bytes: they are held in memory.
const MAX_TEXTS: usize = 32 * 1024 * 1024;

/// The bits of a mode that tell the kind of file, and those of a regular one (`S_IFMT`, `S_IFREG`).
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// So many of the names that were left out are told.
const MAX_NAMED: usize = 100;

/// What is taken out of an archive, before any of it is in its place.
pub(crate) struct Unpack<'a> {
    files: &'a Files,
    cancelled: &'a CancellationToken,
    to: &'a SafePath,
    staging: Staging,
    /// By where it goes: of a name that comes twice, the last counts.
    edits: IndexMap<PathBuf, Edit>,
    left: u64,
    texts_left: usize,
    skipped: usize,
    skipped_names: Vec<String>,
}

/// All that was taken out.
pub(crate) struct Unpacked {
    /// Where the files are.
    pub staging: Staging,
    /// What puts all in its place.
    pub edits: Vec<Edit>,
    /// How many things they are.
    pub count: usize,
    /// How many were left out.
    pub skipped: usize,
    /// The first of these.
    pub skipped_names: Vec<String>,
    /// How many more bytes there could have been.
    pub left: u64,
}

impl<'a> Unpack<'a> {
    /// Nothing yet, for the folder `to`, and at most `left` bytes.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn new(files: &'a Files, to: &'a SafePath, left: u64, cancelled: &'a CancellationToken) -> Result<Self> {
        let staging = Staging::beside(&files.undo, &to.inside())?;
        let (edits, skipped_names) = (IndexMap::new(), Vec::new());
        Ok(Self { files, cancelled, to, staging, edits, left, texts_left: MAX_TEXTS, skipped: 0, skipped_names })
    }

    /// Takes a ZIP apart.
    ///
    /// # Errors
    /// [`Error::Unusable`] for a damaged or hostile one, [`Error::TooLarge`] for too much.
    pub(crate) fn zip(&mut self, file: File) -> Result<()> {
        let mut archive = zip_list::open(file)?;
        for number in 0..archive.len() {
            let entry = archive.by_index(number).map_err(damaged)?;
            let name = entry.name().map_err(damaged)?.into_owned();
            let mode = entry.unix_mode();
            let times = entry.last_modified().map_or(Times::default(), |time| zip_time(&time));
            match () {
                () if entry.is_dir() => self.folder(Path::new(&name), mode, times)?,
                () if entry.is_symlink() => {
                    let mut target = Vec::new();
                    entry.take(MAX_PATH as u64 + 1).read_to_end(&mut target).map_err(damaged)?;
                    match String::from_utf8(target) {
                        Ok(target) => self.link(Path::new(&name), Path::new(&target), times)?,
                        Err(_) => self.leave_out(Path::new(&name)),
                    }
                }
                () if mode.is_some_and(|mode| !matches!(mode & KIND, 0 | REGULAR)) => self.leave_out(Path::new(&name)),
                () => self.file(Path::new(&name), entry, mode, times)?,
            }
        }
        Ok(())
    }

    /// Takes a tar apart.
    ///
    /// # Errors
    /// As [`Self::zip`].
    pub(crate) fn tar(&mut self, reader: impl Read) -> Result<()> {
        tar_entries::each(reader, self.left, |entry| self.tar_entry(entry))
    }

    fn tar_entry(&mut self, entry: tar::Entry<impl Read>) -> Result<()> {
        let name = entry.path().map_err(damaged)?.into_owned();
        let mode = entry.header().mode().ok();
        let seconds = entry.header().mtime().ok().and_then(|seconds| i64::try_from(seconds).ok());
        let times = at(seconds.unwrap_or(0));
        let target = || -> Result<PathBuf> { Ok(entry.link_name().map_err(damaged)?.unwrap_or_default().into_owned()) };
        match entry.header().entry_type() {
            tar::EntryType::Directory => self.folder(&name, mode, times),
            kind if tar_entries::is_file(kind) => self.file(&name, entry, mode, times),
            tar::EntryType::Symlink => self.link(&name, &target()?, times),
            tar::EntryType::Link => self.hard_link(&name, &target()?, mode, times),
            tar::EntryType::XGlobalHeader => Ok(()),
            _ => {
                self.leave_out(&name);
                Ok(())
            }
        }
    }

    fn file(&mut self, name: &Path, content: impl Read, mode: Option<u32>, times: Times) -> Result<()> {
        let Some(place) = self.place(name)? else { return Ok(()) };
        let mode = mode.map_or(self.files.undo.new_file_mode(), |mode| mode & 0o777);
        let (after, source) = self.staging.file(content, self.left, mode, times).map_err(|error| match error {
            Error::TooLarge(_) => too_large::<()>().unwrap_err(),
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

    /// Whether a link stays in the folder is known when all of the archive is.
    fn link(&mut self, name: &Path, target: &Path, times: Times) -> Result<()> {
        let Some(place) = self.place(name)? else { return Ok(()) };
        let text = target.as_os_str().as_encoded_bytes();
        if text.is_empty() || text.len() > MAX_PATH || text.contains(&0) {
            self.leave_out(name);
            return Ok(());
        }
        self.charge(text.len())?;
        self.add(place, State::Link { target: target.to_owned(), times }, Source::Nothing)
    }

    /// Another name of what came before: of a file it becomes a copy, of a link the same link.
    fn hard_link(&mut self, name: &Path, first: &Path, mode: Option<u32>, times: Times) -> Result<()> {
        let first = self.place(first).ok().flatten().and_then(|place| self.edits.get(&place));
        match first.map(|edit| (&edit.after, &edit.source)) {
            Some((_, Source::Staged(directory, staged))) => {
                let content = directory.open(staged)?.0;
                self.file(name, content, mode, times)
            }
            Some((State::Link { target, .. }, _)) => {
                let target = target.clone();
                self.link(name, &target, times)
            }
            _ => {
                self.leave_out(name);
                Ok(())
            }
        }
    }

    fn charge(&mut self, text: usize) -> Result<()> {
        let left = self.texts_left.checked_sub(text);
        self.texts_left = left.ok_or_else(|| {
            Error::TooLarge("The archive's names and links are longer than 32 MiB in all: unpack it in parts".into())
        })?;
        Ok(())
    }

    fn leave_out(&mut self, name: &Path) {
        self.skipped += 1;
        if self.skipped_names.len() < MAX_NAMED {
            self.skipped_names.push(spelled(name));
        }
    }

    fn add(&mut self, place: PathBuf, after: State, source: Source) -> Result<()> {
        if self.edits.len() >= MAX_ENTRIES {
            return too_many();
        }
        self.edits.insert(place.clone(), Edit::new(place, after, source));
        Ok(())
    }

    /// Where an entry goes; `None` for the folder itself.
    fn place(&mut self, name: &Path) -> Result<Option<PathBuf>> {
        go_on(self.cancelled)?;
        check_name(name)?;
        self.charge(name.as_os_str().len())?;
        let hostile = || {
            let shown: String = spelled(name).chars().take(100).collect();
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

    /// Leaves out the links that do not stay in the folder.
    fn drop_links_outside(&mut self) -> Result<()> {
        let outside = links::leading_outside(&self.edits, self.to.real(), &self.files.workspace, self.cancelled)?;
        self.edits.retain(|place, _| !outside.contains(place));
        let mut outside: Vec<PathBuf> = outside.into_iter().collect();
        outside.sort();
        for place in outside {
            self.leave_out(place.strip_prefix(self.to.real()).unwrap_or(&place));
        }
        Ok(())
    }

    /// Fails when something is in the way.
    fn is_free(&self, overwrite: bool, force: bool) -> Result<()> {
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
                    spelled(&edit.path)
                )));
            }
            may_go(&there, force, "replace")?;
        }
        Ok(())
    }

    /// Fails when the archive itself puts something below what is no folder in it.
    fn agrees_with_itself(&self) -> Result<()> {
        let named = |place: &Path| spelled(place.strip_prefix(self.to.real()).unwrap_or(place));
        let mut places: Vec<&PathBuf> = self.edits.keys().collect();
        // What lies below a place follows it.
        places.sort_unstable();
        let mut last_end: Option<&PathBuf> = None;
        for place in places {
            if let Some(end) = last_end.filter(|end| place.starts_with(end)) {
                return Err(Error::Unusable(format!(
                    "The archive names {}, and in it {} as no folder: nothing was unpacked",
                    named(place),
                    named(end)
                )));
            }
            if !matches!(self.edits[place].after, State::Folder { .. }) {
                last_end = Some(place);
            }
        }
        Ok(())
    }

    /// Looks at all of it together, and makes it durable.
    ///
    /// # Errors
    /// [`Error::Unusable`] where it does not agree with itself; what the system says.
    pub(crate) fn settle(&mut self) -> Result<()> {
        self.drop_links_outside()?;
        self.agrees_with_itself()?;
        self.staging.sync()
    }

    /// The edits that put all in its place, once it is settled. A folder that is there stays as it is.
    ///
    /// # Errors
    /// [`Error::Conflict`] when something is in the way.
    pub(crate) fn finish(self, overwrite: bool, force: bool) -> Result<Unpacked> {
        self.is_free(overwrite, force)?;
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
        let count = edits.len();
        if edits.is_empty() && self.to.found().is_none() {
            let after = self.files.undo.new_folder();
            edits.push(Edit::new(self.to.real().to_owned(), after, Source::Nothing));
        }
        let (skipped, skipped_names, left) = (self.skipped, self.skipped_names, self.left);
        Ok(Unpacked { staging: self.staging, edits, count, skipped, skipped_names, left })
    }
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
