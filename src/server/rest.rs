//! The REST face: `POST /module/action` for every capability.

use super::{
    auth::{self, Authentication},
    connections::{Working, stopping},
    events,
    limits::{self, Received, Sender},
    metering,
    openapi::{Document, Face},
    shared::Shared,
    status,
};
use crate::{
    arguments::Arguments,
    caller::{Caller, MemoryPermit},
    capability::Context,
    catalog::{Entry, Type},
    error::{Error, Result},
    problem::Problem,
};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, header::CONTENT_TYPE, request::Parts},
    response::{IntoResponse, Response},
    routing::{MethodRouter, post},
};
use bytes::Bytes;
use schemars::JsonSchema;
use std::sync::Arc;
use utoipa::openapi::Paths;

/// Collects a route and its documentation for each capability.
#[derive(Default)]
pub(crate) struct Rest {
    router: Router<Arc<Shared>>,
    paths: Vec<String>,
    document: Document,
}

impl Rest {
    /// Of a face that a document tells of.
    pub(crate) fn of(face: &'static Face) -> Self {
        Self { document: Document::of(face), ..Self::default() }
    }

    /// Adds a capability.
    pub(crate) fn capability(&mut self, entry: &Arc<Entry>) {
        let operation = self.document.capability(entry);
        let served = entry.clone();
        let handler = move |State(shared): State<Arc<Shared>>, request: Request| serve(shared, served.clone(), request);
        self.route(&entry.route, operation, post(handler));
    }

    /// Adds something that anyone may ask.
    pub(crate) fn open<T: JsonSchema>(&mut self, path: &str, summary: &str, handler: MethodRouter<Arc<Shared>>) {
        let operation = self.document.open(path, summary, Type::of::<T>());
        self.route(path, operation, handler);
    }

    /// Adds the socket of a process.
    pub(crate) fn socket(&mut self, path: &str, handler: MethodRouter<Arc<Shared>>) {
        let operation = self.document.socket(path);
        self.route(path, operation, handler);
    }

    /// Adds a capability that answers with a stream of this media type.
    pub(crate) fn stream(&mut self, entry: &Entry, media: &str, handler: MethodRouter<Arc<Shared>>) {
        let operation = self.document.stream(entry, media);
        self.route(&entry.route, operation, handler);
    }

    /// Adds a capability that takes a form with a file.
    pub(crate) fn upload(&mut self, entry: &Entry, handler: MethodRouter<Arc<Shared>>) {
        let operation = self.document.upload(entry);
        self.route(&entry.route, operation, handler);
    }

    /// The routes, their paths in order, and the OpenAPI document.
    pub(crate) fn finish(self) -> (Router<Arc<Shared>>, Vec<String>, serde_json::Value) {
        (self.router, self.paths, self.document.finish())
    }

    fn route(&mut self, path: &str, operation: Paths, handler: MethodRouter<Arc<Shared>>) {
        self.router = std::mem::take(&mut self.router).route(path, handler);
        self.document.add(operation);
        self.paths.push(path.to_owned());
    }
}

async fn serve(shared: Arc<Shared>, entry: Arc<Entry>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let (caller, arguments, held) = match authenticate(&shared, &parts, body, entry.from_query).await {
        Ok(authenticated) => authenticated,
        Err(error) => {
            shared.bridge.record_refusal(entry.action, &error);
            return with_example(error, &entry).into_response();
        }
    };
    let _working = Working::of(&parts.extensions);
    let context = Context::new(caller.clone()).with_passphrase(auth::passphrase(&parts.extensions));
    context.holding.join(held);
    if entry.streams_output && events::wanted(&parts.headers) {
        let events = events::serve(shared, entry, context, arguments, stopping(&parts.extensions)).await;
        return metering::answered(&caller, events);
    }
    let response = match shared.bridge.call(&entry, &context, arguments).await {
        Ok(reply) => limits::answer(reply, context.ignored(), &context.holding).await,
        Err(error) => status::failed(with_example(error, &entry), context.ignored()),
    };
    metering::answered(&caller, response)
}

/// A body that cannot be read at all is answered with one that can.
fn with_example(error: Error, entry: &Entry) -> Error {
    let is_about_body = matches!(error.kind(), Error::Invalid(problems) if problems.iter().any(Problem::is_about_body));
    error.with_hint(|| {
        let hint = format!("Send POST with JSON: -H 'Content-Type: application/json' -d '{}'", entry.example);
        is_about_body.then_some(hint)
    })
}

/// Key, media type, body: in this order, so that who has no key learns nothing of the rest. A body is read before the
/// key is known only where it may hold the key.
pub(super) async fn authenticate(
    shared: &Shared,
    parts: &Parts,
    body: Body,
    from_query: bool,
) -> Result<(Caller, Arguments, MemoryPermit)> {
    let bridge = &shared.bridge;
    let authentication = Authentication::of(parts, &bridge.keys)?;
    let max = bridge.settings.max_request_mib.saturating_mul(1024 * 1024);
    let readable = is_json(&parts.headers);
    let received = if readable || from_query {
        let name = authentication.known().map(Caller::name);
        limits::read(&parts.headers, body, &Sender { limits: &bridge.limits, name, max }).await?
    } else {
        limits::discard(body, max).await;
        Received::default()
    };
    let size = received.bytes.len();
    let (mut sent, problem) = match parse(readable, received.bytes, from_query).await {
        Ok(sent) => (sent, None),
        Err(error) => (Arguments::default(), Some(error)),
    };
    let caller = authentication.caller(&bridge.keys, body_key(&mut sent))?;
    metering::received(&caller, size);
    caller.saw(auth::client(&parts.headers));
    if let Some(problem) = problem {
        return Err(problem);
    }
    let arguments = match from_query {
        true => sent.or_query(auth::query(&parts.uri).filter(|(name, _)| name != "auth")),
        false => sent,
    };
    Ok((caller, arguments, received.held))
}

/// A key that is no text is a wrong one; null is none.
fn body_key(sent: &mut Arguments) -> Option<String> {
    let json = sent.take("auth").filter(|json| json != "null")?;
    Some(serde_json::from_str(&json).unwrap_or_default())
}

async fn parse(readable: bool, body: Bytes, may_be_empty: bool) -> Result<Arguments> {
    if may_be_empty && body.trim_ascii().is_empty() {
        return Ok(Arguments::default());
    }
    if !readable {
        return Err(Problem::wrong_media_type().into());
    }
    Arguments::from_body(body).await
}

/// JSON by its name, or no name at all.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else { return true };
    let Ok(value) = value.to_str() else { return false };
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
}
