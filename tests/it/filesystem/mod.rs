//! The files of the machine.

mod archive;
mod killed;
mod list;
mod read;
mod search;
mod streams;
mod tools;
mod undo;
mod write;
