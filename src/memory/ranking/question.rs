//! A question against the index.

use super::{
    DocSet, NOBODY, Parts, Ranked, Ranking, best_first,
    concepts::Related,
    field::{FieldScores, Wanted},
    terms::Word,
};
use std::collections::HashSet;

/// What four-character parts count for beside whole words: they bridge typos, compounds and names.
const LETTERS: f32 = 0.17;

/// What neighbouring words that stay neighbours count for.
const PHRASES: f32 = 0.3;

/// How strongly an entry is preferred that holds more of the question's different words.
const COVERAGE: f32 = 0.3;

/// What meaning counts for beside words, where there is a model for it. Measured on LoCoMo with all-MiniLM-L6-v2: 0.3 to
/// 0.4 is best, and the sum of normalised scores better than reciprocal ranks.
const MEANING: f32 = 0.35;

/// What an entry gains when the question names the one who speaks in it.
const SPEAKER: f32 = 0.1;

/// The longest name before a colon that is taken for a speaker's, in words and in bytes.
const NAME_WORDS: usize = 3;
const NAME_BYTES: usize = 60;

/// Words of a question that are looked at: beyond it a text is a document, and its first words tell the rest.
const WORDS_MAX: usize = 128;

impl Ranking {
    /// The `limit` entries of `docs` that have most to do with a question, best first, the later first among equals.
    /// A question without a word of its own meaning ("what is it?") is answered by the latest entries, with score 0.
    ///
    /// `meaning` is how near each of `docs` is to the question, -1 to 1, where that is known.
    pub fn recall(&self, question: &str, docs: &DocSet, meaning: Option<&[f32]>, limit: usize) -> Vec<Ranked> {
        let words = self.meaningful_words(question);
        let population = docs.len();
        if words.is_empty() && meaning.is_none() {
            return latest(docs, limit);
        }
        if population == 0 || limit == 0 {
            return Vec::new();
        }
        let own = self.own_scores(&words, docs, population);
        let neighbours = self.neighbours.shares(&own.total, docs);
        let named: HashSet<u32> = words.iter().map(|word| name_hash(word.surface)).collect();
        let mut ranked: Vec<Ranked> =
            docs.iter().filter_map(|doc| self.ranked(doc, &own, &neighbours, &named)).collect();
        if let Some(meaning) = meaning {
            ranked = fused(&ranked, docs, meaning);
        }
        if ranked.len() > limit {
            ranked.select_nth_unstable_by(limit, best_first);
            ranked.truncate(limit);
        }
        ranked.sort_unstable_by(best_first);
        ranked
    }

    fn ranked(&self, doc: u32, own: &OwnScores, neighbours: &[f32], named: &HashSet<u32>) -> Option<Ranked> {
        let at = doc as usize;
        let plain = own.total[at] + neighbours[at];
        if plain <= 0.0 {
            return None;
        }
        let speaks = self.speakers.get(at).is_some_and(|names| names.iter().any(|name| named.contains(name)));
        let speaker = if speaks { plain * SPEAKER } else { 0.0 };
        let parts = Parts {
            english: own.english[at],
            french: own.french[at],
            letters: own.letters[at],
            phrases: own.phrases[at],
            neighbours: neighbours[at],
            speaker,
            meaning: 0.0,
        };
        Some(Ranked { doc, score: plain + speaker, parts })
    }

    fn meaningful_words(&self, question: &str) -> Vec<Word> {
        let mut words = self.analyser.words_of(question);
        words.retain(|word| !word.stop);
        words.truncate(WORDS_MAX);
        words
    }

    fn own_scores(&self, words: &[Word], docs: &DocSet, population: usize) -> OwnScores {
        let concepts = self.analyser.concepts();
        let english = wanted(words.iter().map(|word| word.english), &concepts.english);
        let french = wanted(words.iter().map(|word| word.french), &concepts.french);
        let grams = wanted(words.iter().flat_map(|word| word.grams.iter().copied()), &Related::new());
        let pairs: Vec<Wanted> =
            words.windows(2).map(|two| Wanted::exactly(self.analyser.pair(&two[0], &two[1]))).collect();
        let english = self.english.score(&english, docs, population);
        let french = self.french.score(&french, docs, population);
        let grams = self.grams.score(&grams, docs, population);
        let pairs = self.pairs.score(&pairs, docs, population);
        // Phrases are weighed against the words they are made of.
        let phrases = pairs.scaled(PHRASES / english.ideal.max(f32::MIN_POSITIVE));
        let letters = grams.scaled(LETTERS / grams.ideal.max(f32::MIN_POSITIVE));
        OwnScores::sum(covering(english), covering(french), letters, phrases)
    }

