//! Words and the patterns that they fit: alternatives, and lists of them that have a name.

use crate::patterns::{Atom, atoms, matches, matches_text};
use std::collections::HashMap;

/// Words by the name of their list.
#[derive(Clone, Debug, Default)]
pub(super) struct Lists(HashMap<String, Vec<String>>);

impl Lists {
    /// Adds words to a list.
    pub(crate) fn add(&mut self, name: &str, words: &str) {
        self.0.entry(name.to_owned()).or_default().extend(words.split_whitespace().map(str::to_owned));
    }
}

/// Patterns of which one must fit, and exceptions of which none may.
#[derive(Clone, Debug, Default)]
pub(super) struct Alternatives {
    patterns: Vec<Pattern>,
    exceptions: Vec<Pattern>,
}

impl Alternatives {
    /// `word|pattern*|@list`; `@list` with text around it is each of its words with that text around it.
    ///
    /// # Errors
    /// When there is no such list.
    pub(crate) fn read(text: &str, lists: &Lists) -> Result<Self, String> {
        let mut read = Self::default();
        for word in text.replace("\\|", "\u{1}").split('|') {
            match word.split_once('@') {
                None => read.patterns.push(Pattern::of(word)),
                Some((before, rest)) => {
                    let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
                    let (name, after) = rest.split_at(end);
                    let words = lists.0.get(name).ok_or_else(|| format!("there is no list @{name}"))?;
                    for word in words {
                        let (into, word) = match word.strip_prefix('!') {
                            Some(word) => (&mut read.exceptions, word),
                            None => (&mut read.patterns, word.as_str()),
                        };
                        into.push(Pattern::of(&format!("{before}{word}{after}")));
                    }
                }
            }
        }
        Ok(read)
    }

    /// Whether a word, in lower case, fits. A word that is a pattern itself fits what it can mean.
    pub(crate) fn fit(&self, word: &str) -> bool {
        let is_telling = word.contains(['*', '?', '[']) && word.chars().filter(|c| c.is_alphanumeric()).count() > 2;
        let fits = |pattern: &Pattern| pattern.fits(word) || is_telling && pattern.is_meant_by(word);
        self.patterns.iter().any(fits) && !self.exceptions.iter().any(|pattern| pattern.fits(word))
    }
}

/// A shell pattern, in any case.
#[derive(Clone, Debug)]
enum Pattern {
    Literal(String),
    Wild(Vec<Atom>),
}

impl Pattern {
    fn of(text: &str) -> Self {
        let text = if text == "''" { String::new() } else { text.replace('\u{1}', "|").to_lowercase() };
        match text.contains(['*', '?', '[']) {
            true => Self::Wild(atoms(&text)),
            false => Self::Literal(text),
        }
    }

    fn fits(&self, word: &str) -> bool {
        match self {
            Self::Literal(text) => text == word,
            Self::Wild(pattern) => matches(pattern, word),
        }
    }

    fn is_meant_by(&self, word: &str) -> bool {
        matches!(self, Self::Literal(text) if matches_text(word, text))
    }
}
