//! The parallel walk of a search: threads take directories and batches of files from one stack.

use super::{
    Pattern,
    budget::{Budget, ENTRY},
    hits::{Hit, Hits},
    lines::{LongLines, Searcher},
};
use crate::{
    error::Result,
    filesystem::{go_on, ignored::Ignored, replacement::is_temporary},
    policy::{
        Folder,
        paths::{Child, Intent, Kind},
    },
};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex},
    thread,
};
use tokio_util::sync::CancellationToken;

/// More threads wait for the disk rather than search.
const MAX_THREADS: usize = 12;

/// How many files one thread takes at once: few enough that the others are not idle at the end.
const BATCH: usize = 64;

/// Deeper directories are not searched.
const MAX_DEPTH: usize = 256;

/// Searches everything in `start`.
///
/// # Errors
/// When `start` cannot be read, or the call is over.
pub(crate) fn search(
    start: &Folder,
    rules: Option<Ignored>,
    pattern: &Pattern,
    hits: &Hits,
    long_lines: &LongLines,
    room: &Budget,
    cancelled: &CancellationToken,
) -> Result<()> {
    drop(start.children()?);
    let work = Work::default();
    let rules = rules.map(|above| above.inside(start));
    work.push(vec![Job::Folder(Place { folder: start.clone(), path: PathBuf::new(), rules, depth: 0 })]);
    let threads = thread::available_parallelism().map_or(2, usize::from).min(MAX_THREADS);
    let tree = Tree { pattern, hits, long_lines, room, cancelled, work: &work };
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| tree.take_part());
        }
        tree.take_part();
    });
    go_on(cancelled)
}

/// A directory in the tree.
struct Place {
    folder: Folder,
    /// Below the start.
    path: PathBuf,
    /// What is left out in it, where that is asked for.
    rules: Option<Ignored>,
    depth: usize,
}

enum Job {
    Folder(Place),
    /// A directory that is opened only when its turn comes, so that few descriptors are open.
    Below(Arc<Place>, Child),
    Files(Arc<Place>, Vec<Child>),
}

/// What is still to be done.
#[derive(Default)]
struct Work {
    stack: Mutex<Stack>,
    changed: Condvar,
}

#[derive(Default)]
struct Stack {
    jobs: Vec<Job>,
    /// Jobs that a thread has taken and that may bring new ones.
    busy: usize,
}

impl Work {
    fn push(&self, jobs: Vec<Job>) {
        if jobs.is_empty() {
            return;
        }
        self.stack.lock().expect("no one panics while holding it").jobs.extend(jobs);
        self.changed.notify_all();
    }

    /// The next job; `None` when all is done.
    fn take(&self) -> Option<Job> {
        let mut stack = self.stack.lock().expect("no one panics while holding it");
        loop {
            if let Some(job) = stack.jobs.pop() {
                stack.busy += 1;
                return Some(job);
            }
            if stack.busy == 0 {
                return None;
            }
            stack = self.changed.wait(stack).expect("no one panics while holding it");
        }
    }

    fn done(&self) {
        let mut stack = self.stack.lock().expect("no one panics while holding it");
        stack.busy -= 1;
        if stack.busy == 0 && stack.jobs.is_empty() {
            self.changed.notify_all();
        }
    }
}

/// Counts a job as done, also when it panics: the other threads must not wait for it.
struct Taken<'a>(&'a Work);

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        self.0.done();
    }
}

struct Tree<'a> {
    pattern: &'a Pattern,
    hits: &'a Hits,
    long_lines: &'a LongLines,
    room: &'a Budget,
    cancelled: &'a CancellationToken,
    work: &'a Work,
}

