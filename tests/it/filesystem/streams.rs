//! Files as streams: watched, downloaded, uploaded.

use crate::server::{KEY, Pipe, Reply, Server};
use futures::StreamExt;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use std::{fs, time::Duration};

impl Server {
    async fn download(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let url = format!("{}/filesystem/download", self.url);
        let mut request = self.http.get(url).query(&[("path", path)]).bearer_auth(KEY);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    async fn upload(&self, fields: &[(&str, &str)], content: &[u8]) -> Reply {
        let mut form = Form::new();
        for (name, value) in fields {
            form = form.text((*name).to_owned(), (*value).to_owned());
        }
        let form = form.part("file", Part::bytes(content.to_vec()).file_name("x"));
        self.request("/filesystem/upload").bearer_auth(KEY).multipart(form).pipe(Reply::send).await
    }

    async fn received(&self, path: &str) -> Value {
        self.call("filesystem_upload_status", json!({"path": path})).await["received"].clone()
    }
}

#[tokio::test]
async fn a_file_is_downloaded_whole_or_in_part() {
    let content: Vec<u8> = (0..300_000_u32).map(|number| (number % 251) as u8).collect();
    let server = Server::start().await.with_file("d/é \"x\".bin", &content);
    let whole = server.download("d/é \"x\".bin", &[]).await;
    let header = |reply: &reqwest::Response, name: &str| reply.headers()[name].to_str().unwrap().to_owned();
    assert_eq!((whole.status(), header(&whole, "content-length")), (200.try_into().unwrap(), "300000".to_owned()));
    assert!(header(&whole, "content-disposition").ends_with("%C3%A9%20%22x%22%2Ebin"));
    let tag = header(&whole, "etag");
    assert_eq!(whole.bytes().await.unwrap(), content);
    for (range, expected, text) in [
        ("bytes=10-19", &content[10..20], "bytes 10-19/300000"),
        ("bytes=299990-", &content[299_990..], "bytes 299990-299999/300000"),
        ("bytes=-5", &content[299_995..], "bytes 299995-299999/300000"),
        ("bytes=299999-999999", &content[299_999..], "bytes 299999-299999/300000"),
    ] {
        let part = server.download("d/é \"x\".bin", &[("range", range)]).await;
        assert_eq!((part.status().as_u16(), header(&part, "content-range")), (206, text.to_owned()));
        assert_eq!(part.bytes().await.unwrap(), expected);
    }
    let beyond = server.download("d/é \"x\".bin", &[("range", "bytes=300000-")]).await;
    assert_eq!((beyond.status().as_u16(), header(&beyond, "content-range")), (416, "bytes */300000".to_owned()));
    let same = server.download("d/é \"x\".bin", &[("if-none-match", &tag)]).await;
    assert_eq!(same.status(), 304);
    let other = server.download("d/é \"x\".bin", &[("range", "bytes=0-1"), ("if-range", "\"other\"")]).await;
    assert_eq!(other.status(), 200);
    for (path, status) in [("missing", 404), ("d", 400), ("/etc/passwd", 403), (".env", 403)] {
        assert_eq!(server.download(path, &[]).await.status(), status, "{path}");
    }
    let without = server.http.get(format!("{}/filesystem/download?path=d", server.url)).send().await.unwrap();
    assert_eq!(without.status(), 401);
    let actions: Vec<_> = server.history().await.into_iter().map(|line| line["outcome"].clone()).collect();
    assert!(actions.contains(&json!("ok")) && actions.contains(&json!("refused")), "{actions:?}");
}

#[tokio::test]
async fn a_file_is_uploaded_and_appears_whole() {
    let server = Server::start().await;
    let content = vec![7; 3_000_000];
    let reply = server.upload(&[("path", "new/f.bin"), ("session", "s")], &content).await.ok();
    assert_eq!((&reply["complete"], &reply["received"]), (&json!(true), &json!(3_000_000)));
    assert_eq!(fs::read(server.path("new/f.bin")).unwrap(), content);
    assert_eq!(fs::read_dir(server.path("new")).unwrap().count(), 1, "nothing else is left");
    let taken = server.upload(&[("path", "new/f.bin")], b"x").await;
    assert_eq!(taken.status, 409);
    let replaced =
        [("path", "new/f.bin"), ("overwrite", "true"), ("expected_sha256", reply["sha256"].as_str().unwrap())];
    server.upload(&replaced, b"x").await.ok();
    assert_eq!(server.upload(&replaced, b"y").await.status, 409);
    server.call("filesystem_undo", json!({"path": "new/f.bin"})).await;
    assert_eq!(fs::read(server.path("new/f.bin")).unwrap(), content);
    for (path, status) in [("/etc/x", 403), ("new", 400), ("", 400)] {
        assert_eq!(server.upload(&[("path", path)], b"x").await.status, status, "{path}");
    }
    assert_eq!(server.upload(&[], b"x").await.status, 422);
    let form = Form::new().text("path", "a").part("file", Part::bytes(vec![1]));
    let refused = server.request("/filesystem/upload").multipart(form).pipe(Reply::send).await;
    assert_eq!(refused.status, 401);
    let json = server.post("/filesystem/upload", json!({"path": "a"})).await;
    assert_eq!(json.status, 422);
}

#[tokio::test]
async fn a_broken_upload_goes_on_where_it_ended() {
    let server = Server::start().await;
    let part = |offset: &'static str| [("path", "f"), ("size", "10"), ("offset", offset)];
    let first = server.upload(&part("0"), b"0123").await.ok();
    assert_eq!((&first["complete"], &first["received"]), (&json!(false), &json!(4)));
    assert!(!server.path("f").exists());
    assert_eq!(server.received("f").await, 4);
    let gap = server.upload(&part("6"), b"6789").await;
    assert_eq!(gap.status, 409);
    assert!(gap.detail().starts_with("4 bytes"), "{}", gap.detail());
    let last = server.upload(&part("4"), b"456789").await.ok();
    assert_eq!(last["complete"], true);
    assert_eq!(fs::read_to_string(server.path("f")).unwrap(), "0123456789");
    assert_eq!(server.received("f").await, 0);
    let long = server.upload(&[("path", "g"), ("size", "2")], b"123").await;
    assert_eq!(long.status, 400);
}

#[tokio::test]
async fn a_client_that_breaks_off_finds_what_had_come() {
    let server = Server::start().await;
    let chunks = futures::stream::iter([Ok(vec![b'a'; 500_000]), Err(std::io::Error::other("gone"))]);
    let form = Form::new().text("path", "f").part("file", Part::stream(reqwest::Body::wrap_stream(chunks)));
    let broken = server.request("/filesystem/upload").bearer_auth(KEY).multipart(form).send().await;
    assert!(broken.is_err());
    let end = std::time::Instant::now() + Duration::from_secs(20);
    let mut received = server.received("f").await;
    while received != 500_000 {
        assert!(std::time::Instant::now() < end, "{received} bytes came");
        received = server.received("f").await;
    }
    let rest = server.upload(&[("path", "f"), ("offset", "500000")], b"bc").await.ok();
    assert_eq!((&rest["complete"], &rest["received"]), (&json!(true), &json!(500_002)));
}

/// The next event of a stream whose data holds a text.
async fn event(stream: &mut (impl StreamExt<Item = reqwest::Result<bytes::Bytes>> + Unpin), wanted: &str) -> String {
    let mut text = String::new();
    let found = async {
        while let Some(chunk) = stream.next().await {
            text.push_str(&String::from_utf8_lossy(&chunk.unwrap()));
            if text.contains(wanted) {
                return;
            }
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(20), found).await;
    assert!(waited.is_ok() && text.contains(wanted), "no {wanted} in {text}");
    text
}

#[tokio::test]
async fn changes_are_told_as_they_happen_whoever_makes_them() {
    let server = Server::start().await.with_file("d/old", "").with_file(".env", "");
    let url = format!("{}/filesystem/watch?path=d&auth={KEY}", server.url);
    let reply = server.http.get(url).send().await.unwrap();
    assert_eq!(
        (reply.status().as_u16(), &reply.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let mut stream = reply.bytes_stream();
    event(&mut stream, "event: ready").await;
    fs::write(server.path("d/new"), "x").unwrap();
    event(&mut stream, r#"{"kind":"created","path":"d/new""#).await;
    server.call("filesystem_write", json!({"path": "d/old", "content": "x"})).await;
    let told = event(&mut stream, r#""path":"d/old""#).await;
    assert!(!told.contains(".bridge-"), "{told}");
    fs::rename(server.path("d/new"), server.path("d/newer")).unwrap();
    event(&mut stream, r#""to":"d/newer""#).await;
    fs::remove_file(server.path("d/newer")).unwrap();
    event(&mut stream, r#"{"kind":"deleted","path":"d/newer""#).await;
    let refused =
        server.request("/filesystem/watch").bearer_auth(KEY).json(&json!({"path": "/etc"})).pipe(Reply::send).await;
    assert_eq!((refused.status, refused.detail()), (403, "Unsafe directory path"));
}
