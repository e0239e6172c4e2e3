//! A one-time ticket for the WebSocket of a process, for clients that should not hold the key: a page in a browser.

use super::Processes;
use crate::{
    caller::{Access, Caller},
    capability::{Capability, Context},
    error::{Error, Result},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

/// How long a ticket is good for.
const LIFE: Duration = Duration::from_secs(60);

/// How many tickets may wait to be used; the oldest goes first.
const MAX_TICKETS: usize = 1000;

/// The tickets that were given out.
#[derive(Default)]
pub(crate) struct Tickets(Mutex<HashMap<String, Ticket>>);

struct Ticket {
    process: String,
    caller: Caller,
    given: Instant,
}

impl Tickets {
    fn give(&self, process: String, caller: Caller) -> Result<String> {
        let mut bits = [0; 32];
        getrandom::fill(&mut bits).map_err(|error| Error::internal(anyhow::anyhow!("no random numbers: {error}")))?;
        let ticket = BASE64_URL_SAFE_NO_PAD.encode(bits);
        let mut all = self.0.lock().expect("no one panics while holding it");
        all.retain(|_, ticket| ticket.given.elapsed() < LIFE);
        while all.len() >= MAX_TICKETS {
            let oldest = all.iter().min_by_key(|(_, ticket)| ticket.given).map(|(text, _)| text.clone());
            all.remove(&oldest.expect("there are some"));
        }
        all.insert(ticket.clone(), Ticket { process, caller, given: Instant::now() });
        Ok(ticket)
    }

    /// Takes a ticket for a process and says who asked for it, and when; it is used up then.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is unknown, used, too old or for another process, for which it stays good.
    pub(crate) fn take(&self, text: &str, process: &str) -> Result<(Caller, Instant)> {
        let mut all = self.0.lock().expect("no one panics while holding it");
        let is_good = |ticket: &Ticket| ticket.given.elapsed() < LIFE && ticket.process == process;
        let ticket = if all.get(text).is_some_and(is_good) { all.remove(text) } else { None };
        ticket.map(|ticket| (ticket.caller, ticket.given)).ok_or_else(|| {
            Error::Refused("The ticket is used, too old or for another process: terminal_ticket gives a new one".into())
        })
    }
}

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

    async fn run(self, processes: &Processes, context: &Context) -> Result<OpenedTicket> {
        context.record_as(json!({"id": self.id}));
        let id = processes.get(&self.id)?.record.id();
        let ticket = processes.tickets.give(id.clone(), context.caller.clone())?;
        Ok(OpenedTicket { id, ticket, expires_in: LIFE.as_secs() })
    }
}
