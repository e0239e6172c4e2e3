//! MCP Server — Skynet Local Bridge: a person's files, terminal, memory, internet and sandbox for AIs, behind one key.
//!
//! Read `docs/architecture.md` for the house. The modules below are in groups, from the rim inwards: each uses its own group
//! and those further in.

// The rim: what speaks with the world, and starts the rest.
pub mod command_line;
pub mod env_file;
pub mod first_start;
pub mod key_file;
mod own_repository;
pub mod server;

// The bridge: the way in to what can be done, and what that runs on.
pub mod bridge;
pub mod catalog;
pub mod services;
pub mod tool_list;

// The domains: siblings that do not know each other.
pub mod filesystem;
pub mod internet;
pub mod memory;
pub mod sandbox;
pub mod terminal;

// The shared: what calls are made of, and who may have what done.
pub mod access;
pub(crate) mod agents;
pub(crate) mod approvals;
pub mod arguments;
pub mod blocking;
pub mod caller;
pub mod capability;
pub mod control;
pub mod envelope;
pub mod history;
pub mod near;
pub(crate) mod oauth;
pub mod owner;
pub mod patterns;
pub mod permissions;
pub mod policy;
pub(crate) mod rule_index;

// The base: what knows nothing of calls.
pub mod clock;
pub mod error;
pub mod excerpt;
pub(crate) mod legible;
pub(crate) mod problem;
pub mod settings;

pub use error::{Error, Result};
