//! The person's face: `/control/*`, for the command line, which comes by a socket in the bridge's folder, and for browsers
//! that it let in.
//!
//! No key opens it. It is outside of CORS and in a document of its own, never among the tools.

#[cfg(all(unix, feature = "notifications"))]
mod notifier;
mod page;
#[cfg_attr(not(unix), path = "absent.rs")]
mod socket;

pub(crate) use socket::{ControlSocket, connect};

use super::{auth::Proven, browser_checks, openapi, rest::Rest, shared::Shared, status};
use crate::{
    bridge::Bridge,
    caller::Caller,
    catalog,
    control::{CODE_HEADER, PASSPHRASE_HEADER, SESSION_HEADER, passphrase_from_header},
    error::Error,
};
use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, Method, header::CONTENT_TYPE},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// The name of what was refused here, in the history.
const ACTION: &str = "control";

/// Where a page gets its session.
const SESSION_ROUTE: &str = "/control/session";

/// Where a link is made.
const LINK_ROUTE: &str = "/control/open";

/// Where a page ends its session.
const END_ROUTE: &str = "/control/sessions/end";

/// All routes of the person.
pub(super) fn routes(state: &Arc<Shared>) -> Router<Arc<Shared>> {
    let mut rest = Rest::of(&openapi::PERSON);
    catalog::control().iter().for_each(|entry| rest.capability(entry));
    let (routes, _, document) = rest.finish();
    let document = Bytes::from(document.to_string());
    routes
        .route_layer(middleware::from_fn_with_state(state.clone(), only_the_person))
        .merge(page::routes())
        .route("/control/openapi.json", get(|| async move { ([(CONTENT_TYPE, "application/json")], document) }))
        .layer(CatchPanicLayer::custom(status::panicked))
        .layer(middleware::from_fn_with_state(state.clone(), browser_checks::check_browser))
        .layer(middleware::map_response(async |response: Response| browser_checks::harden(response)))
}

/// Lets in who was proven to be the person on the way here, and browsers that the person let in.
async fn only_the_person(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    if request.extensions().get::<Proven>().is_some() {
        return next.run(request).await;
    }
    if is_let_in(&shared.bridge, &request) {
        let token =
            shown(request.headers(), SESSION_HEADER).filter(|_| request.uri().path() != END_ROUTE).map(str::to_owned);
        let passphrase = request.headers_mut().remove(PASSPHRASE_HEADER);
        let passphrase = passphrase.map(|passphrase| passphrase_from_header(passphrase.as_bytes()));
        request.extensions_mut().insert(Proven { person: Caller::person(), passphrase });
        let answer = next.run(request).await;
        // A session that ended meanwhile is told nothing any more.
        if token.is_none_or(|token| shared.bridge.services().control.browsers.know(&token)) {
            return answer;
        }
    }
    let error = not_the_person();
    shared.bridge.record_refusal(Some(ACTION), &error);
    error.into_response()
}

/// Whether a request comes from a page of ours with a session, or with the code that begins one.
fn is_let_in(bridge: &Bridge, request: &Request) -> bool {
    let (path, headers) = (request.uri().path(), request.headers());
    let browsers = &bridge.services().control.browsers;
    browser_checks::is_own_origin(headers)
        && match (shown(headers, SESSION_HEADER), shown(headers, CODE_HEADER)) {
            // A session makes no other one: each begins with the command line.
            (Some(token), _) => ![SESSION_ROUTE, LINK_ROUTE].contains(&path) && browsers.know(token),
            // One that is used wrongly is not used up.
            (None, Some(code)) => path == SESSION_ROUTE && request.method() == Method::POST && browsers.take_code(code),
            (None, None) => false,
        }
}

fn shown<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn not_the_person() -> Error {
    let said = "Only the person who owns this bridge may do this, and no key opens it";
    Error::Refused(said.to_owned()).with_hint(|| {
        let how = "Use mcp-server on the command line, in the bridge's folder; `mcp-server open` lets a browser in";
        Some(how.to_owned())
    })
}
