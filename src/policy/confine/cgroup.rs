//! Control groups (cgroups(7)): the kernel's own account of what a tree of processes takes, where the host lets us make
//! one for each command. Whether it does is found out by doing it.
#![expect(clippy::disallowed_methods, reason = "files of the kernel, which no caller names")]

use crate::policy::confine::{mounts, namespaces};
use std::{
    ffi::CString,
    fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// What the folder of a bridge's groups begins with; its process id and a number follow.
const PREFIX: &str = "bridge-commands-";

/// The part of its memory that a group of version 1 may have on its way by TCP.
const TCP_SHARE: u64 = 4;

/// How often the removal of the last groups is tried, and the time between: their processes are ending.
const REMOVAL_TRIES: u32 = 50;
const REMOVAL_PAUSE: Duration = Duration::from_millis(2);

/// One for each list of groups in this process.
static LISTS: AtomicU64 = AtomicU64::new(0);

/// What a group may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Memory, in bytes.
    pub memory: u64,
    /// Processes and threads, where the same group can bound them.
    pub processes: u64,
}

/// The two interfaces that the kernel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Where groups are made.
#[derive(Debug)]
pub(crate) struct Groups {
    version: Version,
    folder: PathBuf,
    limits: Limits,
    next: AtomicU64,
    /// Those whose last process was still ending when they were dropped.
    ended: Mutex<Vec<PathBuf>>,
}

/// The group of one tree. It is removed when this is dropped.
#[derive(Debug)]
pub struct Group {
    groups: Arc<Groups>,
    folder: PathBuf,
    entrance: PathBuf,
}

impl Groups {
    /// Where this process may make groups that bound memory; none where it may not.
    pub(crate) fn find(limits: Limits) -> Option<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
        let memberships = fs::read_to_string("/proc/self/cgroup").ok()?;
        let places = places(&mounts, &memberships);
        places.into_iter().find_map(|(version, parent)| {
            remove_leftovers(&parent);
            let number = LISTS.fetch_add(1, Ordering::Relaxed);
            let folder = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
            let (next, ended) = (AtomicU64::new(0), Mutex::default());
            // What fails is removed again as it is dropped.
            let groups = Arc::new(Self { version, folder, limits, next, ended });
            let works = groups.group().is_ok_and(|group| group.can_be_entered());
            Arc::into_inner(groups).filter(|_| works)
        })
    }

    /// Whether the kernel ends all of a group when it ends one process of it for want of memory.
    pub(crate) fn end_whole_trees(&self) -> bool {
        self.version == Version::Two
    }

    /// A new group, with its limits.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn group(self: &Arc<Self>) -> io::Result<Group> {
        self.remove_ended();
        let folder = self.folder.join(self.next.fetch_add(1, Ordering::Relaxed).to_string());
        if fs::create_dir(&folder).is_err() {
            self.make_folder()?;
            fs::create_dir(&folder)?;
        }
        let entrance = folder.join(match self.version {
            Version::One => "tasks",
            Version::Two => "cgroup.procs",
        });
        let group = Group { groups: self.clone(), folder, entrance };
        group.limit(self.limits)?;
        Ok(group)
    }

    fn make_folder(&self) -> io::Result<()> {
        let above = self.folder.parent().unwrap_or(Path::new("/"));
        if self.version == Version::Two {
            // Refused where processes stand beside it: another place is tried then.
            share_controllers(above);
        }
        match fs::create_dir(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        if self.version == Version::Two {
            share_controllers(&self.folder);
        }
        Ok(())
    }

    fn remove_ended(&self) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.retain(|folder| fs::remove_dir(folder).is_err_and(|error| error.kind() != io::ErrorKind::NotFound));
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        for _ in 0..REMOVAL_TRIES {
            self.remove_ended();
            match fs::remove_dir(&self.folder) {
                Err(error) if error.kind() == io::ErrorKind::ResourceBusy => std::thread::sleep(REMOVAL_PAUSE),
                _ => return,
            }
        }
    }
}

impl Group {
    /// The file to which a process writes "0" to be in it, with all that it starts from then on.
    pub fn entrance(&self) -> &Path {
        &self.entrance
    }

    /// Whether the kernel ended a process in it for want of memory.
    pub fn was_exceeded(&self) -> bool {
        let file = match self.groups.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        let events = fs::read_to_string(self.folder.join(file)).unwrap_or_default();
        let killed = events.lines().find_map(|line| line.strip_prefix("oom_kill "));
        killed.and_then(|count| count.trim().parse::<u64>().ok()).is_some_and(|count| count > 0)
    }

    fn limit(&self, limits: Limits) -> io::Result<()> {
        let set = |file: &str, value: &str| fs::write(self.folder.join(file), value);
        let memory = limits.memory.to_string();
        // Those that a kernel may lack are tried: swap, the end of all with one, the number of processes.
        match self.groups.version {
            Version::One => {
                set("memory.limit_in_bytes", &memory)?;
                let _ = set("memory.memsw.limit_in_bytes", &memory);
                // What TCP has on its way counts by itself.
                let _ = set("memory.kmem.tcp.limit_in_bytes", &(limits.memory / TCP_SHARE).to_string());
            }
            Version::Two => {
                set("memory.max", &memory)?;
                let _ = set("memory.swap.max", "0");
                let _ = set("memory.oom.group", "1");
                let _ = set("pids.max", &limits.processes.to_string());
            }
        }
        Ok(())
    }

