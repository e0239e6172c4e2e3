//! Files that go into a container and come back out of it, as tar archives through the engine's streams.
//! What comes back was made by a program that may be hostile: it is read with bounds, and nothing is ever unpacked here.

use super::{container::Output, limits::WORKSPACE};
use crate::{
    caller::MemoryBudget,
    capability::Medium,
    error::{Error, Result},
    patterns::{GlobStyle, Globs, shortened},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use bollard::container::LogOutput;
use futures::StreamExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::{
    io::{self, Read},
    path::Path,
};
use tokio::io::AsyncWriteExt;
use tokio_util::io::SyncIoBridge;

/// How much of files one answer brings back, in bytes.
const MAX_RETURNED: u64 = 32 * 1024 * 1024;

/// How many files one answer brings back or mentions.
const MAX_ENTRIES: usize = 1_000;

/// The longest path, in bytes (PATH_MAX of Linux).
const MAX_PATH: usize = 4_096;

/// How much larger than the workspace an archive of it may be, in MiB.
const ARCHIVE_MARGIN_MIB: u64 = 16;

/// A file to put into the workspace.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct InputFile {
    /// Where, like `data/in.csv`. In the workspace; folders are made.
    path: String,
    /// Its text. Either this or `content_base64`.
    content: Option<String>,
    /// Its bytes. In base64, for what is no text.
    content_base64: Option<String>,
}

/// A file of the workspace.
#[derive(Serialize, JsonSchema)]
pub(crate) struct OutputFile {
    /// Where in the workspace.
    path: String,
    /// Its size in bytes.
    size: u64,
    /// Its text, when it is text in UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<String>,
    /// Its bytes in base64, when it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    content_base64: Option<String>,
    /// Why its content is not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    skipped: Option<String>,
}

/// How to get pictures that are too large to be shown.
pub(super) const LARGE_PICTURES: &str =
    "Draw it smaller (fewer dots, a smaller figure), or only a part of it, and run again";

/// Takes the pictures out of files that were brought back.
pub(super) fn pictures(files: &mut [OutputFile]) -> Vec<Medium> {
    files.iter_mut().filter_map(OutputFile::picture).collect()
}

impl OutputFile {
    /// Takes out the picture that it is, by its first bytes.
    fn picture(&mut self) -> Option<Medium> {
        const HEAD: usize = 64;
        let base64 = self.content_base64.as_ref()?;
        let head = BASE64_STANDARD.decode(base64.get(..HEAD).unwrap_or(base64)).ok()?;
        let kind = infer::get(&head)?.mime_type();
        let mut base64 = self.content_base64.take()?;
        let picture = Medium::picture(kind, &mut base64);
        match picture {
            Some(_) => self.content = Some(base64),
            None => self.content_base64 = Some(base64),
        }
        picture
    }
}

/// Packs files for a container's workspace of `room` MiB.
///
/// # Errors
/// For a path that leads out of the workspace, content that is no base64, and more than there is room for.
pub(super) fn pack(files: Vec<InputFile>, room: u64) -> Result<Option<Vec<u8>>> {
    if files.is_empty() {
        return Ok(None);
    }
    let size: usize =
        files.iter().map(|file| file.content.as_ref().or(file.content_base64.as_ref()).map_or(0, String::len)).sum();
    // Base64 is 4/3 of what it stands for.
    if size as u64 / 4 * 3 > room * 1024 * 1024 {
        return Err(no_room(room));
    }
    let mut archive = tar::Builder::new(Vec::with_capacity(size + 1024 * files.len()));
    for file in files {
        let path = relative(&file.path).map_err(|why| Error::invalid("files", format!("{:?}: {why}", file.path)))?;
        let content = file.bytes()?;
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        // A script can be run by its name.
        header.set_mode(if content.starts_with(b"#!") { 0o755 } else { 0o644 });
        header.set_mtime(now());
        archive
            .append_data(&mut header, path, content.as_slice())
            .map_err(|cause| Error::invalid("files", cause.to_string()))?;
    }
    archive.into_inner().map(Some).map_err(Error::internal)
}

/// The workspace has no room for the caller's files.
pub(super) fn no_room(room: u64) -> Error {
    Error::TooLarge(format!(
        "The files do not fit into the workspace of {room} MiB, or one has the name of another's folder: send less, or \
         raise SANDBOX_WORKSPACE_MIB"
    ))
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

impl InputFile {
    fn bytes(self) -> Result<Vec<u8>> {
        match (self.content, self.content_base64) {
            (Some(text), None) => Ok(text.into_bytes()),
            (None, Some(text)) => BASE64_STANDARD.decode(text.as_bytes()).map_err(|cause| {
                Error::invalid("files", format!("{:?}: content_base64 is no standard base64: {cause}", self.path))
            }),
            _ => Err(Error::invalid("files", format!("{:?} needs either content or content_base64", self.path))),
        }
    }
}

/// A path in the workspace, without `./` and doubled slashes; absolute ones may name the workspace itself.
fn relative(path: &str) -> Result<String, &'static str> {
    let inside =
        path.strip_prefix(WORKSPACE).filter(|rest| rest.starts_with('/')).map(|rest| rest.trim_start_matches('/'));
    let path = inside.unwrap_or(path);
    if path.starts_with('/') {
        return Err("the path must be relative to the workspace");
    }
    if path.len() > MAX_PATH || path.contains('\0') {
        return Err("the path is too long or has a NUL");
    }
    let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.is_empty() || parts.contains(&"..") {
        return Err("the path must name a file in the workspace, without ..");
    }
    Ok(parts.join("/"))
}

