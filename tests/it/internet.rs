//! Fetching, from servers on loopback, which the setting opens.

use crate::{
    server::{KeyIn, Reply, Server},
    upstream::Upstream,
};
use async_compression::tokio::write::{BrotliEncoder, DeflateEncoder, GzipEncoder, ZlibEncoder, ZstdEncoder};
use serde_json::{Value, json};
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// A bridge that may fetch from this machine.
async fn open() -> Server {
    Server::with_settings(&[("MCP_FETCH_ALLOW_PRIVATE", "true")]).await
}

async fn fetch(server: &Server, arguments: Value) -> Reply {
    server.post("/internet/fetch", arguments).await
}

#[tokio::test]
async fn a_fetch_gives_status_headers_and_text() {
    let server = open().await;
    let upstream =
        Upstream::with_body("Content-Type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n", "héllo").await;
    let got = server.call("internet_fetch", json!({"url": upstream.url})).await;
    assert_eq!((&got["success"], &got["status_code"], &got["method"]), (&json!(true), &json!(200), &json!("GET")));
    assert_eq!((&got["content"], &got["size"]), (&json!("héllo"), &json!(5)));
    assert_eq!((&got["url"], &got["content_type"]), (&json!(upstream.url), &json!("text/plain")));
    assert_eq!(got["headers"]["set-cookie"], "a=1, b=2");
    assert!(got["timestamp"].is_string() && got.get("final_url").is_none());
    assert!(upstream.requests()[0].to_lowercase().contains("user-agent: mcp-server/1.0 (ai-proxy)\r\n"));
}

#[tokio::test]
async fn an_error_of_the_upstream_is_a_success() {
    let server = open().await;
    for code in [404, 500] {
        let upstream = Upstream::answering(format!("HTTP/1.1 {code} X\r\ncontent-length: 0\r\n\r\n")).await;
        let got = server.call("internet_fetch", json!({"url": upstream.url})).await;
        assert_eq!((&got["status_code"], &got["content_type"], &got["size"]), (&json!(code), &json!(null), &json!(0)));
    }
}

#[tokio::test]
async fn the_method_is_taken_in_any_case_and_the_body_only_where_it_belongs() {
    let server = open().await;
    let upstream = Upstream::with_body("", "ok").await;
    for (method, has_body) in [("post", true), ("Put", true), ("PATCH", true), ("get", false), ("delete", false)] {
        let got = server.call("internet_fetch", json!({"url": upstream.url, "method": method, "body": "BODY"})).await;
        let request = upstream.requests().pop().unwrap();
        assert_eq!((&got["method"], request.ends_with("BODY")), (&json!(method), has_body), "{request}");
        assert!(request.starts_with(&format!("{} / ", method.to_uppercase())));
    }
    let refused = fetch(&server, json!({"url": upstream.url, "method": "TRACE"})).await;
    assert_eq!((refused.status, refused.detail()), (400, "Invalid HTTP method"));
}

#[tokio::test]
async fn the_callers_headers_win_in_any_case_and_broken_ones_are_named() {
    let server = open().await;
    let upstream = Upstream::with_body("", "ok").await;
    let headers = json!({"user-AGENT": "mine", "X-One": "1", "Content-Length": "99", "Transfer-Encoding": "chunked"});
    server.call("internet_fetch", json!({"url": upstream.url, "headers": headers})).await;
    let request = upstream.requests().pop().unwrap().to_lowercase();
    assert!(request.contains("user-agent: mine\r\n") && request.contains("x-one: 1\r\n"), "{request}");
    assert!(
        !request.contains("mcp-server") && !request.contains("length: 99") && !request.contains("chunked"),
        "{request}"
    );
    for headers in [json!({"a b": "1"}), json!({"X-Evil": "1\r\nHost: other"}), json!({"": ""})] {
        let reply = fetch(&server, json!({"url": upstream.url, "headers": headers})).await;
        assert_eq!((reply.status, &reply.body["detail"][0]["loc"][1]), (422, &json!("headers")), "{}", reply.text);
    }
}

