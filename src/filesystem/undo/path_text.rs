//! Paths in the journal: as text; one that is no text as a NUL, which no path holds, and its bytes in base64.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serializer, de::Error};
use std::path::{Path, PathBuf};

/// Writes a path.
///
/// # Errors
/// What the format says.
pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    match path.to_str() {
        Some(text) => serializer.serialize_str(text),
        None => {
            let bytes = BASE64_STANDARD.encode(path.as_os_str().as_encoded_bytes());
            serializer.serialize_str(&format!("\0{bytes}"))
        }
    }
}

/// Reads a path.
///
/// # Errors
/// What the format says, or for base64 that is none.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    let text = String::deserialize(deserializer)?;
    let Some(bytes) = text.strip_prefix('\0') else { return Ok(text.into()) };
    let bytes = BASE64_STANDARD.decode(bytes).map_err(D::Error::custom)?;
    #[cfg(unix)]
    return Ok(<std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes).into());
    #[cfg(not(unix))]
    String::from_utf8(bytes).map(PathBuf::from).map_err(D::Error::custom)
}
