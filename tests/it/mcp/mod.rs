//! The MCP face, as clients meet it.

mod client;
mod wire;

pub use client::*;
