//! Paths in settings. A boundary hangs on them, so what could be meant in two ways is refused: a denied place that is
//! not the one that was meant denies nothing.

use super::value::{Part, SettingValue, parts};
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
pub struct PathList {
    paths: Vec<String>,
    /// Neighbours with the comma between them: the names that it may belong to.
    joined: Vec<String>,
}

/// What callers may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WritablePaths {
    /// All that they may reach.
    All,
    /// These places alone, perhaps none.
    Only(PathList),
}

impl SettingValue for WritablePaths {
    const HAS_QUOTED_PARTS: bool = true;
    const KEEPS_QUOTES: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "" => Ok(Self::All),
            text if text.eq_ignore_ascii_case("none") => Ok(Self::Only(PathList::default())),
            text => PathList::parse(text).map(Self::Only),
        }
    }
}

/// How many parts in a row are looked at as if they were one path.
const MAX_JOINED: usize = 4;

/// Words that are not meant as the name of a folder.
const WORDS: [&str; 20] = [
    "none",
    "null",
    "nil",
    "no",
    "off",
    "false",
    "never",
    "empty",
    "undefined",
    "nothing",
    "yes",
    "on",
    "true",
    "all",
    "any",
    "default",
    "disabled",
    "enabled",
    "0",
    "1",
];

/// Whether a text says that something is on, off or not set.
pub(crate) fn is_word(text: &str) -> bool {
    WORDS.contains(&text.to_lowercase().as_str())
}

impl PathList {
    /// Paths of their own, whatever commas are in them.
    pub(crate) fn of(paths: Vec<String>) -> Self {
        Self { paths, joined: Vec::new() }
    }

    /// These and more.
    pub(crate) fn and(&self, more: impl IntoIterator<Item = String>) -> Self {
        Self { paths: self.paths.iter().cloned().chain(more).collect(), joined: self.joined.clone() }
    }

    /// Whether every comma can only be meant to separate paths; `is_there` tells whether a place is there.
    ///
    /// # Errors
    /// When one may belong to a name; the message says how to write what is meant.
    pub fn check_commas(&self, is_there: impl Fn(&str) -> bool) -> Result<(), String> {
        match self.joined.iter().find(|whole| is_there(whole)) {
            None => Ok(()),
            Some(whole) => Err(format!("{whole:?}, which is there: put it in quotes of its own, as in '\"{whole}\"'")),
        }
    }

    fn joined(parts: &[Part]) -> Vec<String> {
        let mut joined = Vec::new();
        for start in 0..parts.len() {
            let run = parts[start..].iter().take(MAX_JOINED).take_while(|part| !part.is_quoted).collect::<Vec<_>>();
            for end in 2..=run.len() {
                let run = run[..end].iter().map(|part| part.whole).collect::<Vec<_>>();
                // The blanks after a comma are no part of what comes then.
                joined
                    .extend([",", ", "].map(|comma| run.join(comma)).map(|whole| path(whole.trim()).unwrap_or(whole)));
            }
        }
        joined
    }
}

impl Deref for PathList {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.paths
    }
}

impl SettingValue for PathList {
    const HAS_QUOTED_PARTS: bool = true;
    const KEEPS_QUOTES: bool = true;

    fn parse(text: &str) -> Result<Self, String> {
        let parts = parts(text)?;
        let paths = parts.iter().map(|part| if part.is_quoted { path(part.text) } else { bare_path(part.text) });
        let paths =
            paths.collect::<Result<_, _>>().map_err(|reason| format!("paths separated by commas, but {reason}"))?;
        Ok(Self { paths, joined: Self::joined(&parts) })
    }
}

/// The path that a text without quotes means.
fn bare_path(text: &str) -> Result<String, String> {
    let mut pairs = text.chars().zip(text.chars().skip(1));
    if pairs.any(|(one, other)| one.is_whitespace() && other == '#') {
        return Err(format!("{text:?} has a # after a blank: remove the comment, or put the path in quotes"));
    }
    path(text)
}

/// The path that a text means. The error says what is wrong with it.
fn path(text: &str) -> Result<String, String> {
    let refused = |reason: &str| Err(format!("{text:?} {reason}"));
    if text.contains('$') || is_windows_variable(text) {
        return refused("has a variable, which is not expanded: write the path out");
    }
    let begins_oddly = text.starts_with(|c: char| c.is_ascii_punctuation() && !"/~._\\*?[{\"'`".contains(c));
    if begins_oddly || text.contains("://") || text.starts_with("file:") {
        return refused("is no path: begin it with /, ~, ./ or a folder's name");
    }
    if is_word(text) {
        return refused(
            "would be a file of that name here: to name none, write nothing after the =; to name that file, write ./ before it",
        );
    }
    if text.contains(['<', '>', '|']) || text.contains("&&") {
        return refused("has a sign that joins or replaces things elsewhere: put commas between several paths");
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
    let separators = text.char_indices().filter(|(at, c)| ":&".contains(*c) && *at >= 2 || c.is_whitespace());
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