#[tokio::test]
async fn a_charset_is_honoured_from_the_mark_the_header_or_the_page() {
    let server = open().await;
    for (headers, body, expected) in [
        ("content-type: text/plain; charset=ISO-8859-1\r\n", &b"caf\xe9"[..], "café"),
        ("content-type: text/plain; charset=\"utf-16le\"\r\n", b"h\0i\0", "hi"),
        ("content-type: text/html\r\n", b"<meta charset=windows-1251><p>\xef\xf0", "<meta charset=windows-1251><p>пр"),
        ("content-type: application/xml\r\n", b"<?xml encoding='latin1'?>\xe9", "<?xml encoding='latin1'?>é"),
        ("content-type: text/plain; charset=latin1\r\n", b"\xef\xbb\xbf\xc3\xa9", "é"),
        ("content-type: text/plain; charset=nonsense\r\n", "é".as_bytes(), "é"),
        ("", b"bad \xff byte", "bad \u{fffd} byte"),
    ] {
        let upstream = Upstream::with_body(headers, body).await;
        let got = server.call("internet_fetch", json!({"url": upstream.url})).await;
        assert_eq!(got["content"], expected, "{headers}");
        assert_eq!(got["size"], expected.chars().count());
    }
}

async fn packed<W: AsyncWrite + Unpin>(mut encoder: W, text: &[u8]) -> W {
    encoder.write_all(text).await.unwrap();
    encoder.shutdown().await.unwrap();
    encoder
}

/// The text in every compression that the bridge asks for.
async fn compressed(text: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("gzip", packed(GzipEncoder::new(vec![]), text).await.into_inner()),
        ("br", packed(BrotliEncoder::new(vec![]), text).await.into_inner()),
        ("zstd", packed(ZstdEncoder::new(vec![]), text).await.into_inner()),
        ("deflate", packed(ZlibEncoder::new(vec![]), text).await.into_inner()),
        ("deflate", packed(DeflateEncoder::new(vec![]), text).await.into_inner()),
    ]
}

#[tokio::test]
async fn compressed_answers_are_unpacked_and_broken_ones_are_502() {
    let server = open().await;
    for (name, bytes) in compressed("plain text, repeated ".repeat(500).as_bytes()).await {
        let upstream = Upstream::with_body(&format!("content-encoding: {name}\r\n"), &bytes).await;
        let got = server.call("internet_fetch", json!({"url": upstream.url})).await;
        assert_eq!((&got["size"], &got["headers"]["content-encoding"]), (&json!(10_500), &json!(name)), "{name}");
        let cut = Upstream::with_body(&format!("content-encoding: {name}\r\n"), &bytes[..bytes.len() / 2]).await;
        let reply = fetch(&server, json!({"url": cut.url})).await;
        assert_eq!((reply.status, reply.detail().starts_with("HTTP error: ")), (502, true), "{name}: {}", reply.text);
    }
    let twice = packed(GzipEncoder::new(vec![]), &packed(GzipEncoder::new(vec![]), b"deep").await.into_inner()).await;
    let upstream = Upstream::with_body("content-encoding: gzip, gzip\r\n", twice.into_inner()).await;
    assert_eq!(server.call("internet_fetch", json!({"url": upstream.url})).await["content"], "deep");
    let empty = Upstream::with_body("content-encoding: gzip\r\n", "").await;
    assert_eq!(server.call("internet_fetch", json!({"url": empty.url})).await["content"], "");
}

#[tokio::test]
async fn a_text_is_cut_after_ten_million_characters_however_small_it_was_packed() {
    let server = open().await;
    let bomb = packed(GzipEncoder::new(vec![]), &vec![b'x'; 64 << 20]).await.into_inner();
    let upstream = Upstream::with_body("content-encoding: gzip\r\n", bomb).await;
    let got = server.call("internet_fetch", json!({"url": upstream.url})).await;
    let content = got["content"].as_str().unwrap();
    assert!(content.ends_with("x\n\n[... truncated]"));
    assert_eq!((content.len(), got["size"].as_u64()), (10_000_017, Some(10_000_017)));
    let exact = Upstream::with_body("", "é".repeat(10_000_000)).await;
    assert_eq!(server.call("internet_fetch", json!({"url": exact.url})).await["size"], 10_000_000);
}

