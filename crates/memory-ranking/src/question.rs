//! A question against the index.

use crate::{
    Index, NOBODY, Parts, Positions, Ranked,
    concepts::Related,
    field::{Among, Wanted},
    scores::{Best, Fusion, Scores, covering, scaled},
    word::Word,
};
use std::collections::HashSet;

/// What four-character parts count for beside whole words: they bridge typos, compounds and names.
const LETTERS: f32 = 0.17;

/// What neighbouring words that stay neighbours count for.
const PHRASES: f32 = 0.3;

/// The longest name before a colon that is taken for a speaker's, in words and in bytes.
const NAME_WORDS: usize = 3;
const NAME_BYTES: usize = 60;

/// Words of a question that are looked at: beyond it a text is a document, and its first words tell the rest.
const WORDS_MAX: usize = 128;

impl Index {
    /// The `limit` entries of `among` that have most to do with a question, best first, the later first among equals.
    /// A question without a word of its own meaning ("what is it?") is answered by the latest entries, with score 0.
    ///
    /// `meaning` is how near each of `among` is to the question, -1 to 1, where that is known.
    pub fn rank(&self, question: &str, among: &Positions, meaning: Option<&[f32]>, limit: usize) -> Vec<Ranked> {
        let words = self.meaningful_words(question);
        let (docs, population) = (among, among.count());
        if words.is_empty() && meaning.is_none() {
            return latest(docs, limit);
        }
        if population == 0 || limit == 0 {
            return Vec::new();
        }
        let among = Among { docs, population, room: self.speakers.len().max(docs.end()) };
        let scores = self.scores(&words, &among);
        let fusion = meaning.map(|similarity| Fusion::new(&scores, &among, similarity));
        let mut best = Best::of(limit);
        for doc in docs.iter() {
            let by_words = scores.of(doc);
            best.offer(doc, fusion.as_ref().map_or(by_words, |fusion| fusion.score(doc, by_words)));
        }
        let ranked = |(doc, score)| {
            let parts = scores.parts(doc);
            Ranked { position: doc, score, parts: fusion.as_ref().map_or(parts, |fusion| fusion.parts(doc, parts)) }
        };
        best.in_order().into_iter().map(ranked).collect()
    }

    fn meaningful_words(&self, question: &str) -> Vec<Word> {
        let mut words = self.analyser.words_of(question);
        words.retain(|word| !word.stop);
        words.truncate(WORDS_MAX);
        words
    }

    fn scores(&self, words: &[Word], among: &Among<'_>) -> Scores<'_> {
        let concepts = self.analyser.concepts();
        let english = wanted(words.iter().map(|word| word.english), &concepts.english);
        let french = wanted(words.iter().map(|word| word.french), &concepts.french);
        let grams = counted(words.iter().flat_map(|word| word.grams.iter().copied()));
        let pairs: Vec<_> = words.windows(2).map(|two| (self.analyser.pair(&two[0], &two[1]), 1.0)).collect();
        let (english, french) = (self.english.score_words(&english, among), self.french.score_words(&french, among));
        let (letters, phrases) = (self.grams.score(&grams, among), self.pairs.score(&pairs, among));
        let mut scores = Scores {
            letters: scaled(letters.scores, LETTERS / letters.ideal.max(f32::MIN_POSITIVE)),
            // Phrases are weighed against the words they are made of.
            phrases: scaled(phrases.scores, PHRASES / english.total.ideal.max(f32::MIN_POSITIVE)),
            english: covering(english),
            french: covering(french),
            neighbours: vec![],
            speakers: &self.speakers,
            named: words.iter().map(|word| name_hash(word.surface)).collect(),
        };
        let own: Vec<f32> = (0..among.room).map(|at| scores.own(at)).collect();
        scores.neighbours = self.neighbours.shares(&own);
        scores
    }

    /// The first and last word of the name a text begins with.
    pub(crate) fn speaker(&self, content: &str) -> [u32; 2] {
        let Some(name) = speaker_name(content) else { return [NOBODY; 2] };
        let words = self.analyser.words_of(name);
        let [first, last] =
            [words.first(), words.last()].map(|word| word.map_or(NOBODY, |word| name_hash(word.surface)));
        [first, last]
    }
}

/// The terms of a question in one field, each once, with how often it says them.
fn counted(terms: impl Iterator<Item = u64>) -> Vec<(u64, f32)> {
    let mut times: Vec<(u64, f32)> = Vec::new();
    for term in terms {
        match times.iter_mut().find(|(known, _)| *known == term) {
            Some((_, count)) => *count += 1.0,
            None => times.push((term, 1.0)),
        }
    }
    times
}

/// The same with the related terms that it does not say itself.
fn wanted(terms: impl Iterator<Item = u64>, related: &Related) -> Vec<Wanted> {
    let times = counted(terms);
    let said: HashSet<u64> = times.iter().map(|&(term, _)| term).collect();
    let with_related = |(term, times): (u64, f32)| {
        let others = related.get(&term).into_iter().flatten().filter(|(other, _)| !said.contains(other));
        // A related word counts once, however often the question says its own.
        let others = others.map(|&(other, weight)| (other, weight / times));
        Wanted { terms: std::iter::once((term, 1.0)).chain(others).collect(), times }
    };
    times.iter().copied().map(with_related).collect()
}

fn latest(docs: &Positions, limit: usize) -> Vec<Ranked> {
    let mut positions: Vec<u32> = docs.iter().collect();
    positions.reverse();
    positions.truncate(limit);
    positions.into_iter().map(|position| Ranked { position, score: 0.0, parts: Parts::default() }).collect()
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
