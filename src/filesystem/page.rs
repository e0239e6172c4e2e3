//! Pages of long listings: a cursor names the last thing of a page, so that the next one starts after it whatever came
//! or went in between.

use crate::{
    error::{Error, Result},
    policy::paths::spelled,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// The last thing of a page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// Where it is, below the place that is listed.
    pub path: PathBuf,
    /// Its line, where lines are listed.
    pub line: u64,
}

impl Cursor {
    /// Reads the text of a cursor.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a text that this bridge never gave.
    pub(crate) fn parse(text: Option<&str>) -> Result<Option<Self>> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
        let read = || {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
            let (line, path) = bytes.split_at_checked(8)?;
            let line = u64::from_be_bytes(line.try_into().ok()?);
            Some(Self { path: PathBuf::from(name_of(path)?), line })
        };
        read().map(Some).ok_or_else(|| {
            Error::invalid("cursor", "Input should be the next_cursor of an earlier page, or left out for the first")
        })
    }

    /// The text that a caller sends back.
    pub(crate) fn text(path: &Path, line: u64) -> String {
        BASE64_URL_SAFE_NO_PAD.encode([&line.to_be_bytes(), path.as_os_str().as_encoded_bytes()].concat())
    }
}

#[cfg(unix)]
fn name_of(bytes: &[u8]) -> Option<OsString> {
    Some(std::os::unix::ffi::OsStrExt::from_bytes(bytes)).map(|name: &OsStr| name.to_owned())
}

#[cfg(not(unix))]
fn name_of(bytes: &[u8]) -> Option<OsString> {
    Some(std::str::from_utf8(bytes).ok()?.into())
}

/// The path that a caller sees for something below a place that he named: the two joined, with one slash.
pub(crate) fn shown(sent: &str, below: &Path) -> String {
    let below = spelled(below);
    match (below.is_empty(), sent.ends_with('/')) {
        (true, _) => sent.to_owned(),
        (false, true) => format!("{sent}{below}"),
        (false, false) => format!("{sent}/{below}"),
    }
}
