//! Looks several times a second at what trees take, and ends those that take more than they may, or of which the kernel
//! has ended a process for that.

use super::usage;
use crate::policy::confine::trees::{Tree, Trees};
use std::{
    collections::BTreeMap,
    io,
    sync::Arc,
    time::{Duration, Instant},
};

/// How fast a tree is taken to grow at most, in bytes a second: what is left of its limit is looked at before it can be
/// used up. Two processors that fill pages as fast as they can take half of it.
const GROWTH: f64 = 4.0 * 1024.0 * 1024.0 * 1024.0;

/// The shortest and the longest time between two looks.
const SHORTEST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(1);

/// The time between two looks at a control group: the kernel bounds it, only the end of the rest waits.
const OF_GROUPS: Duration = Duration::from_millis(100);

/// How much longer the time between two looks is than a look takes.
const REST: u32 = 5;

/// The thread that looks. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Watch(Arc<Trees>);

impl Watch {
    /// Holds trees to `limit` bytes.
    ///
    /// # Errors
    /// When the system has no thread for it.
    pub(crate) fn start(limit: u64, trees: Arc<Trees>) -> io::Result<Self> {
        let watched = trees.clone();
        std::thread::Builder::new().name("command-memory".into()).spawn(move || watch(limit, &watched))?;
        Ok(Self(trees))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn watch(limit: u64, trees: &Trees) {
    let mut due: BTreeMap<u64, Instant> = BTreeMap::new();
    let (mut newest, mut wait) = (None, None);
    while trees.wait(newest, wait) {
        let running = trees.running();
        newest = running.last().map(|(number, _)| *number).max(newest);
        due.retain(|number, _| running.iter().any(|(running, _)| running == number));
        for (number, tree) in &running {
            let now = Instant::now();
            if due.get(number).is_none_or(|due| *due <= now) {
                let next = look(limit, tree);
                due.insert(*number, Instant::now() + next);
            }
        }
        wait = due.values().min().map(|next| next.saturating_duration_since(Instant::now()));
    }
}

/// Ends a tree that takes too much; says when to look again.
fn look(limit: u64, tree: &Tree) -> Duration {
    if tree.group.is_some() {
        if tree.has_exceeded_memory() {
            tree.end_for_memory();
        }
        return OF_GROUPS;
    }
    let started = Instant::now();
    let used = usage::of_tree(tree.root, limit);
    if used > limit {
        tree.end_for_memory();
    }
    let left = limit.saturating_sub(used) as f64 / GROWTH;
    Duration::from_secs_f64(left).max(started.elapsed() * REST).clamp(SHORTEST, LONGEST)
}
