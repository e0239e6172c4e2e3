//! The pages that explain the bridge: Swagger UI, ReDoc and the document both read. All work without internet.

use super::{rest::Shared, status};
use aide::redoc::Redoc;
use axum::{
    Router,
    extract::Path,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;
use utoipa_swagger_ui::Config;

/// The one thing that ReDoc's script would load from elsewhere.
const REDOC_LOGO: &str = "https://cdn.redoc.ly/redoc/logo-mini.svg";

/// `/docs`, `/redoc` and `/openapi.json`.
pub fn routes(document: &Value) -> Router<Arc<Shared>> {
    let title = document["info"]["title"].as_str().unwrap_or_default().to_owned();
    let text = Bytes::from(document.to_string());
    let redoc: Bytes = Redoc::new("/openapi.json").with_title(&title).html().replace(REDOC_LOGO, "data:,").into();
    let config = Config::from("/openapi.json").try_it_out_enabled(true).persist_authorization(true);
    let config = Arc::new(config.display_request_duration(true));
    let page = config.clone();
    Router::new()
        .route("/docs", get(|| async move { swagger("index.html", &page) }))
        .route("/docs/", get(|| async { Redirect::temporary("/docs") }))
        .route("/docs/{*file}", get(|Path(file): Path<String>| async move { swagger(&file, &config) }))
        .route("/redoc", get(|| async move { Html(redoc) }))
        .route("/openapi.json", get(|| async move { ([(CONTENT_TYPE, "application/json")], text) }))
}

/// A file of Swagger UI; its page looks for the others beside itself, so it is told where that is.
fn swagger(file: &str, config: &Arc<Config<'static>>) -> Response {
    match utoipa_swagger_ui::serve(file, config.clone()) {
        Ok(Some(found)) if file == "index.html" => {
            let page = String::from_utf8_lossy(&found.bytes).replacen("<head>", "<head><base href=\"/docs/\">", 1);
            Html(page).into_response()
        }
        Ok(Some(found)) => ([(CONTENT_TYPE, found.content_type)], found.bytes.into_owned()).into_response(),
        _ => status::detail(StatusCode::NOT_FOUND, "Not Found"),
    }
}
