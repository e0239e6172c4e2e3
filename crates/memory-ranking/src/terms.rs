//! Terms: what a text is indexed under, each known by a 64-bit hash.

use crate::{
    Document,
    concepts::Concepts,
    dates::date_words,
    fold::{fold, words},
    stem::{Language, LanguageStemmer, is_stop_word},
    word::Word,
};
use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, Mutex, OnceLock},
};

/// Characters of a word part. Four separates better than three and still bridges a typo.
const GRAM: usize = 4;

/// Words of one entry that are ranked: a hundred pages. Of a longer one the beginning stands for the rest.
const WORDS_MAX: usize = 50_000;

/// Distinct words kept analysed during a bulk load, and between single entries; real vocabularies repeat, so most words
/// are met again. A longer word than this, in bytes, is none.
const CACHE_MAX: usize = 100_000;
const CACHE_KEPT: usize = 10_000;
const WORD_KEPT: usize = 40;

/// The terms of one entry, field by field, repeated as often as they occur.
#[derive(Default, Debug)]
pub struct Terms {
    pub(crate) english: Vec<u64>,
    pub(crate) french: Vec<u64>,
    pub(crate) grams: Vec<u64>,
    pub(crate) pairs: Vec<u64>,
}

/// Turns text into terms, for one [`Index`](crate::Index) or several. The hash is keyed at random each start, so nobody can write texts that collide.
pub struct Analyser {
    hasher: RandomState,
    english: LanguageStemmer,
    french: LanguageStemmer,
    concepts: OnceLock<Concepts>,
    /// Words of earlier entries. Who finds it taken does without.
    met: Mutex<WordCache>,
}

impl Default for Analyser {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            english: LanguageStemmer::new(Language::English),
            french: LanguageStemmer::new(Language::French),
            concepts: OnceLock::new(),
            met: Mutex::new(WordCache::of(CACHE_KEPT)),
        }
    }
}

/// Words already analysed.
pub(crate) struct WordCache {
    words: HashMap<Box<str>, Arc<Word>>,
    most: usize,
}

impl Analyser {
    pub(crate) fn hash(&self, text: impl Hash) -> u64 {
        self.hasher.hash_one(text)
    }

    /// The terms of a folded word.
    pub(crate) fn word(&self, word: &str) -> Word {
        Word {
            surface: self.hash(word),
            english: self.hash(self.english.stem(word)),
            french: self.hash(self.french.stem(word)),
            grams: self.grams(word),
            stop: is_stop_word(word),
        }
    }

    fn grams(&self, word: &str) -> Vec<u64> {
        let padded: Vec<char> = format!("#{word}#").chars().collect();
        if padded.len() <= GRAM {
            return vec![self.hash(&padded[..])];
        }
        padded.windows(GRAM).map(|gram| self.hash(gram)).collect()
    }

    /// Two meaningful words that stand side by side.
    pub(crate) fn pair(&self, left: &Word, right: &Word) -> u64 {
        self.hash((left.english, right.english))
    }

    /// The words of a text, in order, stop words among them.
    pub(crate) fn words_of(&self, text: &str) -> Vec<Word> {
        let mut found = Vec::new();
        words(&fold(text), |word| found.push(self.word(word)));
        found
    }

    /// The words that stand for one another, under this analyser's hashes.
    pub(crate) fn concepts(&self) -> &Concepts {
        self.concepts.get_or_init(|| Concepts::new(&|word| self.word(word)))
    }

    /// The terms of an entry: its words, and those of its date. To find them takes most of the time of adding it, and
    /// can be done beforehand on any thread.
    pub fn document(&self, document: &Document<'_>) -> Terms {
        match self.met.try_lock() {
            Ok(mut met) => self.document_of(document, &mut met),
            Err(_) => self.document_of(document, &mut WordCache::for_bulk()),
        }
    }

    /// The same with a cache of the caller's own, for many.
    pub(crate) fn document_of(&self, document: &Document<'_>, cache: &mut WordCache) -> Terms {
        let beside = document.moment.map(|moment| date_words(moment.date())).unwrap_or_default();
        self.terms(document.content, &beside, cache)
    }

    /// The terms of an entry: its text, and words (already folded) that stand beside it, such as its date's.
    fn terms(&self, text: &str, beside: &[String], cache: &mut WordCache) -> Terms {
        let mut terms = Terms::default();
        let mut previous: Option<Arc<Word>> = None;
        words(&fold(beginning(text)), |word| {
            if terms.english.len() >= WORDS_MAX {
                return;
            }
            let word = cache.get(self, word);
            if word.stop {
                return;
            }
            terms.english.push(word.english);
            terms.french.push(word.french);
            terms.grams.extend(&word.grams);
            if let Some(left) = previous.replace(Arc::clone(&word)) {
                terms.pairs.push(self.pair(&left, &word));
            }
        });
        for word in beside {
            let word = cache.get(self, word);
            terms.english.push(word.english);
            terms.french.push(word.french);
        }
        terms
    }
}

/// As much of a text as may hold the words that are ranked.
fn beginning(text: &str) -> &str {
    let mut end = text.len().min(WORDS_MAX * 20);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

impl WordCache {
    /// For texts that come in bulk.
    pub(crate) fn for_bulk() -> Self {
        Self::of(CACHE_MAX)
    }

    fn of(most: usize) -> Self {
        Self { words: HashMap::new(), most }
    }

    fn get(&mut self, analyser: &Analyser, word: &str) -> Arc<Word> {
        if let Some(known) = self.words.get(word) {
            return Arc::clone(known);
        }
        let analysed = Arc::new(analyser.word(word));
        if self.words.len() < self.most && word.len() <= WORD_KEPT {
            self.words.insert(word.into(), Arc::clone(&analysed));
        }
        analysed
    }
}
