//! Nothing is left behind: whoever goes away, the containers go too.

use super::{Tag, docker, server_or_skip};
use crate::server::{KEY, Server};
use serde_json::json;

async fn server(tag: &Tag, pool: &str) -> Server {
    super::with_engine(&[("SANDBOX_IMAGE", &tag.name), ("SANDBOX_POOL_SIZE", pool)]).await.expect("there is an engine")
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_container_along() {
    let Some(tag) = Tag::new("client-gone") else { return };
    let server = server(&tag, "0").await;
    let request = server.request("/sandbox/run").bearer_auth(KEY).json(&json!({"command": "sleep 50", "timeout": 55}));
    let client = tokio::spawn(request.send());
    tag.reaches(1).await;
    client.abort();
    tag.reaches(0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_stop_removes_the_pool_and_the_sessions() {
    let Some(tag) = Tag::new("stop") else { return };
    let server = server(&tag, "2").await;
    server.call("sandbox_run", json!({"code": "1"})).await;
    tag.reaches(2).await;
    server.call("sandbox_session_start", json!({"language": "bash"})).await;
    tag.reaches(3).await;
    server.stop().await;
    assert_eq!(tag.containers(), 0);
}

#[tokio::test]
async fn the_pool_refills_after_a_run_and_none_of_it_is_used_twice() {
    let Some(tag) = Tag::new("pool") else { return };
    let server = server(&tag, "2").await;
    for _ in 0..3 {
        let answer = server.call("sandbox_run", json!({"command": "ls -A /tmp .; touch /tmp/left here"})).await;
        assert_eq!(answer["stdout"], ".:\n\n/tmp:\n", "{answer}");
        tag.reaches(2).await;
    }
    server.stop().await;
}

#[tokio::test]
async fn a_pool_that_nobody_uses_empties_itself() {
    let Some(tag) = Tag::new("idle") else { return };
    let settings = [("SANDBOX_IMAGE", tag.name.as_str()), ("SANDBOX_POOL_IDLE_SECONDS", "1")];
    let server = super::with_engine(&settings).await.expect("there is an engine");
    server.call("sandbox_run", json!({"code": "1"})).await;
    tag.reaches(2).await;
    tag.reaches(0).await;
    assert_eq!(server.call("sandbox_run", json!({"code": "print(1)"})).await["stdout"], "1\n");
    server.stop().await;
    assert_eq!(tag.containers(), 0);
}

#[tokio::test]
async fn a_start_removes_what_a_killed_server_left_and_nothing_else() {
    let Some(tag) = Tag::new("killed") else { return };
    let owned = |server: &str, until: &str| {
        let server = format!("skynet-bridge.server={server}");
        let until = format!("skynet-bridge.until={until}");
        let labels =
            ["create", "--label", "skynet-bridge.sandbox=run", "--label", &server, "--label", &until, &tag.name, "x"];
        docker(&labels);
    };
    owned("elsewhere/1:1:x", "1");
    owned("elsewhere/1:1:x", "99999999999");
    docker(&["create", &tag.name, "x"]);
    let server = server(&tag, "0").await;
    tag.reaches(2).await;
    server.stop().await;
    assert_eq!(tag.containers(), 2);
    let all = docker(&["ps", "-a", "--format", "{{.Image}} {{.ID}}"]);
    for line in all.lines().filter(|line| line.starts_with(&tag.name)) {
        docker(&["rm", line.rsplit(' ').next().unwrap()]);
    }
}

#[tokio::test]
async fn graphics_processors_that_the_engine_has_not_are_503_and_leave_no_container() {
    let Some(tag) = Tag::new("gpu") else { return };
    let settings = [("SANDBOX_IMAGE", tag.name.as_str()), ("SANDBOX_GPU", "all")];
    let server = super::with_engine(&settings).await.expect("there is an engine");
    let reply = server.post("/sandbox/run", json!({"code": "1"})).await;
    if reply.status != 200 {
        assert_eq!(reply.status, 503, "{}", reply.text);
        assert!(reply.detail().contains("SANDBOX_GPU"), "{}", reply.detail());
        assert_eq!(tag.containers(), 0);
    }
    server.stop().await;
}

#[tokio::test]
async fn another_language_of_the_settings_runs_in_its_own_image() {
    let table = "tac=bridge-test/tiny|tac {file:input.txt};awk=|awk {code}";
    let server = server_or_skip!(("SANDBOX_LANGUAGES", table));
    let tac = server.call("sandbox_run", json!({"language": "tac", "code": "a\nb\n"})).await;
    assert_eq!((&tac["stdout"], &tac["sandbox_image"]), (&json!("b\na\n"), &json!("bridge-test/tiny")), "{tac}");
    let awk = server.call("sandbox_run", json!({"language": "awk", "code": "BEGIN { print 6 * 7 }"})).await;
    assert_eq!((&awk["stdout"], &awk["command"]), (&json!("42\n"), &json!("awk 'BEGIN { print 6 * 7 }'")), "{awk}");
    server.stop().await;
}
