//! The one-time tickets that were given out.

use crate::{
    caller::Caller,
    error::{Error, Result},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

/// How long a ticket is good for.
pub(super) const LIFE: Duration = Duration::from_secs(60);

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
    /// Gives one out for a process, to who asks for it.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(super) fn give(&self, process: String, caller: Caller) -> Result<String> {
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

    /// Takes a ticket for a process and says who asked for it; it is used up then.
    ///
    /// # Errors
    /// [`Error::Refused`] when it is unknown, used, too old or for another process, for which it stays good.
    pub(crate) fn take(&self, text: &str, process: &str) -> Result<Caller> {
        let mut all = self.0.lock().expect("no one panics while holding it");
        let is_good = |ticket: &Ticket| ticket.given.elapsed() < LIFE && ticket.process == process;
        let ticket = if all.get(text).is_some_and(is_good) { all.remove(text) } else { None };
        ticket.map(|ticket| ticket.caller).ok_or_else(|| {
            Error::Refused("The ticket is used, too old or for another process: terminal_ticket gives a new one".into())
        })
    }
}
