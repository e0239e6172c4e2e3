//! Clients: those that registered themselves (RFC 7591), and those whose name is the address of a document about them.

use super::{
    OAuth, now,
    problem::{Problem, Reason},
    redirect,
    secret::random,
};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How many registered clients are kept. Past it the oldest that nobody let in goes.
const MOST: usize = 200;

/// How long a client is kept that nobody lets in, in seconds.
const UNUSED: i64 = 24 * 60 * 60;

/// So many registrations within [`WINDOW`] are taken, of all together.
const MOST_AT_ONCE: usize = 20;
const WINDOW: Duration = Duration::from_secs(60);

/// How many addresses a client may name.
const MOST_ADDRESSES: usize = 10;

/// The longest name that is kept, in characters.
const LONGEST_NAME: usize = 100;

/// A client.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Client {
    /// Its name in the protocol.
    #[serde(rename = "client_id")]
    pub(crate) id: String,
    /// What it calls itself, which proves nothing.
    #[serde(rename = "client_name", default, skip_serializing_if = "String::is_empty")]
    pub(crate) name: String,
    /// Where it has browsers sent back to.
    pub(crate) redirect_uris: Vec<String>,
    /// When it registered, in seconds since 1970.
    #[serde(rename = "client_id_issued_at", default)]
    pub(crate) created: i64,
}

/// What a client says of itself. What else it says is not used, as the specification has it.
#[derive(Debug, Deserialize)]
pub(crate) struct Registration {
    #[serde(default)]
    pub(super) redirect_uris: Vec<String>,
    #[serde(default)]
    pub(super) client_name: Option<String>,
}

impl Registration {
    /// The addresses, checked.
    pub(super) fn addresses(&self) -> Result<Vec<String>, Problem> {
        let many = self.redirect_uris.len();
        if many == 0 || many > MOST_ADDRESSES {
            let text = format!("redirect_uris must name 1 to {MOST_ADDRESSES} addresses, and names {many}");
            return Err(Problem::new(Reason::InvalidRedirectUri, text));
        }
        self.redirect_uris.iter().map(|text| redirect::check(text).map(|_| text.clone())).collect()
    }

    pub(super) fn name(&self) -> String {
        let name = self.client_name.as_deref().unwrap_or_default();
        name.chars().filter(|c| !c.is_control()).take(LONGEST_NAME).collect()
    }
}

impl OAuth {
    /// Takes a client that registers itself. Blocks.
    ///
    /// # Errors
    /// [`Reason::InvalidRedirectUri`] for an address that it may not have, [`Reason::TemporarilyUnavailable`] when too many
    /// register.
    pub(crate) fn register(&self, registration: &Registration) -> Result<Client, Problem> {
        let redirect_uris = registration.addresses()?;
        let (mut state, time) = (self.lock(), Instant::now());
        state.registered.retain(|at| time.duration_since(*at) < WINDOW);
        let busy = |text: &str| Problem::new(Reason::TemporarilyUnavailable, text);
        if state.registered.len() >= MOST_AT_ONCE {
            return Err(busy("Too many clients register: try again in a minute"));
        }
        let waiting = state.requests.clients();
        let file = &mut state.file;
        // Those that were let in, and those that the person is asked about now.
        let used: Vec<String> = file.agents.values().cloned().chain(waiting).collect();
        file.clients.retain(|client| used.contains(&client.id) || client.created + UNUSED > now());
        if file.clients.len() >= MOST {
            let unused = file.clients.iter().position(|client| !used.contains(&client.id));
            file.clients.remove(unused.ok_or_else(|| busy("This bridge has as many clients as it can keep"))?);
        }
        let id = format!("client-{}", random()?);
        let client = Client { id, name: registration.name(), redirect_uris, created: now() };
        file.clients.push(client.clone());
        state.registered.push(time);
        self.save(&state)?;
        Ok(client)
    }

    /// The client of a name, which may be looked for elsewhere.
    ///
    /// # Errors
    /// [`Reason::InvalidClient`] when there is none.
    pub(crate) async fn client(&self, id: &str) -> Result<Client, Problem> {
        if let Some(client) = self.lock().file.clients.iter().find(|client| client.id == id) {
            return Ok(client.clone());
        }
        if id.starts_with("https://") {
            return self.documents.client(id).await;
        }
        Err(unknown())
    }

    /// Whether a client was let in before: a browser is sent on to it without a click of the person's.
    pub(super) fn was_let_in(&self, id: &str) -> bool {
        self.lock().file.agents.values().any(|client| client == id)
    }

    /// Whether a client is known.
    pub(super) fn knows(&self, id: &str) -> bool {
        let state = self.lock();
        state.file.clients.iter().any(|client| client.id == id) || id.starts_with("https://")
    }
}

pub(super) fn unknown() -> Problem {
    Problem::new(Reason::InvalidClient, "This bridge does not know the client: it must register again")
}
