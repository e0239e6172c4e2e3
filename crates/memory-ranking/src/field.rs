//! One inverted field and its BM25 scores.

use crate::{
    positions::Positions,
    postings::{Posting, Postings},
};

/// Saturation of term counts (k1) and weight of length (b) in BM25 (Robertson and Zaragoza 2009), tuned low
/// for entries of a sentence or two.
const K1: f32 = 0.9;
const B: f32 = 0.3;

/// A question's word in one field: the terms that stand for it, each with what it counts for (1 is the word
/// itself, below 1 a related one), and how often the question says it.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub terms: Vec<(u64, f32)>,
    pub times: f32,
}

/// The entries that a question is asked of.
#[derive(Clone, Copy)]
pub(crate) struct Among<'question> {
    pub docs: &'question Positions,
    /// How many they are.
    pub population: usize,
    /// Positions in the index.
    pub room: usize,
}

impl Among<'_> {
    /// Whether every position is among them.
    fn is_everything(&self) -> bool {
        self.population == self.room
    }
}

#[derive(Default)]
pub(crate) struct Field {
    postings: Postings,
    lengths: Vec<u32>,
}

/// The scores of one field, one an entry; 0 for those that are not asked.
pub(crate) struct FieldScores {
    pub scores: Vec<f32>,
    /// About the score of an entry that says each wanted word once.
    pub ideal: f32,
}

/// The scores of the words of one field.
pub(crate) struct WordScores {
    pub total: FieldScores,
    /// How much of the question each entry holds, 0 to 1, words weighed by their best score.
    pub coverage: Vec<f32>,
}

impl Field {
    /// Adds an entry's terms (any order, repeated as often as they occur).
    pub(crate) fn add(&mut self, doc: u32, mut terms: Vec<u64>) {
        if self.lengths.len() <= doc as usize {
            self.lengths.resize(doc as usize + 1, 0);
        }
        self.lengths[doc as usize] = u32::try_from(terms.len()).unwrap_or(u32::MAX);
        terms.sort_unstable();
        for same in terms.chunk_by(|left, right| left == right) {
            let count = u32::try_from(same.len()).unwrap_or(u32::MAX);
            self.postings.insert(same[0], Posting::new(doc, count));
        }
    }

    /// Removes the terms that an entry was added with.
    pub(crate) fn remove(&mut self, doc: u32, terms: &[u64]) {
        for &term in terms {
            self.postings.remove(term, doc);
        }
        if let Some(length) = self.lengths.get_mut(doc as usize) {
            *length = 0;
        }
    }

    /// BM25 of every asked entry, with the statistics of the asked ones alone, for terms and how often each is wanted.
    pub(crate) fn score(&self, terms: &[(u64, f32)], among: &Among<'_>) -> FieldScores {
        let mut pass = Pass::new(self, among);
        for &(term, times) in terms {
            let rarity = pass.rarity(term);
            pass.total.ideal += rarity * times;
            for &posting in self.postings.of(term) {
                pass.total.scores[posting.doc() as usize] += pass.score(posting, rarity * times);
            }
        }
        pass.total
    }

    /// The same for words. Of the terms that stand for one word the best counts, not their sum: five synonyms are still
    /// one word.
    pub(crate) fn score_words(&self, words: &[Wanted], among: &Among<'_>) -> WordScores {
        let mut pass = Pass::new(self, among);
        let mut coverage = vec![0.0; among.room];
        let mut reachable = 0.0;
        for word in words {
            pass.total.ideal += word.terms.first().map_or(0.0, |&(own, _)| pass.rarity(own)) * word.times;
            reachable += pass.word(word, &mut coverage);
        }
        let whole = f32::max(reachable, f32::MIN_POSITIVE);
        coverage.iter_mut().for_each(|share| *share /= whole);
        WordScores { total: pass.total, coverage }
    }
}

/// One walk over the postings of a question.
struct Pass<'index> {
    field: &'index Field,
    among: &'index Among<'index>,
    /// What the length of each entry does to its scores; one that is not asked never scores.
    norms: Vec<f32>,
    total: FieldScores,
    /// The scores of the word at hand, and the entries that have one.
    word: Vec<f32>,
    touched: Vec<u32>,
}

impl<'index> Pass<'index> {
    fn new(field: &'index Field, among: &'index Among<'index>) -> Self {
        let total = FieldScores { scores: vec![0.0; among.room], ideal: 0.0 };
        Self { field, among, norms: field.norms(among), total, word: vec![], touched: vec![] }
    }

    /// Adds a word to the scores, and its best one to the coverage of the entries that hold it.
    fn word(&mut self, wanted: &Wanted, coverage: &mut [f32]) -> f32 {
        self.word.resize(self.among.room, 0.0);
        for &(term, weight) in &wanted.terms {
            self.term(term, weight * wanted.times);
        }
        let best = self.touched.iter().map(|&doc| self.word[doc as usize]).fold(0.0, f32::max);
        for doc in self.touched.drain(..) {
            self.total.scores[doc as usize] += std::mem::take(&mut self.word[doc as usize]);
            coverage[doc as usize] += best;
        }
        best
    }

    fn term(&mut self, term: u64, weight: f32) {
        let gain = weight * self.rarity(term);
        for &posting in self.field.postings.of(term) {
            let score = self.score(posting, gain);
            let best = &mut self.word[posting.doc() as usize];
            if *best == 0.0 && score > 0.0 {
                self.touched.push(posting.doc());
            }
            *best = best.max(score);
        }
    }

    fn score(&self, posting: Posting, gain: f32) -> f32 {
        let count = posting.count() as f32;
        gain * (K1 + 1.0) * count / (count + self.norms[posting.doc() as usize])
    }

    /// Lucene's inverse document frequency: never negative.
    fn rarity(&self, term: u64) -> f32 {
        let (postings, population) = (self.field.postings.of(term), self.among.population as f32);
        let holders = if self.among.is_everything() {
            postings.len()
        } else {
            postings.iter().filter(|posting| self.among.docs.contains(posting.doc())).count()
        } as f32;
        (1.0 + (population - holders + 0.5) / (holders + 0.5)).ln()
    }
}

impl Field {
    fn norms(&self, among: &Among<'_>) -> Vec<f32> {
        let lengths: u64 = among.docs.iter().map(|doc| u64::from(self.length(doc))).sum();
        let average = (lengths as f32 / among.population.max(1) as f32).max(1.0);
        let mut norms = vec![f32::INFINITY; among.room];
        for doc in among.docs.iter() {
            norms[doc as usize] = K1 * (1.0 - B + B * self.length(doc) as f32 / average);
        }
        norms
    }

    fn length(&self, doc: u32) -> u32 {
        self.lengths.get(doc as usize).copied().unwrap_or(0)
    }
}
