//! The pages that explain the bridge: what a browser lets them do. `tests/browser/run.sh` uses them in one.

use crate::server::Server;

#[tokio::test]
async fn the_pages_run_and_load_nothing_but_their_own_files() {
    let server = Server::start().await;
    for page in ["/docs", "/redoc"] {
        let reply = server.get(page).await;
        let policy = reply.headers["content-security-policy"].to_str().unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self';",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{page}: {policy}");
        }
        assert!(!policy.contains("http") && !policy.contains("unsafe-eval"), "{page}: {policy}");
        assert_eq!(reply.headers["cross-origin-opener-policy"], "same-origin", "{page}");
        assert!(!reply.text.contains("<script>") && !reply.text.contains("<base"), "{page} has a script in it");
        let scripts: Vec<&str> =
            reply.text.split("src=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(!scripts.is_empty(), "{page} has no script");
        for script in scripts {
            let found = server.get(script).await;
            assert!(found.status == 200 && script.starts_with('/'), "{page} asks for {script}: {}", found.status);
            assert!(found.headers["content-type"].to_str().unwrap().contains("javascript"), "{script}");
        }
    }
}

#[tokio::test]
async fn every_answer_tells_browsers_to_guess_frame_and_tell_nothing() {
    let server = Server::start().await;
    for path in ["/", "/health", "/docs", "/redoc", "/openapi.json", "/nothing", "/terminal/info"] {
        let headers = server.get(path).await.headers;
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}");
    }
}

#[tokio::test]
async fn authorizing_in_the_page_has_one_box_that_is_for_the_header_and_is_not_kept() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.ok();
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    assert_eq!(schemes.len(), 1);
    assert_eq!((&schemes["bearer"]["type"], &schemes["bearer"]["scheme"]), (&"http".into(), &"bearer".into()));
    let start = server.get("/docs/swagger-initializer.js").await.text;
    assert!(start.contains("\"persistAuthorization\": false"), "{start}");
}
