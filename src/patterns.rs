//! Patterns that callers send, compiled in one place and within bounds: what takes a line to write must not take
//! gigabytes to compile. All engines here take time that grows with the text alone.

use crate::error::{Error, Result};
use globset::GlobBuilder;
use grep_regex::{RegexMatcher, RegexMatcherBuilder};
use regex::{Regex, RegexBuilder, bytes};
use std::{
    borrow::Cow,
    path::Path,
    sync::{Mutex, PoisonError},
};
use unicode_normalization::UnicodeNormalization;

/// The longest expression or text to look for, in characters. Parsing takes some kilobytes of memory a character.
pub const MAX_CHARACTERS: usize = 4096;

/// The most classes of an expression such as `\w` and `\pL`: each takes some 30 KB before it is compiled.
const MAX_CLASSES: usize = 200;

/// The most characters of an expression that are looked for in two forms.
const MAX_FORMS: usize = 200;

/// The longest glob, in characters, the most of them in a list, and how long they are together at most.
pub const MAX_GLOB: usize = 1000;
const MAX_GLOBS: usize = 100;
const MAX_ALL_GLOBS: usize = 8000;

/// The most that an expression may take when it is compiled, in bytes: repetitions and classes of Unicode multiply.
const MAX_COMPILED: usize = 2 * 1024 * 1024;

/// The most that the engine remembers of it on each thread that matches, in bytes.
const MAX_REMEMBERED: usize = 1024 * 1024;

/// The deepest that groups may be nested.
const MAX_DEPTH: u32 = 100;

/// One large pattern is compiled at a time: what it takes meanwhile is many times what stays of it.
static COMPILING: Mutex<()> = Mutex::new(());

/// Waits for the turn to compile; until it is dropped.
pub fn compiling() -> impl Drop {
    COMPILING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What to look for in lines.
pub struct Query<'a> {
    /// The field that it came in, for errors.
    pub field: &'a str,
    /// The expression or text.
    pub text: &'a str,
    /// Whether it is a regular expression.
    pub is_expression: bool,
    /// Whether upper and lower case differ.
    pub case_sensitive: bool,
}

impl Query<'_> {
    /// Compiled for the lines of files.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is too long or large, or no such expression.
    pub fn for_files(&self) -> Result<RegexMatcher> {
        self.check_size()?;
        let mut builder = RegexMatcherBuilder::new();
        builder.case_insensitive(!self.case_sensitive).multi_line(true).crlf(true).nest_limit(MAX_DEPTH);
        builder.size_limit(MAX_COMPILED).dfa_size_limit(MAX_REMEMBERED);
        let _turn = compiling();
        builder.build(&self.expression()).map_err(|error| self.refuse(error.to_string()))
    }

    /// Compiled for texts in memory; `^` and `$` are the ends of lines.
    ///
    /// # Errors
    /// As [`Self::for_files`].
    pub fn for_texts(&self) -> Result<Regex> {
        self.check_size()?;
        let mut builder = RegexBuilder::new(&self.expression());
        builder.case_insensitive(!self.case_sensitive).multi_line(true).crlf(true).nest_limit(MAX_DEPTH);
        builder.size_limit(MAX_COMPILED).dfa_size_limit(MAX_REMEMBERED);
        let _turn = compiling();
        builder.build().map_err(|error| self.refuse(error.to_string()))
    }

    fn expression(&self) -> Cow<'_, str> {
        let text = if self.is_expression { Cow::Borrowed(self.text) } else { regex::escape(self.text).into() };
        if text.is_ascii() { text } else { in_both_forms(&text).map_or(text, Cow::Owned) }
    }

    fn check_size(&self) -> Result<()> {
        let count = self.text.chars().count();
        if count > MAX_CHARACTERS {
            let words = format!("It has {count} characters, and {MAX_CHARACTERS} are the most: look for a part of it");
            return Err(Error::invalid(self.field, words));
        }
        if self.is_expression && classes(self.text) > MAX_CLASSES {
            let words = format!("It has more than {MAX_CLASSES} classes such as \\w and \\pL: use fewer");
            return Err(Error::invalid(self.field, words));
        }
        Ok(())
    }

    fn refuse(&self, reason: String) -> Error {
        let what = if self.is_expression { "a regular expression" } else { "a text within one line" };
        let reason = match reason.contains("size limit") {
            true => "compiled it takes more than 2 MiB: use smaller repetitions, or [a-z] instead of \\w and \\pL",
            // The library shows the expression before it says what is wrong.
            false => reason.rsplit("error: ").next().unwrap_or(&reason),
        };
        Error::invalid(self.field, format!("{:?} is not usable as {what}: {reason}", shortened(self.text)))
    }
}

