//! What protects the bridge from web pages: the Host it is called by, and the origins that may read its answers.

use super::shared::Shared;
use crate::{
    error::{Error, Result},
    settings::{AllowedHost, Origin, Settings, is_loopback},
};
use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderName, HeaderValue, Method, Uri,
        header::{CONTENT_SECURITY_POLICY, HOST, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{sync::Arc, time::Duration};
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer};

/// How long a browser may keep the answer to a preflight.
const PREFLIGHT_AGE: Duration = Duration::from_secs(600);

/// For what is no page of ours: should a browser show it as one, it loads and runs nothing.
const NO_PAGE: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Any origin by default, never with credentials: the key is what opens, and no browser adds it by itself.
pub(crate) fn cors(origins: &[Origin]) -> CorsLayer {
    let origin = if origins.iter().any(|origin| &**origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()))
    };
    let methods =
        [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS, Method::HEAD];
    CorsLayer::new()
        .allow_origin(origin)
        .allow_methods(methods)
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(
            ["mcp-session-id", "retry-after", "deprecation", "www-authenticate"].map(HeaderName::from_static),
        )
        .max_age(PREFLIGHT_AGE)
        // Browsers ask this before a public page may call an address of the user's own network.
        .allow_private_network(true)
}

/// Host, then Origin, before anything else is looked at.
pub(crate) async fn check_browser(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let settings = &shared.bridge.settings;
    let checked = check_host(settings, &request).and_then(|()| check_narrowed_origin(settings, request.headers()));
    match checked {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    }
}

/// Refuses a name that this machine is not called by: a page whose own name was made to point here (DNS rebinding)
/// would otherwise be of the same origin as the bridge.
fn check_host(settings: &Settings, request: &Request) -> Result<()> {
    if !is_loopback(&settings.host) && settings.allowed_hosts.is_empty() {
        return Ok(());
    }
    match requested_host(request.headers(), request.uri()) {
        Some(host) if is_allowed(&host, &settings.allowed_hosts) => Ok(()),
        Some(host) if settings.public_url.host().is_some_and(|own| own.eq_ignore_ascii_case(&host)) => Ok(()),
        Some(host) => Err(Error::Refused(format!(
            "Host {host:?} is not a name of this bridge: add it to MCP_ALLOWED_HOSTS if it is meant to be one"
        ))),
        None => Err(Error::Unusable("A request needs exactly one valid Host header".into())),
    }
}

/// Once the settings name the origins, pages of others are refused here too: CORS only keeps answers from them. The
/// bridge's own pages are of the origin that the request went to.
fn check_narrowed_origin(settings: &Settings, headers: &HeaderMap) -> Result<()> {
    let named = &settings.cors_origins;
    let is_own = headers.contains_key(ORIGIN) && is_own_origin(headers);
    if is_own || named.iter().any(|name| &**name == "*") { Ok(()) } else { check_origin(headers, named) }
}

/// Whether a request comes from no page, or from one of the origin that it goes to.
pub(crate) fn is_own_origin(headers: &HeaderMap) -> bool {
    let mut sent = headers.get_all(ORIGIN).iter();
    let (origin, more) = (sent.next(), sent.next());
    let Some(origin) = origin else { return true };
    let own = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let authority = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    more.is_none() && authority.is_some_and(|(_, authority)| authority.eq_ignore_ascii_case(own))
}

/// What browsers are told about every answer: to guess no type, to show it in no frame of another page (where a click
/// could be stolen), and to tell no one where it came from.
pub(crate) fn harden(mut response: Response) -> Response {
    let told = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (CONTENT_SECURITY_POLICY, NO_PAGE),
        (REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in told {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The name in the request, lower case and without port; `None` when there is none or more than one.
fn requested_host(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let mut sent = headers.get_all(HOST).iter();
    let header = match (sent.next(), sent.next()) {
        (Some(one), None) => one.to_str().ok()?,
        _ => return None,
    };
    let authority = uri.authority().map_or(header, |authority| authority.as_str());
    let parsed: axum::http::uri::Authority = authority.parse().ok()?;
    let host = parsed.host().trim_end_matches('.').to_ascii_lowercase();
    (!host.is_empty() && !authority.contains('@')).then_some(host)
}

fn is_allowed(host: &str, allowed: &[AllowedHost]) -> bool {
    is_loopback(host) || allowed.iter().any(|name| &**name == "*" || name.eq_ignore_ascii_case(host))
}

/// Refuses a page of another origin: for `/mcp`, where the specification asks for it, and for WebSockets, which
/// browsers open without a preflight. Pages of this machine and the
/// origins that the settings name may call; `*` is any for REST and means none here.
///
/// # Errors
/// [`Error::Refused`] for a foreign origin, an opaque one or more than one.
pub(crate) fn check_origin(headers: &HeaderMap, named: &[Origin]) -> Result<()> {
    let mut sent = headers.get_all(ORIGIN).iter();
    let (origin, more) = (sent.next(), sent.next());
    let Some(origin) = origin else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default().trim_end_matches('/');
    let is_named = named.iter().any(|name| name.eq_ignore_ascii_case(origin));
    let is_local = origin.parse::<Uri>().ok().and_then(|uri| uri.host().map(is_loopback)).unwrap_or(false);
    if more.is_none() && (is_named || is_local) {
        return Ok(());
    }
    Err(Error::Refused(format!(
        "The origin {origin:?} may not use this from a browser: name it in MCP_CORS_ORIGINS if it is meant to"
    )))
}
