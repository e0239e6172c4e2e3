//! The face of the authorization server: what clients of the web ask for, and the page on which the person answers. It is
//! there only with `MCP_PUBLIC_URL`: otherwise each of these addresses is unknown, so that clients use the key.

mod metadata;
mod page;
mod words;

pub(super) use metadata::challenge;

use super::shared::Shared;
use crate::{
    blocking::blocking,
    oauth::{OAuth, Problem, Reason, Registration, TokenRequest},
};
use axum::{
    Form, Json, Router,
    extract::{FromRequest, Request},
    http::{
        StatusCode,
        header::{CACHE_CONTROL, WWW_AUTHENTICATE},
    },
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use std::sync::Arc;

/// The longest request that these routes take, in bytes.
const LONGEST: usize = 64 * 1024;

/// Where clients register, ask, get tokens and give them back.
const REGISTER: &str = "/oauth/register";
const AUTHORIZE: &str = "/oauth/authorize";
const TOKEN: &str = "/oauth/token";
const REVOKE: &str = "/oauth/revoke";

/// All routes of the authorization server; none without one.
pub(super) fn routes(oauth: Option<Arc<OAuth>>) -> Router<Arc<Shared>> {
    let Some(oauth) = oauth else { return Router::new() };
    Router::new()
        .merge(metadata::routes(&oauth))
        .route(REGISTER, post(register))
        .route(AUTHORIZE, get(page::ask).post(page::answer))
        .route("/oauth/page.css", get(page::style))
        .route(TOKEN, post(token))
        .route(REVOKE, post(revoke))
        .layer(axum::extract::DefaultBodyLimit::max(LONGEST))
        .layer(axum::Extension(oauth))
}

/// The server that a request is for.
type Server = axum::Extension<Arc<OAuth>>;

async fn register(server: Server, request: Request) -> Result<Response, Problem> {
    let axum::Extension(oauth) = server;
    let body = Json::<Registration>::from_request(request, &()).await;
    let Json(registration) =
        body.map_err(|why| Problem::new(Reason::InvalidClientMetadata, format!("The registration: {why}")))?;
    let client = in_background(move || oauth.register(&registration)).await?;
    let mut answer = serde_json::to_value(&client).expect("a client is plain data");
    for (name, value) in [
        ("grant_types", json!(["authorization_code", "refresh_token"])),
        ("response_types", json!(["code"])),
        ("token_endpoint_auth_method", json!("none")),
    ] {
        answer[name] = value;
    }
    Ok((StatusCode::CREATED, [(CACHE_CONTROL, "no-store")], Json(answer)).into_response())
}

async fn token(server: Server, request: Request) -> Result<Response, Problem> {
    let axum::Extension(oauth) = server;
    let asked: TokenRequest = form(request).await?;
    let tokens = in_background(move || oauth.tokens(&asked)).await?;
    Ok(([(CACHE_CONTROL, "no-store")], Json(tokens)).into_response())
}

#[derive(Deserialize)]
struct Revocation {
    token: String,
}

async fn revoke(server: Server, request: Request) -> Result<StatusCode, Problem> {
    let axum::Extension(oauth) = server;
    let Revocation { token } = form(request).await?;
    in_background(move || oauth.revoke(&token)).await.map(|()| StatusCode::OK)
}

async fn form<T: DeserializeOwned>(request: Request) -> Result<T, Problem> {
    let form = Form::<T>::from_request(request, &()).await;
    form.map(|Form(fields)| fields).map_err(|why| Problem::new(Reason::InvalidRequest, why.to_string()))
}

async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<T, Problem> {
    blocking(work).await.unwrap_or_else(|error| Err(Problem::new(Reason::ServerError, error.to_string())))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = match self.reason {
            Reason::InvalidClient => StatusCode::UNAUTHORIZED,
            Reason::TemporarilyUnavailable => StatusCode::TOO_MANY_REQUESTS,
            Reason::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        let mut response = (status, [(CACHE_CONTROL, "no-store")], Json(&self)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            // RFC 6749, section 5.2: by what scheme it could be known.
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, axum::http::HeaderValue::from_static("Basic realm=\"oauth\""));
        }
        response
    }
}
