//! Links: what lists say of them, and paths that end in a slash.

use crate::server::Server;
use serde_json::{Value, json};
use std::{fs, os::unix::fs::symlink};

/// A folder `d` with a file, a folder, and links to both, to nothing and to a denied place.
async fn with_links() -> Server {
    let server = Server::start().await.with_file(".env", "MCP_API_KEY=x").with_file("d/sub/f", "12345");
    for (name, target) in [("file", "sub/f"), ("folder", "sub"), ("nowhere", "no/such"), ("denied", "../.env")] {
        symlink(target, server.path("d").join(name)).unwrap();
    }
    server
}

#[tokio::test]
async fn list_tree_and_stat_give_a_link_the_type_of_what_it_leads_to_and_say_that_it_is_one() {
    let server = with_links().await;
    let told = |name: &str| match name {
        "file" => ("file", json!(5), json!("sub/f")),
        "folder" => ("directory", Value::Null, json!("sub")),
        "nowhere" => ("file", Value::Null, json!("no/such")),
        "denied" => ("file", Value::Null, json!("../.env")),
        "sub" => ("directory", Value::Null, Value::Null),
        _ => ("file", json!(5), Value::Null),
    };
    let listed = server.call("filesystem_list", json!({"path": "d"})).await;
    let shown = server.call("filesystem_tree", json!({"path": "d", "sizes": true})).await;
    assert_eq!((&listed["count"], &shown["count"]), (&json!(5), &json!(6)), "links are not walked into: {shown}");
    for item in listed["items"].as_array().unwrap().iter().chain(shown["items"].as_array().unwrap()) {
        let name = item["path"].as_str().unwrap().rsplit('/').next().unwrap();
        let (kind, size, target) = told(name);
        let got = (item["type"].as_str().unwrap(), item.get("size").unwrap_or(&Value::Null), &item["link_target"]);
        assert_eq!(got, (kind, &size, &target), "{item}");
        assert_eq!(item["is_link"], json!(!target.is_null()), "{item}");
    }
    for (name, kind) in [("file", "file"), ("folder", "directory"), ("sub", "directory")] {
        let stat = server.call("filesystem_stat", json!({"path": format!("d/{name}")})).await;
        let target = told(name).2;
        let got = (stat["type"].as_str().unwrap(), &stat["is_link"], &stat["link_target"]);
        assert_eq!(got, (kind, &json!(!target.is_null()), &target));
    }
    let stat = server.call("filesystem_stat", json!({"path": "d/nowhere", "follow": false})).await;
    assert_eq!(
        (&stat["type"], &stat["is_link"], &stat["link_target"]),
        (&json!("link"), &json!(true), &json!("no/such"))
    );
    let stat = server.call("filesystem_stat", json!({"path": "d/folder/"})).await;
    assert_eq!((&stat["type"], &stat["is_link"]), (&json!("directory"), &json!(false)), "the slash means the folder");
}

#[tokio::test]
async fn a_slash_behind_a_link_never_makes_what_it_leads_to_go_away() {
    let server = with_links().await;
    for slash in ["/", "//", "/.", "/./"] {
        for link in ["d/folder", "d/file", "d/nowhere", "d/denied"] {
            let path = format!("{link}{slash}");
            for (route, arguments) in [
                ("/filesystem/delete", json!({"path": path, "recursive": true})),
                ("/filesystem/move", json!({"path": path, "to": "moved"})),
                ("/filesystem/move", json!({"path": "d/sub/f", "to": path, "overwrite": true})),
                ("/filesystem/copy", json!({"path": path, "to": "copied"})),
                ("/filesystem/copy", json!({"path": "d/sub/f", "to": path, "overwrite": true})),
                ("/filesystem/archive", json!({"path": "d/sub", "to": path, "format": "zip", "overwrite": true})),
                ("/filesystem/stat", json!({"path": path, "follow": false})),
                ("/filesystem/undo", json!({"path": path})),
            ] {
                let reply = server.post(route, arguments).await;
                assert_eq!(reply.status, 400, "{route} {path}: {}", reply.text);
                assert!(reply.detail().contains("take the slash off"), "{route} {path}: {}", reply.text);
            }
            assert!(server.path(link).is_symlink() && server.path("d/sub/f").is_file(), "{path}");
        }
        // What follows links anyway means the folder with the slash and without it.
        let path = format!("d/folder{slash}");
        assert_eq!(server.call("filesystem_list", json!({"path": path})).await["count"], 1);
        assert_eq!(server.call("filesystem_mkdir", json!({"path": path})).await["created"], false);
        for (path, content) in
            [(path.clone(), "x"), (format!("d/file{slash}"), "x"), (format!("d/nowhere{slash}"), "x")]
        {
            let reply = server.post("/filesystem/write", json!({"path": path, "content": content})).await;
            assert_eq!(reply.status, 400, "{path}: {}", reply.text);
        }
    }
    server.call("filesystem_delete", json!({"path": "d/folder"})).await;
    assert!(
        !server.path("d/folder").is_symlink() && server.path("d/sub/f").is_file(),
        "the link itself goes without it"
    );
    // A real folder goes with a slash as without one.
    server.call("filesystem_delete", json!({"path": "d/sub/", "recursive": true})).await;
    assert!(!fs::exists(server.path("d/sub")).unwrap());
}
