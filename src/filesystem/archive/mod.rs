//! Archives: folders into ZIP and tar files, and back.

mod extract;
mod links;
mod metered;
mod pack;
mod survey;
mod tar_entries;
mod unpack;
mod zip_list;

pub use extract::ExtractArchive;
pub use pack::PackArchive;

use crate::{
    error::{Error, Result},
    policy::paths::spelled,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// More files than these are not put into an archive or taken out of one.
const MAX_ENTRIES: usize = 100_000;

/// The longest name of an entry and text of a link, in bytes (PATH_MAX of Linux, less the NUL at its end).
const MAX_PATH: usize = 4095;

/// The deepest that an entry may lie, in folders: as deep as walks and searches go.
const MAX_DEPTH: usize = 256;

/// A kind of archive.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[schemars(rename = "ArchiveFormat")]
pub(crate) enum Format {
    /// ZIP.
    #[serde(rename = "zip")]
    Zip,
    /// Tar, not compressed.
    #[serde(rename = "tar")]
    Tar,
    /// Tar, compressed with gzip.
    #[serde(rename = "tar.gz")]
    TarGz,
}

impl Format {
    /// The kind that a name says.
    fn of_name(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let ends = |ending: &str| name.ends_with(ending);
        match () {
            () if ends(".zip") || ends(".jar") => Some(Self::Zip),
            () if ends(".tar.gz") || ends(".tgz") => Some(Self::TarGz),
            () if ends(".tar") => Some(Self::Tar),
            () => None,
        }
    }

    /// The kind that the first bytes say.
    fn of_start(start: &[u8]) -> Option<Self> {
        match () {
            () if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") => Some(Self::Zip),
            () if start.starts_with(b"\x1f\x8b") => Some(Self::TarGz),
            () if start.get(257..262) == Some(b"ustar") => Some(Self::Tar),
            () => None,
        }
    }
}

fn damaged(error: impl std::fmt::Display) -> Error {
    let reason: String = error.to_string().chars().take(200).collect();
    Error::Unusable(format!("The archive is damaged, locked or of an unknown kind ({reason})"))
}

/// Fails when a name is one that no system takes, or that makes everything slow which follows it.
fn check_name(name: &Path) -> Result<()> {
    let shown = || spelled(name).chars().take(100).collect::<String>();
    if name.as_os_str().len() > MAX_PATH {
        return Err(Error::Unusable(format!(
            "The archive names {:?}…, which is longer than the {MAX_PATH} bytes that a path may have: nothing was \
             unpacked",
            shown()
        )));
    }
    if name.components().count() > MAX_DEPTH {
        return Err(Error::Unusable(format!(
            "The archive names {:?}…, which is deeper than {MAX_DEPTH} folders: nothing was unpacked",
            shown()
        )));
    }
    Ok(())
}

fn too_large<T>() -> Result<T> {
    Err(Error::TooLarge("The archive unpacks to more than max_bytes: raise it if you trust the archive".into()))
}

fn too_many<T>() -> Result<T> {
    Err(Error::TooLarge(format!("There are more than {MAX_ENTRIES} files: do it in parts")))
}
