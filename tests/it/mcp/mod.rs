//! The MCP face, as clients meet it.

pub(crate) mod client;
mod connect;
#[cfg(target_os = "linux")]
mod connect_files;
mod fixtures;
mod keys;
mod large;
mod library;
mod lists;
mod long;
mod media;
mod patience;
mod quirks;
mod results;
#[cfg(unix)]
mod stdio;
mod wire;

pub(crate) use client::*;