impl Tree<'_> {
    fn take_part(&self) {
        let matcher = self.pattern.matcher.as_ref();
        let (hits, long_lines, room) = (self.hits, self.long_lines, self.room);
        let searcher = |matcher| Searcher::new(matcher, self.pattern.context, hits, long_lines, room, self.cancelled);
        let mut searcher = matcher.map(searcher);
        while let Some(job) = self.work.take() {
            let _taken = Taken(self.work);
            if self.is_over() {
                continue;
            }
            match job {
                Job::Folder(place) => self.folder(place),
                Job::Below(above, child) => self.below(&above, &child),
                Job::Files(place, files) => self.files(&place, &files, searcher.as_mut()),
            }
        }
    }

    fn is_over(&self) -> bool {
        self.cancelled.is_cancelled() || self.room.is_full()
    }

    fn below(&self, above: &Place, child: &Child) {
        self.room.give_back(weight(child));
        let path = above.path.join(&child.name);
        if above.depth + 1 >= MAX_DEPTH || !self.hits.may_want(&path) {
            return;
        }
        let Some(folder) = above.folder.enter(&child.name) else { return };
        let rules = above.rules.as_ref().map(|rules| rules.inside(&folder));
        self.folder(Place { folder, path, rules, depth: above.depth + 1 });
    }

    fn folder(&self, place: Place) {
        let Ok(children) = place.folder.children() else { return };
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        for mut child in children.take_while(|_| !self.is_over()) {
            let is_hidden = !self.pattern.include_hidden && child.name.as_encoded_bytes().starts_with(b".");
            if is_hidden || is_temporary(&child.name) {
                continue;
            }
            if child.kind.is_none() {
                child.kind = place.folder.look(&child.name).ok().map(|found| found.kind);
            }
            let is_folder = child.kind == Some(Kind::Folder);
            let is_wanted = is_folder || (child.kind == Some(Kind::File) && self.fits(&place.path, &child));
            if is_wanted && !leaves_out(&place, &child, is_folder) {
                self.room.take(weight(&child));
                if is_folder { folders.push(child) } else { files.push(child) }
            }
        }
        self.push(Arc::new(place), folders, files);
    }

    fn fits(&self, above: &Path, child: &Child) -> bool {
        self.pattern.name.as_ref().is_none_or(|name| name.fits(&above.join(&child.name)))
    }

    /// The stack's last comes first: what comes first in the order goes on last, so that later parts of the tree can
    /// be left out once enough is found.
    fn push(&self, place: Arc<Place>, mut folders: Vec<Child>, mut files: Vec<Child>) {
        folders.sort_unstable_by(|one, other| other.name.cmp(&one.name));
        files.sort_unstable_by(|one, other| other.name.cmp(&one.name));
        let mut jobs: Vec<Job> = folders.into_iter().map(|child| Job::Below(place.clone(), child)).collect();
        let mut files = files.into_iter().peekable();
        while files.peek().is_some() {
            jobs.push(Job::Files(place.clone(), files.by_ref().take(BATCH).collect()));
        }
        self.work.push(jobs);
    }

    fn files(&self, place: &Place, files: &[Child], mut searcher: Option<&mut Searcher>) {
        self.room.give_back(files.iter().map(weight).sum());
        for child in files.iter().rev() {
            let path = place.path.join(&child.name);
            if self.is_over() || !self.hits.may_want(&path) {
                continue;
            }
            let Ok(checked) = place.folder.at(&child.name, Intent::Read) else { continue };
            match &mut searcher {
                None => self.hits.add(Hit::file(&path), self.room),
                Some(searcher) => {
                    if let Ok((file, found)) = checked.open() {
                        searcher.search(&file, found.size, &path);
                    }
                }
            }
        }
    }
}

/// About how many bytes a name takes while it waits for its turn.
fn weight(child: &Child) -> u64 {
    ENTRY + child.name.len() as u64
}

fn leaves_out(place: &Place, child: &Child, is_folder: bool) -> bool {
    place.rules.as_ref().is_some_and(|rules| rules.leaves_out(&place.folder.real().join(&child.name), is_folder))
}
