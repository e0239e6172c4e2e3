//! The terminal live: a WebSocket for each process.
//!
//! Binary messages carry bytes: from the client what is typed, from the server what the process writes. Text messages
//! carry JSON, [`messages`].

mod door;
pub mod messages;
mod session;

pub use door::open;
