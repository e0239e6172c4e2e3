//! The index of all entries.

use crate::{
    Document, NOBODY,
    field::Field,
    neighbours::Neighbours,
    postings::POSITIONS_MAX,
    terms::{Analyser, Terms, WordCache},
};
use std::{collections::BTreeSet, num::NonZero, sync::Arc};

/// Entries whose terms are in memory at once while many are added.
const ADDED_AT_ONCE: usize = 4096;

/// Stands for the tag of entries without one.
const UNTAGGED: u8 = 0;

/// The index of all entries. An entry is known by its position, given by the caller and never reused while
/// the entry stands.
#[derive(Default)]
pub struct Index {
    pub(crate) analyser: Arc<Analyser>,
    pub(crate) english: Field,
    pub(crate) french: Field,
    pub(crate) grams: Field,
    pub(crate) pairs: Field,
    pub(crate) neighbours: Neighbours,
    /// The first and last word of the name an entry begins with ("Ada Lovelace: …").
    pub(crate) speakers: Vec<[u32; 2]>,
}

impl Index {
    /// An empty index, whose entries are split into words by `analyser`.
    pub fn new(analyser: Arc<Analyser>) -> Self {
        Self { analyser, ..Self::default() }
    }

    /// Adds an entry. Positions that only grow are added in constant time.
    pub fn add(&mut self, position: u32, document: &Document<'_>) {
        let terms = self.analyser.document(document);
        self.add_analysed(position, document, terms);
    }

    /// Adds an entry whose words were split before, by [`Analyser::document`] of the same analyser.
    ///
    /// # Panics
    /// At a position of [`POSITIONS_MAX`] or beyond, as all that add do.
    pub fn add_analysed(&mut self, position: u32, document: &Document<'_>, terms: Terms) {
        assert!((position as usize) < POSITIONS_MAX, "there are {POSITIONS_MAX} positions");
        self.english.add(position, terms.english);
        self.french.add(position, terms.french);
        if !terms.grams.is_empty() {
            self.grams.add(position, terms.grams);
        }
        self.pairs.add(position, terms.pairs);
        let mut keys: BTreeSet<u64> =
            document.tags.iter().map(|tag| self.analyser.hash((tag, document.source))).collect();
        if document.follows_untagged {
            keys.insert(self.analyser.hash((UNTAGGED, document.source)));
        }
        let moment = document.moment.map_or(i64::MIN / 2, |moment| moment.and_utc().timestamp());
        self.neighbours.add(position, &keys, moment, document.content.contains(['?', '？']));
        if self.speakers.len() <= position as usize {
            self.speakers.resize(position as usize + 1, [NOBODY; 2]);
        }
        self.speakers[position as usize] = self.speaker(document.content);
    }

    /// Adds many entries, their words split on so many threads.
    pub fn add_all(&mut self, documents: &[(u32, Document<'_>)], threads: NonZero<usize>) {
        let mut caches: Vec<WordCache> = (0..threads.get()).map(|_| WordCache::for_bulk()).collect();
        for chunk in documents.chunks(ADDED_AT_ONCE) {
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
                self.add_analysed(*doc, document, terms);
            }
            inserting.join().expect("adding terms does not panic");
        });
        self.grams = grams;
    }

    /// Takes out an entry, given as it was added.
    pub fn remove(&mut self, position: u32, document: &Document<'_>) {
        let terms = self.analyser.document(document);
        self.english.remove(position, &terms.english);
        self.french.remove(position, &terms.french);
        self.grams.remove(position, &terms.grams);
        self.pairs.remove(position, &terms.pairs);
        self.forget(position);
    }

    /// Unlinks an entry that will never again be among the asked ones: its postings stay, unread, until the
    /// index is built anew.
    pub fn forget(&mut self, position: u32) {
        self.neighbours.remove(position);
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
