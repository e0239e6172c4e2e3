//! The line that the terminal log shows of a request, and the warning that a key stands in an address.

use super::{auth, shared::Shared};
use crate::arguments::clean;
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use percent_encoding::percent_decode_str;
use std::{sync::Arc, time::Instant};

/// Says that something is deprecated, and since when (RFC 9745).
const DEPRECATION: HeaderName = HeaderName::from_static("deprecation");

/// Since when a key in the query string is: 2026-11-29, in seconds since 1970.
const SINCE: HeaderValue = HeaderValue::from_static("@1795910400");

/// How often a path may be percent-encoded over and still be seen through.
const MAX_LAYERS: usize = 4;

/// One line a request: method, path, status, time. Never the query or a header: a key may be in them.
pub(crate) async fn log_request(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.uri().path();
    // The path of a route holds nothing of the caller's.
    let is_route = request.extensions().get::<MatchedPath>().is_some_and(|route| route.as_str() == path);
    let path = if is_route { path.to_owned() } else { shown(path, &shared.bridge.keys.secrets()) };
    let has_query_key = auth::query_keys(request.uri()).next().is_some();
    let started = Instant::now();
    let mut response = next.run(request).await;
    let status = response.status().as_u16();
    let milliseconds = started.elapsed().as_secs_f64() * 1000.0;
    // The person's page and `watch` ask again and again.
    if path.starts_with("/control/") && response.status().is_success() {
        tracing::debug!("{method} {path} {status} {milliseconds:.1} ms");
    } else {
        tracing::info!("{method} {path} {status} {milliseconds:.1} ms");
    }
    if has_query_key {
        shared.last_warning.warn(&path);
        response.headers_mut().insert(DEPRECATION, SINCE);
    }
    response
}

/// A path without secrets, however they are percent-encoded.
fn shown(path: &str, secrets: &[String]) -> String {
    let mut text = path.to_owned();
    for _ in 0..MAX_LAYERS {
        let decoded = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        let cleaned = clean(&decoded, secrets);
        if cleaned != decoded {
            // What was decoded may break the line.
            return cleaned.escape_debug().to_string();
        }
        if decoded == text {
            break;
        }
        text = decoded;
    }
    path.to_owned()
}
