//! The files of the machine.

mod append;
mod archive;
mod archive_links;
mod documents;
mod edit;
mod killed;
mod links;
mod list;
mod patch;
mod read;
mod redo;
mod search;
mod streams;
mod tools;
mod undo;
mod watch;
mod write;
