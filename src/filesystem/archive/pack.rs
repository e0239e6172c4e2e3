//! Puts a folder into an archive.

use super::{Format, MAX_ENTRIES, damaged, too_many};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    filesystem::about::Place,
    filesystem::{
        Files,
        undo::{ChangeAuthor, Changed, Edit, Staging},
        walk::{Next, Visit, walk},
        write::may_go,
    },
    permissions::{Needs, Subjects},
    policy::{
        SafePath,
        paths::{Found, Intent, Kind, Named},
    },
};
use chrono::{DateTime, Datelike, Local, Timelike};
use flate2::{Compression, write::GzEncoder};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    fs::File,
    io::{self, BufWriter, Read, Write},
    path::Path,
};
use tokio_util::sync::CancellationToken;
use zip::{ZipWriter, write::SimpleFileOptions};

/// Pack a file or folder into an archive.
///
/// ZIP, tar or tar.gz, by the archive's name or `format`. Names in it are relative to the folder. Links stay links;
/// what may not be read is left out and counted.
#[derive(Deserialize, JsonSchema)]
pub struct PackArchive {
    /// The file or folder to pack.
    path: String,
    /// The archive to make.
    to: String,
    /// The kind of archive. Default: as the archive's name says.
    format: Option<Format>,
    /// Whether a file that is there is replaced.
    #[serde(default)]
    overwrite: bool,
    /// Whether an archive that is read-only is replaced anyway.
    #[serde(default)]
    force: bool,
    /// A label that groups changes: `filesystem_undo` takes back all of one label.
    session: Option<String>,
}

/// What was packed.
#[derive(Serialize, JsonSchema)]
pub struct PackOutput {
    /// The path as sent.
    path: String,
    /// The archive's path as sent.
    to: String,
    /// How many files, folders and links are in it.
    count: usize,
    /// How many were left out.
    skipped: usize,
    /// The archive's size in bytes.
    size: u64,
    /// The change, for filesystem_undo.
    #[serde(flatten)]
    change: Changed,
}

impl Capability for PackArchive {
    const NAME: &'static str = "filesystem_archive";
    const ACCESS: Access = Access::Write;
    const EXAMPLE: &'static str = r#"{"path": "notes", "to": "notes.zip"}"#;
    type Service = Files;
    type Output = PackOutput;

    fn aside(_: &PackOutput) -> &'static [&'static str] {
        &["path", "to", "change_id"]
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        let about = files.about(needs, [Place::read(&self.path), Place::write(&self.to).itself()]);
        Subjects { is_of_trees: true, ..about }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<PackOutput> {
        let who = ChangeAuthor::of(context, Self::NAME, self.session.as_ref());
        let cancelled = context.cancelled.clone();
        files.change_late(move |files| self.pack(files, &who, &cancelled)).await
    }
}

impl PackArchive {
    fn pack(self, files: &Files, who: &ChangeAuthor, cancelled: &CancellationToken) -> Result<PackOutput> {
        let from = files.workspace.resolve(&self.path, Named::File, Intent::Read)?;
        from.existing()?;
        let to = self.target(files)?;
        let wrong = || Error::invalid("format", "Give zip, tar or tar.gz, or an archive's name that ends in one");
        let format = self.format.or_else(|| Format::of_name(&self.to)).ok_or_else(wrong)?;
        let mode = files.undo.new_file_mode();
        let mut staging = Staging::beside(&files.undo, &to)?;
        let (mut count, mut skipped) = (0, 0);
        let (after, source) = staging.made(mode, |file| {
            let mut pack = Pack::new(format, file);
            (count, skipped) = pack.take(&from, to.real(), cancelled)?;
            pack.finish()
        })?;
        staging.sync()?;
        let size = after.size();
        let _turn = files.turn();
        self.target(files)?.is_still_at(&to)?;
        let change = files.undo.commit(who, vec![Edit::new(to.real().to_owned(), after, source)], Some(staging))?;
        Ok(PackOutput { path: self.path, to: self.to, count, skipped, size, change })
    }
}

impl PackArchive {
    /// Where the archive is to be, if it may be there.
    fn target(&self, files: &Files) -> Result<SafePath> {
        let to = files.workspace.resolve_link(&self.to, Named::File, Intent::Write)?;
        match to.found() {
            Some(_) if !self.overwrite => {
                Err(Error::Conflict("The archive is there already: set overwrite to replace it".into()))
            }
            Some(found) if !found.is_file() => Err(crate::policy::paths::not_a_file()),
            _ => may_go(&to, self.force, "replace").map(|()| to),
        }
    }
}

/// Where a tar goes.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
enum Output<'a> {
    Plain(BufWriter<&'a mut File>),
    Gzip(GzEncoder<BufWriter<&'a mut File>>),
}

impl Output<'_> {
    fn finish(self) -> io::Result<()> {
        match self {
            Self::Plain(mut file) => file.flush(),
            Self::Gzip(gzip) => gzip.finish()?.flush(),
        }
    }
}

