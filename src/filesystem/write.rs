//! Writes or appends to a file.

use super::{
    Files,
    encoding::Codec,
    read::default_encoding,
    replacement::{Replacement, temporary_name},
};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
    policy::{
        SafePath,
        paths::{Intent, Named, not_a_file},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};

/// How much of a file's start is looked at for a byte order mark, in bytes.
const MARK: u64 = 4;

/// Write a file.
///
/// Replaces the whole file (`mode: "w"`) or adds to its end (`"a"`), and makes the folders above it. The file is never
/// half written: on any failure the old one is whole.
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
}

fn default_mode() -> String {
    "w".to_owned()
}

/// What was written.
#[derive(Serialize, JsonSchema)]
pub struct WriteOutput {
    /// Always true: a failure is an error.
    success: bool,
    /// The path as sent.
    path: String,
    /// How many characters were written (despite the name).
    bytes_written: usize,
    /// The mode as sent.
    mode: String,
    /// When it was written.
    timestamp: String,
}

impl Capability for WriteFile {
    const NAME: &'static str = "filesystem_write";
    const ACCESS: Access = Access::Write;
    const DESTRUCTIVE: bool = true;
    const EXAMPLE: &'static str = r#"{"path": "notes/today.md", "content": "- try the bridge\n"}"#;
    type Service = Files;
    type Output = WriteOutput;

    async fn run(self, files: &Files, _: &Context) -> Result<WriteOutput> {
        files.change(|files| self.write(files)).await
    }
}

impl WriteFile {
    fn write(self, files: &Files) -> Result<WriteOutput> {
        let mut path = files.workspace.resolve(&self.path, Named::File, Intent::Write)?;
        let appends = match self.mode.as_str() {
            "w" => false,
            "a" => true,
            _ => return Err(Error::Unusable("Invalid mode. Use 'w' or 'a'".into())),
        };
        may_be_written(&path)?;
        let codec = Codec::by_name(&self.encoding)?;
        let bytes = codec.encode(&self.content, &start_of(&path, appends)?)?;
        path.make_folders()?;
        replace(&path, &bytes, appends)?;
        Ok(WriteOutput {
            success: true,
            path: self.path,
            bytes_written: self.content.chars().count(),
            mode: self.mode,
            timestamp: clock::timestamp(),
        })
    }
}

/// Only a regular file is written over, and only a name without a slash behind it is made.
pub(super) fn may_be_written(path: &SafePath) -> Result<()> {
    match path.found() {
        Some(found) if found.is_folder() => {
            Err(Error::Unusable("Path is not a file: it is a directory. Name a file in it".into()))
        }
        Some(found) if !found.is_file() => Err(not_a_file()),
        None if path.means_folder() => {
            Err(Error::Unusable("Path is not a file: take the slash off its end, or name a file in it".into()))
        }
        _ => Ok(()),
    }
}

fn start_of(path: &SafePath, appends: bool) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    if appends && path.found().is_some() {
        path.open()?.0.take(MARK).read_to_end(&mut start)?;
    }
    Ok(start)
}

fn replace(path: &SafePath, bytes: &[u8], appends: bool) -> Result<()> {
    let mut new = Replacement::create(path.holder()?, &temporary_name())?;
    if let Some(old) = path.found() {
        if appends {
            std::io::copy(&mut path.open()?.0, new.file())?;
        }
        new.dress_as(old)?;
    }
    new.file().write_all(bytes)?;
    new.place(path.name(), None)
}
