//! One inverted field and its BM25 scores.

use super::{
    docset::DocSet,
    postings::{Posting, Postings},
};

/// Saturation of term counts (k1) and weight of length (b) in BM25 (Robertson and Zaragoza 2009), tuned low
/// for entries of a sentence or two.
const K1: f32 = 0.9;
const B: f32 = 0.3;

/// A question's word in one field: the terms that stand for it, each with what it counts for (1 is the word
/// itself, below 1 a related one), and how often the question says it.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub terms: Vec<(u64, f32)>,
    pub times: f32,
}

impl Wanted {
    pub fn exactly(term: u64) -> Self {
        Self { terms: vec![(term, 1.0)], times: 1.0 }
    }
}

impl FieldScores {
    /// The scores times a factor.
    pub fn scaled(&self, factor: f32) -> Vec<f32> {
        self.scores.iter().map(|score| score * factor).collect()
    }
}

#[derive(Default)]
pub struct Field {
    postings: Postings,
    lengths: Vec<u32>,
}

/// The scores of one field, one an entry.
pub struct FieldScores {
    pub scores: Vec<f32>,
    /// About the score of an entry that says each wanted word once.
    pub ideal: f32,
    /// How much of the question each entry holds, 0 to 1, words weighed by their best score.
    pub coverage: Vec<f32>,
}

impl Field {
    /// Adds an entry's terms (any order, repeated as often as they occur).
    pub fn add(&mut self, doc: u32, mut terms: Vec<u64>) {
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
    pub fn remove(&mut self, doc: u32, terms: &[u64]) {
        for &term in terms {
            self.postings.remove(term, doc);
        }
        if let Some(length) = self.lengths.get_mut(doc as usize) {
            *length = 0;
        }
    }

    /// BM25 of every entry in `docs`, with the statistics of `docs` alone. Of the terms that stand for one
    /// word the best counts, not their sum: five synonyms are still one word.
    pub fn score(&self, wanted: &[Wanted], docs: &DocSet, population: usize) -> FieldScores {
        let mut pass = Pass::new(self, docs, population);
        for word in wanted {
            let own = word.terms.first().map_or(0.0, |&(term, _)| pass.idf(self.postings.of(term)));
            pass.total.ideal += own * word.times;
            pass.word(word);
        }
        pass.finish()
    }
}

/// One walk over the postings of a question.
struct Pass<'index> {
    field: &'index Field,
    docs: &'index DocSet,
    population: f32,
    average: f32,
    total: FieldScores,
    reachable: f32,
    /// The scores of the word at hand, and the entries that have one.
    word: Vec<f32>,
    touched: Vec<u32>,
}

impl<'index> Pass<'index> {
    fn new(field: &'index Field, docs: &'index DocSet, population: usize) -> Self {
        let room = docs.room();
        let lengths: u64 = docs.iter().map(|doc| u64::from(field.length(doc))).sum();
        Self {
            field,
            docs,
            population: population as f32,
            average: (lengths as f32 / population.max(1) as f32).max(1.0),
            total: FieldScores { scores: vec![0.0; room], ideal: 0.0, coverage: vec![0.0; room] },
            reachable: 0.0,
            word: vec![0.0; room],
            touched: Vec::new(),
        }
    }

    fn word(&mut self, wanted: &Wanted) {
        for &(term, weight) in &wanted.terms {
            self.term(term, weight * wanted.times);
        }
        let best = self.touched.iter().map(|&doc| self.word[doc as usize]).fold(0.0, f32::max);
        self.reachable += best;
        for doc in self.touched.drain(..) {
            let score = std::mem::take(&mut self.word[doc as usize]);
            self.total.scores[doc as usize] += score;
            self.total.coverage[doc as usize] += best;
        }
    }

    fn term(&mut self, term: u64, weight: f32) {
        let postings = self.field.postings.of(term);
        let gain = weight * self.idf(postings) * (K1 + 1.0);
        for posting in postings.iter().filter(|posting| self.docs.contains(posting.doc())) {
            let count = posting.count() as f32;
            let norm = K1 * (1.0 - B + B * self.field.length(posting.doc()) as f32 / self.average);
            let score = gain * count / (count + norm);
            let best = &mut self.word[posting.doc() as usize];
            if *best == 0.0 {
                self.touched.push(posting.doc());
            }
            *best = best.max(score);
        }
    }

    /// Lucene's inverse document frequency: never negative.
    fn idf(&self, postings: &[Posting]) -> f32 {
        let holders = postings.iter().filter(|posting| self.docs.contains(posting.doc())).count() as f32;
        (1.0 + (self.population - holders + 0.5) / (holders + 0.5)).ln()
    }

    fn finish(mut self) -> FieldScores {
        for share in &mut self.total.coverage {
            *share /= self.reachable.max(f32::MIN_POSITIVE);
        }
        self.total
    }
}

impl Field {
    fn length(&self, doc: u32) -> u32 {
        self.lengths.get(doc as usize).copied().unwrap_or(0)
    }
}
