//! The matches that an answer holds: of all that are found, the first ones in order, whichever thread found them.

use super::room::{ENTRY, Room};
use crate::filesystem::page::Cursor;
use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering as Memory},
    },
};

/// A match.
#[derive(Debug)]
pub struct Hit {
    /// The file, below the start.
    pub path: PathBuf,
    /// The line, counted from 1; 0 for a file found by its name.
    pub line: u64,
    /// What the line holds.
    pub content: Option<Content>,
}

/// A line and those around it. Matches that stand near each other share the lines around them.
#[derive(Debug)]
pub struct Content {
    /// Where the match starts, in characters, counted from 1.
    pub column: u64,
    /// The line.
    pub text: Arc<str>,
    /// Lines before it.
    pub before: Vec<Arc<str>>,
    /// Lines after it.
    pub after: Vec<Arc<str>>,
}

impl Content {
    /// About how many bytes it takes in an answer, where lines are not shared.
    pub fn weight(&self) -> u64 {
        let around = self.before.iter().chain(&self.after).map(|line| line.len() as u64 + ENTRY / 4);
        ENTRY + self.text.len() as u64 + around.sum::<u64>()
    }
}

impl Hit {
    /// A file found by its name.
    pub fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), line: 0, content: None }
    }

    /// About how many bytes it takes.
    fn weight(&self) -> u64 {
        ENTRY + self.path.as_os_str().len() as u64 + self.content.as_ref().map_or(0, Content::weight)
    }

    fn order(&self, path: &Path, line: u64) -> Ordering {
        compare(&self.path, path).then(self.line.cmp(&line))
    }
}

/// By components, so that a directory's files stand together.
fn compare(one: &Path, other: &Path) -> Ordering {
    one.components().cmp(other.components())
}

impl PartialEq for Hit {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Hit {}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> Ordering {
        self.order(&other.path, other.line)
    }
}

/// The first matches after a cursor, one more than are asked for.
pub struct Hits {
    asked: usize,
    after: Option<Cursor>,
    kept: Mutex<BinaryHeap<Hit>>,
    full: AtomicBool,
}

impl Hits {
    /// Keeps the first `asked`.
    pub fn new(asked: usize, after: Option<&Cursor>) -> Self {
        Self { asked, after: after.cloned(), kept: Mutex::default(), full: AtomicBool::new(false) }
    }

    /// How many matches of one file can be wanted.
    pub fn most(&self) -> usize {
        self.asked + 1
    }

    /// Whether anything in the directory or file at `path` can still be wanted.
    pub fn may_want(&self, path: &Path) -> bool {
        if let Some(after) = &self.after
            && compare(path, &after.path).is_lt()
            && !after.path.starts_with(path)
        {
            return false;
        }
        if !self.full.load(Memory::Relaxed) {
            return true;
        }
        let kept = self.kept.lock().expect("no one panics while holding it");
        kept.peek().is_none_or(|last| compare(path, &last.path).is_le())
    }

    /// The line after which matches of this file are wanted.
    pub fn first_line(&self, path: &Path) -> u64 {
        self.after.as_ref().filter(|after| after.path == path).map_or(0, |after| after.line)
    }

    /// Keeps a match if it is among the first.
    pub fn add(&self, hit: Hit, room: &Room) {
        if self.after.as_ref().is_some_and(|after| hit.order(&after.path, after.line).is_le()) {
            return;
        }
        let mut kept = self.kept.lock().expect("no one panics while holding it");
        if kept.len() < self.most() {
            room.take(hit.weight());
            kept.push(hit);
            self.full.store(kept.len() == self.most(), Memory::Relaxed);
        } else if let Some(mut last) = kept.peek_mut()
            && hit < *last
        {
            room.take(hit.weight());
            room.give_back(last.weight());
            *last = hit;
        }
    }

    /// The matches in order, and whether there are more.
    pub fn finish(self) -> (Vec<Hit>, bool) {
        let mut hits = self.kept.into_inner().expect("no one panics while holding it").into_sorted_vec();
        let truncated = hits.len() > self.asked;
        hits.truncate(self.asked);
        (hits, truncated)
    }
}
