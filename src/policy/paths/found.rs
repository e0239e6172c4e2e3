//! What is found at a name.

use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// What kind of thing has a name. Links are not followed to tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Folder,
    /// A symbolic link.
    Link,
    /// A FIFO, a socket or a device: opening one can wait for ever or do something.
    Special,
}

/// When something was last read and changed, in nanoseconds since 1970 (so until the year 2262).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// Last read.
    pub accessed: i64,
    /// Last changed.
    pub modified: i64,
}

impl Times {
    /// The time of the last change.
    pub fn modified(self) -> SystemTime {
        let since = Duration::from_nanos(self.modified.unsigned_abs());
        let time = if self.modified < 0 {
            SystemTime::UNIX_EPOCH.checked_sub(since)
        } else {
            SystemTime::UNIX_EPOCH.checked_add(since)
        };
        time.unwrap_or(SystemTime::UNIX_EPOCH)
    }
}

/// The bits of a mode by which a program runs with its owner's or its group's rights.
const SET_ID: u32 = 0o6000;

/// In place of an owner: whoever makes the file.
pub const OURS: (u32, u32) = (u32::MAX, u32::MAX);

/// What says that two names mean one thing: a device and the number of a file on it.
pub type Identity = (u64, u64);

/// What is known of something without opening it.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// What it is.
    pub kind: Kind,
    /// Its length in bytes.
    pub size: u64,
    /// Permission bits, with set-user-id and its like.
    pub mode: u32,
    /// When it was read and changed.
    pub times: Times,
    /// When anything about it last changed, name and mode included; nanoseconds since 1970.
    pub changed: i64,
    /// Device and number: the same for two names of one file.
    pub identity: Identity,
    /// How many names it has.
    pub names: u64,
    /// The user and the group it belongs to.
    pub owner: (u32, u32),
}

impl Found {
    /// Whether it is a regular file.
    pub fn is_file(&self) -> bool {
        self.kind == Kind::File
    }

    /// Whether it is a directory.
    pub fn is_folder(&self) -> bool {
        self.kind == Kind::Folder
    }

    /// Whether it is a file that runs with its owner's or its group's rights.
    pub fn is_set_id(&self) -> bool {
        self.is_file() && self.mode & SET_ID != 0
    }

    /// Whether it is still the same file with the same content, as far as the system tells without reading it.
    pub fn is_still(&self, before: &Self) -> bool {
        let content = |found: &Self| (found.kind, found.identity, found.size, found.times.modified, found.changed);
        content(self) == content(before)
    }

    /// Its permission bits for another content, which must not inherit the right to run as its owner.
    pub fn mode_of_new_content(&self) -> u32 {
        self.mode & !SET_ID
    }
}
