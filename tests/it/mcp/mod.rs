//! The MCP face, as clients meet it.

mod client;
mod connect;
mod fixtures;
mod keys;
mod large;
mod library;
mod long;
mod media;
mod patience;
mod quirks;
mod results;
#[cfg(unix)]
mod stdio;
mod wire;

pub(crate) use client::*;
