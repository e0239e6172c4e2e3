//! The matches that an answer holds: of all that are found, the first ones in order, whichever thread found them.

use super::budget::{Budget, ENTRY};
use crate::filesystem::page::Cursor;
use std::{
    cmp::Ordering,
    collections::BinaryHeap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering as Memory},
    },
};

/// A match.
#[derive(Debug)]
pub(crate) struct Hit {
    /// The file, below the start.
    pub path: PathBuf,
    /// The line, counted from 1; 0 for a file found by its name.
    pub line: u64,
    /// What the line holds.
    pub content: Option<Content>,
}

/// A line and those around it. Matches that stand near each other share the lines around them.
#[derive(Debug)]
pub(crate) struct Content {
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
    pub(crate) fn weight(&self) -> u64 {
        let around = self.before.iter().chain(&self.after).map(|line| line.len() as u64 + ENTRY / 4);
        ENTRY + self.text.len() as u64 + around.sum::<u64>()
    }
}

impl Hit {
    /// A file found by its name.
    pub(crate) fn file(path: &Path) -> Self {
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

/// As much as the matches of one answer take, in bytes, and those of one file: what comes after is on the next page.
pub(crate) const MAX_HELD: u64 = 4 * 1024 * 1024;

/// The first matches after a cursor, as many as are asked for and fit.
pub(crate) struct Hits {
    asked: usize,
    after: Option<Cursor>,
    kept: Mutex<Kept>,
    /// Whether the matches end somewhere before the end of the tree.
    ends: AtomicBool,
}

#[derive(Default)]
struct Kept {
    hits: BinaryHeap<Hit>,
    weight: u64,
    /// Matches from here on are left to the next page, whatever room is left: a page has no gaps.
    end: Option<(PathBuf, u64)>,
}

impl Kept {
    /// Leaves out the last match; what is after it as well.
    fn drop_last(&mut self) -> Option<u64> {
        let last = self.hits.pop()?;
        let weight = last.weight();
        self.weight -= weight;
        self.end = Some((last.path, last.line));
        Some(weight)
    }
}

impl Hits {
    /// Keeps the first `asked`.
    pub(crate) fn new(asked: usize, after: Option<&Cursor>) -> Self {
        Self { asked, after: after.cloned(), kept: Mutex::default(), ends: AtomicBool::new(false) }
    }

    /// How many matches of one file can be wanted: one more than are asked for tells that there are more.
    pub(crate) fn most(&self) -> usize {
        self.asked + 1
    }

    /// Whether anything in the directory or file at `path` can still be wanted.
    pub(crate) fn may_want(&self, path: &Path) -> bool {
        if let Some(after) = &self.after
            && compare(path, &after.path).is_lt()
            && !after.path.starts_with(path)
        {
            return false;
        }
        !self.ends.load(Memory::Relaxed) || self.lock().end.as_ref().is_none_or(|(end, _)| compare(path, end).is_le())
    }

    /// The line after which matches of this file are wanted.
    pub(crate) fn first_line(&self, path: &Path) -> u64 {
        self.after.as_ref().filter(|after| after.path == path).map_or(0, |after| after.line)
    }

    /// Keeps a match if it is among the first.
    pub(crate) fn add(&self, hit: Hit, room: &Budget) {
        if self.after.as_ref().is_some_and(|after| hit.order(&after.path, after.line).is_le()) {
            return;
        }
        let weight = hit.weight();
        room.take(weight);
        let mut given_back = 0;
        let mut kept = self.lock();
        if kept.end.as_ref().is_some_and(|(path, line)| hit.order(path, *line).is_ge()) {
            given_back = weight;
        } else {
            kept.hits.push(hit);
            kept.weight += weight;
            while kept.hits.len() > self.asked || (kept.weight > MAX_HELD && kept.hits.len() > 1) {
                given_back += kept.drop_last().unwrap_or(0);
                self.ends.store(true, Memory::Relaxed);
            }
        }
        drop(kept);
        room.give_back(given_back);
    }

    /// Leaves out all matches from this line of this file on: they were not looked for.
    pub(crate) fn end_before(&self, path: &Path, line: u64, room: &Budget) {
        let mut given_back = 0;
        let mut kept = self.lock();
        let is_earlier = kept.end.as_ref().is_none_or(|(end, last)| compare(path, end).then(line.cmp(last)).is_lt());
        if is_earlier {
            while kept.hits.peek().is_some_and(|last| last.order(path, line).is_ge()) {
                given_back += kept.drop_last().unwrap_or(0);
            }
            kept.end = Some((path.to_owned(), line));
            self.ends.store(true, Memory::Relaxed);
        }
        drop(kept);
        room.give_back(given_back);
    }

    /// The matches in order, and whether there are more.
    pub(crate) fn finish(self) -> (Vec<Hit>, bool) {
        let kept = self.kept.into_inner().expect("no one panics while holding it");
        (kept.hits.into_sorted_vec(), kept.end.is_some())
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no one panics while holding it")
    }
}