/// An expression that finds characters with accents in both forms of Unicode, as one character and as several: who asks
/// cannot see which a text has. `None` where there are no such characters, or too many for what may be compiled.
fn in_both_forms(expression: &str) -> Option<String> {
    let (mut text, mut forms, mut in_class, mut escaped) = (String::new(), 0, 0_u32, false);
    for character in expression.nfc() {
        let parts: String = std::iter::once(character).nfd().collect();
        let is_one_form = parts.chars().eq([character]);
        match character {
            _ if escaped => {}
            '[' => in_class += 1,
            ']' => in_class = in_class.saturating_sub(1),
            _ => {}
        }
        escaped = character == '\\' && !escaped;
        if is_one_form || in_class > 0 {
            text.push(character);
        } else {
            forms += 1;
            text.push_str(&format!("(?:{character}|{parts})"));
        }
    }
    (text != expression && forms <= MAX_FORMS).then_some(text)
}

/// How often an expression names a class of Unicode.
fn classes(text: &str) -> usize {
    text.as_bytes().windows(2).filter(|pair| pair[0] == b'\\' && b"pPwWdDsS".contains(&pair[1])).count()
}

/// Globs of which one is enough.
#[derive(Clone)]
pub struct Globs(Option<bytes::Regex>);

/// How globs are read.
#[derive(Clone, Copy, Debug)]
pub struct GlobStyle {
    /// Whether `*` stops at a slash.
    pub stops_at_slash: bool,
    /// Whether upper and lower case differ.
    pub case_sensitive: bool,
}

impl Globs {
    /// Compiles them; `field` is where they came from.
    ///
    /// # Errors
    /// [`Error::Invalid`] for too many, too long or too large ones, and for what is no glob.
    pub fn new<'a>(field: &str, globs: impl IntoIterator<Item = &'a str>, style: GlobStyle) -> Result<Self> {
        let (mut expressions, mut left) = (Vec::new(), MAX_ALL_GLOBS);
        for glob in globs {
            let wrong =
                |why: String| Error::invalid(field, format!("{:?} is not usable as a glob: {why}", shortened(glob)));
            if expressions.len() == MAX_GLOBS {
                return Err(Error::invalid(field, format!("{MAX_GLOBS} globs are the most: join some as {{a,b}}")));
            }
            if glob.chars().count() > MAX_GLOB {
                return Err(wrong(format!("it is longer than {MAX_GLOB} characters")));
            }
            left = left.checked_sub(glob.len()).ok_or_else(|| {
                Error::invalid(field, format!("The globs are longer than {MAX_ALL_GLOBS} bytes together: give fewer"))
            })?;
            let mut builder = GlobBuilder::new(glob);
            builder
                .literal_separator(style.stops_at_slash)
                .case_insensitive(!style.case_sensitive)
                .backslash_escape(true);
            expressions.push(builder.build().map_err(|error| wrong(error.kind().to_string()))?.regex().to_owned());
        }
        if expressions.is_empty() {
            return Ok(Self(None));
        }
        let joined = expressions.iter().map(|expression| format!("(?:{expression})")).collect::<Vec<_>>().join("|");
        let mut builder = bytes::RegexBuilder::new(&joined);
        builder.size_limit(MAX_COMPILED).dfa_size_limit(MAX_REMEMBERED).nest_limit(MAX_DEPTH);
        let built = {
            let _turn = compiling();
            builder.build()
        };
        built
            .map(|expression| Self(Some(expression)))
            .map_err(|_| Error::invalid(field, "Compiled the globs take more than 2 MiB: give fewer or shorter ones"))
    }

    /// Whether one of them is the whole of this path.
    pub fn is_match(&self, path: impl AsRef<Path>) -> bool {
        let Some(expression) = &self.0 else { return false };
        let path = path.as_ref().as_os_str().as_encoded_bytes();
        match path.contains(&b'\\') && cfg!(windows) {
            true => expression.is_match(&path.iter().map(|b| if *b == b'\\' { b'/' } else { *b }).collect::<Vec<_>>()),
            false => expression.is_match(path),
        }
    }
}

