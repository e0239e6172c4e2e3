//! The file systems of the kernel in a program's view: its own processes, terminals and shared memory.

use super::{
    steps::{ANY, Step, at},
    system_calls::shared_memory::{QUEUES, SEMAPHORES, SETS, SHARE},
    view_snapshot::ViewSnapshot,
};
use rustix::mount::MountFlags;
use std::{
    ffi::{CStr, CString},
    path::Path,
};

/// Parts of `/proc` through which the superuser could change the kernel.
const KERNEL_SWITCHES: [&str; 5] = ["/proc/sys", "/proc/sysrq-trigger", "/proc/irq", "/proc/bus", "/proc/fs"];

/// Parts of `/proc` that tell of the kernel's memory and of others' keys.
const KERNEL_SECRETS: [&str; 4] = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/sched_debug"];

/// What each program gets of its own.
#[derive(Clone, Debug)]
pub struct Share {
    /// How many processes it may have, where a namespace can be told so.
    pub most_processes: Option<CString>,
    /// How large its files in memory may become, in bytes.
    pub memory: u64,
}

fn new(kind: &CStr, at: CString, options: &CStr, flags: MountFlags) -> Step {
    Step::New { kind: kind.to_owned(), at, options: options.to_owned(), flags: flags.bits().into() }
}

/// The program's own processes, terminals and shared memory.
pub(crate) fn kernel_file_systems(looks: &ViewSnapshot, share: &Share) -> Vec<Step> {
    let flags = MountFlags::NOSUID | MountFlags::NOEXEC;
    let place = |path: &str| at(Path::new(path));
    let files = CString::new(format!("mode=1777,size={}", share.memory)).expect("digits hold no NUL");
    let counts = [
        ("shmall", (share.memory / SHARE / rustix::param::page_size() as u64).to_string()),
        ("msgmni", QUEUES.to_string()),
        ("sem", format!("{SEMAPHORES} {SEMAPHORES} 500 {SETS}")),
    ];
    let mut steps = vec![
        new(c"devpts", place("/dev/pts"), c"newinstance,ptmxmode=0666,mode=620", flags),
        new(c"tmpfs", place("/dev/shm"), &files, MountFlags::NOSUID | MountFlags::NODEV),
        new(c"proc", place("/proc"), c"", flags | MountFlags::NODEV),
    ];
    steps.extend(counts.map(|(name, most)| Step::Say {
        text: CString::new(most).expect("digits and blanks hold no NUL"),
        at: place(&format!("/proc/sys/kernel/{name}")),
    }));
    let most_processes = share.most_processes.clone();
    steps.extend(most_processes.map(|text| Step::Say { text, at: place("/proc/sys/kernel/pid_max") }));
    let there = |place: &&&str| looks.leads_somewhere(Path::new(place));
    steps.extend(KERNEL_SWITCHES.iter().filter(there).map(|path| Step::Keep { at: place(path), is: ANY }));
    steps.extend(KERNEL_SECRETS.iter().filter(there).map(|path| Step::Shut { at: place(path), is: ANY }));
    steps
}
