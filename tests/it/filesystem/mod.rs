//! The files of the machine.

mod archive;
mod documents;
mod edit;
mod killed;
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
