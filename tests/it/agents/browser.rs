//! A browser is let in by a one-time link, and is the person's until it logs out.

use super::say;
use crate::{
    approvals::{begun, with},
    program::Program,
    server::{KEY, Reply},
};
use serde_json::{Value, json};

/// The link that the command line prints, as the address of the page and the code.
fn link(program: &Program) -> (String, String) {
    let printed = say(&program.path(""), &["open", "--print"]).done();
    let (page, code) = printed.trim().split_once('#').expect("it has a code");
    assert!(!printed.trim().contains('\n') && code.len() >= 43, "{printed}");
    (page.to_owned(), code.to_owned())
}

/// What a page asks, with these headers.
async fn asks(program: &Program, route: &str, headers: &[(&str, &str)], body: Value) -> Reply {
    let mut request = program.http.post(format!("{}/control/{route}", program.url)).json(&body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Reply::send(request).await
}

async fn session(program: &Program) -> String {
    let (_, code) = link(program);
    let begun = asks(program, "session", &[("x-owner-code", &code)], json!({})).await.ok();
    begun["token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_lets_one_browser_in_which_answers_and_logs_out() {
    let (program, [key]) = with("", &[], ["careful"]);
    let (page, code) = link(&program);
    assert_eq!(page, format!("{}/control", program.url));
    let shown = Reply::send(program.http.get(&page)).await;
    assert_eq!(shown.status, 200);
    let policy = shown.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("frame-ancestors 'none'") && policy.contains("require-trusted-types-for"), "{policy}");
    assert!(!shown.headers.contains_key("set-cookie"));

    let shows_code = [("x-owner-code", code.as_str()), ("origin", program.url.as_str())];
    let begun_session = asks(&program, "session", &shows_code, json!({})).await.ok();
    let token = begun_session["token"].as_str().unwrap();
    assert_eq!(asks(&program, "session", &shows_code, json!({})).await.status, 403, "the link is used up");
    let waiting = begun(&program, &key, "/terminal/execute", &json!({"command": "touch by-page.txt"}));
    let shows_token = [("x-owner-session", token), ("origin", program.url.as_str())];
    let list = asks(&program, "questions", &shows_token, json!({"after": 0, "wait_seconds": 20})).await.ok();
    let id = list["questions"][0]["id"].as_str().unwrap().to_owned();
    asks(&program, "approve", &shows_token, json!({"id": id})).await.ok();
    waiting.await.unwrap().ok();
    assert!(program.path("by-page.txt").exists());
    asks(&program, "pause", &shows_token, json!({})).await.ok();
    assert_eq!(program.post("/filesystem/list", KEY, &json!({"path": "."})).await.status, 423);
    asks(&program, "resume", &shows_token, json!({})).await.ok();

    let ended = asks(&program, "sessions/end", &shows_token, json!({"token": token})).await.ok();
    assert_eq!(ended["ended"], 1);
    let over = asks(&program, "questions", &shows_token, json!({})).await;
    assert!(over.status == 403 && over.text.contains("mcp-server open"), "{}", over.text);
    let told = say(&program.path(""), &["history", "--agent", "person"]).done();
    assert!(told.contains("control_session") && !told.contains(token) && !told.contains(&code), "{told}");
}

#[tokio::test]
async fn nothing_else_lets_a_page_in() {
    let program = Program::start(&[]);
    let token = session(&program).await;
    let (_, code) = link(&program);
    for (route, headers) in [
        ("questions", vec![("authorization", KEY)]),
        ("questions", vec![("x-owner-session", KEY)]),
        ("questions", vec![("x-owner-session", "")]),
        ("questions", vec![("x-owner-session", &token[1..])]),
        ("questions", vec![("cookie", &token)]),
        ("questions", vec![("x-owner-session", code.as_str())]),
        ("questions", vec![("x-owner-code", code.as_str())]),
        ("questions", vec![("x-owner-session", &token), ("origin", "http://127.0.0.1:3000")]),
        ("questions", vec![("x-owner-session", &token), ("origin", "null")]),
        ("session", vec![("x-owner-code", &code[1..])]),
        ("session", vec![("x-owner-code", &code), ("origin", "http://localhost:3000")]),
        ("session", vec![("x-owner-code", &code), ("host", "evil.example")]),
        ("session", vec![("authorization", KEY)]),
    ] {
        let refused = asks(&program, route, &headers, json!({"auth": token})).await;
        assert_eq!(refused.status, 403, "{route} {headers:?} {}", refused.text);
        assert!(!refused.headers.contains_key("access-control-allow-origin"), "{headers:?}");
    }
    // What a page of another origin may ask first, it is not told.
    let preflight = program.http.request(reqwest::Method::OPTIONS, format!("{}/control/approve", program.url));
    let preflight = preflight.header("origin", "http://a.example").header("access-control-request-method", "POST");
    assert!(!Reply::send(preflight).await.headers.contains_key("access-control-allow-origin"));
    // A session makes no other one.
    for route in ["open", "session"] {
        assert_eq!(asks(&program, route, &[("x-owner-session", &token)], json!({})).await.status, 403, "{route}");
    }
    // The token opens the person's routes, and is no agent's key.
    let agent = program.post("/filesystem/list", &token, &json!({"path": "."})).await;
    assert_eq!(agent.status, 403, "{}", agent.text);
    asks(&program, "session", &[("x-owner-code", &code)], json!({})).await.ok();

    // What it waits for when it ends, it is not told.
    let shows = [("x-owner-session", token.as_str())];
    let waits = asks(&program, "questions", &shows, json!({"after": 0, "wait_seconds": 20}));
    let end = async {
        let said = say(&program.path(""), &["open", "--end"]).done();
        let key = say(&program.path(""), &["agent", "add", "asks", "--profile", "careful"]).done();
        let asking = begun(&program, key.trim(), "/terminal/execute", &json!({"command": "touch late.txt"}));
        (said, asking)
    };
    let (told, (said, asking)) = tokio::join!(waits, end);
    assert!(told.status == 403 && !told.text.contains("late.txt"), "{}", told.text);
    asking.abort();
    assert!(said.contains("Ended: 2"), "{said}");
    assert_eq!(asks(&program, "questions", &[("x-owner-session", &token)], json!({})).await.status, 403);
}

#[tokio::test]
async fn without_a_bridge_or_its_pages_there_is_no_link() {
    let directory = crate::server::scratch();
    let refused = say(directory.path(), &["open", "--print"]).refused();
    assert!(refused.contains("no bridge"), "{refused}");
}