    /// Whether a process may enter it.
    #[expect(unsafe_code, reason = "forks")]
    fn can_be_entered(&self) -> bool {
        let Ok(entrance) = CString::new(self.entrance.as_os_str().as_bytes()) else { return false };
        // SAFETY: the child makes only system calls until it ends.
        match unsafe { namespaces::fork(0) } {
            Ok(0) => namespaces::exit(i32::from(mounts::write(&entrance, c"0").is_err())),
            Ok(process) => namespaces::await_end(process).is_some_and(|end| end.exit_status() == Some(0)),
            Err(_) => false,
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if fs::remove_dir(&self.folder).is_err() {
            self.groups.ended.lock().unwrap_or_else(PoisonError::into_inner).push(self.folder.clone());
        }
    }
}

/// Lets the groups in a folder be bounded; without effect where that is not for us to decide.
fn share_controllers(folder: &Path) {
    for controller in ["+memory", "+pids"] {
        let _ = fs::write(folder.join("cgroup.subtree_control"), controller);
    }
}

/// Where groups may perhaps be made, the nearest first: below our own, and in version 2, where a group with processes
/// has none below it that are bounded, also beside it and above.
fn places(mounts: &str, memberships: &str) -> Vec<(Version, PathBuf)> {
    let mut places = Vec::new();
    for membership in memberships.lines() {
        let mut fields = membership.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let is_two = controllers.is_empty();
        if !is_two && !controllers.split(',').any(|controller| controller == "memory") {
            continue;
        }
        let wanted = if is_two { ("cgroup2", "") } else { ("cgroup", "memory") };
        let Some((top, own)) = mounts.lines().find_map(|line| place(line, wanted, Path::new(path))) else { continue };
        match is_two {
            false => places.push((Version::One, own)),
            true => {
                let above = own.ancestors().take_while(|folder| folder.starts_with(&top));
                places.extend(above.map(|folder| (Version::Two, folder.to_owned())));
            }
        }
    }
    places
}

/// Of a line of proc_pid_mountinfo(5): where the file system is mounted, and our own group in it.
fn place(line: &str, (kind, controller): (&str, &str), path: &Path) -> Option<(PathBuf, PathBuf)> {
    let (mount, system) = line.split_once(" - ")?;
    let mut system = system.split(' ');
    let is_kind = system.next()? == kind;
    let has = controller.is_empty() || system.nth(1)?.split(',').any(|option| option == controller);
    let mut mount = mount.split(' ').skip(3);
    let (root, at) = (Path::new(mount.next()?), Path::new(mount.next()?));
    let below = path.strip_prefix(root).unwrap_or(Path::new(""));
    (is_kind && has).then(|| (at.to_owned(), at.join(below)))
}

/// Removes the empty groups of bridges that were killed.
fn remove_leftovers(parent: &Path) {
    for folder in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = folder.file_name();
        let Some(bridge) = name.to_str().and_then(|name| name.strip_prefix(PREFIX)) else { continue };
        let process = bridge.split('-').next().unwrap_or_default();
        if !Path::new("/proc").join(process).exists() {
            let groups = fs::read_dir(folder.path()).into_iter().flatten().flatten();
            groups.for_each(|group| drop(fs::remove_dir(group.path())));
            let _ = fs::remove_dir(folder.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(version: Version, folder: &Path) -> Arc<Groups> {
        let limits = Limits { memory: 1 << 20, processes: 50 };
        let (next, ended) = (AtomicU64::new(0), Mutex::default());
        let folder = folder.join(match version {
            Version::One => "one",
            Version::Two => "two",
        });
        Arc::new(Groups { version, folder, limits, next, ended })
    }

    #[test]
    fn a_group_of_either_version_is_told_its_limits() {
        let scratch = tempfile::tempdir().unwrap();
        let one = groups(Version::One, scratch.path()).group().unwrap();
        let two = groups(Version::Two, scratch.path()).group().unwrap();
        let read = |group: &Group, file: &str| fs::read_to_string(group.folder.join(file)).unwrap();
        assert_eq!(read(&one, "memory.limit_in_bytes"), "1048576");
        assert_eq!(read(&one, "memory.memsw.limit_in_bytes"), "1048576");
        assert_eq!(read(&one, "memory.kmem.tcp.limit_in_bytes"), "262144");
        let of_two = ["memory.max", "memory.swap.max", "memory.oom.group", "pids.max"].map(|file| read(&two, file));
        assert_eq!(of_two, ["1048576", "0", "1", "50"]);
        let shared = fs::read_to_string(scratch.path().join("two/cgroup.subtree_control"));
        assert!(shared.is_ok(), "the groups of version 2 need their controllers from above");
        fs::write(two.folder.join("memory.events"), "oom 3\noom_kill 0\n").unwrap();
        assert!(!two.was_exceeded());
        fs::write(two.folder.join("memory.events"), "oom 3\noom_kill 2\n").unwrap();
        assert!(two.was_exceeded() && !one.was_exceeded());
    }

    #[test]
    fn places_are_found_as_the_system_names_them() {
        let mounts = "25 1 0:22 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
26 1 0:23 / /sys/fs/cgroup/unified rw,nosuid - cgroup2 cgroup2 rw
27 1 0:24 /docker/a /inside rw - cgroup cgroup rw,cpu";
        let found = places(mounts, "4:memory:/a/b\n1:cpu:/\n0::/user/c");
        let expected = [
            (Version::One, "/sys/fs/cgroup/memory/a/b"),
            (Version::Two, "/sys/fs/cgroup/unified/user/c"),
            (Version::Two, "/sys/fs/cgroup/unified/user"),
            (Version::Two, "/sys/fs/cgroup/unified"),
        ];
        assert_eq!(found, expected.map(|(version, path)| (version, PathBuf::from(path))));
        let container = "27 1 0:24 /docker/a /inside rw - cgroup2 cgroup rw";
        assert_eq!(places(container, "0::/docker/a/b")[0].1, Path::new("/inside/b"));
    }
}
