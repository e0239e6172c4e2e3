//! `/mcp`: who may come in, and what the SDK's service gets to see.

use super::{
    call::SentArguments,
    message::{Found, Parted},
    patience::{Form, KEEP_ALIVE, in_time},
    sessions::Sessions,
    unreadable::Unreadable,
};
use crate::{
    arguments::places_of,
    blocking::blocking,
    bridge::Bridge,
    caller::{Caller, Keys, LOOK_AGAIN, MemoryPermit},
    error::{Error, Result},
    server::{
        auth::{self, Authentication},
        browser_checks,
        connections::{Working, stopping},
        limits::{self, Received, Sender},
        metering, oauth,
        shared::Shared,
        status,
    },
    tool_list::{self, ToolList},
};
use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    http::{
        Extensions, HeaderMap, Method, StatusCode, Uri,
        header::{CONTENT_TYPE, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
    routing::any,
};
use bytes::Bytes;
use futures::StreamExt;
use http_body_util::Full;
use rmcp::{
    ErrorData, ServerHandler,
    model::{ErrorCode, JsonRpcError},
    transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService},
};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Where a request may carry its key beside `Authorization`: only here, and as clients of this protocol do.
const API_KEY_HEADER: &str = "x-api-key";

/// Where MCP is spoken.
pub(crate) const PATH: &str = "/mcp";

/// The header that names a session.
const SESSION: &str = "mcp-session-id";

/// The SDK's service for a handler, with our sessions.
pub struct Endpoint<H> {
    service: StreamableHttpService<H, Sessions>,
    sessions: Arc<Sessions>,
    /// Ends the sessions with the last route that could reach them.
    _until_dropped: DropGuard,
}

impl<H: ServerHandler + Clone> Endpoint<H> {
    /// Serves `handler`, one for all sessions.
    pub fn new(bridge: &Bridge, handler: H) -> Self {
        let settings = &bridge.settings;
        let stop = CancellationToken::new();
        // Host and Origin are checked before the key, by the bridge's own rules; the body is read by then too.
        let mut config = StreamableHttpServerConfig::default()
            .disable_allowed_hosts()
            .disable_allowed_origins()
            .with_max_request_body_bytes(usize::MAX)
            .with_sse_keep_alive(Some(KEEP_ALIVE))
            // Sessions begin their streams as their revision has it.
            .with_sse_retry(None)
            .with_json_response(true)
            .with_cancellation_token(stop.clone());
        let idle = Duration::from_secs(settings.mcp_session_idle_hours.saturating_mul(3600));
        let sessions = Arc::new(Sessions::new(settings.mcp_max_sessions, idle));
        config.session_store = Some(Arc::new(sessions.mark.clone()));
        tokio::spawn(follow_the_keys(bridge.keys.clone(), sessions.clone(), stop.clone()));
        let service = StreamableHttpService::new(move || Ok(handler.clone()), sessions.clone(), config);
        Self { service, sessions, _until_dropped: stop.drop_guard() }
    }
}

/// Ends what a key opened soon after it opens nothing any more, also when no request comes.
async fn follow_the_keys(keys: Arc<Keys>, sessions: Arc<Sessions>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {
                keys.refresh();
                sessions.end_lapsed().await;
            }
            () = stop.cancelled() => return,
        }
    }
}

/// `/mcp` and `/mcp/`, and the same for each list of tools that has a name.
pub fn routes<H: ServerHandler + Clone>(endpoint: Endpoint<H>) -> Router<Arc<Shared>> {
    let endpoint = Arc::new(endpoint);
    let serve = any(move |State(shared): State<Arc<Shared>>, request: Request| async move {
        let uri = request.uri().clone();
        answer(&shared, &endpoint, request).await.unwrap_or_else(|error| refusal(error, &shared, &uri))
    });
    let lists = tool_list::NAMED.iter().map(|name| format!("{PATH}/{name}"));
    let addresses = lists.chain([PATH.to_owned()]).flat_map(|path| [format!("{path}/"), path]);
    addresses.fold(Router::new(), |router, path| router.route(&path, serve.clone()))
}

