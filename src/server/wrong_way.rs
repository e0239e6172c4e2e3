//! Requests that no route takes: where the client probably wanted to go.

use super::{mcp, status};
use crate::{near::nearest, tool_list};
use axum::{
    http::{Method, StatusCode, Uri},
    response::{IntoResponse, Redirect, Response},
};

/// What other servers have for MCP, where this one has `/mcp`.
const MCP_ELSEWHERE: [&str; 6] = ["/sse", "/messages", "/message", "/v1/mcp", "/api/mcp", "/mcp/sse"];

/// What is read with GET; everything else takes POST.
const READ: [&str; 5] = ["/", "/health", "/docs", "/redoc", "/openapi.json"];

/// A path with a slash too many leads to the one without; any other is not there.
pub(crate) fn path(known: &[String], uri: &Uri) -> Response {
    let path = uri.path().trim_end_matches('/');
    if uri.path().ends_with('/') && known.iter().any(|known| known == path) {
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        return Redirect::temporary(&format!("{path}{query}")).into_response();
    }
    status::detail(StatusCode::NOT_FOUND, "Not Found", Some(near(known, path)))
}

fn near(known: &[String], path: &str) -> String {
    if MCP_ELSEWHERE.contains(&path) {
        return "MCP is at /mcp".to_owned();
    }
    let lists: Vec<String> = tool_list::NAMED.iter().map(|name| format!("{}/{name}", mcp::PATH)).collect();
    let others = || lists.iter().map(String::as_str).chain(["/docs", "/redoc", "/openapi.json", mcp::PATH]);
    let known = || known.iter().map(String::as_str).chain(others());
    // A tool's name is the route with another sign: memory_add is /memory/add.
    let as_route = format!("/{}", path.trim_matches('/').replace(['_', '.'], "/"));
    let found = match known().find(|known| *known == as_route) {
        Some(known) => vec![known],
        None => nearest(path, known()),
    };
    if found.is_empty() {
        return "GET / lists every route, and /docs explains them".to_owned();
    }
    let named: Vec<String> = found.iter().map(|path| format!("{} {path}", method_of(path))).collect();
    format!("Did you mean {}? GET / lists every route", named.join(" or "))
}

fn method_of(path: &str) -> &'static str {
    if READ.contains(&path) || path.ends_with("/ws") { "GET" } else { "POST" }
}

/// A route that takes another method. Clients that were given the address without its path say `initialize` at `/`.
pub(crate) fn method(method: &Method, uri: &Uri) -> Response {
    let hint = match method_of(uri.path()) {
        "GET" if method == Method::POST && uri.path() == "/" => {
            "MCP is spoken at /mcp: add it to the address in the client's configuration. Capabilities are at \
             /module/action: see /docs"
                .to_owned()
        }
        "GET" => "Send GET".to_owned(),
        _ => format!(
            "Send POST with JSON: -H 'Content-Type: application/json' -d '{{…}}'. /docs has the fields of {}",
            uri.path()
        ),
    };
    status::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed", Some(hint))
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn a_route_that_is_almost_right_is_named_with_its_method() {
        let known = ["/", "/health", "/filesystem/read", "/filesystem/list", "/memory/add", "/sandbox/session/run"];
        let known: Vec<String> = known.map(str::to_owned).to_vec();
        for (sent, meant) in [
            ("/filesystem/raed", "POST /filesystem/read"),
            ("/FileSystem/List", "POST /filesystem/list"),
            ("/memory_add", "POST /memory/add"),
            ("/sandbox_session_run", "POST /sandbox/session/run"),
            ("/helth", "GET /health"),
            ("/sse", "MCP is at /mcp"),
            ("/nothing/like/it", "GET / lists"),
        ] {
            assert!(near(&known, sent).contains(meant), "{sent}: {}", near(&known, sent));
        }
    }
}
