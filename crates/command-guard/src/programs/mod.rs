//! Programs of which tables cannot say what they do, one family a file.

mod archives;
mod containers;
mod edits;
mod embedded_commands;
mod git;
pub(super) mod interpreters;
mod permissions;
pub(super) mod processes;
pub(super) mod search;
mod tasks;
mod transfers;
pub(super) mod windows;
mod wrappers;
pub(super) mod writing;

use super::effects::{Call, Effects};

/// Says what calls of one family do.
type Family = fn(&Call<'_>, &mut Effects);

/// Every family and the names it answers for; a name may be in several.
const FAMILIES: &[(&[&str], Family)] = &[
    (wrappers::NAMES, wrappers::judge),
    (writing::NAMES, writing::judge),
    (archives::NAMES, archives::judge),
    (transfers::NAMES, transfers::judge),
    (&["sed", "gsed"], edits::sed),
    (search::NAMES, search::judge),
    (permissions::NAMES, permissions::judge),
    (&["kill"], processes::kill),
    (containers::NAMES, containers::judge),
    (&["git"], git::judge),
    (embedded_commands::NAMES, embedded_commands::judge),
    (tasks::NAMES, tasks::judge),
    (windows::NAMES, windows::judge),
];

/// Adds what a call does, by every family that knows its program.
pub(super) fn judge(call: &Call<'_>, effects: &mut Effects) {
    for (names, family) in FAMILIES {
        if names.contains(&call.name) {
            family(call, effects);
        }
    }
    if interpreters::is_interpreter(call.name) {
        interpreters::judge(call, effects);
    }
}
