//! Watching a folder.

use crate::server::{KEY, Pipe, Reply, Server};
use futures::StreamExt;
use serde_json::json;
use std::{fs, time::Duration};

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

async fn watch(server: &Server, path: &str) -> impl StreamExt<Item = reqwest::Result<bytes::Bytes>> + Unpin + use<> {
    let url = format!("{}/filesystem/watch?path={path}&auth={KEY}", server.url);
    let reply = server.http.get(url).send().await.unwrap();
    assert_eq!(
        (reply.status().as_u16(), &reply.headers()["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let mut stream = reply.bytes_stream();
    event(&mut stream, "event: ready").await;
    stream
}

/// What is told until a file of this name is made.
async fn told_until(
    server: &Server,
    stream: &mut (impl StreamExt<Item = reqwest::Result<bytes::Bytes>> + Unpin),
    last: &str,
) -> Vec<(String, String)> {
    fs::write(server.path(last), "").unwrap();
    let text = event(stream, &format!(r#"{{"kind":"created","path":"{last}""#)).await;
    let data = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let all = data.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let name = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let all = all.map(|event| (name(&event["kind"]), format!("{}>{}", name(&event["path"]), name(&event["to"]))));
    all.filter(|(_, path)| *path != format!("{last}>")).collect()
}

#[tokio::test]
async fn a_rename_and_what_the_bridge_replaces_are_one_event_each() {
    let server = Server::start().await.with_file("d/old", "x").with_file("d/edited", "x").with_file("out", "");
    let mut stream = watch(&server, "d").await;
    fs::rename(server.path("d/old"), server.path("d/new")).unwrap();
    let told = told_until(&server, &mut stream, "d/end1").await;
    assert_eq!(told, [("moved".to_owned(), "d/old>d/new".to_owned())]);
    server.call("filesystem_write", json!({"path": "d/edited", "content": "y"})).await;
    server.call("filesystem_write", json!({"path": "d/made", "content": "y"})).await;
    let told = told_until(&server, &mut stream, "d/end2").await;
    let expected = [("modified", "d/edited>"), ("created", "d/made>")];
    assert_eq!(told, expected.map(|(kind, path)| (kind.to_owned(), path.to_owned())));
    fs::rename(server.path("d/new"), server.path("away")).unwrap();
    event(&mut stream, r#"{"kind":"deleted","path":"d/new""#).await;
    fs::rename(server.path("out"), server.path("d/in")).unwrap();
    event(&mut stream, r#"{"kind":"created","path":"d/in""#).await;
}

#[tokio::test]
async fn files_in_folders_that_were_just_made_are_told_once() {
    let server = Server::start().await.with_file("d/x", "").with_file("tree/a/b/c", "");
    let mut stream = watch(&server, "d").await;
    for number in 0..20 {
        fs::create_dir_all(server.path(&format!("d/{number}/deep"))).unwrap();
        fs::write(server.path(&format!("d/{number}/deep/f")), "").unwrap();
    }
    fs::rename(server.path("tree"), server.path("d/tree")).unwrap();
    let told = told_until(&server, &mut stream, "d/end").await;
    let mut created: Vec<_> = told.iter().filter(|(kind, _)| kind == "created").map(|(_, path)| path.clone()).collect();
    created.sort();
    let mut expected: Vec<String> =
        (0..20).flat_map(|n| [format!("d/{n}>"), format!("d/{n}/deep>"), format!("d/{n}/deep/f>")]).collect();
    expected.extend(["d/tree>", "d/tree/a>", "d/tree/a/b>", "d/tree/a/b/c>"].map(str::to_owned));
    expected.sort();
    assert_eq!(created, expected);
}

#[tokio::test]
async fn a_watch_ends_with_its_folder_and_a_single_file_is_followed_when_it_is_replaced() {
    let server = Server::start().await.with_file("d/sub/x", "").with_file("d/f", "1").with_file("d/other", "");
    let mut file = watch(&server, "d/f").await;
    for content in ["2", "3"] {
        server.call("filesystem_write", json!({"path": "d/f", "content": content})).await;
        server.call("filesystem_write", json!({"path": "d/other", "content": content})).await;
        let told = event(&mut file, r#"{"kind":"modified","path":"d/f""#).await;
        assert!(!told.contains("other"), "{told}");
    }
    let mut folder = watch(&server, "d/sub").await;
    fs::remove_dir_all(server.path("d/sub")).unwrap();
    let end = async {
        let mut text = String::new();
        while let Some(chunk) = folder.next().await {
            text.push_str(&String::from_utf8_lossy(&chunk.unwrap()));
        }
        text
    };
    let text = tokio::time::timeout(Duration::from_secs(20), end).await.expect("the stream ends");
    assert!(text.contains("event: gone"), "{text}");
}

#[tokio::test]
async fn changes_are_told_as_they_happen_whoever_makes_them() {
    let server = Server::start().await.with_file("d/old", "").with_file(".env", "");
    let mut stream = watch(&server, "d").await;
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

#[tokio::test]
async fn what_happens_in_a_denied_place_that_was_moved_is_not_told() {
    let directory = crate::server::scratch();
    fs::create_dir_all(directory.path().join("d/private/deep")).unwrap();
    let server = Server::in_directory(directory, &[("MCP_DENIED_PATHS", "d/private")]).await;
    fs::rename(server.path("d/private"), server.path("d/moved")).unwrap();
    let mut stream = watch(&server, "d").await;
    for name in ["d/moved/key", "d/moved/deep/key"] {
        fs::write(server.path(name), "x").unwrap();
    }
    fs::remove_file(server.path("d/moved/key")).unwrap();
    assert_eq!(told_until(&server, &mut stream, "d/end").await, []);
}
