//! Which entries hold a term and how often, in few bytes.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher},
};

/// An entry's position and the count of a term in it, in one word: 26 and 6 bits. The count stops at 63,
/// where BM25 has long been flat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Posting(u32);

const COUNT_BITS: u32 = 6;
const COUNT_MAX: u32 = (1 << COUNT_BITS) - 1;

/// How many positions there can be: what a posting can name.
pub const POSITIONS_MAX: usize = 1 << (32 - COUNT_BITS);

impl Posting {
    pub(crate) fn new(doc: u32, count: u32) -> Self {
        Self(doc << COUNT_BITS | count.min(COUNT_MAX))
    }

    pub(crate) fn doc(self) -> u32 {
        self.0 >> COUNT_BITS
    }

    pub(crate) fn count(self) -> u32 {
        self.0 & COUNT_MAX
    }
}

/// A term's place: its only posting, or the number of its list. Most terms of a natural text occur in one
/// entry only (Zipf), and a list apiece would cost more than all else together.
#[derive(Clone, Copy)]
enum Place {
    Only(Posting),
    List(u32),
}

/// Postings by term, each list ascending by position.
#[derive(Default)]
pub(crate) struct Postings {
    places: HashMap<u64, Place, BuildIdentity>,
    lists: Vec<Vec<Posting>>,
}

impl Postings {
    /// Adds a posting. Appending is constant time; a position in the middle moves what is behind it.
    pub(crate) fn insert(&mut self, term: u64, posting: Posting) {
        let place = match self.places.entry(term) {
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(Place::Only(posting));
                return;
            }
            std::collections::hash_map::Entry::Occupied(occupied) => occupied.into_mut(),
        };
        match *place {
            Place::List(list) => insert_sorted(&mut self.lists[list as usize], posting),
            Place::Only(first) => {
                let number = u32::try_from(self.lists.len()).expect("fewer lists than terms in memory");
                let mut list = Vec::with_capacity(2);
                list.push(first);
                insert_sorted(&mut list, posting);
                self.lists.push(list);
                *place = Place::List(number);
            }
        }
    }

    /// Takes an entry out of a term's postings.
    pub(crate) fn remove(&mut self, term: u64, doc: u32) {
        match self.places.get(&term) {
            Some(Place::Only(only)) if only.doc() == doc => {
                self.places.remove(&term);
            }
            Some(&Place::List(list)) => {
                let list = &mut self.lists[list as usize];
                if let Ok(at) = list.binary_search_by_key(&doc, |posting| posting.doc()) {
                    list.remove(at);
                }
            }
            _ => {}
        }
    }

    /// The postings of a term, ascending.
    pub(crate) fn of(&self, term: u64) -> &[Posting] {
        match self.places.get(&term) {
            None => &[],
            Some(Place::Only(only)) => std::slice::from_ref(only),
            Some(&Place::List(list)) => &self.lists[list as usize],
        }
    }
}

fn insert_sorted(list: &mut Vec<Posting>, posting: Posting) {
    match list.last() {
        Some(last) if last.doc() >= posting.doc() => {
            let at = list.partition_point(|other| other.doc() < posting.doc());
            list.insert(at, posting);
        }
        _ => list.push(posting),
    }
}

/// Terms are hashes already: they are their own hash.
#[derive(Default, Clone)]
pub(crate) struct BuildIdentity;

pub(crate) struct Identity(u64);

impl BuildHasher for BuildIdentity {
    type Hasher = Identity;

    fn build_hasher(&self) -> Identity {
        Identity(0)
    }
}

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}
