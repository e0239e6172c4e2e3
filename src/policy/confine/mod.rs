//! The boundary around programs: a command cannot reach what the file routes refuse, whatever it does.
//!
//! The guard (`commands`) stops accidents; this stops attacks, and it is the kernel that does. What the host allows is
//! found out at start by trying it, and said: see [`Report`].

#[cfg(target_os = "linux")]
mod bounds;
#[cfg(target_os = "linux")]
mod capabilities;
#[cfg(target_os = "linux")]
mod cgroup;
#[cfg(target_os = "linux")]
mod covers;
#[cfg(target_os = "linux")]
mod devices;
#[cfg(target_os = "linux")]
mod harmless_settings;
#[cfg(target_os = "linux")]
mod kernel_files;
#[cfg(target_os = "linux")]
mod landlock;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod marks;
#[cfg(target_os = "linux")]
mod memory;
#[cfg(target_os = "linux")]
mod mounts;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
mod places;
#[cfg(target_os = "linux")]
mod private_folders;
#[cfg(target_os = "linux")]
mod private_keys;
#[cfg(target_os = "linux")]
mod refusals;
#[cfg(target_os = "linux")]
mod restrictions;
#[cfg(target_os = "linux")]
mod second_names;
#[cfg(target_os = "linux")]
pub mod sock_diag;
#[cfg(target_os = "linux")]
mod sockets;
#[cfg(target_os = "linux")]
mod steps;
#[cfg(target_os = "linux")]
mod system_calls;
#[cfg(target_os = "linux")]
mod system_settings;
#[cfg(target_os = "linux")]
pub mod trees;
#[cfg(target_os = "linux")]
mod view;
#[cfg(target_os = "linux")]
mod view_snapshot;
#[cfg(target_os = "linux")]
mod whole_files;

#[cfg_attr(target_os = "linux", path = "linux.rs")]
#[cfg_attr(not(target_os = "linux"), path = "elsewhere.rs")]
mod confinement;

pub use confinement::Confinement;
#[cfg(target_os = "linux")]
pub use memory::Admission;
#[cfg(target_os = "linux")]
pub use mounts::{Failure, MOVED};
#[cfg(target_os = "linux")]
pub use namespaces::{await_end, exit, fork};
#[cfg(target_os = "linux")]
pub use restrictions::{FAILED, Restrictions};
#[cfg(target_os = "linux")]
pub use system_calls::questions;
#[cfg(target_os = "linux")]
pub use view::View;
#[cfg(target_os = "linux")]
pub use view_snapshot::MountTable;

use schemars::JsonSchema;
use serde::Serialize;

/// How often something is done anew because what is denied was moved meanwhile.
#[cfg(target_os = "linux")]
const MOST_TRIES: usize = 20;

/// What was found; none where nothing is, or where this user may not look.
///
/// # Errors
/// When the system is out of descriptors or memory: what there is is not known then, and a view made without it would cover
/// too little.
#[cfg(target_os = "linux")]
fn within_reach<T>(found: std::io::Result<T>) -> std::io::Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM)) => Err(error),
        Err(_) => Ok(None),
    }
}

/// Does something anew as long as the disk changes while it is done.
///
/// # Errors
/// What it fails with; [`MOVED`] when the disk never kept still.
#[cfg(target_os = "linux")]
pub fn steadily<T>(mut attempt: impl FnMut() -> std::io::Result<T>) -> std::io::Result<T> {
    for _ in 1..MOST_TRIES {
        match attempt() {
            Err(error) if error.raw_os_error() == Some(MOVED) => {}
            done => return done,
        }
    }
    attempt().inspect_err(|error| {
        if error.raw_os_error() == Some(MOVED) {
            tracing::error!("commands do not run: folders that hold denied places are moved or shut all the time");
        }
    })
}

/// How firmly programs are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
pub enum Level {
    /// Not at all: they can do what the user can.
    #[serde(rename = "none")]
    None,
    /// By rules of the kernel on paths.
    #[serde(rename = "kernel")]
    Kernel,
    /// By a view of the disk, processes and shared memory of their own, and by rules of the kernel.
    #[serde(rename = "kernel+namespaces")]
    Namespaces,
}

impl Level {
    /// Its name, as answers show it.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Kernel => "kernel",
            Self::Namespaces => "kernel+namespaces",
        }
    }
}

/// What a command is refused at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why, as what follows the place's name in a sentence.
    pub why: String,
    /// The setting that would let the command, where there is one.
    pub setting: Option<&'static str>,
    /// Whether it is not seen at all, or only not to be changed.
    pub reading_too: bool,
}

/// Who holds a command with all its processes to the memory that it may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryBound {
    /// The kernel, by a control group for each command.
    Cgroup,
    /// The bridge, which looks several times a second and ends what takes more.
    Watched,
}

/// What holds for programs on this host, and why.
#[derive(Clone, Debug)]
pub struct Report {
    /// The level that is enforced.
    pub level: Level,
    /// A sentence that says why it is that level.
    pub why: String,
    /// Who bounds the memory of commands; none: nobody.
    pub memory_bound: Option<MemoryBound>,
}

impl Report {
    /// Says it in the terminal log; in red where programs are not held.
    fn announce(&self) {
        match self.level {
            Level::Namespaces => tracing::info!("commands are confined ({}): {}", self.level.name(), self.why),
            Level::Kernel => tracing::warn!("commands are confined ({}): {}", self.level.name(), self.why),
            Level::None => tracing::error!("commands are NOT confined: {}", self.why),
        }
    }
}
