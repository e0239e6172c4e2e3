//! What the documentation's pages offer to send.

use crate::server::{KEY, Pipe, Reply, Server};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The routes of the document with what the pages fill in for them, by their media types.
fn examples(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let bodies = item["post"]["requestBody"]["content"].as_object();
        for (media, body) in bodies.into_iter().flatten() {
            found.push((path.clone(), media.clone(), body["example"].clone()));
        }
    }
    found
}

/// Puts a file wherever an example names one, unless a folder is there by then.
fn put_canaries(server: &Server, examples: &[(String, String, Value)]) {
    let paths = |example: &Value| {
        let one = ["path", "to"].iter().filter_map(|field| example[*field].as_str().map(str::to_owned));
        one.chain(example["paths"].as_array().into_iter().flatten().map(|path| path.as_str().unwrap().to_owned()))
            .collect::<Vec<_>>()
    };
    let mut all: Vec<String> = examples.iter().flat_map(|(_, _, example)| paths(example)).collect();
    all.extend(["notes/new.md".to_owned(), "restored/inside.md".to_owned()]);
    // Those that lie deepest first: what holds them is a folder.
    all.sort_by_key(|path| std::cmp::Reverse(path.matches('/').count()));
    for path in all.iter().filter(|path| !server.path(path).exists()) {
        fs::create_dir_all(server.path(path).parent().unwrap()).unwrap();
        fs::write(server.path(path), format!("- try {path}\n")).unwrap();
    }
    let mut zip = zip::ZipWriter::new(fs::File::create(server.path("notes.zip")).unwrap());
    zip.start_file("inside.md", zip::write::SimpleFileOptions::default()).unwrap();
    zip.finish().unwrap();
}

/// Every file outside of the bridge's own folder with its bytes.
fn files(top: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let all = walkdir::WalkDir::new(top).into_iter().map(|entry| entry.unwrap().into_path());
    let files = all.filter(|path| path.is_file() && !path.starts_with(top.join("memory")));
    files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

async fn send(server: &Server, path: &str, media: &str, example: &Value) -> u16 {
    if media == "application/json" {
        let request = server.request(path).bearer_auth(KEY).json(example);
        // The head of the answer is enough: a watch never ends.
        return request.send().await.expect("the server answers").status().as_u16();
    }
    let mut form = String::new();
    for (name, value) in example.as_object().unwrap() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let file = if name == "file" { "; filename=\"file\"" } else { "" };
        form += &format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"{file}\r\n\r\n{value}\r\n");
    }
    let request = server.request(path).bearer_auth(KEY).header("content-type", "multipart/form-data; boundary=b");
    request.body(form + "--b--\r\n").pipe(Reply::send).await.status
}

#[tokio::test]
async fn no_example_of_the_documentation_loses_anything_when_it_is_sent_unedited() {
    let server = Server::start().await;
    let document = server.get("/openapi.json").await.ok();
    let examples = examples(&document);
    put_canaries(&server, &examples);
    for (_, _, example) in &examples {
        if let Some(id) = example["id"].as_str() {
            server.call("memory_add", json!({"content": format!("canary {id}")})).await;
        }
    }
    server.call("memory_add", json!({"id": "alice-1", "content": "another Alice", "tags": ["alice"]})).await;
    server.call("filesystem_write", json!({"path": "notes/mine.md", "content": "first"})).await;
    server.call("filesystem_write", json!({"path": "notes/today.md", "content": "- try today\n"})).await;
    let process = server.call("terminal_start", json!({"command": "cat"})).await;
    let before = files(&server.path(""));
    let remembered =
        |answer: &Value| answer["content"].as_str().unwrap().lines().map(str::to_owned).collect::<Vec<_>>();
    let entries = remembered(&server.call("memory_export", json!({})).await);
    // All but what asks another machine.
    for (path, media, example) in examples.iter().filter(|(path, ..)| !path.starts_with("/internet/")) {
        let status = send(&server, path, media, example).await;
        assert!(status < 500 || path.starts_with("/sandbox/"), "{path}: {status}");
        let after = files(&server.path(""));
        let lost: Vec<_> = before.iter().filter(|(file, bytes)| after.get(*file) != Some(bytes)).collect();
        assert!(lost.is_empty(), "{path} {example} answered {status} and changed {lost:?}");
        let now = remembered(&server.call("memory_export", json!({})).await);
        assert!(entries.iter().all(|entry| now.contains(entry)), "{path} {example}: {now:?}");
    }
    let still = server.call("terminal_poll", json!({"id": process["id"]})).await;
    let said = still.get("stdout").or(still.get("output")).unwrap_or(&Value::Null);
    assert_eq!((&still["status"], said.as_str().unwrap_or_default()), (&json!("running"), ""), "{still}");
    let wrong =
        server.post("/filesystem/write", json!({"path": "notes/mine.md", "content": "", "create_only": true})).await;
    assert_eq!(wrong.status, 409, "{}", wrong.text);
    server.stop().await;
}
