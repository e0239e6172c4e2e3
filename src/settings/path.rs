//! Paths in settings. A boundary hangs on them, so what could be meant in two ways is refused: a denied place that is
//! not the one that was meant denies nothing.

use super::value::{SettingValue, parts};
use std::ops::Deref;

/// Quotes that word processors make of plain ones; a path in them begins nowhere.
const TYPOGRAPHIC: [char; 9] = ['“', '”', '„', '‘', '’', '«', '»', '`', '´'];

/// A path, absolute or from the server's directory. A leading `~` is expanded already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingPath(String);

impl Deref for SettingPath {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl SettingValue for SettingPath {
    fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        path(text).map(Self).map_err(|reason| format!("a path, but {reason}"))
    }
}

/// Paths, separated by commas; one may stand in quotes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathList(Vec<String>);

impl Deref for PathList {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl SettingValue for PathList {
    const HAS_QUOTED_PARTS: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        let paths = parts(text)?.iter().map(|part| path(part)).collect::<Result<_, _>>();
        paths.map(Self).map_err(|reason| format!("paths separated by commas, but {reason}"))
    }
}

/// The path that a text means. The error says what is wrong with it.
fn path(text: &str) -> Result<String, String> {
    let refused = |reason: &str| Err(format!("{text:?} {reason}"));
    if text.contains('$') || is_windows_variable(text) {
        return refused("has a variable, which is not expanded: write the path out");
    }
    if text.starts_with(['=', '!', ':']) || text.contains("://") || text.starts_with("file:") {
        return refused("is no path: begin it with /, ~ or a folder's name");
    }
    if text.contains(TYPOGRAPHIC) || text.contains('"') || text.starts_with('\'') || text.ends_with('\'') {
        return refused("has a quote in it: put plain quotes around the whole path");
    }
    if text.contains('\\') && !cfg!(windows) {
        return refused("has a backslash, which protects nothing here: write the path as it is, in quotes if need be");
    }
    if joins_several(text) {
        return refused("looks like several paths: put commas between them");
    }
    let Some(below) = text.strip_prefix('~') else { return Ok(text.to_owned()) };
    if !below.is_empty() && !below.starts_with(std::path::is_separator) {
        return refused("names another user's home: write the path out");
    }
    match std::env::home_dir().as_deref().and_then(|home| home.to_str()) {
        Some(home) if !home.is_empty() => Ok(format!("{}{below}", home.trim_end_matches('/'))),
        _ => refused("begins with ~, and this user has no home: write the path out"),
    }
}

/// `/a:/b`, as PATH is written, `/a;/b` or `/a /b` would be one place that is not there.
fn joins_several(text: &str) -> bool {
    let begins_another = |at: usize| text[at + 1..].starts_with(['/', '~']);
    let separators = text.char_indices().filter(|(at, c)| *c == ':' && *at >= 2 || c.is_whitespace());
    text.contains(';') || separators.map(|(at, c)| at + c.len_utf8() - 1).any(begins_another)
}

/// `%USERPROFILE%`.
fn is_windows_variable(text: &str) -> bool {
    let is_name = |name: &str| {
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic());
        begins && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.split('%').skip(1).step_by(2).any(|name| text.contains(&format!("%{name}%")) && is_name(name))
}
