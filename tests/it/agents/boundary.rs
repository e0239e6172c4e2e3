//! No agent becomes the person, by whatever it can reach.

use super::{add, say};
use crate::{program::Program, server::KEY};
use serde_json::{Value, json};

/// Every route of the person.
async fn routes(program: &Program) -> Vec<String> {
    let document = program.get("/control/openapi.json").await.ok();
    document["paths"].as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn no_key_opens_a_route_of_the_person_wherever_it_stands() {
    let program = Program::start(&[]);
    let key = add(&program, "claude");
    let routes = routes(&program).await;
    assert!(routes.len() >= 10, "{routes:?}");
    for route in &routes {
        for key in [KEY, &key] {
            let url = format!("{}{route}", program.url);
            let asked =
                || program.http.post(&url).json(&json!({"name": "claude", "id": "call_1", "link": key, "auth": key}));
            let ways = [
                asked().bearer_auth(key),
                asked().header("authorization", key),
                asked().query(&[("auth", key)]),
                asked().header("x-api-key", key),
                asked().header("x-owner-token", key),
            ];
            for request in ways {
                let reply = request.send().await.unwrap();
                assert_eq!(reply.status(), 403, "{route}");
            }
        }
    }
    assert!(say(&program.path(""), &["agent", "list"]).done().contains("active"));
}

#[tokio::test]
async fn the_owners_token_opens_nothing_over_tcp_and_no_agent_reads_it() {
    let program = Program::start(&[]);
    let token = std::fs::read_to_string(program.path("memory/owner.token")).unwrap();
    let url = format!("{}/control/pause", program.url);
    for header in ["x-owner-token", "authorization"] {
        let reply = program.http.post(&url).header(header, &token).json(&json!({})).send().await.unwrap();
        assert_eq!(reply.status(), 403, "{header}");
    }
    for name in ["owner.token", "owner.passphrase", ".control", ".socket", "../memory/owner.token"] {
        let path = program.path("memory").join(name);
        for route in ["/filesystem/read", "/filesystem/stat", "/filesystem/delete", "/filesystem/download"] {
            let reply = program.post(route, KEY, &json!({"path": path})).await;
            assert_eq!(reply.status, 403, "{route} {name}: {}", reply.detail());
        }
    }
    let write = json!({"path": program.path("memory/agents.json"), "content": "{}"});
    assert_eq!(program.post("/filesystem/write", KEY, &write).await.status, 403);
}

#[tokio::test]
async fn the_persons_routes_are_no_tools_and_stand_in_no_document_of_agents() {
    let program = Program::start(&[]);
    let document = program.get("/openapi.json").await.ok();
    assert!(document["paths"].as_object().unwrap().keys().all(|path| !path.starts_with("/control")));
    let pause = json!({"url": format!("{}/control/pause", program.url), "method": "POST"});
    let fetched = program.post("/internet/fetch", KEY, &pause);
    assert_ne!(fetched.await.body["status_code"], Value::from(200));
}
