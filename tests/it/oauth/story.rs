//! A client of the web from its first request to its last.

use super::{CALLBACK, Public, query_of, tokens};
use crate::{
    agents::say,
    mcp::client::{Quiet, connect},
    server::{KEY, Reply},
};
use serde_json::{Value, json};

/// A refusal leads to who lets clients in, by whatever address a client tries.
async fn finds_the_way(bridge: &Public) {
    let refused = bridge.program.http.post(format!("{}/mcp", bridge.url)).json(&json!({})).send().await.unwrap();
    assert_eq!(refused.status(), 401);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
    let at = challenge.split_once("resource_metadata=\"").expect("it says where").1.trim_end_matches('"').to_owned();
    let read = async |url: &str| -> Value { bridge.program.http.get(url).send().await.unwrap().json().await.unwrap() };
    let resource = read(&at).await;
    assert_eq!(resource["resource"], format!("{}/mcp", bridge.url), "the very address that was asked");
    assert_eq!(resource["authorization_servers"], json!([bridge.url]));
    for path in [
        "/.well-known/oauth-authorization-server",
        "/.well-known/oauth-authorization-server/mcp",
        "/.well-known/openid-configuration",
        "/mcp/.well-known/openid-configuration",
    ] {
        let server = read(&format!("{}{path}", bridge.url)).await;
        assert_eq!(server["issuer"], bridge.url, "{path}");
        assert_eq!(server["code_challenge_methods_supported"], json!(["S256"]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_finds_the_way_in_from_a_refusal_and_is_an_agent_once_the_person_said_yes() {
    let bridge = Public::start(&[]).await;
    finds_the_way(&bridge).await;
    let client = bridge.client().await;
    let question = bridge.question(&client).await;
    let wrong = bridge.allow(&question, "AAAA-AAAA", "web", "read-only").await;
    assert_eq!(wrong.status(), 403);
    let page = wrong.text().await.unwrap();
    assert!(page.contains("not a code that the machine shows") && page.contains(&question), "it can be tried again");
    let answer = bridge.allow(&question, &bridge.code().to_lowercase(), "web", "read-only").await;
    assert_eq!((answer.status().as_u16(), query_of(&answer, "state").as_deref()), (303, Some("as it was")));
    assert_eq!(query_of(&answer, "iss"), Some(bridge.url.clone()));
    let given = bridge.exchange(&client, &query_of(&answer, "code").unwrap(), &[]).await;
    assert_eq!(given.headers["cache-control"], "no-store");
    let given = given.ok();
    assert_eq!(
        (&given["token_type"], &given["scope"], &given["expires_in"]),
        (&json!("Bearer"), &json!("read-only"), &json!(3600))
    );
    let (access, refresh) = tokens(&given);

    let mcp = connect(&bridge.url, &access, Quiet).await;
    assert!(mcp.list_all_tools().await.unwrap().iter().any(|tool| tool.name == "filesystem_read"));
    let file = json!({"path": bridge.program.path("a.txt"), "content": "x"});
    let refused = bridge.program.post("/filesystem/write", &access, &file).await;
    assert_eq!(refused.status, 403, "{}", refused.body);
    bridge.program.history_line("filesystem_write");
    let told = say(&bridge.program.path(""), &["history", "--agent", "web"]).done();
    assert!(told.contains("filesystem_write"), "{told}");
    let shown = say(&bridge.program.path(""), &["agent", "show", "web"]).done();
    assert!(shown.contains("connected by OAuth") && shown.contains("read-only"), "{shown}");

    // It goes on after a restart, with both tokens.
    let bridge = bridge.restarted(&[]);
    assert_eq!(bridge.call(&access).await, 200);
    let (next, _) = tokens(&bridge.refresh(&client, &refresh).await.ok());
    assert_eq!((bridge.call(&next).await, bridge.call(&access).await), (200, 200));

    // No token is in any file or log.
    for secret in [&access, &refresh, &next] {
        let found =
            std::process::Command::new("grep").args(["-rl", secret]).arg(bridge.program.path("")).output().unwrap();
        assert!(found.stdout.is_empty(), "{}", String::from_utf8_lossy(&found.stdout));
        assert!(!bridge.program.stderr().contains(secret.as_str()));
    }
    say(&bridge.program.path(""), &["agent", "revoke", "web"]).done();
    assert_eq!((bridge.call(&next).await, bridge.call(&access).await), (403, 403));
    let over = bridge.refresh(&client, &refresh).await;
    assert_eq!((over.status, &over.body["error"]), (400, &json!("invalid_grant")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_person_says_no_and_the_client_hears_it() {
    let bridge = Public::start(&[]).await;
    let client = bridge.client().await;
    let question = bridge.question(&client).await;
    let answer = bridge.form("/oauth/authorize", &[("request", &question), ("decision", "deny")]).await;
    assert_eq!(answer.status(), 303);
    assert_eq!(query_of(&answer, "error").as_deref(), Some("access_denied"));
    assert_eq!(query_of(&answer, "state").as_deref(), Some("as it was"));
    assert_eq!(bridge.allow(&question, &bridge.code(), "web", "careful").await.status(), 400, "it is over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_comes_again_is_the_same_agent_and_another_one_gets_another_name() {
    let bridge = Public::start(&[]).await;
    let (client, other) = (bridge.client().await, bridge.client().await);
    let (first, _) = bridge.tokens(&client, "web", "read-only").await;
    let (second, _) = bridge.tokens(&client, "web", "careful").await;
    assert_eq!((bridge.call(&first).await, bridge.call(&second).await), (403, 200), "what it had before is over");
    let offered = bridge.ask(&client, &[("scope", "read-only")]).await.text().await.unwrap();
    assert!(offered.contains("value=\"web\"") && offered.contains("value=\"careful\" checked"), "as it is: {offered}");
    assert!(say(&bridge.program.path(""), &["agent", "show", "web"]).done().contains("careful"));
    let question = bridge.question(&other).await;
    let code = bridge.code();
    for (agent, profile, status) in
        [("web", "trusted", 409), ("default", "trusted", 409), ("../x", "careful", 422), ("else", "none", 404)]
    {
        assert_eq!(bridge.allow(&question, &code, agent, profile).await.status(), status, "{agent} {profile}");
    }
    let answer = bridge.allow(&question, &code, "else", "careful").await;
    let again = bridge.allow(&question, &code, "else", "careful").await;
    assert_eq!(
        (answer.status(), answer.headers()["location"].clone()),
        (again.status(), again.headers()["location"].clone())
    );
    assert_eq!(answer.status(), 303, "the code counts on, and a button is pressed twice");
    assert!(say(&bridge.program.path(""), &["agent", "show", "web"]).done().contains("careful"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_that_is_repeated_at_once_is_answered_and_a_token_can_be_given_back() {
    let bridge = Public::start(&[]).await;
    let client = bridge.client().await;
    let (access, refresh) = bridge.tokens(&client, "web", "careful").await;
    let (one, _) = tokens(&bridge.refresh(&client, &refresh).await.ok());
    let (two, last) = tokens(&bridge.refresh(&client, &refresh).await.ok());
    for token in [&access, &one, &two] {
        assert_eq!(bridge.call(token).await, 200);
    }
    // What it opened ends with it, also a stream that is open.
    let stream = connect(&bridge.url, &two, Quiet).await;
    assert_eq!(bridge.form("/oauth/revoke", &[("token", &last)]).await.status(), 200);
    for token in [&access, &one, &two] {
        assert_eq!(bridge.call(token).await, 403);
    }
    assert_eq!(bridge.form("/oauth/revoke", &[("token", "unknown")]).await.status(), 200);
    assert!(stream.list_all_tools().await.is_err());
    // A token that has ended is no wrong key, however often it comes: its client must hear that it needs the next one.
    for _ in 0..15 {
        assert_eq!(bridge.call(&access).await, 403);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_public_address_nothing_of_it_is_there() {
    let server = crate::server::Server::start().await;
    for path in ["/.well-known/oauth-protected-resource", "/.well-known/oauth-authorization-server", "/oauth/authorize"]
    {
        assert_eq!(server.get(path).await.status, 404, "{path}");
    }
    let reply = Reply::send(server.request("/mcp").json(&json!({}))).await;
    assert!(!reply.headers["www-authenticate"].to_str().unwrap().contains("resource_metadata"));
    let program = crate::program::Program::start(&[]);
    let why = say(&program.path(""), &["open", "--code"]).refused();
    assert!(why.contains("MCP_PUBLIC_URL is not set"), "{why}");
    assert_eq!(program.post("/terminal/info", KEY, &json!({})).await.status, 200);
    assert!(CALLBACK.starts_with("http://127"));
}
