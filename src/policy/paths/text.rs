//! The rules on the text of a path, before the disk is looked at.

use super::path_of;
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Places of the system that are refused however their name is written.
const SYSTEM: [&str; 4] = ["etc", "root", "sys", "proc"];

/// Whether the text alone is reason to refuse: a `..` component, a leading `~`, a NUL, or a place of the system
/// (`//etc`, `/./ETC/passwd`).
pub(crate) fn is_unsafe(text: &str) -> bool {
    text.starts_with('~') || text.contains('\0') || components(text).any(|part| part == "..") || is_system(text)
}

fn is_system(text: &str) -> bool {
    if !text.starts_with(is_separator) {
        return false;
    }
    let first = components(text).find(|part| !part.is_empty() && *part != ".");
    first.is_some_and(|first| SYSTEM.iter().any(|system| first.eq_ignore_ascii_case(system)))
}

fn components(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_separator)
}

fn is_separator(character: char) -> bool {
    character == '/' || (cfg!(windows) && character == '\\')
}

/// The longest path that Linux opens by its name, in bytes (PATH_MAX less the NUL at its end).
const MAX_SIZE: usize = 4095;

/// The most folders over something new: as deep as walks and searches go.
const MAX_DEPTH: usize = 256;

/// Refuses a path that no program could open by its name.
///
/// # Errors
/// [`Error::Unusable`], with the bound.
pub(crate) fn check_size(path: &Path) -> Result<()> {
    match path.as_os_str().len() {
        0..=MAX_SIZE => Ok(()),
        size => Err(Error::Unusable(format!("The path has {size} bytes, and no system opens more than {MAX_SIZE}"))),
    }
}

/// Refuses to make something where no walk would find it again.
///
/// # Errors
/// [`Error::Unusable`], with the bound.
pub(crate) fn check_depth(path: &Path) -> Result<()> {
    match path.components().count().saturating_sub(2) {
        0..=MAX_DEPTH => Ok(()),
        depth => {
            Err(Error::Unusable(format!("The path lies {depth} folders deep: nothing is made deeper than {MAX_DEPTH}")))
        }
    }
}

/// Whether the text can only mean a directory: `notes/`, `notes/.`.
pub(crate) fn means_folder(text: &str) -> bool {
    text.ends_with(is_separator) || components(text).last() == Some(".")
}

/// The path from the root of the file system that the text means, without empty and `.` components; relative ones start at
/// `start`. The text has no `..`: [`is_unsafe`] refused it.
pub(crate) fn absolute(start: &Path, text: &str) -> PathBuf {
    start.join(path_of(text)).components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_components_count() {
        for safe in
            ["a..b.txt", "draft~", "/x/etcetera", "/x/sub/etc", "etc/passwd", "...", "/etcetera", "", "a\\..\\b"]
        {
            assert!(!is_unsafe(safe), "{safe}");
        }
        for refused in ["..", "a/../b", "~", "~user/x", "a\0b", "/etc", "//etc", "/./etc", "/ETC/passwd", "/.//Proc/1"]
        {
            assert!(is_unsafe(refused), "{refused}");
        }
    }

    proptest! {
        #[test]
        fn what_passes_stays_below_where_it_starts(text in "[a-c./~]{0,24}") {
            let path = absolute(Path::new("/start"), &text);
            if !is_unsafe(&text) && !text.starts_with('/') {
                prop_assert!(path.starts_with("/start"), "{}", path.display());
                prop_assert!(!path.components().any(|part| part.as_os_str() == ".."));
            }
        }

        #[test]
        fn the_system_is_refused_in_every_case_and_with_any_dots(
            place in prop::sample::select(&SYSTEM[..]),
            upper in prop::collection::vec(any::<bool>(), 4),
            before in "(/|/\\./){1,5}",
            after in "(/[a-z.]{1,5}){0,3}",
        ) {
            let spelled: String = place.chars().zip(upper).map(|(c, up)| if up { c.to_ascii_uppercase() } else { c }).collect();
            let text = format!("{before}{spelled}{after}");
            prop_assert!(is_unsafe(&text), "{text}");
        }
    }
}