/// The list of tools that an address names, for its request to carry: in its query, for clients of which only the address can
/// be changed, or in its path.
///
/// # Errors
/// [`Error::Unusable`] for one that there is not, and for an address that names two: one of them may promise to only read.
fn named_list(uri: &Uri) -> Result<Extensions> {
    let path = uri.path().trim_start_matches(PATH).trim_matches('/');
    let mut asked = Vec::new();
    for (name, value) in auth::query(uri).filter(|(name, value)| name.starts_with("tool") && !value.is_empty()) {
        if name != "tools" {
            return Err(Error::Unusable(format!("The address has `{name}`: write `tools`")));
        }
        asked.push(value);
    }
    let named = match (path, &asked[..]) {
        (path, []) => path.to_owned(),
        ("", asked) => asked.join(","),
        (path, _) => {
            let text = format!("The address names the list {path} in its path and another one in `tools`: keep one");
            return Err(Error::Unusable(text));
        }
    };
    let mut extensions = Extensions::new();
    if !named.is_empty() {
        let list = ToolList::parse(&named).map_err(|why| Error::Unusable(format!("tools: {why}")))?;
        extensions.insert(Arc::new(list));
    }
    Ok(extensions)
}

/// Origin, key, media type, body: in this order, so that who has no key learns nothing of the rest. Host came before.
async fn answer<H: ServerHandler + Clone>(
    shared: &Shared,
    endpoint: &Endpoint<H>,
    request: Request,
) -> Result<Response> {
    let (mut parts, body) = request.into_parts();
    browser_checks::check_origin(&parts.headers, &shared.bridge.settings.cors_origins)?;
    let keys = &shared.bridge.keys;
    let presented = presented_keys(&parts.headers);
    let caller = Authentication::presenting(presented, auth::peer(&parts.extensions), keys)?.caller(keys, None)?;
    parts.extensions.extend(named_list(&parts.uri)?);
    let stop = stopping(&parts.extensions);
    let (posts, ends) = (parts.method == Method::POST, parts.method == Method::DELETE);
    if posts && !is_json(&parts.headers) {
        let text = "Send the message as application/json";
        return Ok(status::detail(StatusCode::UNSUPPORTED_MEDIA_TYPE, text, None));
    }
    let max = shared.bridge.settings.max_request_mib.saturating_mul(1024 * 1024);
    let sender = Sender { limits: &shared.bridge.limits, name: Some(caller.name()), max };
    let received = limits::read(&parts.headers, body, &sender).await?;
    metering::received(&caller, received.bytes.len());
    caller.saw(None);
    let (body, held) = match take_apart(received, &sender).await? {
        Taken::Whole(Received { bytes, held }) => (bytes, held),
        Taken::Call { rest: Received { bytes, held }, sent } => {
            parts.extensions.insert(Arc::new(sent));
            (bytes, held)
        }
        Taken::Answered(answer) => return Ok(answer),
    };
    let working = Working::of(&parts.extensions);
    let form = Form::settle(&mut parts.headers);
    let asked = session_of(&parts.headers);
    if asked.as_deref().is_some_and(|id| !endpoint.sessions.may_be_of(id, &caller)) {
        return Ok(unknown_session());
    }
    parts.extensions.insert(caller.clone());
    let request = axum::http::Request::from_parts(parts, Full::new(body.clone()));
    let service = endpoint.service.clone();
    let work = async move {
        let _until_answered = (held, working);
        service.handle(request).await.map(Body::new)
    };
    let response = metering::answered(&caller, in_time(work, form).await);
    match response.status() {
        StatusCode::UNSUPPORTED_MEDIA_TYPE => return Ok(unreadable(&body)),
        // A method that there is not is 404 too, in the protocol's own words.
        StatusCode::NOT_FOUND if !is_json(response.headers()) => return Ok(unknown_session()),
        _ => {}
    }
    endpoint.sessions.opened_by(session_of(response.headers()).or(asked).as_deref(), &caller);
    let keys = shared.bridge.keys.clone();
    Ok(match posts {
        // Clients take an end that is only accepted for one that failed.
        _ if ends && response.status() == StatusCode::ACCEPTED => StatusCode::NO_CONTENT.into_response(),
        false => response.map(|body| until(stop, keys, caller, body)),
        true => response,
    })
}

/// The most that a message may have beside a tool's arguments, in bytes: the SDK copies it several times.
const MAX_REST: usize = 1024 * 1024;

/// A body for the SDK.
enum Taken {
    /// As it came.
    Whole(Received),
    /// A tool's call, less its arguments.
    Call { rest: Received, sent: SentArguments },
    /// What needs no more than this answer.
    Answered(Response),
}

