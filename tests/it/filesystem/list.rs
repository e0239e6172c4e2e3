//! Listing.

use crate::server::Server;
use serde_json::{Value, json};
use std::{ffi::OsStr, fs, os::unix::ffi::OsStrExt};

fn names(listing: &Value) -> Vec<&str> {
    listing["items"].as_array().unwrap().iter().map(|item| item["path"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_directory_is_listed_by_name_with_types_and_sizes() {
    let server = Server::start().await.with_file("d/b.txt", "12345").with_file("d/.hidden", "").with_file("d/a/x", "");
    let listing = server.call("filesystem_list", json!({"path": "d/"})).await;
    assert_eq!((&listing["count"], &listing["path"]), (&json!(3), &json!("d/")));
    assert_eq!(names(&listing), ["d/.hidden", "d/a", "d/b.txt"]);
    let folder = &listing["items"][1];
    let no_link = json!({"name": "a", "path": "d/a", "type": "directory", "size": null, "modified": null,
        "is_link": false, "link_target": null});
    assert_eq!(*folder, no_link);
    let file = &listing["items"][2];
    assert_eq!((&file["type"], &file["size"]), (&json!("file"), &json!(5)));
    assert_eq!(file["modified"].as_str().unwrap().len(), 26);
    let all = server.call("filesystem_list", json!({"path": "d", "recursive": true})).await;
    assert_eq!(names(&all), ["d/.hidden", "d/a", "d/a/x", "d/b.txt"]);
}

#[tokio::test]
async fn links_and_strange_names_do_not_break_a_listing() {
    let server = Server::start().await.with_file("d/sub/x", "").with_file("d/file", "123");
    for (target, name) in [("sub", "to-folder"), ("file", "to-file"), ("nowhere", "dangling"), (".", "loop")] {
        std::os::unix::fs::symlink(target, server.path("d").join(name)).unwrap();
    }
    fs::write(server.path("d").join(OsStr::from_bytes(b"bad\xff")), "").unwrap();
    let listing = server.call("filesystem_list", json!({"path": "d", "recursive": true})).await;
    let kinds: Vec<(&str, &str)> = listing["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (item["name"].as_str().unwrap(), item["type"].as_str().unwrap()))
        .collect();
    let expected = [
        ("bad\u{fffd}FF", "file"),
        ("dangling", "file"),
        ("file", "file"),
        ("loop", "directory"),
        ("sub", "directory"),
        ("x", "file"),
        ("to-file", "file"),
        ("to-folder", "directory"),
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn what_is_no_directory_is_told_apart() {
    let server = Server::start().await.with_file("file", "");
    for (path, status, detail) in [
        ("missing", 404, "Directory not found"),
        ("", 404, "Directory not found"),
        ("file", 400, "Path is not a directory"),
        ("/dev/null", 400, "Path is not a directory"),
    ] {
        let reply = server.post("/filesystem/list", json!({"path": path})).await;
        assert_eq!((reply.status, reply.detail()), (status, detail), "{path}");
    }
}

#[tokio::test]
async fn pages_follow_one_another_without_gap_or_repeat() {
    let mut server = Server::start().await;
    for number in 0..25 {
        server = server.with_file(&format!("d/{number:02}/x"), "").with_file(&format!("d/{number:02}.txt"), "");
    }
    let whole = server.call("filesystem_list", json!({"path": "d", "recursive": true})).await;
    let (mut paged, mut cursor) = (Vec::new(), Value::Null);
    for _ in 0..100 {
        let page =
            server.call("filesystem_list", json!({"path": "d", "recursive": true, "limit": 7, "cursor": cursor})).await;
        paged.extend(page["items"].as_array().unwrap().clone());
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(paged.len(), 75);
    assert_eq!(&Value::from(paged), &whole["items"]);
    assert_eq!(whole.get("next_cursor"), None);
    let wrong = server.post("/filesystem/list", json!({"path": "d", "cursor": "?"})).await;
    assert_eq!((wrong.status, &wrong.body["detail"][0]["loc"]), (422, &json!(["body", "cursor"])));
}

#[tokio::test]
async fn denied_places_are_not_walked_into() {
    let server = Server::start().await.with_file(".env", "x").with_file("open/x", "");
    let listing = server.call("filesystem_list", json!({"path": ".", "recursive": true})).await;
    assert!(names(&listing).contains(&"./open/x"));
    let top = server.call("filesystem_list", json!({"path": "/"})).await;
    assert!(names(&top).contains(&"/etc"), "a denied place's name is no secret");
}
