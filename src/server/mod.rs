//! The rim: HTTP in, the bridge behind it. The only place that knows a protocol.

mod auth;
mod connections;
mod docs;
mod events;
mod guard;
mod limits;
pub mod mcp;
mod openapi;
mod process;
mod request_log;
mod rest;
mod schema;
mod status;
pub mod stdio;
mod streams;
pub mod terminal;
mod traffic;
mod welcome;

pub use connections::{bind, listen, serve};
pub use guard::is_loopback;
pub use process::{LogGuard, give_memory_back, log_to_stderr, raise_open_files, stop_signal};

use crate::bridge::{Bridge, Everything};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{Method, StatusCode, Uri},
    middleware,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use rest::{Rest, Shared};
use rmcp::ServerHandler;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// The whole HTTP service over a bridge.
pub fn router(bridge: Arc<Bridge>) -> Router {
    let handler = mcp::Mcp::new::<Everything>(bridge.clone());
    router_with(bridge, handler)
}

/// The same with another handler at `/mcp`.
pub fn router_with(bridge: Arc<Bridge>, handler: impl ServerHandler + Clone) -> Router {
    let state = Shared::new(bridge.clone());
    let mut rest = Rest::default();
    rest.open::<welcome::Index>("/", "What the bridge is and where its capabilities are", get(welcome::index));
    rest.open::<welcome::Health>("/health", "Whether the bridge is well", get(welcome::health));
    crate::bridge::catalog(&mut rest);
    rest.socket("/terminal/{id}/ws", get(terminal::open));
    streams::add(&mut rest);
    let (routes, paths, document) = rest.finish();
    let known: Arc<[String]> = paths.into();
    Router::new()
        .merge(docs::routes(&document))
        .merge(routes)
        .merge(mcp::routes(mcp::Endpoint::new(&bridge, handler)))
        .fallback({
            let known = known.clone();
            move |uri: Uri| async move { not_found(&known, &uri) }
        })
        .method_not_allowed_fallback(|method: Method, uri: Uri| async move { not_allowed(&method, &uri) })
        .layer(DefaultBodyLimit::disable())
        .layer(axum::Extension(welcome::Endpoints(known)))
        .layer(CatchPanicLayer::custom(status::panicked))
        .layer(middleware::from_fn_with_state(state.clone(), guard::check_browser))
        .layer(middleware::map_response(async |response: Response| guard::harden(response)))
        .layer(guard::cors(&bridge.settings.cors_origins))
        .layer(middleware::from_fn_with_state(state.clone(), request_log::log_request))
        .with_state(state)
}

/// A path with a slash too many leads to the one without; any other is not there.
fn not_found(known: &[String], uri: &Uri) -> Response {
    let path = uri.path().trim_end_matches('/');
    if uri.path().ends_with('/') && known.iter().any(|known| known == path) {
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        return Redirect::temporary(&format!("{path}{query}")).into_response();
    }
    status::detail(StatusCode::NOT_FOUND, "Not Found")
}

/// Clients that were given the address without its path say `initialize` here.
fn not_allowed(method: &Method, uri: &Uri) -> Response {
    let hint = (method == Method::POST && uri.path() == "/").then(|| {
        "MCP is spoken at /mcp: add it to the address in the client's configuration. Capabilities are at \
         /module/action: see /docs"
            .to_owned()
    });
    status::refused(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed", hint)
}
