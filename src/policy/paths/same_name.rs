//! One name in two forms of Unicode: `é` is one character (NFC) or two (NFD, as macOS writes it). A caller cannot see which
//! form a file's name has, so either finds it.

use super::Directory;
use std::{
    borrow::Cow,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};
use unicode_normalization::UnicodeNormalization;

/// As many names of a directory are compared; the usual forms are found in larger ones too.
const MAX_COMPARED: usize = 65_536;

/// A path whose names are in one form, whichever they had.
pub fn composed(path: &Path) -> Cow<'_, Path> {
    match path.to_str().filter(|text| !text.is_ascii()) {
        Some(text) => PathBuf::from(text.nfc().collect::<String>()).into(),
        None => path.into(),
    }
}

/// The name in `directory` that differs from `name`, which is not there, by its form alone.
pub(crate) fn other_form(directory: &Directory, name: &OsStr) -> Option<OsString> {
    let text = name.to_str().filter(|text| !text.is_ascii())?;
    let composed: String = text.nfc().collect();
    let usual = [composed.clone(), text.nfd().collect()].map(OsString::from);
    if let Some(found) = usual.into_iter().find(|form| form != name && directory.look(form).is_ok()) {
        return Some(found);
    }
    let names = directory.entries().ok()?.take(MAX_COMPARED).map_while(Result::ok).map(|(name, _)| name);
    let is_same = |other: &&str| !other.is_ascii() && other.nfc().eq(composed.chars());
    let mut same: Vec<OsString> = names.filter(|name| name.to_str().as_ref().is_some_and(is_same)).collect();
    same.sort();
    same.into_iter().next()
}
