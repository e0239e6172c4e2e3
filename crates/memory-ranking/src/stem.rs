//! Words to their stems: Snowball for English and French, and the forms that suffix rules cannot reach.

use rust_stemmers::{Algorithm, Stemmer};
use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

/// A language whose stems are indexed. Every text is stemmed in both: its language is not guessed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Language {
    English,
    French,
}

type Forms = HashMap<&'static str, &'static str>;

static ENGLISH_FORMS: LazyLock<Forms> = LazyLock::new(|| forms(include_str!("irregular_en.txt")));
static FRENCH_FORMS: LazyLock<Forms> = LazyLock::new(|| forms(include_str!("irregular_fr.txt")));
static STOP_WORDS: LazyLock<HashSet<&str>> =
    LazyLock::new(|| lines(include_str!("stopwords.txt")).flat_map(str::split_whitespace).collect());

/// Snowball's English stemmer after 2001 ("Porter 2") or its French one, over folded words.
pub(crate) struct LanguageStemmer {
    language: Language,
    snowball: Stemmer,
}

impl LanguageStemmer {
    pub(crate) fn new(language: Language) -> Self {
        let algorithm = match language {
            Language::English => Algorithm::English,
            Language::French => Algorithm::French,
        };
        Self { language, snowball: Stemmer::create(algorithm) }
    }

    /// The stem of a folded word.
    pub(crate) fn stem<'word>(&self, word: &'word str) -> Cow<'word, str> {
        match self.language {
            Language::English => self.snowball.stem(ENGLISH_FORMS.get(word).copied().unwrap_or(word)),
            Language::French => unaccented(self.snowball.stem(FRENCH_FORMS.get(word).copied().unwrap_or(word))),
        }
    }
}

/// Snowball knows "mangée" but not its accentless form: the endings that lose their accent in folding
/// ("-ee", "-e") go here, so that a participle meets its verb.
fn unaccented(stem: Cow<'_, str>) -> Cow<'_, str> {
    let bare = stem.trim_end_matches('e');
    if bare.len() < 3 || bare.len() == stem.len() {
        return stem;
    }
    Cow::Owned(bare.to_owned())
}

/// Whether a folded word says nothing about the subject of a question, in English or French.
pub(crate) fn is_stop_word(word: &str) -> bool {
    STOP_WORDS.contains(word)
}

/// The lines of a word table, less comments and blank ones.
pub(crate) fn lines(table: &'static str) -> impl Iterator<Item = &'static str> {
    table.lines().filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn forms(table: &'static str) -> Forms {
    let mut forms = Forms::new();
    for line in lines(table) {
        let mut words = line.split_whitespace();
        if let Some(base) = words.next() {
            forms.extend(words.map(|form| (form, base)));
        }
    }
    forms
}
