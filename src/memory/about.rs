//! What calls on the memory are about, for whoever decides whether they are done.

use super::{Memory, entry::Entry, filter::AllTags};
use crate::{permissions::Subjects, policy::paths::Intent};
use std::sync::Arc;

/// A call about entries of these tags.
pub(super) fn tagged(groups: impl IntoIterator<Item = Vec<String>>, intent: Intent) -> Subjects {
    Subjects { tags: groups.into_iter().map(|tags| (tags, intent)).collect(), ..Subjects::default() }
}

/// A call about entries of which nothing is said.
pub(super) fn any(intent: Intent) -> Subjects {
    tagged([Vec::new()], intent)
}

/// A call that reads the entries with any of these tags, and all of those: one of the latter that may be read is enough,
/// while of the former each must be.
pub(super) fn found_by(tags: Option<&Vec<String>>, all: Option<&AllTags>) -> Subjects {
    let all = match all {
        Some(AllTags::Those(true)) => tags,
        Some(AllTags::List(list)) => Some(list),
        _ => None,
    };
    match (all.filter(|all| !all.is_empty()), tags.filter(|tags| !tags.is_empty())) {
        (Some(all), _) => tagged([all.clone()], Intent::Read),
        (None, Some(any)) => tagged(any.iter().map(|tag| vec![tag.clone()]), Intent::Read),
        (None, None) => self::any(Intent::Read),
    }
}

impl Memory {
    /// The tags of an entry; none where it is not there, or not for who asks.
    pub(super) fn tags_of(&self, id: &str) -> Option<Vec<String>> {
        self.store.look(|state| {
            let entry: Option<&Arc<Entry>> = state.get(id).filter(|entry| self.readers.read(entry));
            entry.map(|entry| entry.tags.iter().map(ToString::to_string).collect())
        })
    }

    /// A call about one entry, which gets other tags, maybe.
    pub(super) fn about_entry(&self, id: &str, new: Option<&Vec<String>>, intent: Intent) -> Subjects {
        tagged(self.tags_of(id).into_iter().chain(new.cloned()), intent)
    }
}
