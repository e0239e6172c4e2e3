//! Archives: folders into ZIP and tar files, and back.

mod extract;
mod links;
mod metered;
mod pack;
mod unpack;

pub use extract::ExtractArchive;
pub use pack::PackArchive;

use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// More files than these are not put into an archive or taken out of one.
const MAX_ENTRIES: usize = 100_000;

/// A kind of archive.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[schemars(rename = "ArchiveFormat")]
pub enum Format {
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

fn too_many<T>() -> Result<T> {
    Err(Error::TooLarge(format!("There are more than {MAX_ENTRIES} files: do it in parts")))
}
