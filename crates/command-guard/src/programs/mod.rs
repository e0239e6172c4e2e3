//! The programs that can do harm, one family a file.

pub(super) mod accounts;
mod archives;
pub(super) mod containers;
pub(super) mod disks;
mod edits;
mod embedded_commands;
mod git;
pub(super) mod interpreters;
mod machine;
mod packages;
mod permissions;
pub(super) mod processes;
mod remote;
mod removal;
pub(super) mod search;
pub(super) mod table;
mod tasks;
mod transfers;
mod windows;
pub(super) mod writing;

use super::judge::{Judge, Judged};
use super::scope::Scope;
use super::simple::Invocation;

/// Judges one family of programs.
type Rule = fn(&mut Judge<'_>, &Invocation, &mut Scope) -> Judged<()>;

/// Every family and the names it answers for; a name may be in several.
const FAMILIES: &[(&[&str], Rule)] = &[
    (removal::NAMES, removal::judge),
    (writing::NAMES, writing::judge),
    (search::NAMES, search::judge),
    (disks::NAMES, disks::judge),
    (permissions::NAMES, permissions::judge),
    (machine::NAMES, machine::judge),
    (processes::NAMES, processes::judge),
    (accounts::NAMES, accounts::judge),
    (packages::NAMES, packages::judge),
    (containers::NAMES, containers::judge),
    (embedded_commands::NAMES, embedded_commands::judge),
    (remote::NAMES, remote::judge),
    (windows::NAMES, windows::judge),
];

/// Programs that a pattern in the place of a program (`/bin/r?`) is held against.
pub(super) const NAMES: &[&str] = &[
    "rm",
    "unlink",
    "shred",
    "find",
    "dd",
    "mkfs",
    "mkfs.ext4",
    "wipefs",
    "mv",
    "cp",
    "tee",
    "truncate",
    "chmod",
    "chown",
    "sh",
    "bash",
    "dash",
    "zsh",
    "busybox",
    "python3",
    "python",
    "perl",
    "ruby",
    "node",
    "sudo",
    "env",
    "xargs",
    "shutdown",
    "reboot",
    "poweroff",
    "halt",
    "kill",
    "pkill",
    "killall",
    "rsync",
    "ln",
    "userdel",
];

/// Judges a program by every family that knows it.
pub(super) fn judge(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let family = |name: &str| name.starts_with("mkfs.") || name.starts_with("newfs_");
    for (names, rule) in FAMILIES {
        if names.contains(&call.name.as_str()) {
            rule(judge, call, scope)?;
        }
    }
    if family(&call.name) {
        disks::judge(judge, call, scope)?;
    }
    if interpreters::is_interpreter(&call.name) {
        interpreters::judge(judge, call, scope)?;
    }
    Ok(())
}
