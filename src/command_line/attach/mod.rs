//! `mcp-server attach`: a process of the running bridge in a person's own terminal.

mod client;
mod replay;
#[cfg(unix)]
mod screen;
#[cfg(not(unix))]
#[path = "screen_elsewhere.rs"]
mod screen;
mod typing;

pub(crate) use client::attach;
