//! The files of the machine.

mod list;
mod read;
mod search;
mod undo;
mod write;
