//! The memory in the process: every entry, the ways to find it, and its ranking.

use super::{
    document::document,
    journal::{self, Change},
    new_contents::NewContents,
    same::SameContent,
};
use crate::memory::entry::{Entry, key};
use chrono::{Local, NaiveDateTime};
use memory_ranking::{Analyser, Index, POSITIONS_MAX, Positions, Terms};
use std::{collections::HashMap, num::NonZero, sync::Arc, thread::available_parallelism};

/// Threads that split words when a whole memory is ranked, at most.
const THREADS_MAX: NonZero<usize> = NonZero::new(8).expect("8 is not 0");

/// Removed entries leave a gap; past this many, and a third of all, everything is laid out anew.
const GAPS_KEPT: usize = 1000;

/// Every entry in the order of the file, oldest first.
pub(crate) struct State {
    /// By position; a removed one leaves a gap, so that positions stay.
    slots: Vec<Option<Arc<Entry>>>,
    /// What tells the content at each position, for its meaning.
    keys: Vec<u64>,
    live: Positions,
    count: usize,
    /// What all entries have together, as [`size`] counts it.
    bytes: usize,
    /// How many entries end some day.
    expiring: usize,
    positions: HashMap<Arc<str>, u32>,
    /// Positions by tag, ascending; some may be out of date and are checked when read.
    tagged: HashMap<Box<str>, Vec<u32>>,
    /// Which entries say the same, made when first asked for and kept from then on.
    same: Option<SameContent>,
    /// Entries whose content nobody has looked at yet, of those who want to see each.
    new_contents: Arc<NewContents>,
    /// What ranks the entries; none while the words of a large memory are still being read after a start.
    ranking: Option<Index>,
    analyser: Arc<Analyser>,
    /// The number of the last change in here.
    pub applied: u64,
}

impl State {
    /// Entries in their order, each with an id of its own.
    pub(crate) fn new(analyser: &Arc<Analyser>, entries: impl IntoIterator<Item = Arc<Entry>>) -> Self {
        let mut state = Self::unranked(analyser, entries);
        state.ranking = Some(state.snapshot().rank(analyser));
        state
    }

    /// The same, to be ranked later with [`Self::snapshot`] and [`Self::take_ranking`].
    pub(crate) fn unranked(analyser: &Arc<Analyser>, entries: impl IntoIterator<Item = Arc<Entry>>) -> Self {
        let mut state = Self { ranking: None, ..Self::empty(analyser) };
        for entry in entries {
            state.place(entry);
        }
        state
    }