/// Which files of the workspace to bring back.
#[derive(Clone)]
pub(super) struct Selection {
    globs: Globs,
    /// What of the workspace can hold them: the archive is made of these.
    pub roots: Vec<String>,
}

impl Selection {
    /// # Errors
    /// For a pattern that is malformed or leads out of the workspace.
    pub(crate) fn new(patterns: &[String]) -> Result<Self> {
        let (mut globs, mut roots) = (Vec::new(), Vec::new());
        for pattern in patterns {
            let wrong = |why| Error::invalid("outputs", format!("{:?}: {why}", shortened(pattern)));
            let inside = relative(pattern).map_err(wrong)?;
            roots.push(root(&inside));
            globs.push(inside);
        }
        let style = GlobStyle { stops_at_slash: true, case_sensitive: true };
        let globs = Globs::new("outputs", globs.iter().map(String::as_str), style)?;
        if roots.iter().any(|root| root == ".") {
            roots = vec![".".to_owned()];
        }
        roots.sort();
        roots.dedup();
        Ok(Self { globs, roots })
    }

    /// Whether a path is named by a pattern, or lies below a folder that is.
    fn selects(&self, path: &str) -> bool {
        Path::new(path).ancestors().any(|place| !place.as_os_str().is_empty() && self.globs.is_match(place))
    }

    /// Reads the files that were asked for out of an archive of which at most `limit` bytes are looked at.
    ///
    /// # Errors
    /// When the archive is cut or malformed; what was read so far comes with it.
    pub(crate) fn read(
        &self,
        archive: impl Read,
        limit: u64,
        holding: &MemoryBudget,
    ) -> (Vec<OutputFile>, io::Result<()>) {
        let (mut found, mut room) = (Vec::new(), Room { left: MAX_RETURNED, holding });
        let outcome = self.read_into(archive.take(limit), &mut found, &mut room);
        found.sort_by(|one, other| one.path.cmp(&other.path));
        (found, outcome)
    }

    fn read_into(&self, archive: impl Read, found: &mut Vec<OutputFile>, room: &mut Room<'_>) -> io::Result<()> {
        let mut long_name = None;
        // Raw: otherwise a name is read into memory, however long its entry says that it is.
        for entry in tar::Archive::new(archive).entries()?.raw(true) {
            let mut entry = entry?;
            let kind = entry.header().entry_type();
            if kind.is_gnu_longname() || kind.is_pax_local_extensions() {
                long_name = name_of_next(kind, &mut entry)?.or(long_name);
                continue;
            }
            if kind.is_gnu_longlink() || kind.is_pax_global_extensions() {
                continue;
            }
            let bytes = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
            let name = String::from_utf8_lossy(&bytes).into_owned();
            if kind.is_dir() || name.trim_end_matches('/') == "." {
                continue;
            }
            let path = relative(&name);
            if path.as_ref().is_ok_and(|path| !self.selects(path)) {
                continue;
            }
            if found.len() >= MAX_ENTRIES {
                let why = format!("there are more than {MAX_ENTRIES} files");
                found.push(OutputFile::skipped(name, entry.size(), &why));
                return Ok(());
            }
            found.push(match path {
                Ok(path) => OutputFile::of(path, &mut entry, kind, room)?,
                Err(_) => OutputFile::skipped(name, 0, "its path leads out of the workspace or is too long"),
            });
        }
        Ok(())
    }
}

/// The name that an entry of its own gives to the next one: at most so much of it that it is known to be too long.
fn name_of_next(kind: tar::EntryType, entry: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut content = Vec::new();
    if kind.is_gnu_longname() {
        entry.take(MAX_PATH as u64 + 2).read_to_end(&mut content)?;
        content.truncate(memchr::memchr(0, &content).unwrap_or(content.len()));
        return Ok(Some(content));
    }
    // POSIX.1-2017, pax: records of "LENGTH KEY=VALUE\n".
    entry.take(16 * MAX_PATH as u64).read_to_end(&mut content)?;
    let records = tar::PaxExtensions::new(&content).filter_map(std::result::Result::ok);
    Ok(records.filter(|record| record.key_bytes() == b"path").last().map(|record| record.value_bytes().to_vec()))
}

