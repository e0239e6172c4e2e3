//! Sessions of an earlier process. Few clients start over by themselves when the server does not know their session any
//! more: the Python SDK answers every later call with an error of its own. All that a session holds is what the client
//! said at its start, of which nothing is used; so one that an earlier process opened is opened again under its id.

use rmcp::{
    model::{ClientCapabilities, Implementation, InitializeRequestParams, ProtocolVersion},
    transport::{
        common::server_side_http::session_id,
        streamable_http_server::{
            SessionId,
            session::store::{SessionState, SessionStore, SessionStoreError},
        },
    },
};

/// What tells the ids of one process from those of others, and from ids that no bridge made.
#[derive(Clone)]
pub(crate) struct ProcessMark(String);

impl ProcessMark {
    /// A mark that no other process has.
    pub(crate) fn new() -> Self {
        Self(format!("bridge-{}", plain_id()))
    }

    /// An id for a new session of this process.
    pub(crate) fn session_id(&self) -> SessionId {
        format!("{}-{}", self.0, plain_id()).into()
    }

    /// Whether an id is one that another process made.
    fn is_earlier(&self, id: &str) -> bool {
        let is_plain = |part: &str| part.len() == 32 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
        let parts = id.strip_prefix("bridge-").and_then(|parts| parts.split_once('-'));
        !id.starts_with(&self.0) && parts.is_some_and(|(process, session)| is_plain(process) && is_plain(session))
    }
}

/// 128 random bits in hexadecimal.
fn plain_id() -> String {
    session_id().replace('-', "")
}

/// Says what a client of an earlier process said at its start, as far as it matters. A session that ended in this process
/// stays unknown. Who may use one, the key decides with each request.
#[async_trait::async_trait]
impl SessionStore for ProcessMark {
    async fn load(&self, id: &str) -> Result<Option<SessionState>, SessionStoreError> {
        if !self.is_earlier(id) {
            return Ok(None);
        }
        let client = Implementation::new("of an earlier process", "");
        let said = InitializeRequestParams::new(ClientCapabilities::default(), client);
        // What later revisions add, events before the first message, a client does without.
        Ok(Some(SessionState::new(said.with_protocol_version(ProtocolVersion::V_2025_06_18))))
    }

    async fn store(&self, _: &str, _: &SessionState) -> Result<(), SessionStoreError> {
        Ok(())
    }

    async fn delete(&self, _: &str) -> Result<(), SessionStoreError> {
        Ok(())
    }
}