    /// The entries as they are now, to rank them while the state goes on.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot(self.slots.clone())
    }

    /// Takes a ranking of what the state was, after bringing it up to what has changed since.
    pub(crate) fn take_ranking(&mut self, mut ranking: Index, snapshot: &Snapshot) {
        if self.ranking.is_some() {
            // The state was cleared or laid out anew, and ranked at once.
            return;
        }
        for position in 0..self.slots.len().max(snapshot.0.len()) {
            let [before, now] = [&snapshot.0, &self.slots].map(|slots| slots.get(position).and_then(Option::as_ref));
            if before.map(Arc::as_ptr) == now.map(Arc::as_ptr) {
                continue;
            }
            let doc = u32::try_from(position).expect("the number of entries is limited");
            if let Some(entry) = before {
                ranking.remove(doc, &document(entry));
            }
            if let Some(entry) = now {
                ranking.add(doc, &document(entry));
            }
        }
        self.ranking = Some(ranking);
    }

    fn empty(analyser: &Arc<Analyser>) -> Self {
        Self {
            slots: vec![],
            keys: vec![],
            live: Positions::default(),
            count: 0,
            bytes: 0,
            expiring: 0,
            positions: HashMap::new(),
            tagged: HashMap::new(),
            same: None,
            new_contents: Arc::default(),
            ranking: Some(Index::new(Arc::clone(analyser))),
            analyser: Arc::clone(analyser),
            applied: 0,
        }
    }

    /// Entries that are there.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// How many more the index can hold.
    pub(crate) fn remaining_capacity(&self) -> usize {
        POSITIONS_MAX.saturating_sub(self.slots.len())
    }

    /// Every entry, oldest first.
    pub(crate) fn entries(&self) -> impl DoubleEndedIterator<Item = &Arc<Entry>> {
        self.slots.iter().flatten()
    }

    /// The entry with an id.
    pub(crate) fn get(&self, id: &str) -> Option<&Arc<Entry>> {
        self.at(*self.positions.get(id)?)
    }

    /// The entry at a position.
    pub(crate) fn at(&self, position: u32) -> Option<&Arc<Entry>> {
        self.slots.get(position as usize)?.as_ref()
    }

    /// Where the entry with an id stands.
    pub(crate) fn position(&self, id: &str) -> Option<u32> {
        self.positions.get(id).copied()
    }

    /// Whether a position is one that an entry left.
    pub(crate) fn is_gap(&self, position: u32) -> bool {
        matches!(self.slots.get(position as usize), Some(None))
    }

    /// What tells the contents at some positions, for their meaning.
    pub(crate) fn keys(&self, positions: &Positions) -> Vec<u64> {
        positions.iter().map(|position| self.keys[position as usize]).collect()
    }

    /// Entries whose content nobody has looked at yet, once [`Self::follow_contents`] was called.
    pub(crate) fn new_contents(&self) -> &Arc<NewContents> {
        &self.new_contents
    }

    /// Keeps [`Self::new_contents`] from now on, beginning with the entries whose content `is_known` does not know by
    /// its key.
    pub(crate) fn follow_contents(&self, is_known: impl Fn(u64) -> bool) {
        let slots = self.slots.iter().zip(&self.keys);
        let unknown = slots.filter(|(_, key)| !is_known(**key)).filter_map(|(slot, _)| slot.as_ref());
        self.new_contents.start(unknown.map(|entry| Arc::clone(&entry.id)).collect());
    }

    /// What ranks them; none while a start is not over.
    pub(crate) fn ranking(&self) -> Option<&Index> {
        self.ranking.as_ref()
    }

    /// The positions of all entries.
    pub(crate) fn live(&self) -> &Positions {
        &self.live
    }

    /// The positions of entries that have any of `tags`, or all of them.
    pub(crate) fn tagged(&self, tags: &[String], all: bool) -> Positions {
        let mut found = Positions::empty(self.slots.len());
        let wanted = if all { &tags[..tags.len().min(1)] } else { tags };
        for &position in wanted.iter().filter_map(|tag| self.tagged.get(tag.as_str())).flatten() {
            let Some(entry) = self.at(position) else { continue };
            let has = |tag: &String| entry.tags.contains(tag);
            if if all { tags.iter().all(has) } else { tags.iter().any(has) } {
                found.insert(position);
            }
        }
        found
    }

    /// The positions of entries with a tag like this.
    pub(crate) fn with_tag(&self, is_like: impl Fn(&str) -> bool) -> Positions {
        let mut found = Positions::empty(self.slots.len());
        let like = self.tagged.iter().filter(|(tag, _)| is_like(tag));
        for &position in like.flat_map(|(_, positions)| positions) {
            // The list may still name an entry that has the tag no more.
            if self.at(position).is_some_and(|entry| entry.tags.iter().any(|tag| is_like(tag))) {
                found.insert(position);
            }
        }
        found
    }

    /// The first entry with the same content and tags, by what [`same_hash`] makes of them.
    pub(crate) fn same_as(&mut self, hash: u64) -> Option<&Arc<Entry>> {
        let slots = &self.slots;
        let same = self.same.get_or_insert_with(|| {
            let mut same = SameContent::default();
            for (position, entry) in (0..).zip(slots) {
                entry.iter().for_each(|entry| same.insert(entry, position));
            }
            same
        });
        let position = same.first(hash)?;
        self.at(position)
    }

    /// What all entries have together, as [`size`] counts it.
    pub(crate) fn size(&self) -> usize {
        self.bytes
    }

    /// Whether there are at most so many entries and bytes.
    pub(crate) fn is_small(&self, entries: usize, bytes: usize) -> bool {
        self.count <= entries && self.bytes <= bytes
    }

    /// Whether any entry ends some day.
    pub(crate) fn has_expiring(&self) -> bool {
        self.expiring > 0
    }

    /// The ids of what has expired, if anything has.
    pub(crate) fn expired(&self, now: NaiveDateTime) -> Option<Vec<Arc<str>>> {
        if !self.has_expiring() {
            return None;
        }
        let expired = self.entries().filter(|entry| entry.is_expired(now));
        let ids: Vec<_> = expired.map(|entry| Arc::clone(&entry.id)).collect();
        (!ids.is_empty()).then_some(ids)
    }

    /// Keeps count of an entry that comes (1) or goes (-1).
    fn count(&mut self, entry: &Entry, sign: isize) {
        self.bytes = self.bytes.saturating_add_signed(sign * size(entry).cast_signed());
        self.expiring = self.expiring.saturating_add_signed(sign * isize::from(entry.expires_at.is_some()));
    }

    /// Puts an entry that is ranked already at the end.
    fn place(&mut self, entry: Arc<Entry>) {
        let position = u32::try_from(self.slots.len()).expect("the number of entries is limited below");
        self.positions.insert(Arc::clone(&entry.id), position);
        self.note_tags(&entry, position);
        if let Some(same) = &mut self.same {
            same.insert(&entry, position);
        }
        self.live.insert(position);
        self.count(&entry, 1);
        self.count += 1;
        self.keys.push(key(&entry.content));
        self.new_contents.note(&entry.id);
        self.slots.push(Some(entry));
    }

    fn note_tags(&mut self, entry: &Entry, position: u32) {
        for tag in &entry.tags {
            match self.tagged.get_mut(tag.as_str()) {
                Some(positions) => positions.push(position),
                None => {
                    self.tagged.insert(tag.as_str().into(), vec![position]);
                }
            }
        }
    }

    /// Adds an entry whose id is free. `terms` are its terms where they are known already.
    pub(crate) fn add(&mut self, entry: Arc<Entry>, terms: Option<Terms>) {
        let position = u32::try_from(self.slots.len()).expect("the number of entries is limited below");
        if let Some(ranking) = &mut self.ranking {
            match terms {
                Some(terms) => ranking.add_analysed(position, &document(&entry), terms),
                None => ranking.add(position, &document(&entry)),
            }
        }
        self.place(entry);
    }

    /// Puts an entry in the place of the one with its id, or adds it.
    fn update(&mut self, entry: Arc<Entry>) {
        let Some(&position) = self.positions.get(&entry.id) else { return self.add(entry, None) };
        let Some(old) = self.slots[position as usize].replace(Arc::clone(&entry)) else { return };
        self.keys[position as usize] = key(&entry.content);
        self.new_contents.note(&entry.id);
        self.count(&old, -1);
        self.count(&entry, 1);
        if let Some(ranking) = &mut self.ranking {
            ranking.remove(position, &document(&old));
            ranking.add(position, &document(&entry));
        }
        if let Some(same) = &mut self.same {
            same.remove(&old, position);
            same.insert(&entry, position);
        }
        self.note_tags(&entry, position);
    }

    fn delete(&mut self, id: &str) {
        let Some(position) = self.positions.remove(id) else { return };
        self.new_contents.forget(id);
        if let Some(entry) = self.slots[position as usize].take() {
            self.count(&entry, -1);
            if let Some(same) = &mut self.same {
                same.remove(&entry, position);
            }
        }
        self.live.remove(position);
        if let Some(ranking) = &mut self.ranking {
            ranking.forget(position);
        }
        self.count -= 1;
    }

    /// Does what a line of the journal says. Doing it twice is the same as doing it once.
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::Add(entries) => {
                for entry in entries {
                    self.update(Arc::clone(entry));
                }
            }
            Change::Update(entry) => self.update(Arc::clone(entry)),
            Change::Delete(ids) => ids.iter().for_each(|id| self.delete(id)),
            Change::Clear => {
                let new_contents = Arc::clone(&self.new_contents);
                new_contents.clear();
                *self = Self { applied: self.applied, new_contents, ..Self::empty(&self.analyser) };
            }
        }
    }

    /// Everything as lines of the journal that bring it about on top of whatever a start finds.
    pub(crate) fn as_lines(&self) -> Vec<u8> {
        let everything = Change::Add(self.entries().cloned().collect());
        // They count as the last change: an index file that holds it needs none of them.
        let number = self.applied.max(1);
        [Change::Clear, everything].iter().flat_map(|change| journal::line(number, change)).collect()
    }

    /// Whether removed entries have left so many gaps that [`Self::compacted`] is worth its time.
    pub(crate) fn is_sparse(&self) -> bool {
        let gaps = self.slots.len() - self.count;
        gaps > GAPS_KEPT && gaps > self.slots.len() / 3
    }

    /// The same without gaps.
    pub(crate) fn compacted(&self) -> Self {
        let mut state = Self::new(&self.analyser, self.entries().cloned());
        state.applied = self.applied;
        state.new_contents = Arc::clone(&self.new_contents);
        state.same = self.same.as_ref().map(|same| {
            let gaps: Vec<u32> = (0..).zip(&self.slots).filter(|(_, slot)| slot.is_none()).map(|(at, _)| at).collect();
            same.renumbered(|old| old - gaps.partition_point(|gap| *gap < old) as u32)
        });
        state
    }
}

