//! The limit: axum routes that do the work and nothing else. No key, no policy, no record.

use axum::{
    Json, Router,
    routing::{get, post},
};
use serde_json::{Value, json};
use std::{io::Write, path::Path};

pub(crate) fn router() -> Router {
    Router::new()
        .route("/health", get(|| async { Json(json!({"status": "healthy"})) }))
        .route("/filesystem/read", post(read))
        .route("/filesystem/write", post(write))
        .route("/filesystem/list", post(list))
        .route("/terminal/execute", post(execute))
}

fn text<'a>(arguments: &'a Value, name: &str) -> &'a str {
    arguments[name].as_str().unwrap()
}

async fn read(Json(arguments): Json<Value>) -> Json<Value> {
    let content = tokio::fs::read_to_string(text(&arguments, "path")).await.unwrap();
    Json(json!({"success": true, "size": content.chars().count(), "content": content}))
}

/// As durable as the bridge: a temporary file, fsync, rename, fsync of the folder.
async fn write(Json(arguments): Json<Value>) -> Json<Value> {
    let replace = move || {
        let path = Path::new(text(&arguments, "path"));
        let folder = path.parent().unwrap();
        let mut file = tempfile::NamedTempFile::new_in(folder).unwrap();
        file.write_all(text(&arguments, "content").as_bytes()).unwrap();
        file.as_file().sync_all().unwrap();
        file.persist(path).unwrap();
        std::fs::File::open(folder).unwrap().sync_all().unwrap();
    };
    tokio::task::spawn_blocking(replace).await.unwrap();
    Json(json!({"success": true}))
}

async fn list(Json(arguments): Json<Value>) -> Json<Value> {
    let items = tokio::task::spawn_blocking(move || {
        let folder = std::fs::read_dir(text(&arguments, "path")).unwrap();
        let item = |entry: std::fs::DirEntry| {
            let about = std::fs::metadata(entry.path()).unwrap();
            let modified = skynet_bridge::clock::timestamp_of(about.modified().unwrap());
            json!({"name": entry.file_name().to_str(), "path": entry.path(), "size": about.len(), "modified": modified})
        };
        folder.map(|entry| item(entry.unwrap())).collect::<Vec<_>>()
    });
    Json(json!({"success": true, "items": items.await.unwrap()}))
}

async fn execute(Json(arguments): Json<Value>) -> Json<Value> {
    let mut command = tokio::process::Command::new("/bin/sh");
    let output = command.arg("-c").arg(text(&arguments, "command")).stdin(std::process::Stdio::null()).output().await;
    let output = output.unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    Json(json!({"success": output.status.success(), "stdout": stdout, "exit_code": output.status.code()}))
}