/// The begin of a pattern, for a sentence about it.
pub fn shortened(text: &str) -> Cow<'_, str> {
    const SHOWN: usize = 200;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::{GlobStyle, Globs, Query};

    fn query(text: &str) -> Query<'_> {
        Query { field: "query", text, is_expression: true, case_sensitive: false }
    }

    #[test]
    fn expressions_of_everyday_fit_and_those_that_multiply_do_not() {
        for text in [r"fn \w+\(\s*&self", r"(\w+\s+){3}\w+", "[[:alpha:]]{500}", r"\b\p{Lu}\pL{1,8}\b", "a{1000}"] {
            assert!(query(text).for_files().is_ok() && query(text).for_texts().is_ok(), "{text}");
        }
        let deep = format!("{}a{}", "(".repeat(1000), ")".repeat(1000));
        let long = "a".repeat(5000);
        for text in [r"(a{1000}){1000}", r"\pL{500}", r"\w{100}{100}", &deep, &long] {
            assert!(query(text).for_files().is_err() && query(text).for_texts().is_err(), "{text}");
        }
    }

    #[test]
    fn the_longest_text_can_be_looked_for_whatever_its_case() {
        let text = "kſ".repeat(2048);
        let query = Query { is_expression: false, ..query(&text) };
        assert!(query.for_files().is_ok() && query.for_texts().is_ok());
    }

    #[test]
    fn a_character_is_found_in_either_form_and_a_line_may_end_in_cr_lf() {
        for (text, found) in [
            ("caf\u{e9}$", "un cafe\u{301}\r\n"),
            ("cafe\u{301}$", "un caf\u{e9}\n"),
            ("^\u{e9}+t", "e\u{301}\u{e9}t"),
            ("[\u{e0}\u{e9}]t", "\u{e9}t"),
            ("\\[\u{e9}", "[e\u{301}"),
            ("\u{ac00}", "\u{1100}\u{1161}"),
        ] {
            assert!(query(text).for_texts().unwrap().is_match(found), "{text}");
            assert!(query(text).for_files().is_ok());
        }
        assert!(!query("\u{e9}?x$").for_texts().unwrap().is_match("e\u{301}y"));
        let many = "\u{ac00}".repeat(4096);
        assert!(query(&many).for_files().is_ok() && query(&many).for_texts().is_ok());
    }

    #[test]
    fn globs_match_as_globs_do() {
        let style = GlobStyle { stops_at_slash: true, case_sensitive: true };
        let globs = Globs::new("name", ["*.rs", "a/**/b", "[x-z]?{1,2}"], style).unwrap();
        for (path, fits) in
            [("m.rs", true), ("d/m.rs", false), ("a/b", true), ("a/c/d/b", true), ("yq2", true), ("M.RS", false)]
        {
            assert_eq!(globs.is_match(path), fits, "{path}");
        }
        assert!(!Globs::new("exclude", [], style).unwrap().is_match("a"));
    }
}
