//! Which entries say the same, kept through every change.

use crate::memory::entry::Entry;
use memory_ranking::fold;
use std::{
    collections::BTreeSet,
    hash::{DefaultHasher, Hash, Hasher},
};

/// The positions of entries by what [`same_hash`] makes of them.
#[derive(Default)]
pub(crate) struct SameContent(BTreeSet<(u64, u32)>);

impl SameContent {
    /// Notes an entry at its position.
    pub(crate) fn insert(&mut self, entry: &Entry, position: u32) {
        self.0.insert((hash_of(entry), position));
    }

    /// Forgets an entry that was noted at this position.
    pub(crate) fn remove(&mut self, entry: &Entry, position: u32) {
        self.0.remove(&(hash_of(entry), position));
    }

    /// The first position of a hash.
    pub(crate) fn first(&self, hash: u64) -> Option<u32> {
        let (found, position) = self.0.range((hash, 0)..).next()?;
        (*found == hash).then_some(*position)
    }

    /// The same entries at other positions, whose order must be that of the old ones.
    pub(crate) fn renumbered(&self, position: impl Fn(u32) -> u32) -> Self {
        Self(self.0.iter().map(|(hash, old)| (*hash, position(*old))).collect())
    }
}

fn hash_of(entry: &Entry) -> u64 {
    same_hash(&entry.content, &entry.tags)
}

/// The same for entries whose content and tags differ in case, accents and spaces only.
pub(crate) fn same_hash(content: &str, tags: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for word in fold(content).split_whitespace() {
        word.hash(&mut hasher);
    }
    let mut tags: Vec<&String> = tags.iter().collect();
    tags.sort();
    tags.hash(&mut hasher);
    hasher.finish()
}
