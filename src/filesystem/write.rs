//! Writes or appends to a file.

use super::{
    Files,
    about::Place,
    basis::Basis,
    diff, digest,
    encoding::Codec,
    read::{bytes_of, default_encoding},
    undo::{ChangeAuthor, Changed, Edit, MAX_SHOWN, Source, State, is_taken},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::{Error, Result},
    permissions::{Needs, Subjects},
    policy::{
        SafePath,
        paths::{Found, Intent, Named, OURS, not_a_file},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io::{self, Read};

/// How much of a file's start is looked at for a byte order mark, in bytes.
const MARK: u64 = 4;

/// Write a file.
///
/// Creates or replaces the whole file, or adds to its end, and makes the folders above it. To change a part of one,
/// filesystem_edit.
///
/// The file is never half written: on any failure the old one is whole. What other programs append meanwhile is kept.
#[derive(Deserialize, JsonSchema)]
pub struct WriteFile {
    /// The file. Relative paths start at the server's directory.
    path: String,
    /// The text to write.
    content: String,
    /// How the text becomes bytes, by Python's name: `utf-8`, `utf-16`, `latin-1`, …
    #[serde(default = "default_encoding")]
    encoding: String,
    /// `w` replaces, `a` appends.
    #[serde(default = "default_mode")]
    mode: String,
    /// Whether a file that is read-only is changed anyway.
    #[serde(default)]
    force: bool,
    /// Whether `sha256` is wanted after an append too: the whole file is read for it.
    #[serde(default)]
    digest: bool,
    /// Whether the file must be new. One that is there stays, and the answer is 409.
    #[serde(default)]
    create_only: bool,
    /// `sha256` of an earlier read: when the file has changed since, nothing is written and the answer is 409.
    expected_sha256: Option<String>,
    /// A label that groups changes: `filesystem_undo` takes back all of one label.
    session: Option<String>,
}

fn default_mode() -> String {
    "w".to_owned()
}

/// What was written.
#[derive(Serialize, JsonSchema)]
pub struct WriteOutput {
    /// The path as sent.
    path: String,
    /// How many characters were written (despite the name).
    bytes_written: usize,
    /// The mode as sent.
    mode: String,
    /// SHA-256 of the whole file's bytes now. After an append null unless `digest` asks for it.
    sha256: Option<String>,
    /// The change, for filesystem_undo.
    #[serde(flatten)]
    change: Changed,
}

impl Capability for WriteFile {
    const NAME: &'static str = "filesystem_write";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"path": "notes/today.md", "content": "- try the bridge\n", "create_only": true}"#;
    type Service = Files;
    type Output = WriteOutput;

    fn aside(_: &WriteOutput) -> &'static [&'static str] {
        &["path", "mode", "bytes_written", "sha256", "change_id"]
    }

    fn subjects(&self, files: &Files, needs: Needs) -> Subjects {
        let diff = || self.shown(files);
        let about = files.about(needs, [Place::write(&self.path)]);
        Subjects { diff: needs.bound.then(diff).flatten(), ..about }
    }

    async fn run(self, files: &Files, context: &Context) -> Result<WriteOutput> {
        let who = ChangeAuthor::of(context, Self::NAME, self.session.as_ref());
        files.change_anew(move |files| self.write(files, &who)).await
    }
}

impl WriteFile {
    /// What it would change, for a person; none where that is no text, or a long one.
    fn shown(&self, files: &Files) -> Option<String> {
        let path = files.workspace.resolve(&self.path, Named::File, Intent::Write).ok()?;
        let before = match path.found() {
            None => String::new(),
            Some(found) if found.is_file() && found.size <= MAX_SHOWN => {
                String::from_utf8(bytes_of(&path, MAX_SHOWN).ok()?.0).ok()?
            }
            Some(_) => return None,
        };
        let after = if self.mode == "a" { before.clone() + &self.content } else { self.content.clone() };
        (after.len() as u64 <= MAX_SHOWN).then(|| diff::unified(&before, &after, &self.path))
    }

    fn write(&self, files: &Files, who: &ChangeAuthor) -> Result<WriteOutput> {
        let path = files.workspace.resolve(&self.path, Named::File, Intent::Write)?;
        let appends = match self.mode.as_str() {
            "w" => false,
            "a" => true,
            _ => return Err(Error::Unusable("Invalid mode. Use 'w' or 'a'".into())),
        };
        may_be_written(&path, self.force)?;
        if self.create_only && path.found().is_some() {
            return Err(there_already());
        }
        let codec = Codec::by_name(&self.encoding)?;
        let basis = is_as_expected(&path, self.expected_sha256.as_deref())?;
        let (change, sha256) = match appends {
            true => (self.append(files, who, path, &codec)?, None),
            false => {
                let mut edit = replaced(files, &path, codec.encode(&self.content, b"")?).made_from(basis).at(path);
                let sha256 = edit.after.sha256().to_owned();
                if self.create_only {
                    edit = only_where_nothing_is(edit);
                }
                (self.commit(files, who, edit)?, Some(sha256))
            }
        };
        let sha256 = if appends && self.digest { Some(self.digest_now(files)?) } else { sha256 };
        Ok(WriteOutput {
            path: self.path.clone(),
            bytes_written: self.content.chars().count(),
            mode: self.mode.clone(),
            sha256,
            change,
        })
    }
}

impl WriteFile {
    /// Appends to the file, or makes it. One that someone else makes meanwhile is appended to.
    fn append(&self, files: &Files, who: &ChangeAuthor, mut path: SafePath, codec: &Codec) -> Result<Changed> {
        loop {
            if let Some(found) = path.found() {
                let bytes = codec.encode(&self.content, &start_of(&path)?)?;
                // Its other names may be files elsewhere: they keep what they hold, as with a write. What runs as its owner
                // is written anew without that right, so that an undo brings both back as they were.
                if found.names > 1 || found.is_set_id() {
                    let (old, basis) = bytes_of(&path, files.max_read)?;
                    let edit = replaced(files, &path, [old, bytes].concat()).made_from(Some(basis)).at(path);
                    return files.undo.commit(who, vec![edit], None);
                }
                return files.undo.append(who, &path, &bytes);
            }
            let edit = replaced(files, &path, codec.encode(&self.content, b"")?).at(path);
            match self.commit(files, who, only_where_nothing_is(edit)) {
                Err(error) if is_taken(&error) => {
                    path = files.workspace.resolve(&self.path, Named::File, Intent::Write)?;
                    may_be_written(&path, self.force)?;
                }
                done => return done,
            }
        }
    }

    /// Makes the change. A file that someone else made meanwhile is there already for who wants to make it.
    fn commit(&self, files: &Files, who: &ChangeAuthor, edit: Edit) -> Result<Changed> {
        let is_late = |error: &Error| self.create_only && is_taken(error);
        files.undo.commit(who, vec![edit], None).map_err(|error| if is_late(&error) { there_already() } else { error })
    }

    fn digest_now(&self, files: &Files) -> Result<String> {
        let path = files.workspace.resolve(&self.path, Named::File, Intent::Read)?;
        Ok(digest::of_reader(path.open()?.0)?.0)
    }
}

fn there_already() -> Error {
    Error::Conflict("The file is there already: choose another name, or leave create_only out".into())
}

/// The same, but never in the place of another file, also of one that comes meanwhile.
pub(super) fn only_where_nothing_is(mut edit: Edit) -> Edit {
    if let Source::Bytes(bytes) = edit.source {
        edit.source = Source::New(bytes);
    }
    edit
}

/// Only a regular file is written over, one that is read-only by `force` alone, and only a name without a slash behind
/// it is made.
pub(super) fn may_be_written(path: &SafePath, force: bool) -> Result<()> {
    match path.found() {
        Some(found) if found.is_folder() => {
            Err(Error::Unusable("Path is not a file: it is a directory. Name a file in it".into()))
        }
        Some(found) if !found.is_file() => Err(not_a_file()),
        None if path.means_folder() => {
            Err(Error::Unusable("Path is not a file: take the slash off its end, or name a file in it".into()))
        }
        Some(_) if force => Ok(()),
        Some(found) if is_read_only(found) => Err(read_only(found, "change")),
        Some(found) => path.holder()?.may_write(path.name()).map_err(|error| match error.kind() {
            io::ErrorKind::PermissionDenied => Error::Refused(format!(
                "Permission denied by the operating system: the file belongs to user {} and group {} (mode {:04o}), and \
                 the user that runs the bridge may not write to it. Give it that right (chmod, chown), or set force to \
                 put a file of its own there",
                found.owner.0, found.owner.1, found.mode
            )),
            _ => error.into(),
        }),
        None => Ok(()),
    }
}

/// Fails for a file that is read-only, unless it is to be forced: a rename and a removal need no right to the file, so the
/// system would not ask for it.
pub(super) fn may_go(path: &SafePath, force: bool, what: &str) -> Result<()> {
    let found = path.found().filter(|found| found.is_file() && is_read_only(found) && !force);
    found.map_or(Ok(()), |found| Err(read_only(found, what)))
}

fn is_read_only(found: &Found) -> bool {
    found.mode & 0o222 == 0
}

fn read_only(found: &Found, what: &str) -> Error {
    Error::Refused(format!(
        "The file is read-only: nobody may write to it (mode {:04o}). Set force to {what} it anyway, or make it writable \
         first (chmod u+w)",
        found.mode
    ))
}

fn start_of(path: &SafePath) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    path.open()?.0.take(MARK).read_to_end(&mut start)?;
    Ok(start)
}

