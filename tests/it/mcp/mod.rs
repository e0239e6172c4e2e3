//! The MCP face, as clients meet it.

mod client;
mod fixtures;
mod long;
mod results;
mod wire;

pub use client::*;
