//! What a user of the bridge relies on, through the real server.
#![allow(clippy::disallowed_methods, reason = "tests look at the disk from outside the bridge's policy")]
#![allow(missing_docs, reason = "a test says in its name what holds")]

mod agents;
mod approvals;
mod arguments;
mod bodies;
mod command_line;
mod confinement;
mod contract;
mod day;
mod documentation;
mod faces;
mod fetched;
mod filesystem;
mod guards;
mod hints;
mod history;
mod internet;
mod kept_output;
mod key_places;
mod limits;
mod mcp;
mod memory;
mod naming;
mod oauth;
mod openapi;
mod owner;
mod pages;
mod paths;
mod permissions;
mod places;
mod process;
#[cfg(unix)]
mod processes;
mod program;
mod readme;
mod redaction;
mod remarks;
mod requests;
mod routes;
mod sandbox;
mod secrets;
mod server;
mod settings;
#[cfg(unix)]
mod shells;
mod start;
mod terminal;
mod terminal_check;
mod tidy;
mod upstream;
mod urls;
