//! A one-time ticket for the WebSocket of a process, for clients that should not hold the key: a page in a browser.

use super::{Processes, tickets::LIFE};
use crate::{
    caller::Access,
    capability::{Capability, Context},
    error::Result,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Get a one-time ticket to watch a process live.
///
/// For a WebSocket client that should not hold the key: open /terminal/{id}/ws?ticket=… within a minute. Good once.
#[derive(Deserialize, JsonSchema)]
pub struct OpenTicket {
    /// The process.
    id: String,
}

/// A ticket.
#[derive(Serialize, JsonSchema)]
pub struct OpenedTicket {
    /// The process.
    id: String,
    /// The ticket, for the query argument of this name.
    ticket: String,
    /// How long it is good for, in seconds.
    expires_in: u64,
}

impl Capability for OpenTicket {
    const NAME: &'static str = "terminal_ticket";
    const ACCESS: Access = Access::Execute;
    const EXAMPLE: &'static str = r#"{"id": "proc_…"}"#;
    type Service = Processes;
    type Output = OpenedTicket;

    fn aside(_: &OpenedTicket) -> &'static [&'static str] {
        &["id"]
    }

    async fn run(self, processes: &Processes, context: &Context) -> Result<OpenedTicket> {
        context.record_as(json!({"id": self.id}));
        let id = processes.get(&context.caller, &self.id)?.record.id();
        let ticket = processes.tickets.give(id.clone(), context.caller.clone())?;
        Ok(OpenedTicket { id, ticket, expires_in: LIFE.as_secs() })
    }
}
