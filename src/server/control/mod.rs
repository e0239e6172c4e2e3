//! The person's face: `/control/*`, for the command line, which comes by a socket in the bridge's folder.
//!
//! No key opens it, and over TCP nothing does. It is outside of CORS and in a document of its own, never among the tools.

#[cfg_attr(not(unix), path = "absent.rs")]
mod socket;

pub(crate) use socket::{ControlSocket, connect};

use super::{auth::Proven, guard, openapi, rest::Rest, shared::Shared, status};
use crate::{catalog, error::Error};
use axum::{
    Router,
    extract::{Request, State},
    http::header::CONTENT_TYPE,
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// The name of what was refused here, in the history.
const ACTION: &str = "control";

/// All routes of the person.
pub(super) fn routes(state: &Arc<Shared>) -> Router<Arc<Shared>> {
    let mut rest = Rest::of(&openapi::PERSON);
    catalog::control().iter().for_each(|entry| rest.capability(entry));
    let (routes, _, document) = rest.finish();
    let document = Bytes::from(document.to_string());
    routes
        .route_layer(middleware::from_fn_with_state(state.clone(), only_the_person))
        .route("/control/openapi.json", get(|| async move { ([(CONTENT_TYPE, "application/json")], document) }))
        .layer(CatchPanicLayer::custom(status::panicked))
        .layer(middleware::from_fn_with_state(state.clone(), guard::check_browser))
        .layer(middleware::map_response(async |response: Response| guard::harden(response)))
}

/// Lets in who was proven to be the person on the way here.
async fn only_the_person(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    if request.extensions().get::<Proven>().is_some() {
        return next.run(request).await;
    }
    let error = not_the_person();
    shared.bridge.record_refusal(Some(ACTION), &error);
    error.into_response()
}

fn not_the_person() -> Error {
    let said = "Only the person who owns this bridge may do this, and no key opens it";
    Error::Refused(said.to_owned())
        .with_hint(|| Some("Use mcp-server on the command line, in the bridge's folder".to_owned()))
}
