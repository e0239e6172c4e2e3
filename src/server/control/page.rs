//! The person's page: what waits for an answer, what runs, and the switches. It is opened by a one-time link of
//! `mcp-server open`, and shows nothing without.

use crate::server::shared::Shared;
use axum::{
    Router,
    http::{
        HeaderName,
        header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
    routing::get,
};
use std::sync::Arc;

/// What the page may do: load its own two files, and talk to the bridge. Texts become no markup, whatever is in them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// No page of another origin keeps a hold on this one.
const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

pub(super) fn routes() -> Router<Arc<Shared>> {
    let file = |content_type: &'static str, text: &'static str| get(move || async move { shown(content_type, text) });
    Router::new()
        .route("/control", file("text/html; charset=utf-8", include_str!("page/index.html")))
        .route("/control/page.css", file("text/css; charset=utf-8", include_str!("page/page.css")))
        .route("/control/page.js", file("text/javascript; charset=utf-8", include_str!("page/page.js")))
}

fn shown(content_type: &'static str, text: &'static str) -> Response {
    let headers = [
        (CONTENT_TYPE, content_type),
        (CONTENT_SECURITY_POLICY, POLICY),
        (OPENER, "same-origin"),
        // Another version of the bridge has another page.
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}
