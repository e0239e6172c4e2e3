//! Files as streams: downloaded and uploaded.

use crate::server::{KEY, Pipe, Reply, Server};
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

    pub(crate) async fn upload(&self, fields: &[(&str, &str)], content: &[u8]) -> Reply {
        let mut form = Form::new();
        for (name, value) in fields {
            form = form.text((*name).to_owned(), (*value).to_owned());
        }
        let form = form.part("file", Part::bytes(content.to_vec()).file_name("x"));
        self.request("/filesystem/upload").bearer_auth(KEY).multipart(form).pipe(Reply::send).await
    }

    /// How many files have come in part.
    fn parts(&self) -> usize {
        fs::read_dir(self.path("memory/undo/parts")).unwrap().count()
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
    let status = server.call("filesystem_upload_status", json!({"path": "f"})).await;
    assert_eq!((&status["complete"], &status["received"]), (&json!(true), &json!(10)));
    assert_eq!((&status["sha256"], &status["change_id"]), (&last["sha256"], &last["change_id"]));
}

#[tokio::test]
async fn what_came_survives_a_wrong_size_and_more_than_was_announced() {
    let server = Server::start().await;
    server.upload(&[("path", "f"), ("size", "10")], b"0123").await.ok();
    let small = server.upload(&[("path", "f"), ("size", "2"), ("offset", "4")], b"45").await;
    assert_eq!((small.status, &small.body["detail"][0]["loc"]), (422, &json!(["body", "size"])));
    let long = server.upload(&[("path", "f"), ("size", "6"), ("offset", "4")], b"456789").await;
    assert_eq!(long.status, 400);
    assert_eq!(server.received("f").await, 4);
    let first = server.upload(&[("path", "g"), ("size", "2")], b"123").await;
    assert_eq!((first.status, server.received("g").await), (400, json!(0)));
    assert_eq!(server.parts(), 1);
}

#[tokio::test]
async fn a_form_without_a_file_or_with_it_first_is_told_so_and_leaves_nothing() {
    let server = Server::start().await;
    let form = Form::new().part("file", Part::bytes(vec![1]).file_name("x")).text("path", "f");
    let early = server.request("/filesystem/upload").bearer_auth(KEY).multipart(form).pipe(Reply::send).await;
    assert_eq!((early.status, &early.body["detail"][0]["loc"]), (422, &json!(["body", "path"])));
    assert!(early.body["detail"][0]["msg"].as_str().unwrap().contains("before the part file"), "{}", early.text);
    let form = Form::new().text("path", "new/f");
    let none = server.request("/filesystem/upload").bearer_auth(KEY).multipart(form).pipe(Reply::send).await;
    assert_eq!((none.status, &none.body["detail"][0]["loc"]), (422, &json!(["body", "file"])));
    assert!(!server.path("new").exists());
    assert_eq!(server.parts(), 0);
}

#[tokio::test]
async fn what_came_of_a_file_is_dropped_after_a_day() {
    let server = Server::start().await;
    server.upload(&[("path", "f"), ("size", "10")], b"0123").await.ok();
    let part = fs::read_dir(server.path("memory/undo/parts")).unwrap().next().unwrap().unwrap().path();
    let long_ago = std::time::SystemTime::now() - Duration::from_secs(25 * 60 * 60);
    fs::File::options().write(true).open(part).unwrap().set_modified(long_ago).unwrap();
    server.upload(&[("path", "g"), ("size", "10")], b"0123").await.ok();
    assert_eq!((server.received("f").await, server.received("g").await), (json!(0), json!(4)));
}

#[tokio::test]
async fn one_line_of_the_history_tells_how_a_stream_ended() {
    let server = Server::start().await.with_file("large", vec![0; 30_000_000]).with_file("d/x", "");
    server.upload(&[("path", "f"), ("size", "2")], b"123").await;
    server.upload(&[("path", "g")], b"123").await.ok();
    assert_eq!(server.outcomes_of("filesystem_upload", 2).await, ["unusable", "ok"]);
    server.download("large", &[]).await.bytes().await.unwrap();
    drop(server.download("large", &[]).await);
    assert_eq!(server.outcomes_of("filesystem_download", 2).await, ["ok", "cancelled"]);
    let url = format!("{}/filesystem/watch?path=d&auth={KEY}", server.url);
    let mut watch = server.http.get(url).send().await.unwrap();
    watch.chunk().await.unwrap();
    assert!(server.outcomes_of("filesystem_watch", 0).await.is_empty(), "it goes on");
    drop(watch);
    assert_eq!(server.outcomes_of("filesystem_watch", 1).await, ["ok"]);
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
