//! What somebody tries who is not the client that the person let in, or not the person.

use super::{CALLBACK, Public, VERIFIER, query_of, tokens};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_opens_once_for_its_client_its_address_and_its_secret() {
    let bridge = Public::start(&[]).await;
    let (client, other) = (bridge.client().await, bridge.client().await);
    let elsewhere = format!("{CALLBACK}/other");
    let wrong: [(&str, &[(&str, &str)]); 4] = [
        (&client, &[("code_verifier", "another-secret-that-is-long-enough-to-be-one-43")]),
        (&client, &[("code_verifier", "")]),
        (&client, &[("redirect_uri", &elsewhere)]),
        (&other, &[]),
    ];
    for (by, fields) in wrong {
        let code = bridge.let_in(&client, "web", "careful").await;
        let refused = bridge.exchange(by, &code, fields).await;
        assert_eq!((refused.status, &refused.body["error"]), (400, &json!("invalid_grant")), "{fields:?}");
        // Whoever tried has used it up.
        assert_eq!(bridge.exchange(&client, &code, &[]).await.status, 400);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_comes_twice_ends_what_it_opened() {
    let bridge = Public::start(&[]).await;
    let client = bridge.client().await;
    let code = bridge.let_in(&client, "web", "careful").await;
    let (access, refresh) = tokens(&bridge.exchange(&client, &code, &[]).await.ok());
    assert_eq!(bridge.call(&access).await, 200);
    assert_eq!(bridge.exchange(&client, &code, &[]).await.body["error"], "invalid_grant");
    assert_eq!(bridge.call(&access).await, 403);
    assert_eq!(bridge.refresh(&client, &refresh).await.body["error"], "invalid_grant");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_is_sent_nowhere_that_the_client_did_not_register() {
    let bridge = Public::start(&[]).await;
    let client = bridge.client().await;
    for address in [
        "https://evil.example/callback",
        "http://127.0.0.1:7/callback/../else",
        "http://localhost:7/callback",
        "javascript:alert(1)",
        "http://127.0.0.1:7/callback?more",
        "",
    ] {
        let page = bridge.ask(&client, &[("redirect_uri", address)]).await;
        assert_eq!(page.status(), 400, "{address}");
        assert!(page.headers().get("location").is_none(), "{address}");
    }
    let unknown = bridge.ask("client-nobody", &[]).await;
    assert_eq!((unknown.status().as_u16(), unknown.headers().get("location")), (400, None));
    // The port of a program on the user's machine is any.
    assert_eq!(bridge.ask(&client, &[("redirect_uri", "http://127.0.0.1:54321/callback")]).await.status(), 200);
    for addresses in [&["http://evil.example/"][..], &["javascript:alert(1)"], &[], &[CALLBACK; 11]] {
        let refused = bridge.register(addresses).await;
        assert_eq!((refused.status, &refused.body["error"]), (400, &json!("invalid_redirect_uri")), "{addresses:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_weaker_than_pkce_or_for_another_server_is_refused_to_the_client() {
    let bridge = Public::start(&[]).await;
    let client = bridge.client().await;
    let page = bridge.ask(&client, &[("response_type", "token")]).await;
    assert_eq!((page.status().as_u16(), page.headers().get("location")), (400, None), "nobody let that client in yet");
    bridge.tokens(&client, "web", "careful").await;
    for (fields, error) in [
        (&[("code_challenge_method", "plain")][..], "invalid_request"),
        (&[("code_challenge", "")], "invalid_request"),
        (&[("code_challenge", VERIFIER), ("code_challenge_method", "")], "invalid_request"),
        (&[("response_type", "token")], "unsupported_response_type"),
        (&[("resource", "https://other.example/mcp")], "invalid_target"),
        (&[("resource", "mcp")], "invalid_target"),
    ] {
        let answer = bridge.ask(&client, fields).await;
        assert_eq!(query_of(&answer, "error").as_deref(), Some(error), "{fields:?}");
        assert_eq!(query_of(&answer, "state").as_deref(), Some("as it was"));
    }
    let code = bridge.let_in(&client, "web", "careful").await;
    let refused = bridge.exchange(&client, &code, &[("resource", "https://other.example/mcp")]).await;
    assert_eq!(refused.body["error"], "invalid_target");
    bridge.exchange(&client, &code, &[]).await.ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_guesses_the_persons_code_and_no_key_stands_for_it() {
    let bridge = Public::start(&[]).await;
    let client = bridge.client().await;
    let question = bridge.question(&client).await;
    let code = bridge.code();
    for wrong in [crate::server::KEY, "", "AAAA-AAAB", "' or 1=1", "AAAA-AAAC"] {
        let refused = bridge.allow(&question, wrong, "default", "none").await;
        let status = refused.status();
        assert!(status == 403 || wrong == "AAAA-AAAC" && status == 400, "{wrong} {status}");
        assert!(!refused.text().await.unwrap().contains("There is an agent"), "nobody learns who there is");
    }
    let over = bridge.allow(&question, &code, "web", "trusted").await;
    assert_eq!(over.status(), 400, "five wrong ones end the question");
    assert!(crate::agents::say(&bridge.program.path(""), &["agent", "show", "web"]).refused().contains("no agent web"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_of_the_person_lets_in_one_client() {
    let bridge = Public::start(&[]).await;
    let client = bridge.client().await;
    let code = bridge.code();
    let ends_nothing = bridge.refresh(&client, "skr_x.nobody").await;
    assert_eq!(ends_nothing.body["error"], "invalid_grant");
    let (one, other) = (bridge.question(&client).await, bridge.question(&client).await);
    assert_eq!(bridge.allow(&one, &code, "web", "careful").await.status(), 303);
    assert_eq!(bridge.allow(&other, &code, "web-2", "careful").await.status(), 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_registrations_is_bounded_and_clients_that_are_gone_are_told() {
    let bridge = Public::start(&[]).await;
    let mut statuses = Vec::new();
    for _ in 0..25 {
        statuses.push(bridge.register(&[CALLBACK]).await.status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 20, "{statuses:?}");
    assert_eq!(statuses.last(), Some(&429));
    let gone = bridge.refresh("client-nobody", "skr_x").await;
    assert_eq!((gone.status, &gone.body["error"]), (401, &json!("invalid_client")));
    let long = bridge.program.http.post(format!("{}/oauth/register", bridge.url)).body("x".repeat(100_000));
    // It may be cut off while it still sends.
    assert!(long.send().await.map_or(true, |reply| reply.status().is_client_error()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_pushes_out_the_question_that_the_person_reads() {
    let bridge = Public::start(&[]).await;
    let (client, flood) = (bridge.client().await, bridge.client().await);
    let question = bridge.question(&client).await;
    for _ in 0..300 {
        assert_eq!(bridge.ask(&flood, &[]).await.status(), 200);
    }
    let said = crate::agents::say(&bridge.program.path(""), &["open", "--code"]).done();
    assert!(said.contains("Now asks: a program on the machine of the browser"), "{said}");
    let answer = bridge.allow(&question, said.lines().next().unwrap(), "web", "careful").await;
    assert_eq!(answer.status(), 303);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_agent_reads_who_was_let_in() {
    let bridge = Public::start(&[]).await;
    let client = bridge.client().await;
    bridge.tokens(&client, "web", "careful").await;
    let file = json!({"path": bridge.program.path("memory/oauth.json")});
    assert_eq!(bridge.program.post("/filesystem/read", crate::server::KEY, &file).await.status, 403);
    let read = json!({"command": "cat memory/oauth.json"});
    let shown = bridge.program.post("/terminal/execute", crate::server::KEY, &read).await.ok();
    if bridge.program.get("/health").await.body["confinement"] != "none" {
        assert_eq!(shown["stdout"], "", "{shown}");
    }
}
