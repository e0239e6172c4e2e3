//! Who reads which entries.

use super::{entry::Entry, store::State};
use memory_ranking::Positions;
use std::sync::Arc;

/// Says whether entries with a tag are read.
pub(crate) type TagCheck = dyn Fn(&str) -> bool + Send + Sync;

/// Those who read some entries alone: what they do not read is not there for them. By default they read all.
#[derive(Clone, Default)]
pub(super) struct Readers(Option<Arc<TagCheck>>);

impl Readers {
    /// Those who read entries with one of these tags.
    pub(super) fn of(is_readable: Arc<TagCheck>) -> Self {
        Self(Some(is_readable))
    }

    /// Whether they read an entry.
    pub(super) fn read(&self, entry: &Entry) -> bool {
        self.read_tags(&entry.tags)
    }

    /// Whether they read entries with these tags.
    pub(super) fn read_tags(&self, tags: &[impl AsRef<str>]) -> bool {
        self.0.as_ref().is_none_or(|is_readable| tags.iter().any(|tag| is_readable(tag.as_ref())))
    }

    /// Whether an entry is there for them, and has not expired.
    pub(super) fn see(&self, entry: &Entry, at: chrono::NaiveDateTime) -> bool {
        !entry.is_expired(at) && self.read(entry)
    }

    /// Leaves of some entries those that they read.
    pub(super) fn keep(&self, positions: &mut Positions, state: &State) {
        if let Some(is_readable) = &self.0 {
            positions.intersect(&state.with_tag(|tag| is_readable(tag)));
        }
    }
}
