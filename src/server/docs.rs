//! The pages that explain the bridge: Swagger UI, ReDoc and the document both read. All work without internet, and none
//! may run or load anything but the scripts and styles of its own.

use super::{shared::Shared, status};
use aide::redoc::Redoc;
use axum::{
    Router,
    extract::Path,
    http::{
        HeaderName, StatusCode,
        header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE},
    },
    response::{Html, IntoResponse, Redirect, Response},
    routing::get,
};
use bytes::Bytes;
use serde_json::Value;
use std::sync::Arc;
use utoipa_swagger_ui::Config;

/// The one thing that ReDoc's script would load from elsewhere.
const REDOC_LOGO: &str = "https://cdn.redoc.ly/redoc/logo-mini.svg";

/// What the pages may do. Both set styles as they go, and so need styles in the page; ReDoc searches in a worker that
/// it makes of a text.
const PAGE: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
    connect-src 'self'; worker-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// No page of another origin keeps a hold on one that was opened from it.
const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

const SCRIPT: &str = "text/javascript";

/// `/docs`, `/redoc` and `/openapi.json`.
pub(crate) fn routes(document: &Value) -> Router<Arc<Shared>> {
    let title = document["info"]["title"].as_str().unwrap_or_default().to_owned();
    let text = Bytes::from(document.to_string());
    let (redoc, redoc_script) = redoc(&title);
    let config = Config::from("/openapi.json").try_it_out_enabled(true).persist_authorization(false);
    let config = Arc::new(config.display_request_duration(true));
    let page = config.clone();
    Router::new()
        .route("/docs", get(|| async move { swagger("index.html", &page) }))
        .route("/docs/", get(|| async { Redirect::temporary("/docs") }))
        .route("/docs/focus.js", get(|| async { ([(CONTENT_TYPE, SCRIPT)], include_str!("docs/focus.js")) }))
        .route("/docs/{*file}", get(|Path(file): Path<String>| async move { swagger(&file, &config) }))
        .route("/redoc", get(|| async move { page_of(redoc) }))
        .route("/redoc/redoc.js", get(|| async move { ([(CONTENT_TYPE, SCRIPT)], redoc_script) }))
        .route("/openapi.json", get(|| async move { ([(CONTENT_TYPE, "application/json")], text) }))
}

fn page_of(html: impl Into<axum::body::Body>) -> Response {
    ([(CONTENT_SECURITY_POLICY, PAGE), (OPENER, "same-origin")], Html(html.into())).into_response()
}

/// ReDoc's page, and the script that it has in it, which a page may not have.
fn redoc(title: &str) -> (Bytes, Bytes) {
    let html = Redoc::new("/openapi.json").with_title(title).html().replace(REDOC_LOGO, "data:,");
    let (before, rest) = html.split_once("<script>").expect("the page has its script in it");
    let (script, after) = rest.rsplit_once("</script>").expect("the script ends");
    (format!("{before}<script src=\"/redoc/redoc.js\"></script>{after}").into(), script.to_owned().into())
}

/// A file of Swagger UI; its page looks for the others beside itself, so it is told where that is.
fn swagger(file: &str, config: &Arc<Config<'static>>) -> Response {
    match utoipa_swagger_ui::serve(file, config.clone()) {
        Ok(Some(found)) if file == "index.html" => {
            let page = String::from_utf8_lossy(&found.bytes).replace("./", "/docs/");
            let page = page.replace("href=\"index.css\"", "href=\"/docs/index.css\"");
            page_of(page.replace("</body>", "<script src=\"/docs/focus.js\"></script></body>"))
        }
        Ok(Some(found)) => ([(CONTENT_TYPE, found.content_type)], found.bytes.into_owned()).into_response(),
        _ => status::detail(StatusCode::NOT_FOUND, "Not Found", None),
    }
}