#[tokio::test]
async fn an_answer_that_unpacks_without_end_and_without_a_word_keeps_neither_the_deadline_nor_others_waiting() {
    let server = open().await;
    // Empty parts, 300 MB of them, which become a few kilobytes.
    let empty = packed(GzipEncoder::new(vec![]), b"").await.into_inner();
    let many = packed(ZstdEncoder::new(vec![]), &empty.repeat(300_000_000 / empty.len())).await.into_inner();
    assert!(many.len() < 1 << 20, "{}", many.len());
    let upstream = Upstream::with_body("content-encoding: gzip, zstd\r\n", many).await;
    let started = std::time::Instant::now();
    let reply = fetch(&server, json!({"url": upstream.url, "timeout": 2})).await;
    assert!([408, 502].contains(&reply.status), "{}", reply.text);
    assert!(started.elapsed().as_secs() < 6, "{:?}", started.elapsed());
    // A window of up to 1 GiB, which brotli's standard does not have.
    let upstream = Upstream::with_body("content-encoding: br\r\n", [0x11, 0x1e, 0, 0]).await;
    let reply = fetch(&server, json!({"url": upstream.url})).await;
    assert_eq!((reply.status, reply.detail().contains("window")), (502, true), "{}", reply.text);
}

#[tokio::test]
async fn a_server_that_is_slow_is_408_and_one_that_breaks_off_is_502() {
    let server = open().await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let late = fetch(&server, json!({"url": format!("http://{address}/"), "timeout": 1})).await;
    assert_eq!((late.status, late.detail()), (408, "Request timed out"));
    // Bound and not listening: nobody else can take the port meanwhile.
    let closed = tokio::net::TcpSocket::new_v4().unwrap();
    closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let gone = fetch(&server, json!({"url": format!("http://{}/", closed.local_addr().unwrap())})).await;
    assert_eq!(gone.status, 502);
    assert!(gone.detail().starts_with("HTTP error: ") && gone.detail().contains("refused"), "{}", gone.detail());
    for answer in ["HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", "", "nonsense\r\n\r\n"] {
        let upstream = Upstream::answering(answer).await;
        let reply = fetch(&server, json!({"url": upstream.url})).await;
        assert_eq!((reply.status, reply.detail().starts_with("HTTP error: ")), (502, true), "{answer:?}");
    }
    for url in ["not a url", "ftp://example.com/", "", "http://"] {
        assert_eq!(fetch(&server, json!({"url": url})).await.status, 502, "{url:?}");
    }
}