/// Takes a call's arguments out of its message: they are decoded from the bytes that came, as those of REST are.
async fn take_apart(received: Received, sender: &Sender<'_>) -> Result<Taken> {
    let Received { bytes, mut held } = received;
    let (found, bytes) = match bytes.len() > MAX_REST {
        true => {
            let look = blocking(move || (Found::of(&bytes), bytes));
            look.await?
        }
        false => (Found::of(&bytes), bytes),
    };
    let Some(found) = found.filter(|found| found.is_call) else {
        return whole(Received { bytes, held }, sender).await;
    };
    // Half a character is told with the message's id; in a long call, where it is decoded.
    if bytes.len() <= MAX_REST && serde_json::from_slice::<serde_json::Value>(&bytes).is_err() {
        return Ok(Taken::Answered(unreadable(&bytes)));
    }
    let in_text = found.in_text(&bytes);
    if in_text > MAX_REST as u64 {
        held.join(sender.limits.hold(sender.name, held.bytes(), in_text).await?);
    }
    let Parted { message, arguments } = match found.part(&bytes) {
        Ok(parted) => parted,
        Err(answer) => return Ok(Taken::Answered(([(CONTENT_TYPE, "application/json")], answer).into_response())),
    };
    let rest = whole(Received { bytes: message, held: MemoryPermit::default() }, sender).await?;
    Ok(match rest {
        Taken::Whole(rest) => Taken::Call { rest, sent: SentArguments::new(arguments, held) },
        other => other,
    })
}

/// What the SDK reads as it came, if that is not much.
async fn whole(mut received: Received, sender: &Sender<'_>) -> Result<Taken> {
    if received.bytes.len() <= MAX_REST {
        received.held.join(limits::hold_decoded(&received.bytes, received.held.bytes(), sender).await?);
        return Ok(Taken::Whole(received));
    }
    let checked = blocking(move || (is_an_object(&received.bytes), received));
    match checked.await? {
        (true, _) => Err(Error::TooLarge(
            "The message is larger than 1 MiB, and only the arguments of a tool may be: send less at once".into(),
        )),
        (false, received) => Ok(Taken::Answered(unreadable(&received.bytes))),
    }
}

fn is_an_object(json: &[u8]) -> bool {
    std::str::from_utf8(json).is_ok_and(|json| places_of(json, []).is_some())
}

/// The session that a request or an answer names.
fn session_of(headers: &HeaderMap) -> Option<String> {
    headers.get(SESSION).and_then(|id| id.to_str().ok()).map(str::to_owned)
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// The keys of the headers; never of the query, which lands in logs, nor of the body, which is the protocol's.
fn presented_keys(headers: &HeaderMap) -> Vec<String> {
    let mut keys = auth::header_keys(headers);
    let values = headers.get_all(API_KEY_HEADER).iter();
    keys.extend(values.filter_map(|value| value.to_str().ok()).filter(|key| !key.is_empty()).map(str::to_owned));
    keys
}

/// A stream that ends when the server stops, or the key that opened it opens nothing any more.
fn until(stop: CancellationToken, keys: Arc<Keys>, caller: Caller, body: Body) -> Body {
    let end = async move {
        tokio::select! {
            () = stop.cancelled() => {}
            () = keys.lapse_for(&caller) => {}
        }
    };
    Body::from_stream(body.into_data_stream().take_until(Box::pin(end)))
}

/// The refusals in REST's words, with the status and the challenge that the protocol has for a key that does not open
/// (RFC 6750, section 3), and where there is one, the authorization server that gives others.
fn refusal(error: Error, shared: &Shared, uri: &Uri) -> Response {
    let challenge = match error.kind() {
        Error::MissingKey => "Bearer",
        Error::WrongKey => "Bearer error=\"invalid_token\", error_description=\"Invalid API key\"",
        _ => return error.into_response(),
    };
    let mut response = error.into_response();
    *response.status_mut() = StatusCode::UNAUTHORIZED;
    let challenge = oauth::challenge(shared.bridge.keys.oauth().map(|oauth| &**oauth), uri, challenge);
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// A session that ended, or that there never was. Clients that start over by themselves know it by the status and by this
/// code, which servers of the official SDK send.
fn unknown_session() -> Response {
    const SESSION_NOT_FOUND: ErrorCode = ErrorCode(-32001);
    let text = "Session not found: it has ended. Initialize again, without Mcp-Session-Id";
    rpc_error(StatusCode::NOT_FOUND, ErrorData::new(SESSION_NOT_FOUND, text, None))
}

/// What is wrong with a body that the SDK cannot read. A request is answered as one; for the rest, the status says it.
fn unreadable(body: &Bytes) -> Response {
    let Unreadable { answer, is_for_request, .. } = Unreadable::of(body);
    let status = if is_for_request { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    (status, Json(answer)).into_response()
}

fn rpc_error(status: StatusCode, error: ErrorData) -> Response {
    let text = serde_json::to_string(&JsonRpcError::new(None, error)).expect("an error is plain data");
    (status, [(CONTENT_TYPE, "application/json")], text).into_response()
}
