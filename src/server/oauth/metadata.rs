//! What clients look up first, under every address that one of them tries: who authorizes for a resource (RFC 9728), and what
//! the authorization server can do (RFC 8414, OpenID Connect Discovery 1.0).

use super::{AUTHORIZE, REGISTER, REVOKE, TOKEN};
use crate::{oauth::OAuth, server::shared::Shared};
use axum::{
    Json, Router,
    extract::Path,
    http::{HeaderValue, Uri},
    routing::get,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// The path of the metadata of a resource, before that of the resource.
const RESOURCE: &str = "/.well-known/oauth-protected-resource";

/// Those of the authorization server, before or behind the path of a resource.
const SERVER: [&str; 2] = ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];

/// The keys by which somebody could check what the server signs: it signs nothing.
const KEYS: &str = "/.well-known/jwks.json";

/// Where the tools are, unless somebody says otherwise.
const TOOLS: &str = "/mcp";

pub(super) fn routes(oauth: &Arc<OAuth>) -> Router<Arc<Shared>> {
    let issuer = oauth.issuer().to_string();
    let server = server(&issuer);
    let server = get(move || async move { Json(server) });
    let whole = issuer.clone();
    let below = get(move |Path(path): Path<String>| async move { Json(resource(&issuer, &format!("/{path}"))) });
    let mut routes = Router::new()
        .route(RESOURCE, get(|| async move { Json(resource(&whole, TOOLS)) }))
        .route(&format!("{RESOURCE}/{{*path}}"), below)
        .route(KEYS, get(|| async { Json(json!({"keys": []})) }));
    for path in SERVER {
        routes = routes
            .route(path, server.clone())
            .route(&format!("{path}/{{*path}}"), server.clone())
            .route(&format!("{TOOLS}{path}"), server.clone());
    }
    routes
}

/// What a request without a key is told (RFC 6750, section 3; RFC 9728, section 5.1): where the resource that it asked for says
/// who lets clients in.
pub(in crate::server) fn challenge(oauth: Option<&OAuth>, uri: &Uri, of_key: &str) -> HeaderValue {
    let told = oauth.map(|oauth| {
        let path = uri.path().trim_end_matches('/');
        let divider = if of_key == "Bearer" { " " } else { ", " };
        format!("{of_key}{divider}resource_metadata=\"{}{RESOURCE}{path}\"", oauth.issuer())
    });
    let told = told.and_then(|told| HeaderValue::try_from(told).ok());
    told.unwrap_or_else(|| HeaderValue::try_from(of_key).expect("it is ours"))
}

fn resource(issuer: &str, path: &str) -> Value {
    json!({
        "resource": format!("{issuer}{path}"),
        "authorization_servers": [issuer],
        "bearer_methods_supported": ["header"],
        "resource_name": "Skynet Local Bridge",
    })
}

fn server(issuer: &str) -> Value {
    let at = |path: &str| format!("{issuer}{path}");
    json!({
        "issuer": issuer,
        "authorization_endpoint": at(AUTHORIZE),
        "token_endpoint": at(TOKEN),
        "registration_endpoint": at(REGISTER),
        "revocation_endpoint": at(REVOKE),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": true,
        "client_id_metadata_document_supported": true,
        // Discovery of OpenID Connect has these; no identity token is ever made.
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "jwks_uri": at(KEYS),
    })
}
