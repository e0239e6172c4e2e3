//! The ranking of memory: which entries answer a question, by the words alone, with no model.
//!
//! Every entry is indexed in four fields: its words stemmed as English, and as French, their four-character
//! parts, and pairs of neighbouring words. A question is scored by BM25 in each, with the statistics of the
//! entries that pass its filters; related words of a small table count for part of the word itself. An entry
//! then shares in the score of those said just before and after it. The numbers were measured on LoCoMo
//! (Maharana et al. 2024), a public benchmark of questions about long conversations.

mod concepts;
mod dates;
mod docset;
mod field;
mod fold;
mod neighbours;
mod postings;
mod question;
mod scores;
mod stem;
mod terms;

pub use dates::parse_moment;
pub use docset::DocSet;
pub use fold::fold;
pub use postings::DOCS_MAX;
pub use terms::{Analyser, Terms};

use chrono::NaiveDateTime;
use field::Field;
use neighbours::Neighbours;
use std::{collections::BTreeSet, num::NonZero, sync::Arc};
use terms::WordCache;

/// What the index sees of an entry.
#[derive(Clone, Copy, Debug)]
pub struct Document<'entry> {
    pub content: &'entry str,
    pub tags: &'entry [String],
    pub source: &'entry str,
    /// When what it tells took place, as far as is known.
    pub moment: Option<NaiveDateTime>,
    /// Whether it has no tag, and says itself when that took place: the entries of one source that do follow one
    /// another as under a tag.
    pub follows_untagged: bool,
}

/// An entry that answers a question, with its score and the parts of it. 1 is about what an entry gets that
/// says each word of the question once.
#[derive(Clone, Copy, Debug)]
pub struct Ranked {
    pub doc: u32,
    pub score: f32,
    pub parts: Parts,
}

/// Where a score comes from: its parts add up to it.
#[derive(Clone, Copy, Default, Debug)]
pub struct Parts {
    pub english: f32,
    pub french: f32,
    pub letters: f32,
    pub phrases: f32,
    pub neighbours: f32,
    pub speaker: f32,
    pub meaning: f32,
}

/// Threads that split words at a bulk load, at most.
const LOADERS_MAX: usize = 8;

/// Entries whose terms are in memory at once during a bulk load.
const LOADED_AT_ONCE: usize = 4096;

/// Stands for the tag of entries without one.
const UNTAGGED: u8 = 0;

/// A stored name is a 32-bit hash; entries without a second name (or any) hold this.
const NOBODY: u32 = 0;

/// The index of all entries. An entry is known by its position, given by the caller and never reused while
/// the entry stands.
pub struct Ranking {
    analyser: Arc<Analyser>,
    english: Field,
    french: Field,
    grams: Field,
    pairs: Field,
    neighbours: Neighbours,
    /// The first and last word of the name an entry begins with ("Ada Lovelace: …").
    speakers: Vec<[u32; 2]>,
}

impl Ranking {
    /// An empty index.
    pub fn new(analyser: Arc<Analyser>) -> Self {
        Self {
            analyser,
            english: Field::default(),
            french: Field::default(),
            grams: Field::default(),
            pairs: Field::default(),
            neighbours: Neighbours::default(),
            speakers: vec![],
        }
    }

    /// Adds an entry, with its terms where [`Analyser::document`] has found them already. Positions that only grow
    /// are added in constant time.
    pub fn add(&mut self, doc: u32, document: &Document<'_>, terms: Option<Terms>) {
        let terms = terms.unwrap_or_else(|| self.analyser.document(document));
        self.insert(doc, document, terms);
    }

    /// Adds many entries, on all processors.
    pub fn load(&mut self, documents: &[(u32, Document<'_>)]) {
        let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(LOADERS_MAX);
        let mut caches: Vec<WordCache> = (0..threads).map(|_| WordCache::for_bulk()).collect();
        for chunk in documents.chunks(LOADED_AT_ONCE) {
            let terms = analysed(&self.analyser, chunk, &mut caches);
            self.insert_all(chunk, terms);
        }
    }

    /// Inserts a chunk: the word parts, which are half of all terms, beside the rest.
    fn insert_all(&mut self, chunk: &[(u32, Document<'_>)], mut terms: Vec<Terms>) {
        let parts: Vec<(u32, Vec<u64>)> =
            chunk.iter().zip(&mut terms).map(|((doc, _), terms)| (*doc, std::mem::take(&mut terms.grams))).collect();
        let mut grams = std::mem::take(&mut self.grams);
        std::thread::scope(|scope| {
            let inserting = scope.spawn(|| parts.into_iter().for_each(|(doc, parts)| grams.add(doc, parts)));
            for ((doc, document), terms) in chunk.iter().zip(terms) {
                self.insert(*doc, document, terms);
            }
            inserting.join().expect("adding terms does not panic");
        });
        self.grams = grams;
    }

    /// Takes out an entry, given as it was added.
    pub fn remove(&mut self, doc: u32, document: &Document<'_>) {
        let terms = self.analyser.document(document);
        self.english.remove(doc, &terms.english);
        self.french.remove(doc, &terms.french);
        self.grams.remove(doc, &terms.grams);
        self.pairs.remove(doc, &terms.pairs);
        self.forget(doc);
    }

    /// Unlinks an entry that will never again be among the asked ones: its postings stay, unread, until the
    /// index is built anew.
    pub fn forget(&mut self, doc: u32) {
        self.neighbours.remove(doc);
    }

    fn insert(&mut self, doc: u32, document: &Document<'_>, terms: Terms) {
        self.english.add(doc, terms.english);
        self.french.add(doc, terms.french);
        if !terms.grams.is_empty() {
            self.grams.add(doc, terms.grams);
        }
        self.pairs.add(doc, terms.pairs);
        let mut keys: BTreeSet<u64> =
            document.tags.iter().map(|tag| self.analyser.hash((tag, document.source))).collect();
        if document.follows_untagged {
            keys.insert(self.analyser.hash((UNTAGGED, document.source)));
        }
        let moment = document.moment.map_or(i64::MIN / 2, |moment| moment.and_utc().timestamp());
        self.neighbours.add(doc, &keys, moment, document.content.contains(['?', '？']));
        if self.speakers.len() <= doc as usize {
            self.speakers.resize(doc as usize + 1, [NOBODY; 2]);
        }
        self.speakers[doc as usize] = self.speaker(document.content);
    }
}

/// The terms of a chunk of entries, one thread for each cache.
fn analysed(analyser: &Analyser, chunk: &[(u32, Document<'_>)], caches: &mut [WordCache]) -> Vec<Terms> {
    let part = chunk.len().div_ceil(caches.len()).max(1);
    std::thread::scope(|scope| {
        let analyse = |(part, cache): (&[(u32, Document<'_>)], &mut WordCache)| -> Vec<Terms> {
            part.iter().map(|(_, document)| analyser.document_of(document, cache)).collect()
        };
        let threads: Vec<_> = chunk.chunks(part).zip(caches).map(|work| scope.spawn(move || analyse(work))).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("splitting words does not panic")).collect()
    })
}
