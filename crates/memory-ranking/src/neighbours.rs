//! What was said just before and after: an entry's neighbours among those that share a tag and the source.

use std::collections::{BTreeSet, HashMap};

/// How far apart two entries of one conversation may be, in seconds: beyond an hour it is another one.
const CLOSE: i64 = 3600;

/// What an entry also gets of the score of the one before it, the second and third before, and the next one.
const BEFORE: [f32; 3] = [0.4, 0.25, 0.1];
const AFTER: f32 = 0.1;

/// An answer follows its question and seldom repeats its words: behind an entry that asks, the part grows.
const ANSWER: f32 = 1.75;

const NONE: u32 = u32::MAX;

/// Entries of one tag and source, by moment and position.
type Chain = Vec<u32>;

#[derive(Clone, Copy)]
struct Links {
    /// Seconds since 1970, of what the entry tells.
    moment: i64,
    previous: u32,
    next: u32,
    /// Which tags and source; entries with the same ones share the number.
    group: u32,
    /// Whether the entry asks something.
    asks: bool,
}

const UNLINKED: Links = Links { moment: 0, previous: NONE, next: NONE, group: NONE, asks: false };

/// Chains of entries, and each entry's direct neighbours, kept as entries come and go.
#[derive(Default)]
pub(crate) struct Neighbours {
    links: Vec<Links>,
    groups: Vec<Box<[u64]>>,
    group_numbers: HashMap<Box<[u64]>, u32>,
    chains: HashMap<u64, Chain>,
}

impl Neighbours {
    /// Adds an entry under its keys (one for each pair of a tag and the source).
    pub(crate) fn add(&mut self, doc: u32, keys: &BTreeSet<u64>, moment: i64, asks: bool) {
        if self.links.len() <= doc as usize {
            self.links.resize(doc as usize + 1, UNLINKED);
        }
        let group = self.group(keys);
        self.links[doc as usize] = Links { moment, group, asks, ..UNLINKED };
        for key in keys {
            let chain = self.chains.entry(*key).or_default();
            let at = place(&self.links, chain, doc);
            chain.insert(at, doc);
            let (before, after) = beside(chain, at);
            if let Some(before) = before {
                follow(&mut self.links, before, doc);
            }
            if let Some(after) = after {
                follow(&mut self.links, doc, after);
            }
        }
    }

    /// Takes an entry out; those on both sides of it become neighbours.
    pub(crate) fn remove(&mut self, doc: u32) {
        let Some(gone) = self.links.get(doc as usize).filter(|links| links.group != NONE) else { return };
        let mut bereft = BTreeSet::new();
        for key in &self.groups[gone.group as usize] {
            let Some(chain) = self.chains.get_mut(key) else { continue };
            let at = place(&self.links, chain, doc);
            let (before, after) = beside(chain, at);
            bereft.extend(before.into_iter().chain(after));
            chain.remove(at);
            if chain.is_empty() {
                self.chains.remove(key);
            }
        }
        self.links[doc as usize] = UNLINKED;
        for other in bereft {
            self.relink(other);
        }
    }

    /// Finds an entry's direct neighbours anew.
    fn relink(&mut self, doc: u32) {
        let own = self.links[doc as usize];
        (self.links[doc as usize].previous, self.links[doc as usize].next) = (NONE, NONE);
        for key in &self.groups[own.group as usize] {
            let Some(chain) = self.chains.get(key) else { continue };
            let (before, after) = beside(chain, place(&self.links, chain, doc));
            if let Some(before) = before {
                follow(&mut self.links, before, doc);
            }
            if let Some(after) = after {
                follow(&mut self.links, doc, after);
            }
        }
    }

    fn group(&mut self, keys: &BTreeSet<u64>) -> u32 {
        let keys: Box<[u64]> = keys.iter().copied().collect();
        if let Some(&number) = self.group_numbers.get(&keys) {
            return number;
        }
        let number = u32::try_from(self.groups.len()).expect("no more groups than entries");
        self.groups.push(keys.clone());
        self.group_numbers.insert(keys, number);
        number
    }

    /// What each entry gets from its neighbours' scores (one an entry, in and out).
    pub(crate) fn shares(&self, scores: &[f32]) -> Vec<f32> {
        let mut shares = vec![0.0; scores.len()];
        for (doc, &score) in scores.iter().enumerate().filter(|&(_, &score)| score > 0.0) {
            self.share(doc as u32, score, &mut shares);
        }
        shares
    }

    /// Hands an entry's score on to those behind it and the one before.
    fn share(&self, doc: u32, score: f32, shares: &mut [f32]) {
        let Some(own) = self.links.get(doc as usize) else { return };
        let asks = if own.asks { ANSWER } else { 1.0 };
        let mut behind = own.next;
        for (step, part) in BEFORE.iter().enumerate() {
            if !self.close(own, behind) {
                break;
            }
            shares[behind as usize] += score * part * if step == 0 { asks } else { 1.0 };
            behind = self.links[behind as usize].next;
        }
        if self.close(own, own.previous) {
            shares[own.previous as usize] += score * AFTER;
        }
    }

    /// Whether another entry exists, shares a tag and the source, and is close in time.
    fn close(&self, own: &Links, other: u32) -> bool {
        let Some(other) = self.links.get(other as usize) else { return false };
        let near = own.moment.abs_diff(other.moment) <= CLOSE.unsigned_abs();
        near && (own.group == other.group || self.overlap(own.group, other.group))
    }

    fn overlap(&self, left: u32, right: u32) -> bool {
        let right = &self.groups[right as usize];
        self.groups[left as usize].iter().any(|key| right.binary_search(key).is_ok())
    }
}

fn order(links: &[Links], doc: u32) -> (i64, u32) {
    (links[doc as usize].moment, doc)
}

/// Where an entry stands in a chain, or would.
fn place(links: &[Links], chain: &[u32], doc: u32) -> usize {
    match chain.last() {
        Some(&last) if order(links, last) >= order(links, doc) => {
            chain.partition_point(|&other| order(links, other) < order(links, doc))
        }
        _ => chain.len(),
    }
}

fn beside(chain: &[u32], at: usize) -> (Option<u32>, Option<u32>) {
    let before = at.checked_sub(1).map(|before| chain[before]);
    (before, chain.get(at + 1).copied())
}

/// `after` comes behind `before`: on both sides the nearest one wins.
fn follow(links: &mut [Links], before: u32, after: u32) {
    let known = links[after as usize].previous;
    if known == NONE || order(links, known) < order(links, before) {
        links[after as usize].previous = before;
    }
    let known = links[before as usize].next;
    if known == NONE || order(links, known) > order(links, after) {
        links[before as usize].next = after;
    }
}
