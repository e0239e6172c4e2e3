//! The trees of programs that run, and what the system says of their processes.
#![expect(clippy::disallowed_methods, reason = "the system's view of the bridge's own processes")]

use super::{cgroup::Group, within_reach};
use rustix::net::{Shutdown, shutdown};
use std::{
    collections::BTreeMap,
    fs, io,
    os::fd::OwnedFd,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// All of them.
#[derive(Debug, Default)]
pub struct Trees {
    list: Mutex<List>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct List {
    next: u64,
    running: BTreeMap<u64, Arc<Tree>>,
    closed: bool,
}

/// One of them.
#[derive(Debug)]
pub struct Tree {
    /// The process that all of it descends from.
    pub root: u32,
    /// Its control group, where it has one.
    pub group: Option<Group>,
    control: OwnedFd,
    has_exceeded: AtomicBool,
}

impl Tree {
    /// Ends all of it for taking more memory than it may.
    pub fn end_for_memory(&self) {
        self.has_exceeded.store(true, Ordering::Relaxed);
        // One that is gone needs no word.
        let _ = shutdown(&self.control, Shutdown::Write);
    }

    /// Whether it, or a process of it, was ended so.
    pub fn has_exceeded_memory(&self) -> bool {
        self.has_exceeded.load(Ordering::Relaxed) || self.group.as_ref().is_some_and(Group::was_exceeded)
    }
}

/// That a tree runs; it is taken off the list when this is dropped.
#[derive(Debug)]
pub struct Listed {
    trees: Arc<Trees>,
    number: u64,
    /// The tree.
    pub tree: Arc<Tree>,
}

impl Trees {
    /// Puts a tree on the list: its first process, its control group, and the socket whose end is the tree's.
    pub fn enter(self: &Arc<Self>, root: u32, group: Option<Group>, control: OwnedFd) -> Listed {
        let tree = Arc::new(Tree { root, group, control, has_exceeded: AtomicBool::new(false) });
        let mut list = self.lock();
        let number = list.next;
        list.next += 1;
        list.running.insert(number, tree.clone());
        drop(list);
        self.changed.notify_all();
        Listed { trees: self.clone(), number, tree }
    }

    /// Those that run now, by a number of their own, oldest first.
    pub fn running(&self) -> Vec<(u64, Arc<Tree>)> {
        self.lock().running.iter().map(|(number, tree)| (*number, tree.clone())).collect()
    }

    /// Waits until a tree runs whose number is above `known`, at most for `limit`; false after the end.
    pub fn wait(&self, known: Option<u64>, limit: Option<Duration>) -> bool {
        let is_known = |list: &mut List| list.running.keys().next_back().copied() <= known && !list.closed;
        let list = self.lock();
        let list = match limit {
            Some(limit) => {
                self.changed.wait_timeout_while(list, limit, is_known).unwrap_or_else(PoisonError::into_inner).0
            }
            None => self.changed.wait_while(list, is_known).unwrap_or_else(PoisonError::into_inner),
        };
        !list.closed
    }

    /// Ends whoever waits.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.trees.lock().running.remove(&self.number);
    }
}

/// The processes that a process started and that run. Any of its threads may have started one (proc_pid_children(5)).
pub fn children(process: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else { return vec![] };
    let lists = threads.flatten().map(|thread| fs::read_to_string(thread.path().join("children")));
    let lists: Vec<String> = lists.filter_map(Result::ok).collect();
    lists.iter().flat_map(|list| list.split_ascii_whitespace()).filter_map(|child| child.parse().ok()).collect()
}

/// A process and all that descend from it.
pub fn descendants(root: u32) -> Vec<u32> {
    let mut found = vec![root];
    let mut place = 0;
    while let Some(process) = found.get(place).copied() {
        place += 1;
        found.extend(children(process));
    }
    found
}

/// What a process was started as, its arguments joined by spaces; `None` of one that is over.
pub fn command_line(process: u32) -> Option<String> {
    let arguments = fs::read(format!("/proc/{process}/cmdline")).ok()?;
    let words: Vec<_> = arguments.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
    let line = words.join(" ").trim_end().to_owned();
    (!line.is_empty()).then_some(line)
}

/// The numbers of the sockets that a process has open, where it may be looked into.
///
/// # Errors
/// When the system is out of something.
pub fn open_sockets(process: u32) -> io::Result<Vec<u64>> {
    let Some(descriptors) = within_reach(fs::read_dir(format!("/proc/{process}/fd")))? else { return Ok(vec![]) };
    let socket = |descriptor: fs::DirEntry| {
        let target = fs::read_link(descriptor.path()).ok()?;
        target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    };
    Ok(descriptors.flatten().filter_map(socket).collect())
}
