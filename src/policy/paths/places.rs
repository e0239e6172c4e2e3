//! Places by their paths: those that the settings name, and what is there at the start.

use super::Entry;
use std::{
    io,
    path::{Path, PathBuf},
};

/// The files of the server's directory by which a person governs the bridge: its key and settings, and what each agent may
/// do.
pub const OWN_FILES: [&str; 2] = [".env", "permissions.toml"];

/// Whether `path` is `place` or lies below it; both are absolute and without dots. Where names are usually found in any
/// case, they are compared so.
pub(super) fn lies_under(path: &Path, place: &Path) -> bool {
    let (path, place) = (path.as_os_str().as_encoded_bytes(), place.as_os_str().as_encoded_bytes());
    let place = place.strip_suffix(b"/").unwrap_or(place);
    let Some((head, rest)) = path.split_at_checked(place.len()) else { return false };
    let same = if cfg!(any(target_os = "macos", windows)) { head.eq_ignore_ascii_case(place) } else { head == place };
    same && rest.first().is_none_or(|next| *next == b'/' || (cfg!(windows) && *next == b'\\'))
}

/// The path without links, of something that is there.
#[expect(clippy::disallowed_methods, reason = "a path of the settings, at start, before any caller")]
pub(super) fn canonical(path: &Path) -> io::Result<PathBuf> {
    std::fs::canonicalize(path)
}

/// What is in a folder; nothing where there is none.
#[expect(
    clippy::disallowed_methods,
    reason = "what the settings deny is looked for, before any caller's path is opened"
)]
pub(super) fn entries(folder: &Path) -> io::Result<Vec<Entry>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(vec![]);
        }
        Err(error) => return Err(error),
    };
    entries
        .map(|entry| {
            let entry = entry?;
            Ok((entry.file_name(), entry.file_type().is_ok_and(|kind| kind.is_dir())))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_ends_at_a_whole_name() {
        let under = |path: &str, place: &str| lies_under(Path::new(path), Path::new(place));
        assert!(under("/a/allowed", "/a/allowed") && under("/a/allowed/x", "/a/allowed") && under("/a", "/"));
        assert!(
            !under("/a/allowed-evil", "/a/allowed")
                && !under("/a", "/a/allowed")
                && !under("/a/allowed.txt", "/a/allowed")
        );
    }
}
