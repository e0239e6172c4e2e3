//! MCP Server — Skynet Local Bridge: a person's files, terminal, memory, internet and sandbox for AIs, behind one key.
//!
//! Read `docs/architecture.md` for the house; the modules below go from the rim inwards.

pub mod command_line;
pub mod first_start;
pub mod key_file;
pub mod server;
pub mod settings_file;

pub mod bridge;
pub mod catalog;

pub mod filesystem;
pub mod internet;
pub mod memory;
pub mod sandbox;
pub mod terminal;

pub(crate) mod agents;
pub mod arguments;
pub mod blocking;
pub mod caller;
pub mod capability;
pub mod control;
pub mod envelope;
pub mod history;
pub mod near;
pub mod owner;
pub mod patterns;
pub mod permissions;
pub mod policy;
pub(crate) mod rarest;

pub mod clock;
pub mod error;
pub mod excerpt;
pub(crate) mod problem;
pub mod settings;

pub use error::{Error, Result};
