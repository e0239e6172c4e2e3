//! The MCP face, as clients meet it.

mod client;
mod connect;
mod fixtures;
mod library;
mod long;
mod results;
#[cfg(unix)]
mod stdio;
mod wire;

pub use client::*;
