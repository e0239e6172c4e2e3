//! How much memory a command with all its processes may take: its heap, what its processes share, its files in memory.
//!
//! The kernel holds it where the host lets us make control groups (`cgroup`); elsewhere the bridge looks several times a
//! second and ends what takes more (`watch`). No limit of a single process would do: those count address space that is
//! only reserved, of which sanitizers and virtual machines take terabytes, and not what is shared.

mod usage;
mod watch;

use super::{
    MemoryBound,
    cgroup::{self, Group, Groups},
    trees::{Listed, Trees},
};
use crate::policy::own_files::Running;
use std::{
    io,
    os::fd::{AsFd, OwnedFd},
    path::Path,
    sync::Arc,
};
use watch::Watch;

/// How much memory commands may take, and who holds them to it.
#[derive(Debug)]
pub(crate) struct Memory {
    /// In bytes.
    limit: u64,
    trees: Arc<Trees>,
    groups: Option<Arc<Groups>>,
    /// Dropping it ends the watch. None where the kernel ends a whole tree by itself.
    _watch: Option<Watch>,
}

impl Memory {
    /// Finds out how trees can be held to `limit` bytes, and to so many processes where that comes with it.
    ///
    /// # Errors
    /// When the system is out of something.
    pub(crate) fn open(limit: u64, processes: u64, trees: &Arc<Trees>) -> io::Result<Self> {
        let groups = Groups::find(cgroup::Limits { memory: limit, processes });
        let is_watched = groups.as_ref().is_none_or(|groups| !groups.end_whole_trees());
        let watch = is_watched.then(|| Watch::start(limit, trees.clone())).transpose()?;
        Ok(Self { limit, trees: trees.clone(), groups: groups.map(Arc::new), _watch: watch })
    }

    /// How much a command may take, in bytes.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// Who holds commands to it.
    pub(crate) fn bound(&self) -> MemoryBound {
        if self.groups.is_some() { MemoryBound::Cgroup } else { MemoryBound::Watched }
    }

    /// Lets one more tree run.
    ///
    /// # Errors
    /// When it cannot be bounded; it must not run then.
    pub(crate) fn admit(&self, running: Running) -> io::Result<Admission> {
        let group = self.groups.as_ref().map(Groups::group).transpose()?;
        Ok(Admission {
            limit: self.limit,
            trees: Some(self.trees.clone()),
            group,
            listed: None,
            _running: Some(running),
        })
    }
}

/// That a tree of processes may run. To be kept until it has ended.
#[derive(Debug, Default)]
pub struct Admission {
    limit: u64,
    trees: Option<Arc<Trees>>,
    group: Option<Group>,
    listed: Option<Listed>,
    _running: Option<Running>,
}

impl Admission {
    /// The file to which its first process writes "0" before it starts anything.
    pub fn entrance(&self) -> Option<&Path> {
        self.group.as_ref().map(Group::entrance)
    }

    /// Says that it runs: its first process, and the socket whose end is the tree's.
    ///
    /// # Errors
    /// When the system is out of descriptors.
    pub fn begin(&mut self, root: u32, control: impl AsFd) -> io::Result<()> {
        if let Some(trees) = &self.trees {
            let control: OwnedFd = control.as_fd().try_clone_to_owned()?;
            self.listed = Some(trees.enter(root, self.group.take(), control));
        }
        Ok(())
    }

    /// The limit in MiB, when the tree or a process of it was ended for taking more.
    pub fn exceeded_mib(&self) -> Option<u64> {
        let exceeded = self.listed.as_ref().is_some_and(|listed| listed.tree.has_exceeded_memory());
        exceeded.then_some(self.limit >> 20)
    }
}
