//! The ranking held against questions with known answers, and against any text.
#![expect(clippy::disallowed_methods, reason = "tests read their questions")]

mod neighbours;
mod properties;
mod questions;

use memory_ranking::{Analyser, Document, Index, Positions, Ranked};
use std::sync::{Arc, LazyLock};

/// An empty index. All share what splits words, since each has to read the tables first.
fn empty() -> Index {
    static ANALYSER: LazyLock<Arc<Analyser>> = LazyLock::new(Arc::default);
    Index::new(Arc::clone(&ANALYSER))
}

/// An index of contents, each at the position that it has in the list, and all positions.
fn remembered<'text>(contents: impl IntoIterator<Item = &'text str>) -> (Index, Positions) {
    let (mut index, mut all) = (empty(), Positions::default());
    for (position, content) in (0..).zip(contents) {
        index.add(position, &Document { content, ..Document::default() });
        all.insert(position);
    }
    (index, all)
}

/// The positions of what was found, best first.
fn positions(found: &[Ranked]) -> Vec<u32> {
    found.iter().map(|ranked| ranked.position).collect()
}