/// How many bytes an entry counts for: its content, tags, metadata and source, and what a person added to it in the file.
pub(crate) fn size(entry: &Entry) -> usize {
    let tags: usize = entry.tags.iter().map(|tag| tag.len() + size_of::<String>()).sum();
    let extra = entry.extra.as_deref().map_or(0, |extra| serde_json::to_string(extra).map_or(0, |text| text.len()));
    entry.content.len() + tags + entry.metadata.len() + entry.source.len() + extra
}

/// Entries by position, as they were at a moment.
pub(crate) struct Snapshot(Vec<Option<Arc<Entry>>>);

impl Snapshot {
    /// Ranks them, on all processors.
    pub(crate) fn rank(&self, analyser: &Arc<Analyser>) -> Index {
        let entries = (0..).zip(&self.0).filter_map(|(position, entry)| Some((position, entry.as_ref()?)));
        let documents: Vec<_> = entries.map(|(position, entry)| (position, document(entry))).collect();
        let mut ranking = Index::new(Arc::clone(analyser));
        let threads = available_parallelism().unwrap_or(NonZero::<usize>::MIN).min(THREADS_MAX);
        ranking.add_all(&documents, threads);
        ranking
    }
}

/// The time against which `expires_at` is held.
pub(crate) fn now() -> NaiveDateTime {
    Local::now().naive_local()
}

#[cfg(test)]
mod tests;