/// The edit that gives a file these bytes; it keeps its owner and its permission bits, but not the right to run as its
/// owner.
pub(super) fn replaced(files: &Files, path: &SafePath, bytes: Vec<u8>) -> Edit {
    let rights = path.found().map(|old| (old.mode_of_new_content(), old.owner));
    let (mode, owner) = rights.unwrap_or((files.undo.new_file_mode(), OURS));
    Edit::new(path.real().to_owned(), State::file(&bytes, mode, owner), Source::Bytes(bytes))
}

/// Fails when the caller knows another content than the file has; else tells what the file was when it was read.
pub(super) fn is_as_expected(path: &SafePath, expected: Option<&str>) -> Result<Option<Basis>> {
    let Some(expected) = expected.map(str::trim) else { return Ok(None) };
    if expected.len() != 64 || !expected.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Error::invalid("expected_sha256", "Input should be a SHA-256: 64 hexadecimal digits"));
    }
    match path.found() {
        Some(found) if found.is_file() => {}
        Some(_) => {
            return Err(Error::Unusable("expected_sha256 is for files: this is none, so leave it out".into()));
        }
        None => return Err(Error::Conflict("The file is no longer there: read it again and decide anew".into())),
    }
    let (file, found) = path.open()?;
    let (now, size) = digest::of_reader(file)?;
    if now.eq_ignore_ascii_case(expected) {
        return Ok(Some(Basis::new(found, size, now)));
    }
    Err(Error::Conflict(format!(
        "The file has changed since it was read: its sha256 is {now} now. Read it again and decide anew"
    )))
}
