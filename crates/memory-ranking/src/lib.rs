//! Which entries of a memory answer a question, by the words alone, with no model.
//!
//! Every entry is indexed in four fields: its words stemmed as English, and as French, their four-character
//! parts, and pairs of neighbouring words. A question is scored by BM25 in each, with the statistics of the
//! entries that pass its filters; related words of a small table count for part of the word itself. An entry
//! then shares in the score of those said just before and after it. The numbers were measured on LoCoMo
//! (Maharana et al. 2024), a public benchmark of questions about long conversations.
//!
//! The words of the tables (`concepts.txt`, `irregular_en.txt`, `irregular_fr.txt`, `stopwords.txt`) are plain text,
//! for people to extend. Nothing is read or kept elsewhere: an [`Index`] is a value, and who has it keeps the entries.
//!
//! ```
//! use memory_ranking::{Document, Index, Positions};
//!
//! let entries = ["The children were swimming in the lake", "Sa préférence va au train de nuit"];
//! let mut index = Index::default();
//! let mut all = Positions::default();
//! for (position, content) in (0..).zip(entries) {
//!     index.add(position, &Document { content, ..Document::default() });
//!     all.insert(position);
//! }
//! let best = index.rank("a child who swims", &all, None, 10);
//! assert_eq!(best[0].position, 0);
//! assert_eq!(index.rank("PREFERENCES", &all, None, 10)[0].position, 1);
//! ```

mod concepts;
mod dates;
mod field;
mod fold;
mod index;
mod neighbours;
mod positions;
mod postings;
mod question;
mod scores;
mod stem;
mod terms;
mod word;

pub use fold::fold;
pub use index::Index;
pub use positions::Positions;
pub use postings::POSITIONS_MAX;
pub use terms::{Analyser, Terms};

use chrono::NaiveDateTime;

/// What the index sees of an entry.
#[derive(Clone, Copy, Default, Debug)]
pub struct Document<'entry> {
    /// What it says. A name before a colon at its start is taken for who says it.
    pub content: &'entry str,
    /// What it is kept under. Entries that share a tag and the source are neighbours where they are close in time.
    pub tags: &'entry [String],
    /// Where it comes from.
    pub source: &'entry str,
    /// When what it tells took place, as far as is known.
    pub moment: Option<NaiveDateTime>,
    /// Whether it has no tag, and says itself when that took place: the entries of one source that do follow one
    /// another as under a tag.
    pub follows_untagged: bool,
}

/// An entry that answers a question.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Ranked {
    /// The position under which it was added.
    pub position: u32,
    /// How well it answers. 1 is about what an entry gets that says each word of the question once.
    pub score: f32,
    /// What the score is made of.
    pub parts: Parts,
}

/// Where a score comes from: its parts add up to it.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub struct Parts {
    /// Words in common, and related ones, by their English stems.
    pub english: f32,
    /// The same by their French stems.
    pub french: f32,
    /// Word parts of four characters in common.
    pub letters: f32,
    /// Words in common that stand side by side.
    pub phrases: f32,
    /// From what was said just before and after.
    pub neighbours: f32,
    /// For being said by somebody whom the question names.
    pub speaker: f32,
    /// For a similarity of meaning, where the caller knows one.
    pub meaning: f32,
}

/// A stored name is a 32-bit hash; entries without a second name (or any) hold this.
const NOBODY: u32 = 0;
