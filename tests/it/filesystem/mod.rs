//! The files of the machine.

mod append;
mod archive;
mod archive_bombs;
mod archive_links;
#[cfg(target_os = "linux")]
mod archive_sizes;
mod beside;
mod bombs;
mod bounded;
mod edit;
mod hostile_documents;
pub(crate) mod in_place;
mod killed;
mod links;
mod list;
#[cfg(target_os = "linux")]
mod mounted;
#[cfg(unix)]
mod names;
mod neighbours;
#[cfg(target_os = "linux")]
mod once;
mod patch;
mod patch_cut;
mod patch_property;
mod patch_stray;
mod patterns;
mod read;
mod redo;
mod scenarios;
mod search;
mod search_sizes;
#[cfg(target_os = "linux")]
mod slow;
mod streams;
mod tools;
mod undo;
mod watch;
mod write;
