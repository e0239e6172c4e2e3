//! How a path that is refused or not there is called.

use crate::error::Error;

/// What a caller takes the path for: refusals are worded by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A file.
    File,
    /// A directory.
    Folder,
}

impl Named {
    /// The refusal.
    pub fn refused(self) -> Error {
        Error::Refused(self.refusal().into())
    }

    /// Its words.
    pub(super) fn refusal(self) -> &'static str {
        match self {
            Self::File => "Unsafe file path",
            Self::Folder => "Unsafe directory path",
        }
    }

    /// That it is not there.
    pub fn not_found(self) -> Error {
        Error::NotFound(match self {
            Self::File => "File not found".into(),
            Self::Folder => "Directory not found".into(),
        })
    }
}
