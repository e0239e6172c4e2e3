//! An engine that goes away and comes back, one that cannot build, and what is said then.

use super::{IMAGE, Tag, proxy::Proxy};
use crate::server::{Reply, Server};
use serde_json::json;

const MISSING: &str = "Docker not available. Install Docker to use sandbox.";

async fn behind(proxy: &Proxy, image: &str, pool: &str) -> Server {
    let host = proxy.host();
    let settings = [("DOCKER_HOST", host.as_str()), ("SANDBOX_IMAGE", image), ("SANDBOX_POOL_SIZE", pool)];
    Server::with_settings(&settings).await
}

#[tokio::test]
async fn an_engine_that_goes_away_in_mid_run_is_503_and_what_ran_is_removed_once_it_is_back() {
    let (Some(tag), Some(proxy)) = (Tag::new("engine-lost"), Proxy::start()) else { return };
    let server = behind(&proxy, &tag.name, "0").await;
    let sleep = json!({"command": "sleep 50", "timeout": 55});
    let cutting = async {
        tag.reaches(1).await;
        // An engine that is lost before the program runs has refused to start it.
        crate::server::until("the program runs", || tag.runs("sleep 50")).await;
        proxy.cut();
    };
    let (reply, ()) = tokio::join!(server.post("/sandbox/run", sleep), cutting);
    assert_eq!(reply.status, 503, "{}", reply.text);
    assert!(reply.detail().starts_with("The Docker engine went away while the program ran"), "{}", reply.detail());
    let meanwhile = server.post("/sandbox/run", json!({"code": "1"})).await;
    assert_eq!((meanwhile.status, meanwhile.detail()), (503, MISSING));
    assert_eq!(tag.containers(), 1);
    proxy.fix();
    assert_eq!(server.call("sandbox_run", json!({"code": "print(1)"})).await["stdout"], "1\n");
    tag.reaches(0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_lost_connection_is_never_taken_for_the_end_of_a_program() {
    let (Some(tag), Some(proxy)) = (Tag::new("stream-lost"), Proxy::start()) else { return };
    let server = behind(&proxy, &tag.name, "0").await;
    let request = json!({"command": "sleep 50", "timeout": 55});
    let cutting = async {
        tag.reaches(1).await;
        crate::server::until("the program runs", || tag.runs("sleep 50")).await;
        proxy.drop_connections();
    };
    let (reply, ()) = tokio::join!(server.post("/sandbox/run", request), cutting);
    assert_eq!(reply.status, 503, "{}", reply.text);
    tag.reaches(0).await;
    server.stop().await;
}

#[tokio::test]
async fn a_pool_that_was_lost_with_its_engine_is_replaced() {
    let (Some(tag), Some(proxy)) = (Tag::new("pool-lost"), Proxy::start()) else { return };
    let server = behind(&proxy, &tag.name, "2").await;
    server.call("sandbox_run", json!({"code": "1"})).await;
    tag.reaches(2).await;
    proxy.cut();
    proxy.fix();
    assert_eq!(server.call("sandbox_run", json!({"code": "print(2)"})).await["stdout"], "2\n");
    tag.reaches(2).await;
    server.stop().await;
    assert_eq!(tag.containers(), 0);
}

#[tokio::test]
async fn a_session_whose_engine_went_away_says_what_is_lost_and_goes_on() {
    let (Some(tag), Some(proxy)) = (Tag::new("session-lost"), Proxy::start()) else { return };
    let server = behind(&proxy, &tag.name, "0").await;
    let session = server.call("sandbox_session_start", json!({})).await["id"].clone();
    let cell = |code: &str| json!({"id": session, "code": code});
    server.call("sandbox_session_run", cell("x = 1")).await;
    proxy.cut();
    server.post("/sandbox/session/run", cell("x")).await;
    let without = server.post("/sandbox/session/run", cell("x")).await;
    assert_eq!((without.status, without.detail()), (503, MISSING));
    proxy.fix();
    let next = server.call("sandbox_session_run", cell("'x' in globals()")).await;
    assert_eq!((&next["result"], &next["reset"]), (&json!("False"), &json!(true)), "{next}");
    assert!(next["message"].as_str().unwrap().contains("files are gone"), "{next}");
    tag.reaches(1).await;
    server.stop().await;
    assert_eq!(tag.containers(), 0);
}

#[tokio::test]
async fn a_base_image_that_cannot_be_had_fails_the_one_build_of_all_who_asked() {
    let Some(proxy) = Proxy::start() else { return };
    let (host, base) = (proxy.host(), "localhost:1/no/such-base:image");
    let settings =
        [("DOCKER_HOST", host.as_str()), ("SANDBOX_BASE_IMAGE", base), ("SANDBOX_IMAGE", "bridge-test/none")];
    let server = Server::with_settings(&settings).await;
    let build = || server.post("/sandbox/build", json!({}));
    let replies: [Reply; 3] = tokio::join!(build(), build(), build()).into();
    for reply in replies {
        assert_eq!(reply.status, 500, "{}", reply.text);
        assert!(reply.detail().starts_with("Docker build failed: "), "{}", reply.detail());
        assert!(reply.detail().contains("localhost:1"), "{}", reply.detail());
        assert!(reply.body["hint"].as_str().is_some_and(|hint| hint.contains("docker load")), "{}", reply.text);
    }
    assert_eq!(proxy.requests("/build?"), 1);
    let run = server.post("/sandbox/run", json!({"code": "1"})).await;
    assert!(run.status == 503 && run.detail().contains("Build it first"), "{}", run.text);
    server.stop().await;
}

#[tokio::test]
async fn an_engine_that_speaks_nonsense_is_503() {
    let folder = crate::server::scratch();
    let place = folder.path().join("engine.sock");
    let listener = tokio::net::UnixListener::bind(&place).unwrap();
    let nonsense = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let _ = client.writable().await;
            let _ = client.try_write(b"220 mail.example ESMTP\r\n");
        }
    });
    let host = format!("unix://{}", place.display());
    let server = Server::with_settings(&[("DOCKER_HOST", &host), ("SANDBOX_IMAGE", IMAGE)]).await;
    for (path, arguments) in [
        ("/sandbox/run", json!({"code": "1"})),
        ("/sandbox/build", json!({})),
        ("/sandbox/session/start", json!({})),
        ("/sandbox/notebook", json!({"notebook": {"nbformat": 4, "cells": []}})),
    ] {
        let reply = server.post(path, arguments).await;
        assert_eq!((reply.status, reply.detail()), (503, MISSING), "{path}");
    }
    nonsense.abort();
    server.stop().await;
}
