//! The rim: HTTP in, the bridge behind it. The only place that knows a protocol.

pub mod address;
mod auth;
mod browser_checks;
mod connections;
pub(crate) mod control;
mod docs;
mod events;
mod limits;
#[cfg(unix)]
mod local_socket;
pub mod mcp;
mod metering;
mod oauth;
mod openapi;
mod port;
mod process;
mod request_log;
mod rest;
mod schema;
mod shared;
mod status;
pub mod stdio;
mod streams;
pub mod terminal;
mod traffic;
mod welcome;
mod wrong_way;

pub use connections::serve;
pub use port::{Bound, bind, listen};
pub use process::{LogGuard, StopSignals, give_memory_back, log_to_stderr, raise_open_files, stop_signals};

use crate::{bridge::Bridge, catalog};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{Method, Uri},
    middleware,
    response::Response,
    routing::get,
};
use rest::Rest;
use rmcp::ServerHandler;
use shared::Shared;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// The whole HTTP service over a bridge.
pub fn router(bridge: Arc<Bridge>) -> Router {
    let handler = mcp::Mcp::new(bridge.clone(), catalog::everything());
    router_with(bridge, handler)
}

/// The same with another handler at `/mcp`.
pub fn router_with(bridge: Arc<Bridge>, handler: impl ServerHandler + Clone) -> Router {
    let state = Shared::new(bridge.clone());
    let mut rest = Rest::default();
    rest.open::<welcome::Index>("/", "What the bridge is and where its capabilities are", get(welcome::index));
    rest.open::<welcome::Health>("/health", "Whether the bridge is well", get(welcome::health));
    catalog::everything().iter().for_each(|entry| rest.capability(entry));
    rest.socket("/terminal/{id}/ws", get(terminal::open));
    streams::add(&mut rest);
    let (routes, paths, document) = rest.finish();
    let known: Arc<[String]> = paths.into();
    Router::new()
        .merge(docs::routes(&document))
        .merge(routes)
        .merge(mcp::routes(mcp::Endpoint::new(&bridge, handler)))
        .merge(oauth::routes(bridge.keys.oauth().cloned()))
        .fallback({
            let known = known.clone();
            move |uri: Uri| async move { wrong_way::path(&known, &uri) }
        })
        .method_not_allowed_fallback(|method: Method, uri: Uri| async move { wrong_way::method(&method, &uri) })
        .layer(DefaultBodyLimit::disable())
        .layer(axum::Extension(welcome::Endpoints(known)))
        .layer(CatchPanicLayer::custom(status::panicked))
        .layer(middleware::from_fn_with_state(state.clone(), browser_checks::check_browser))
        .layer(middleware::map_response(async |response: Response| browser_checks::harden(response)))
        .layer(browser_checks::cors(&bridge.settings.cors_origins))
        // The person's routes are for no page of another origin, whatever the settings say of those.
        .merge(control::routes(&state))
        .layer(middleware::from_fn_with_state(state.clone(), request_log::log_request))
        .with_state(state)
}
