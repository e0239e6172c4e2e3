//! What is fetched and is no text: said what it is, and given as what is asked for.

use crate::{
    mcp::{call, messages},
    server::{Reply, Server},
    upstream::Upstream,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

const PDF: &[u8] = include_bytes!("../fixtures/hello.pdf");

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

async fn open() -> Server {
    Server::with_settings(&[("MCP_FETCH_ALLOW_PRIVATE", "true")]).await
}

async fn serving(kind: &str, body: &[u8]) -> Upstream {
    let header = if kind.is_empty() { String::new() } else { format!("content-type: {kind}\r\n") };
    Upstream::with_body(&header, body).await
}

#[tokio::test]
async fn what_is_no_text_is_named_and_never_shown_as_broken_text() {
    let server = open().await;
    let zip = b"PK\x03\x04\x14\0\0\0\x08\0";
    for (kind, body, named, way) in [
        ("application/pdf", PDF, "application/pdf", "document"),
        ("application/octet-stream", PDF, "application/pdf", "document"),
        ("", PDF, "application/pdf", "document"),
        ("image/png", PNG, "image/png", "base64"),
        ("text/plain", PNG, "image/png", "base64"),
        ("application/octet-stream", &b"\xfd\xee\xdd\xcc"[..], "application/octet-stream", "save_to"),
        ("application/zip", zip, "application/zip", "save_to"),
        ("video/unknown", b"\xff\xff\xff", "video/unknown", "save_to"),
    ] {
        let upstream = serving(kind, body).await;
        let got = server.call("internet_fetch", json!({"url": upstream.url})).await;
        assert_eq!((&got["mime_type"], &got["content"]), (&json!(named), &json!("")), "{kind}: {got}");
        let hint = got["hint"].as_str().unwrap();
        assert!(hint.contains(named) && hint.contains(way) && hint.contains("save_to"), "{kind}: {hint}");
    }
}

#[tokio::test]
async fn text_of_any_kind_is_text_as_before() {
    let server = open().await;
    for (kind, body, expected) in [
        ("application/json", &b"{\"a\": \"\xc3\xa9\"}"[..], "{\"a\": \"é\"}"),
        ("image/svg+xml", b"<svg/>", "<svg/>"),
        ("application/octet-stream", "plain é".as_bytes(), "plain é"),
        ("text/plain", b"caf\xe9", "caf\u{fffd}"),
        ("text/html; charset=latin1", b"caf\xe9", "café"),
        ("application/x-unknown; charset=latin1", b"caf\xe9", "café"),
        ("application/x-sh", b"#!/bin/sh\n", "#!/bin/sh\n"),
        ("application/octet-stream", b"\xff\xfeh\0i\0", "hi"),
        ("", b"BM is how this begins", "BM is how this begins"),
        ("image/png", b"", ""),
    ] {
        let upstream = serving(kind, body).await;
        let got = server.call("internet_fetch", json!({"url": upstream.url})).await;
        assert_eq!(
            (&got["content"], got.get("mime_type"), got.get("as")),
            (&json!(expected), None, None),
            "{kind}: {got}"
        );
    }
}

#[tokio::test]
async fn bytes_come_as_base64_and_a_picture_as_one_over_mcp() {
    let server = open().await;
    let upstream = serving("image/png", PNG).await;
    let arguments = json!({"url": upstream.url, "as": "base64"});
    let got = server.call("internet_fetch", arguments.clone()).await;
    assert_eq!(BASE64_STANDARD.decode(got["content"].as_str().unwrap()).unwrap(), PNG);
    assert_eq!(
        (&got["as"], &got["size"], &got["mime_type"]),
        (&json!("base64"), &json!(PNG.len()), &json!("image/png"))
    );
    let session = server.session("2025-11-25").await;
    let reply = Reply::send(server.said(&session, &call(3, "internet_fetch", arguments))).await;
    let result = messages(&reply.text).pop().unwrap()["result"].clone();
    assert_eq!(
        (&result["content"][1]["type"], &result["content"][1]["mimeType"]),
        (&json!("image"), &json!("image/png"))
    );
    assert_eq!(result["structuredContent"]["media"][0]["type"], "image");
    let large = serving("application/octet-stream", &[0; 7_500_001]).await;
    let refused = server.post("/internet/fetch", json!({"url": large.url, "as": "base64"})).await;
    assert_eq!(refused.status, 413, "{}", refused.text);
    assert!(refused.detail().contains("save_to"), "{}", refused.detail());
}

#[tokio::test]
async fn a_document_comes_as_its_text() {
    let server = open().await;
    let upstream = serving("application/pdf", PDF).await;
    let got = server.call("internet_fetch", json!({"url": format!("{}/paper", upstream.url), "as": "document"})).await;
    assert!(got["content"].as_str().unwrap().contains("Hello bridge"), "{got}");
    assert_eq!((&got["as"], &got["mime_type"]), (&json!("document"), &json!("application/pdf")));
    let page = serving("text/html", b"<p>no document").await;
    let refused = server.post("/internet/fetch", json!({"url": page.url, "as": "document"})).await;
    assert_eq!(refused.status, 400, "{}", refused.text);
}

#[tokio::test]
async fn a_file_is_saved_as_it_came_once_and_can_be_undone() {
    let server = open().await;
    let upstream = serving("application/pdf", PDF).await;
    let arguments = json!({"url": upstream.url, "save_to": "papers/hello.pdf"});
    let got = server.call("internet_fetch", arguments.clone()).await;
    assert_eq!((&got["as"], &got["size"], &got["content"]), (&json!("file"), &json!(PDF.len()), &json!("")));
    assert_eq!(got["saved"]["path"], "papers/hello.pdf");
    assert_eq!(std::fs::read(server.path("papers/hello.pdf")).unwrap(), PDF);
    let read = server.call("filesystem_read", json!({"path": "papers/hello.pdf", "as": "base64"})).await;
    assert_eq!(read["sha256"], got["saved"]["sha256"]);
    let again = server.post("/internet/fetch", arguments).await;
    assert_eq!(again.status, 409, "what is there stays: {}", again.text);
    assert_eq!(upstream.requests().len(), 1, "a place that is refused is refused before anything is fetched");
    server.call("filesystem_undo", json!({"id": got["saved"]["change_id"]})).await;
    assert!(!server.path("papers/hello.pdf").exists());
}

#[tokio::test]
async fn the_page_of_a_404_is_not_saved_as_if_it_were_the_file() {
    let server = open().await;
    for status in ["404 Not Found", "503 Busy", "302 Found"] {
        let answer =
            format!("HTTP/1.1 {status}\r\ncontent-length: 7\r\nlocation: /x\r\nconnection: close\r\n\r\nno file");
        let upstream = Upstream::serving(move |_| answer.clone().into_bytes()).await;
        let mut arguments = json!({"url": upstream.url, "save_to": "got.bin"});
        let got = server.call("internet_fetch", arguments.clone()).await;
        assert_eq!((&got["content"], &got["saved"], &got["as"]), (&json!("no file"), &Value::Null, &Value::Null));
        let hint = got["hint"].as_str().unwrap();
        assert!(hint.starts_with("Nothing was saved") && hint.contains(&status[..3]), "{hint}");
        assert!(!server.path("got.bin").exists());
        arguments["save_errors"] = true.into();
        let got = server.call("internet_fetch", arguments).await;
        assert_eq!(std::fs::read(server.path("got.bin")).unwrap(), b"no file");
        server.call("filesystem_undo", json!({"id": got["saved"]["change_id"]})).await;
    }
}

#[tokio::test]
async fn a_place_where_nothing_may_be_written_is_refused_before_the_request() {
    let server = open().await;
    let upstream = serving("text/plain", b"x").await;
    for path in ["../out", "/etc/motd2", "~/x", ".env", "memory/x"] {
        let refused = server.post("/internet/fetch", json!({"url": upstream.url, "save_to": path})).await;
        assert_eq!(refused.status, 403, "{path}: {}", refused.text);
    }
    let wrong = |form: &str, save_to: Value| json!({"url": upstream.url, "as": form, "save_to": save_to});
    for arguments in [wrong("file", Value::Null), wrong("base64", json!("x")), wrong("document", json!("x"))] {
        let refused = server.post("/internet/fetch", arguments.clone()).await;
        assert_eq!(refused.status, 422, "{arguments}: {}", refused.text);
        assert_eq!(refused.body["detail"][0]["loc"], json!(["body", "save_to"]));
    }
    assert!(upstream.requests().is_empty());
}