impl Write for Output<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Gzip(gzip) => gzip.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Gzip(gzip) => gzip.flush(),
        }
    }
}

/// An archive as it grows.
#[expect(clippy::large_enum_variant, reason = "there is one at a time")]
enum Pack<'a> {
    Zip(Box<ZipWriter<BufWriter<&'a mut File>>>),
    Tar(tar::Builder<Output<'a>>),
}

impl<'a> Pack<'a> {
    fn new(format: Format, file: &'a mut File) -> Self {
        let file = BufWriter::new(file);
        match format {
            Format::Zip => Self::Zip(Box::new(ZipWriter::new(file))),
            Format::Tar => Self::Tar(tar::Builder::new(Output::Plain(file))),
            Format::TarGz => Self::Tar(tar::Builder::new(Output::Gzip(GzEncoder::new(file, Compression::default())))),
        }
    }

    /// Packs all but the archive itself. Gives how many things were packed, and how many left out.
    fn take(&mut self, from: &SafePath, archive: &Path, cancelled: &CancellationToken) -> Result<(usize, usize)> {
        if !from.existing()?.is_folder() {
            let (file, found) = from.open()?;
            self.file(Path::new(from.name()), file, &found)?;
            return Ok((1, 0));
        }
        let (mut count, mut skipped) = (0, 0);
        walk(&from.open_folder()?, None, usize::MAX - 2, cancelled, &mut |visit| {
            if visit.folder.real().join(&visit.child.name) == archive {
                return Ok(Next::Past);
            }
            if self.visit(visit)? {
                count += 1;
            } else {
                skipped += 1;
            }
            if count > MAX_ENTRIES { too_many() } else { Ok(Next::Into) }
        })?;
        Ok((count, skipped))
    }

    /// Packs one thing; false when it is left out.
    fn visit(&mut self, visit: &Visit) -> Result<bool> {
        let Ok(path) = visit.folder.at(&visit.child.name, Intent::Read) else { return Ok(false) };
        let Some(found) = path.found().copied() else { return Ok(false) };
        match found.kind {
            Kind::Folder => self.folder(visit.path, &found)?,
            Kind::Link => self.link(visit.path, &path.holder()?.read_link(path.name())?, &found)?,
            Kind::Special => return Ok(false),
            Kind::File => match path.open() {
                Ok((file, found)) => self.file(visit.path, file, &found)?,
                Err(Error::Refused(_)) => return Ok(false),
                Err(error) => return Err(error),
            },
        }
        Ok(true)
    }

    fn file(&mut self, name: &Path, file: File, found: &Found) -> Result<()> {
        // What grows or shrinks meanwhile is packed with the size that it had, so that the archive stays whole.
        let content = file.chain(io::repeat(0)).take(found.size);
        match self {
            Self::Zip(zip) => {
                zip.start_file(text(name), options(found)).map_err(io::Error::from)?;
                io::copy(&mut { content }, zip)?;
            }
            Self::Tar(tar) => {
                let mut header = header(found, tar::EntryType::Regular);
                header.set_size(found.size);
                tar.append_data(&mut header, name, content)?;
            }
        }
        Ok(())
    }

    fn folder(&mut self, name: &Path, found: &Found) -> Result<()> {
        match self {
            Self::Zip(zip) => zip.add_directory(text(name), options(found)).map_err(io::Error::from)?,
            Self::Tar(tar) => tar.append_data(&mut header(found, tar::EntryType::Directory), name, io::empty())?,
        }
        Ok(())
    }

    fn link(&mut self, name: &Path, target: &Path, found: &Found) -> Result<()> {
        match self {
            Self::Zip(zip) => zip.add_symlink(text(name), text(target), options(found)).map_err(io::Error::from)?,
            Self::Tar(tar) => tar.append_link(&mut header(found, tar::EntryType::Symlink), name, target)?,
        }
        Ok(())
    }

    fn finish(self) -> Result<()> {
        match self {
            Self::Zip(zip) => zip.finish().map_err(damaged)?.flush()?,
            Self::Tar(tar) => tar.into_inner()?.finish()?,
        }
        Ok(())
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn header(found: &Found, kind: tar::EntryType) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(found.mode & 0o777);
    header.set_mtime(u64::try_from(found.times.modified / 1_000_000_000).unwrap_or(0));
    header.set_size(0);
    header
}

/// ZIP keeps local time, to two seconds, from 1980 on.
fn options(found: &Found) -> SimpleFileOptions {
    let time: DateTime<Local> = found.times.modified().into();
    let part = |number: u32| u8::try_from(number).unwrap_or(0);
    let year = u16::try_from(time.year()).unwrap_or(1980);
    let (month, day) = (part(time.month()), part(time.day()));
    let (hour, minute, second) = (part(time.hour()), part(time.minute()), part(time.second()));
    let stamp = zip::DateTime::from_date_and_time(year, month, day, hour, minute, second).unwrap_or_default();
    SimpleFileOptions::default()
        .unix_permissions(found.mode & 0o777)
        .last_modified_time(stamp)
        .large_file(found.size >= u64::from(u32::MAX))
}