    /// The first and last word of the name a text begins with.
    pub(super) fn speaker(&self, content: &str) -> [u32; 2] {
        let Some(name) = speaker_name(content) else { return [NOBODY; 2] };
        let words = self.analyser.words_of(name);
        let [first, last] =
            [words.first(), words.last()].map(|word| word.map_or(NOBODY, |word| name_hash(word.surface)));
        [first, last]
    }
}

/// What each entry gets for its own words, in all and in parts.
struct OwnScores {
    total: Vec<f32>,
    english: Vec<f32>,
    french: Vec<f32>,
    letters: Vec<f32>,
    phrases: Vec<f32>,
}

impl OwnScores {
    fn sum(english: Vec<f32>, french: Vec<f32>, letters: Vec<f32>, phrases: Vec<f32>) -> Self {
        let total = (0..english.len()).map(|at| english[at] + french[at] + letters[at] + phrases[at]).collect();
        Self { total, english, french, letters, phrases }
    }
}

/// Half of a language's score (the other half is the other language's), less for entries that hold few of
/// the question's words.
fn covering(field: FieldScores) -> Vec<f32> {
    let half = 0.5 / field.ideal.max(f32::MIN_POSITIVE);
    let scores = field.scores.iter().zip(&field.coverage);
    scores.map(|(&score, &share)| if score > 0.0 { score * half * share.powf(COVERAGE) } else { 0.0 }).collect()
}

/// The terms of a question in one field, each once, with the related ones that it does not say itself.
fn wanted(terms: impl Iterator<Item = u64>, related: &Related) -> Vec<Wanted> {
    let mut times: Vec<(u64, f32)> = Vec::new();
    for term in terms {
        match times.iter_mut().find(|(known, _)| *known == term) {
            Some((_, count)) => *count += 1.0,
            None => times.push((term, 1.0)),
        }
    }
    let said: HashSet<u64> = times.iter().map(|&(term, _)| term).collect();
    let with_related = |(term, times): (u64, f32)| {
        let others = related.get(&term).into_iter().flatten().filter(|(other, _)| !said.contains(other));
        // A related word counts once, however often the question says its own.
        let others = others.map(|&(other, weight)| (other, weight / times));
        Wanted { terms: std::iter::once((term, 1.0)).chain(others).collect(), times }
    };
    times.iter().copied().map(with_related).collect()
}

/// Adds the meaning to the words: [`MEANING`] of the best score is shared out by likeness.
fn fused(ranked: &[Ranked], docs: &DocSet, meaning: &[f32]) -> Vec<Ranked> {
    let best = ranked.iter().map(|ranked| ranked.score).fold(0.0, f32::max);
    let best = if best > 0.0 { best } else { 1.0 };
    let nearest = meaning.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let mut by_words = ranked.iter().peekable();
    let fuse = |(doc, likeness): (u32, &f32)| {
        let words = by_words.next_if(|ranked| ranked.doc == doc);
        let parts = words.map(|ranked| ranked.parts.scaled(1.0 - MEANING)).unwrap_or_default();
        let meaning = MEANING * best * likeness.max(0.0) / nearest;
        let score = words.map_or(0.0, |ranked| ranked.score * (1.0 - MEANING)) + meaning;
        (score > 0.0).then_some(Ranked { doc, score, parts: Parts { meaning, ..parts } })
    };
    docs.iter().zip(meaning).filter_map(fuse).collect()
}

fn latest(docs: &DocSet, limit: usize) -> Vec<Ranked> {
    let mut positions: Vec<u32> = docs.iter().collect();
    positions.reverse();
    positions.truncate(limit);
    positions.into_iter().map(|doc| Ranked { doc, score: 0.0, parts: Parts::default() }).collect()
}

fn name_hash(surface: u64) -> u32 {
    // Never the hash that stands for nobody.
    (surface >> 32) as u32 | 1
}

/// The name before "Name: what is said".
fn speaker_name(content: &str) -> Option<&str> {
    let line = content.lines().next()?;
    let (name, _) = line.split_once(": ")?;
    let short = name.len() <= NAME_BYTES && name.split_whitespace().count() <= NAME_WORDS;
    (short && name.chars().any(char::is_alphabetic)).then_some(name)
}
