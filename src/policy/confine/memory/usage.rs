//! How much memory a tree of processes takes, from what the kernel tells of each of them (proc_pid_status(5),
//! proc_pid_smaps(5)).
#![expect(clippy::disallowed_methods, reason = "the system's view of the bridge's own processes")]

use crate::policy::confine::trees::descendants;
use std::{
    collections::HashSet,
    fs,
    ops::Add,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// The kind of a file system in memory (`TMPFS_MAGIC`, linux/magic.h).
const IN_MEMORY: i64 = 0x0102_1994;

/// Where a confined program has files in memory.
const SHARED_FILES: &str = "dev/shm";

/// What a process has, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Usage {
    /// Of its own, also swapped out.
    own: u64,
    /// Mapped of files in memory and of what processes share.
    shared: u64,
}

impl Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { own: self.own + other.own, shared: self.shared + other.shared }
    }
}

/// What a tree takes, in bytes. Up to `enough` it is an estimate from above that costs little: what several processes
/// share is counted for each. Past it each page counts once, which the kernel has to walk their memory for.
pub(crate) fn of_tree(root: u32, enough: u64) -> u64 {
    let processes = descendants(root);
    let files = files_in_memory(&processes);
    let sum =
        |measure: fn(u32) -> Usage| processes.iter().map(|process| measure(*process)).fold(Usage::default(), Add::add);
    let estimate = sum(resident);
    let above = estimate.own + estimate.shared + files;
    if above <= enough {
        return above;
    }
    let exact = sum(proportional);
    // Files may be mapped or not; which of them are is not told.
    exact.own + exact.shared.max(files)
}

/// What is resident of a process.
fn resident(process: u32) -> Usage {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    Usage { own: field(&status, "RssAnon:") + field(&status, "VmSwap:"), shared: field(&status, "RssShmem:") }
}

/// The part of a process in what is resident: a page that several have counts in parts.
fn proportional(process: u32) -> Usage {
    match fs::read_to_string(format!("/proc/{process}/smaps_rollup")) {
        Ok(parts) if !parts.is_empty() => {
            Usage { own: field(&parts, "Pss_Anon:") + field(&parts, "SwapPss:"), shared: field(&parts, "Pss_Shmem:") }
        }
        _ => resident(process),
    }
}

/// A number of kibibytes in one of these files, in bytes.
fn field(text: &str, name: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    value.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() * 1024
}

/// The size of the files in memory that the processes have: below their `/dev/shm`, and those without a name.
fn files_in_memory(processes: &[u32]) -> u64 {
    let roots = processes.iter().map(|process| PathBuf::from(format!("/proc/{process}/root")));
    let named = roots.into_iter().find_map(|root| size_of_shared_files(&root)).unwrap_or_default();
    let Some(device) = nameless_files() else { return named };
    let mut seen = HashSet::new();
    let nameless: u64 = processes.iter().flat_map(|process| nameless_files_of(*process, device, &mut seen)).sum();
    named + nameless
}

/// What is in use of the file system in memory of a process; none for the machine's own, where others write, too.
fn size_of_shared_files(root: &Path) -> Option<u64> {
    let place = root.join(SHARED_FILES);
    let is_ours = fs::metadata(&place).ok()?.dev() != fs::metadata(Path::new("/").join(SHARED_FILES)).ok()?.dev();
    let system = rustix::fs::statfs(&place).ok()?;
    let used = system.f_blocks.saturating_sub(system.f_bfree) * u64::try_from(system.f_bsize).ok()?;
    (is_ours && system.f_type == IN_MEMORY).then_some(used)
}

/// The device on which the kernel has files in memory without a name (memfd_create(2)).
fn nameless_files() -> Option<u64> {
    let file = rustix::fs::memfd_create("bridge", rustix::fs::MemfdFlags::CLOEXEC).ok()?;
    Some(rustix::fs::fstat(&file).ok()?.st_dev)
}

fn nameless_files_of(process: u32, device: u64, seen: &mut HashSet<u64>) -> Vec<u64> {
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let files = descriptors.filter_map(|descriptor| fs::metadata(descriptor.path()).ok());
    let new = files.filter(|file| file.dev() == device && seen.insert(file.ino()));
    new.map(|file| file.blocks() * 512).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_this_process_writes_to_is_counted_of_its_own_and_in_nameless_files() {
        let before = of_tree(std::process::id(), 0);
        let heap = vec![1_u8; 64 << 20];
        let file = rustix::fs::memfd_create("test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, 32 << 20).unwrap();
        let grown = of_tree(std::process::id(), 0).saturating_sub(before) >> 20;
        // Other tests run in the same process.
        assert!(grown >= 90, "{grown} MiB");
        assert!(of_tree(std::process::id(), u64::MAX) >= 96 << 20);
        drop((heap, file));
    }
}
