//! Who may watch a process: Origin, then ticket or key, in a header or in the first message.

use super::{
    messages::{FromServer, Hello},
    session::{self, Session},
};
use crate::{
    caller::Caller,
    capability::Context,
    error::{Error, Result},
    problem::Problem,
    server::{
        auth::{self, Authentication},
        browser_checks,
        connections::stopping,
        shared::Shared,
    },
    terminal::processes::{Process, Processes, SendInput, Watcher},
};
use axum::{
    extract::{
        Path, Request, State,
        ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade},
    },
    http::request::Parts,
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// How long a client may take to say who it is.
const HELLO_TIME: Duration = Duration::from_secs(10);

/// The largest message of a client, in bytes: a paste, not an upload.
const MAX_MESSAGE: usize = 1024 * 1024;

/// The name of its lines in the history.
const ACTION: &str = "terminal_attach";

/// One who stands at the door.
struct PendingClient {
    id: String,
    /// Who it is, where a header or a ticket says so; otherwise the first message does.
    authentication: Authentication,
    cursor: Option<i64>,
}

/// `GET /terminal/{id}/ws`.
pub async fn open(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
    request: Request,
) -> Response {
    let (parts, _) = request.into_parts();
    let visitor = match visitor(&shared, id, &parts) {
        Ok(visitor) => visitor,
        Err(error) => {
            shared.bridge.record_refusal(Some(ACTION), &error);
            return error.into_response();
        }
    };
    let Ok(upgrade) = upgrade else {
        let text = "This is a WebSocket: open it as one, or read the process with terminal_poll";
        return Error::Unusable(text.into()).into_response();
    };
    let stop = stopping(&parts.extensions);
    upgrade.max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE).on_upgrade(move |mut socket| async move {
        let farewell = tokio::select! {
            farewell = receive(&shared, visitor, &mut socket) => farewell,
            () = stop.cancelled() => CloseReason { code: 1001, error: Some("The bridge stops".into()) },
        };
        farewell.say(&mut socket).await;
    })
}

/// Checks all that can be checked before the socket is open.
fn visitor(shared: &Shared, id: String, parts: &Parts) -> Result<PendingClient> {
    browser_checks::check_origin(&parts.headers, &shared.bridge.settings.cors_origins)?;
    let argument = |wanted: &str| auth::query(&parts.uri).find(|(name, _)| name == wanted).map(|(_, value)| value);
    let keys = &shared.bridge.keys;
    let processes: &Processes = shared.bridge.services().as_ref();
    let authentication = Authentication::of(parts, keys)?;
    let authentication = match argument("ticket") {
        Some(ticket) => {
            let caller = processes.take_ticket(&ticket, &id)?;
            // What the old key asked for opens nothing any more.
            Authentication::known_as((!keys.have_lapsed_for(&caller)).then_some(caller).ok_or(Error::WrongKey)?)
        }
        None if authentication.is_undecided() => authentication,
        None => Authentication::known_as(authentication.caller(keys, None)?),
    };
    if let Some(caller) = authentication.known() {
        processes.get(caller, &id)?;
    }
    let cursor = argument("cursor").map(|text| text.parse());
    let cursor = cursor.transpose().map_err(|_| Problem::no_integer_in_query("cursor"))?;
    Ok(PendingClient { id, authentication, cursor })
}

/// How a socket ends.
struct CloseReason {
    code: u16,
    error: Option<String>,
}

impl CloseReason {
    async fn say(self, socket: &mut WebSocket) {
        // Who is gone needs no farewell.
        if let Some(detail) = self.error {
            let _ = session::say(socket, &FromServer::Error { detail }).await;
        }
        let _ = socket.send(Message::Close(Some(CloseFrame { code: self.code, reason: "".into() }))).await;
    }
}

impl From<Error> for CloseReason {
    /// The codes are HTTP's, moved to the range that applications may use (RFC 6455, section 7.4.2).
    fn from(error: Error) -> Self {
        let code = match error.kind() {
            Error::MissingKey => 4401,
            Error::WrongKey | Error::Refused(_) | Error::Asked { .. } => 4403,
            Error::NotFound(_) => 4404,
            Error::Paused(_) | Error::Stopped => 4423,
            Error::TooMany { .. } => 4429,
            Error::Unavailable { .. } => 4503,
            Error::Internal(_) => 1011,
            _ => 4400,
        };
        Self { code, error: Some(error.to_string()) }
    }
}

/// Lets the visitor in and shows it the process, to the end of either.
async fn receive(shared: &Shared, visitor: PendingClient, socket: &mut WebSocket) -> CloseReason {
    let PendingClient { id, authentication, cursor } = visitor;
    let (caller, hello) = match introduce(shared, authentication, socket).await {
        Ok(introduced) => introduced,
        Err(error) => {
            shared.bridge.record_refusal(Some(ACTION), &error);
            return error.into();
        }
    };
    let context = Context::new(caller);
    context.record_as(json!({"id": id}));
    let work = async {
        let processes: &Processes = shared.bridge.services().as_ref();
        let (process, _place) = (processes.get(&context.caller, &id)?, processes.seat()?);
        may_type(&context, &process)?;
        let cursor = process.cursor(hello.cursor.or(cursor))?;
        if let (Some(columns), Some(rows)) = (hello.cols, hello.rows)
            && process.record.pty
            && process.state().ending.is_none()
        {
            session::resize(&process, columns, rows)?;
        }
        let mut session = Session::new(process.clone(), Watcher::new(process, cursor));
        let ended = session.run(socket, cursor).await;
        context.record_as(json!({"id": id, "bytes_typed": session.typed, "bytes_shown": session.shown}));
        ended
    };
    tokio::select! {
        done = shared.bridge.perform::<SendInput, _>(&context, ACTION, INSTEAD, work) => match done {
            Ok(()) => CloseReason { code: 1000, error: None },
            Err(error) => error.into(),
        },
        () = shared.bridge.permissions_change(&context) => {
            CloseReason { code: 4403, error: Some("What you may do was changed: come in again".into()) }
        }
        () = shared.bridge.keys.lapse_for(&context.caller) => {
            CloseReason { code: 4403, error: Some("The key was replaced or taken away: come in with a new one".into()) }
        }
    }
}

/// What to do where what is typed is judged.
const INSTEAD: &str =
    "What is typed into it has to be judged: use POST /terminal/input, and POST /terminal/poll to read what it writes";

/// Whether what is typed need not be judged line by line.
fn may_type(context: &Context, process: &Process) -> Result<()> {
    if process.record.is_approved && context.profile().is_some_and(|profile| profile.may_ask()) {
        return Err(Error::Refused(format!("The person was asked about this program. {INSTEAD}")));
    }
    Ok(())
}

/// Who it is: known already, or said in the first message.
async fn introduce(shared: &Shared, authentication: Authentication, socket: &mut WebSocket) -> Result<(Caller, Hello)> {
    if !authentication.is_undecided() {
        return Ok((authentication.caller(&shared.bridge.keys, None)?, Hello::default()));
    }
    let first = tokio::time::timeout(HELLO_TIME, socket.recv()).await;
    let Ok(Some(Ok(Message::Text(text)))) = first else { return Err(Error::MissingKey) };
    let hello: Hello = serde_json::from_str(&text).map_err(|_| Error::MissingKey)?;
    let caller = authentication.caller(&shared.bridge.keys, [hello.auth.clone()])?;
    Ok((caller, hello))
}