#[tokio::test]
async fn redirects_are_followed_only_when_asked_and_each_is_checked() {
    let server = open().await;
    let target = Upstream::with_body("", "there").await;
    let redirect = format!("HTTP/1.1 302 Found\r\nlocation: {}/x\r\ncontent-length: 0\r\n\r\n", target.url);
    let first = Upstream::answering(redirect).await;
    let stay = server.call("internet_fetch", json!({"url": first.url})).await;
    assert_eq!((&stay["status_code"], target.requests().len()), (&json!(302), 0));
    let arguments = json!({"url": first.url, "method": "POST", "body": "B", "follow_redirects": true,
        "headers": {"Authorization": "secret", "Cookie": "c=1", "Accept": "text/kept"}});
    let moved = server.call("internet_fetch", arguments).await;
    assert_eq!((&moved["content"], &moved["final_url"]), (&json!("there"), &json!(format!("{}/x", target.url))));
    let request = target.requests().pop().unwrap().to_lowercase();
    assert!(request.starts_with("get /x ") && request.contains("accept: text/kept"), "{request}");
    assert!(!request.contains("secret") && !request.contains("c=1"), "{request}");
    let other =
        Upstream::answering("HTTP/1.1 302 Found\r\nlocation: file:///etc/passwd\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(fetch(&server, json!({"url": other.url, "follow_redirects": true})).await.status, 502);
}

#[tokio::test]
async fn a_redirect_from_an_allowed_host_to_a_private_one_is_refused_before_connecting() {
    let inside = Upstream::with_body("", "secret").await;
    let port = inside.url.rsplit_once(':').unwrap().1;
    for target in
        [inside.url.clone(), format!("http://localhost:{port}/"), format!("http://[::ffff:127.0.0.1]:{port}/")]
    {
        let redirect = format!("HTTP/1.1 307 X\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n");
        let door = Upstream::answering(redirect).await;
        let allowed = door.url.trim_start_matches("http://");
        let server = Server::with_settings(&[("MCP_FETCH_ALLOW_PRIVATE", allowed)]).await;
        let reply = fetch(&server, json!({"url": door.url, "follow_redirects": true})).await;
        assert_eq!((reply.status, inside.requests().len()), (403, 0), "{target}: {}", reply.text);
    }
}

#[tokio::test]
async fn no_header_that_a_caller_set_and_no_body_goes_to_another_origin() {
    let server = open().await;
    let target = Upstream::with_body("", "there").await;
    let names = ["Authorization", "Cookie", "X-Api-Key", "Private-Token", "X-Anything", "Referer", "Origin", "Host"];
    for status in [301, 302, 303, 307, 308] {
        let redirect = format!("HTTP/1.1 {status} X\r\nlocation: {}/x\r\ncontent-length: 0\r\n\r\n", target.url);
        let first = Upstream::answering(redirect).await;
        let headers: serde_json::Map<_, _> = names.iter().map(|name| ((*name).to_owned(), json!("s3cret"))).collect();
        let mut arguments = json!({"url": first.url, "headers": headers, "follow_redirects": true});
        server.call("internet_fetch", arguments.clone()).await;
        assert_eq!(first.requests().pop().unwrap().matches("s3cret").count(), names.len(), "the first server gets all");
        let request = target.requests().pop().unwrap();
        assert!(request.starts_with("GET /x ") && !request.contains("s3cret"), "{status}: {request}");
        (arguments["method"], arguments["body"]) = (json!("POST"), json!("s3cret-body"));
        let answer = server.call("internet_fetch", arguments).await;
        let is_kept = matches!(status, 307 | 308);
        assert_eq!(answer["status_code"], if is_kept { status } else { 200 }, "{answer}");
        assert!(target.requests().iter().all(|request| !request.contains("s3cret")), "{status}");
    }
}

#[tokio::test]
async fn within_an_origin_headers_and_body_go_along() {
    let server = open().await;
    let same = Upstream::serving(|request| match request.starts_with("POST /first ") {
        true => b"HTTP/1.1 307 X\r\nlocation: /second\r\ncontent-length: 0\r\n\r\n".to_vec(),
        false => b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec(),
    })
    .await;
    let arguments = json!({"url": format!("{}/first", same.url), "method": "POST", "body": "kept-body",
        "headers": {"X-Api-Key": "kept-key"}, "follow_redirects": true});
    server.call("internet_fetch", arguments).await;
    let request = same.requests().pop().unwrap();
    assert!(request.starts_with("POST /second ") && request.contains("kept-key") && request.contains("kept-body"));
}

#[tokio::test]
async fn a_redirect_loop_ends() {
    let server = open().await;
    let around = Upstream::answering("HTTP/1.1 302 X\r\nlocation: /again\r\ncontent-length: 0\r\n\r\n").await;
    let reply = fetch(&server, json!({"url": around.url, "follow_redirects": true})).await;
    assert_eq!((reply.status, around.requests().len()), (502, 11));
    assert!(reply.detail().contains("redirects"), "{}", reply.detail());
}

#[tokio::test]
async fn the_inside_is_closed_by_default_and_the_refusal_names_the_setting() {
    let server = Server::start().await;
    let upstream = Upstream::with_body("", "secret").await;
    let port = upstream.url.rsplit_once(':').unwrap().1;
    for host in ["127.0.0.1", "localhost", "[::1]", "2130706433", "169.254.169.254", "metadata.google.internal"] {
        let reply = fetch(&server, json!({"url": format!("http://{host}:{port}/")})).await;
        assert_eq!(reply.status, 403, "{host}: {}", reply.text);
        assert!(reply.detail().contains("MCP_FETCH_ALLOW_PRIVATE"), "{}", reply.detail());
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn search_says_that_it_has_no_provider_yet() {
    let server = Server::start().await;
    let reply = server.post("/internet/search", json!({"query": "x"})).await;
    assert_eq!(reply.status, 501);
    assert!(reply.detail().starts_with("Web search not yet implemented"), "{}", reply.detail());
    let null = server.post_with(KeyIn::Bearer, "/internet/search?query=x&max_results=3", Value::Null).await;
    assert_eq!(null.status, 422);
    let by_query = server.request("/internet/search?query=x&max_results=3").bearer_auth(crate::server::KEY);
    assert_eq!(Reply::send(by_query).await.status, 501);
    assert_eq!(server.post("/internet/search", json!({})).await.status, 422);
}