/// How much content may still be brought back, in bytes, and who answers for the memory.
struct Room<'a> {
    left: u64,
    holding: &'a MemoryBudget,
}

/// Reading takes an archive apart on a thread of its own, as it comes.
impl Selection {
    /// Reads the archive of a workspace of `room` MiB out of `output`; its first bytes are `rest`.
    ///
    /// # Errors
    /// When the reading thread panicked.
    pub(crate) async fn collect(
        self,
        rest: Vec<u8>,
        output: &mut Output,
        room: u64,
        holding: &MemoryBudget,
    ) -> Result<Vec<OutputFile>> {
        let holding = holding.clone();
        let limit = (room + ARCHIVE_MARGIN_MIB) * 1024 * 1024;
        let (mut writer, reader) = tokio::io::duplex(256 * 1024);
        let reading = tokio::task::spawn_blocking(move || self.read(SyncIoBridge::new(reader), limit, &holding));
        // The reader stops early at its limits; writing fails then, and that is all.
        let mut open = writer.write_all(&rest).await.is_ok();
        while open && let Some(Ok(frame)) = output.next().await {
            if let LogOutput::StdOut { message } = frame {
                open = writer.write_all(&message).await.is_ok();
            }
        }
        drop(writer);
        let (files, outcome) = reading.await.map_err(Error::internal)?;
        if let Err(cause) = outcome {
            tracing::debug!(%cause, "an archive of a workspace is not complete");
        }
        Ok(files)
    }
}

/// The folders of a pattern before its first special character.
fn root(pattern: &str) -> String {
    let plain: Vec<_> =
        pattern.split('/').take_while(|part| !part.contains(['*', '?', '[', ']', '{', '}', '\\'])).collect();
    if plain.is_empty() { ".".to_owned() } else { plain.join("/") }
}

impl OutputFile {
    fn skipped(path: String, size: u64, why: &str) -> Self {
        Self { path, size, content: None, content_base64: None, skipped: Some(why.to_owned()) }
    }

    fn of(
        path: String,
        entry: &mut tar::Entry<'_, impl Read>,
        kind: tar::EntryType,
        room: &mut Room<'_>,
    ) -> io::Result<Self> {
        if kind.is_symlink() || kind.is_hard_link() {
            return Ok(Self::skipped(path, 0, "it is a link: links are not followed"));
        }
        if !kind.is_file() && !kind.is_contiguous() {
            return Ok(Self::skipped(path, 0, "it is no regular file"));
        }
        let size = entry.size();
        if size > room.left {
            let why = format!("one answer brings back at most {} MiB", MAX_RETURNED / 1024 / 1024);
            return Ok(Self::skipped(path, size, &why));
        }
        if room.holding.wait_for_more(size).is_err() {
            return Ok(Self::skipped(path, size, "there is no memory for it: bring back less at once"));
        }
        room.left -= size;
        let mut content = Vec::new();
        entry.take(size).read_to_end(&mut content)?;
        let (content, content_base64) = match String::from_utf8(content) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(BASE64_STANDARD.encode(error.as_bytes()))),
        };
        Ok(Self { path, size, content, content_base64, skipped: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in an archive of these entries.
    fn found(entries: &[(&str, tar::EntryType, &[u8])]) -> Vec<OutputFile> {
        let mut archive = tar::Builder::new(Vec::new());
        for (name, kind, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_cksum();
            archive.append(&header, *content).unwrap();
        }
        let archive = archive.into_inner().unwrap();
        let everything = Selection::new(&["**".to_owned()]).unwrap();
        let (files, outcome) = everything.read(archive.as_slice(), u64::MAX, &MemoryBudget::of("test"));
        outcome.unwrap();
        files
    }

    #[test]
    fn long_names_are_known_in_both_ways_to_write_them() {
        let long = "d/".repeat(100) + "name";
        let record = format!("{} path={long}\n", long.len() + 10);
        let gnu = (".", tar::EntryType::GNULongName, long.as_bytes());
        let pax = (".", tar::EntryType::XHeader, record.as_bytes());
        let file = ("short", tar::EntryType::Regular, &b"content"[..]);
        let names: Vec<_> = found(&[gnu, file, pax, file, file]).into_iter().map(|file| file.path).collect();
        assert_eq!(names, [long.as_str(), long.as_str(), "short"]);
    }

    #[test]
    fn neither_long_names_nor_many_bad_ones_make_a_long_answer() {
        let long = vec![b'n'; 1_000_000];
        let name = (".", tar::EntryType::GNULongName, long.as_slice());
        let file = ("../out", tar::EntryType::Regular, &b"harm"[..]);
        let files = found(&[&[name][..], &[file; 3_000]].concat());
        assert_eq!(files.len(), MAX_ENTRIES + 1);
        assert!(files.iter().all(|file| file.content.is_none() && file.path.len() <= MAX_PATH + 2));
    }
}
