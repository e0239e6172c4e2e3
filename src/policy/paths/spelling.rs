//! Paths as text, there and back. A name that is not UTF-8 has one spelling: each byte that is no part of a character is
//! U+FFFD and its two hexadecimal digits, as in `caf\u{FFFD}E9.txt`. Where a name really holds that character before such
//! digits, its own three bytes are written so; therefore no two names have one spelling.

use std::path::{Path, PathBuf};

/// The sign before a byte's digits.
const SIGN: char = '\u{FFFD}';

/// A path as the text that [`path_of`] reads.
pub fn spelled(path: impl AsRef<Path>) -> String {
    let bytes = path.as_ref().as_os_str().as_encoded_bytes();
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        add_valid(&mut text, chunk.valid());
        chunk.invalid().iter().for_each(|byte| add_byte(&mut text, *byte));
    }
    text
}

fn add_valid(text: &mut String, valid: &str) {
    let mut rest = valid;
    while let Some((before, after)) = rest.split_once(SIGN) {
        text.push_str(before);
        match byte_of(after) {
            Some(_) => SIGN.to_string().bytes().for_each(|byte| add_byte(text, byte)),
            None => text.push(SIGN),
        }
        rest = after;
    }
    text.push_str(rest);
}

fn add_byte(text: &mut String, byte: u8) {
    text.push_str(&format!("{SIGN}{byte:02X}"));
}

/// The byte that two digits behind the sign stand for. Only bytes that are no signs of their own are written so: no
/// spelling hides a slash or a dot.
fn byte_of(after: &str) -> Option<u8> {
    let digits =
        after.get(..2).filter(|digits| digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'A'..=b'F')))?;
    u8::from_str_radix(digits, 16).ok().filter(|byte| *byte >= 0x80)
}

/// The path that a caller's text names.
#[cfg(unix)]
pub fn path_of(text: &str) -> PathBuf {
    if !text.contains(SIGN) {
        return text.into();
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((before, after)) = rest.split_once(SIGN) {
        bytes.extend_from_slice(before.as_bytes());
        rest = match byte_of(after) {
            Some(byte) => {
                bytes.push(byte);
                &after[2..]
            }
            None => {
                bytes.extend_from_slice(SIGN.to_string().as_bytes());
                after
            }
        };
    }
    bytes.extend_from_slice(rest.as_bytes());
    <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes).into()
}

/// The path that a caller's text names; here all names are text.
#[cfg(not(unix))]
pub fn path_of(text: &str) -> PathBuf {
    text.into()
}

#[cfg(all(test, unix))]
mod tests {
    use super::{path_of, spelled};
    use proptest::prelude::*;
    use std::{
        ffi::OsString,
        os::unix::ffi::OsStringExt,
        path::{Path, PathBuf},
    };

    fn path(bytes: &[u8]) -> PathBuf {
        OsString::from_vec(bytes.to_vec()).into()
    }

    #[test]
    fn a_byte_that_is_no_character_is_spelled_by_its_digits() {
        assert_eq!(spelled(path(b"/a/caf\xE9.txt")), "/a/caf\u{FFFD}E9.txt");
        assert_eq!(spelled("caf\u{e9} \u{FFFD} \u{FFFD}2F"), "caf\u{e9} \u{FFFD} \u{FFFD}2F");
        assert_eq!(spelled("\u{FFFD}E9"), "\u{FFFD}EF\u{FFFD}BF\u{FFFD}BDE9");
        assert_eq!(path_of("\u{FFFD}2F\u{FFFD}2E"), Path::new("\u{FFFD}2F\u{FFFD}2E"));
    }

    proptest! {
        #[test]
        fn every_path_comes_back_from_its_spelling(
            parts in prop::collection::vec(prop_oneof![
                any::<u8>().prop_map(|byte| vec![byte]),
                Just("\u{FFFD}".as_bytes().to_vec()),
                "[0-9A-F]{2}".prop_map(String::into_bytes),
            ], 0..12),
        ) {
            let path = path(&parts.concat());
            prop_assert_eq!(path_of(&spelled(&path)), path);
        }
    }
}
