//! `mcp-server attach`: a process of the running bridge in a person's own terminal.

mod client;
mod replay;
mod typing;

pub(crate) use client::attach;
