//! What the entries score, part by part, and the best of them.

use crate::{
    NOBODY, Parts,
    field::{Among, FieldScores, WordScores},
};
use std::cmp::Ordering;

/// How strongly an entry is preferred that holds more of the question's different words.
const COVERAGE: f32 = 0.3;

/// What meaning counts for beside words, where there is a model for it. Measured on LoCoMo with all-MiniLM-L6-v2: 0.3 to
/// 0.4 is best, and the sum of normalised scores better than reciprocal ranks.
const MEANING: f32 = 0.35;

/// What an entry gains when the question names the one who speaks in it.
const SPEAKER: f32 = 0.1;

/// The parts of each entry's score by its position.
pub(crate) struct Scores<'index> {
    pub english: Vec<f32>,
    pub french: Vec<f32>,
    pub letters: Vec<f32>,
    pub phrases: Vec<f32>,
    pub neighbours: Vec<f32>,
    /// The names that the entries begin with.
    pub speakers: &'index [[u32; 2]],
    /// The names that the question may say.
    pub named: Vec<u32>,
}

impl Scores<'_> {
    /// For an entry's own words.
    pub(crate) fn own(&self, at: usize) -> f32 {
        self.english[at] + self.french[at] + self.letters[at] + self.phrases[at]
    }

    /// In all.
    pub(crate) fn of(&self, doc: u32) -> f32 {
        let plain = self.own(doc as usize) + self.neighbours[doc as usize];
        plain + self.speaker(doc, plain)
    }

    fn speaker(&self, doc: u32, plain: f32) -> f32 {
        let is_named = |name: &u32| *name != NOBODY && self.named.contains(name);
        if plain > 0.0 && self.names(doc).any(is_named) { plain * SPEAKER } else { 0.0 }
    }

    /// The names that an entry begins with; none of one that was never added.
    fn names(&self, doc: u32) -> impl Iterator<Item = &u32> {
        self.speakers.get(doc as usize).into_iter().flatten()
    }

    /// In parts.
    pub(crate) fn parts(&self, doc: u32) -> Parts {
        let at = doc as usize;
        Parts {
            english: self.english[at],
            french: self.french[at],
            letters: self.letters[at],
            phrases: self.phrases[at],
            neighbours: self.neighbours[at],
            speaker: self.speaker(doc, self.own(at) + self.neighbours[at]),
            meaning: 0.0,
        }
    }
}

/// Scores times a factor.
pub(crate) fn scaled(mut scores: Vec<f32>, factor: f32) -> Vec<f32> {
    scores.iter_mut().for_each(|score| *score *= factor);
    scores
}

/// Half of a language's score (the other half is the other language's), less for entries that hold few of
/// the question's words.
pub(crate) fn covering(words: WordScores) -> Vec<f32> {
    let WordScores { total: FieldScores { mut scores, ideal }, coverage } = words;
    let half = 0.5 / ideal.max(f32::MIN_POSITIVE);
    for (score, share) in scores.iter_mut().zip(coverage).filter(|(score, _)| **score > 0.0) {
        *score *= half * share.powf(COVERAGE);
    }
    scores
}

/// The meaning beside the words: [`MEANING`] of the best score is shared out by similarity.
pub(crate) struct Fusion {
    /// How near each entry is to the question, by position.
    similarity: Vec<f32>,
    /// What the nearest gets, by its similarity.
    share: f32,
}

impl Fusion {
    /// From the similarity of each asked entry, in their order.
    pub(crate) fn new(scores: &Scores<'_>, among: &Among<'_>, similarity: &[f32]) -> Self {
        let best = among.docs.iter().map(|doc| scores.of(doc)).fold(0.0, f32::max);
        let nearest = similarity.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        let mut by_position = vec![0.0; among.room];
        for (doc, similarity) in among.docs.iter().zip(similarity) {
            by_position[doc as usize] = similarity.max(0.0);
        }
        Self { similarity: by_position, share: MEANING * if best > 0.0 { best } else { 1.0 } / nearest }
    }

    /// The score of an entry with a score by its words.
    pub(crate) fn score(&self, doc: u32, by_words: f32) -> f32 {
        by_words * (1.0 - MEANING) + self.meaning(doc)
    }

    fn meaning(&self, doc: u32) -> f32 {
        self.share * self.similarity[doc as usize]
    }

    /// Its parts.
    pub(crate) fn parts(&self, doc: u32, by_words: Parts) -> Parts {
        let words = 1.0 - MEANING;
        Parts {
            english: by_words.english * words,
            french: by_words.french * words,
            letters: by_words.letters * words,
            phrases: by_words.phrases * words,
            neighbours: by_words.neighbours * words,
            speaker: by_words.speaker * words,
            meaning: self.meaning(doc),
        }
    }
}

/// The best of what is offered.
pub(crate) struct Best {
    most: usize,
    kept: Vec<(u32, f32)>,
    /// What is below is not among them.
    bar: f32,
}

/// Entries that are kept beyond the best, so that they are sorted out seldom.
const SPARE: usize = 1000;

impl Best {
    /// So many.
    pub(crate) fn of(most: usize) -> Self {
        Self { most, kept: vec![], bar: f32::MIN_POSITIVE }
    }

    /// Offers an entry; one without a score is not taken.
    pub(crate) fn offer(&mut self, doc: u32, score: f32) {
        if score < self.bar {
            return;
        }
        self.kept.push((doc, score));
        if self.kept.len() >= self.most.saturating_mul(2).saturating_add(SPARE) {
            self.kept.select_nth_unstable_by(self.most, best_first);
            self.kept.truncate(self.most);
            self.bar = self.kept.iter().map(|(_, score)| *score).fold(f32::INFINITY, f32::min);
        }
    }

    /// Best first, the later first among equals.
    pub(crate) fn in_order(mut self) -> Vec<(u32, f32)> {
        self.kept.sort_unstable_by(best_first);
        self.kept.truncate(self.most);
        self.kept
    }
}

fn best_first(left: &(u32, f32), right: &(u32, f32)) -> Ordering {
    right.1.total_cmp(&left.1).then(right.0.cmp(&left.0))
}
