//! Searching.

use crate::{
    program::Program,
    server::{KEY, Server},
};
use serde_json::{Value, json};
use std::{process::Command, time::Duration};

fn found(reply: &Value) -> Vec<(&str, u64)> {
    let matches = reply["items"].as_array().unwrap().iter();
    matches.map(|found| (found["path"].as_str().unwrap(), found["line"].as_u64().unwrap_or(0))).collect()
}

async fn project() -> Server {
    let server = Server::start().await;
    server
        .with_file("p/src/main.rs", "fn main() {\n    Hello();\n}\n")
        .with_file("p/src/lib.rs", "// hello\n// two\n// HELLO hello\n")
        .with_file("p/notes.md", "say héllo, hello\r\n")
        .with_file("p/binary", b"hello\0hello")
        .with_file("p/.hidden/x", "hello")
        .with_file("p/.gitignore", "target/\n*.log\n!keep.log\n")
        .with_file("p/target/out", "hello")
        .with_file("p/a.log", "hello")
        .with_file("p/keep.log", "hello")
}

#[tokio::test]
async fn lines_are_found_in_path_order_with_their_place() {
    let server = project().await;
    let reply = server.call("filesystem_search", json!({"path": "p", "query": "hello"})).await;
    let expected =
        [("p/keep.log", 1), ("p/notes.md", 1), ("p/src/lib.rs", 1), ("p/src/lib.rs", 3), ("p/src/main.rs", 2)];
    assert_eq!(found(&reply), expected);
    assert_eq!((&reply["count"], &reply["truncated"], &reply["path"]), (&json!(5), &json!(false), &json!("p")));
    let notes = &reply["items"][1];
    assert_eq!((&notes["column"], &notes["text"]), (&json!(12), &json!("say héllo, hello")));
    let exact = server.call("filesystem_search", json!({"path": "p", "query": "hello", "case_sensitive": true})).await;
    assert_eq!(exact["items"][3]["column"], 10);
    assert_eq!(exact["count"], 4);
}

#[tokio::test]
async fn hidden_and_ignored_files_are_searched_when_asked() {
    let server = project().await;
    let all = json!({"path": "p", "query": "hello", "include_hidden": true, "respect_gitignore": false});
    let reply = server.call("filesystem_search", all).await;
    let paths: Vec<&str> = found(&reply).into_iter().map(|(path, _)| path).collect();
    for path in ["p/.hidden/x", "p/a.log", "p/target/out"] {
        assert!(paths.contains(&path), "{paths:?}");
    }
    assert!(!paths.contains(&"p/binary"));
}

#[tokio::test]
async fn rules_above_the_start_hold_up_to_the_repositorys_top() {
    let server = project().await.with_file("p/.git/HEAD", "").with_file("p/src/b.log", "hello");
    let inside = server.call("filesystem_search", json!({"path": "p/src", "query": "hello"})).await;
    assert!(found(&inside).iter().all(|(path, _)| !path.ends_with(".log")), "{inside}");
}

#[tokio::test]
async fn files_are_found_by_name_alone_or_with_content() {
    let server = project().await;
    let by_name = server.call("filesystem_search", json!({"path": "p", "name": "*.RS"})).await;
    assert_eq!(found(&by_name), [("p/src/lib.rs", 0), ("p/src/main.rs", 0)]);
    assert_eq!(by_name["items"][0], json!({"path": "p/src/lib.rs"}));
    let below = server.call("filesystem_search", json!({"path": "p", "name": "src/**/l*.rs", "query": "two"})).await;
    assert_eq!(found(&below), [("p/src/lib.rs", 2)]);
    let one = server.call("filesystem_search", json!({"path": "p/src/lib.rs", "query": "two"})).await;
    assert_eq!(found(&one), [("p/src/lib.rs", 2)]);
    let exact = json!({"path": "p", "name": "*.RS", "case_sensitive": true});
    assert_eq!(server.call("filesystem_search", exact).await["count"], 0);
}

#[tokio::test]
async fn context_is_what_stands_around_each_match() {
    let server = Server::start().await.with_file("f", "1\n2 x\n3 x\n4\n5\n6\n7 x\n");
    let reply = server.call("filesystem_search", json!({"path": "f", "query": "x", "context": 2})).await;
    let around: Vec<_> =
        reply["items"].as_array().unwrap().iter().map(|found| (&found["before"], &found["after"])).collect();
    let expected =
        [(json!(["1"]), json!(["3 x", "4"])), (json!(["1", "2 x"]), json!(["4", "5"])), (json!(["5", "6"]), json!([]))];
    assert_eq!(around, expected.iter().map(|(before, after)| (before, after)).collect::<Vec<_>>());
    let first = json!({"path": "f", "query": "x", "context": 2, "limit": 1});
    let reply = server.call("filesystem_search", first).await;
    assert_eq!(reply["items"][0]["after"], json!(["3 x", "4"]));
}

#[tokio::test]
async fn what_is_cut_is_the_end_and_comes_with_the_cursor() {
    let mut server = Server::start().await;
    for number in 0..30 {
        server = server.with_file(&format!("d/{:02}/f{number}", number % 7), "x\nx\nx\n".repeat(number % 3 + 1));
    }
    let whole = server.call("filesystem_search", json!({"path": "d", "query": "x", "limit": 1000})).await;
    let (mut paged, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let arguments = json!({"path": "d", "query": "x", "limit": 11, "cursor": cursor});
        let page = server.call("filesystem_search", arguments).await;
        assert_eq!(page["truncated"], !page["next_cursor"].is_null());
        paged.extend(page["items"].as_array().unwrap().clone());
        cursor = page["next_cursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert_eq!(Value::from(paged), whole["items"]);
    assert_eq!(whole["truncated"], false);
}

#[tokio::test]
async fn what_cannot_be_searched_is_said_with_its_field() {
    let server = project().await;
    let regex = |query: &str| json!({"path": "p", "query": query, "regex": true});
    let cases = [
        (regex("("), 422, Some("query")),
        (regex("a{1000}{1000}{1000}"), 422, Some("query")),
        (json!({"path": "p", "query": "a\nb"}), 422, Some("query")),
        (json!({"path": "p", "name": "["}), 422, Some("name")),
        (json!({"path": "p"}), 422, Some("query")),
        (json!({"path": "p", "query": "x", "limit": 0}), 422, Some("limit")),
        (json!({"path": "missing", "query": "x"}), 404, None),
        (json!({"path": "/etc", "query": "x"}), 403, None),
    ];
    for (arguments, status, field) in cases {
        let reply = server.post("/filesystem/search", arguments.clone()).await;
        assert_eq!(reply.status, status, "{arguments}: {}", reply.text);
        if let Some(field) = field {
            assert_eq!(reply.body["detail"][0]["loc"], json!(["body", field]), "{arguments}");
        }
    }
    let regex = server.call("filesystem_search", regex("^// h.l+o$")).await;
    assert_eq!(found(&regex), [("p/src/lib.rs", 1)]);
}

#[tokio::test]
async fn traps_in_the_tree_do_not_hold_a_search() {
    let server = Server::start().await.with_file("d/sub/f", "x").with_file("d/line", "x".repeat(40 << 20));
    for fifo in ["d/.gitignore", "d/fifo", "d/sub/.gitignore"] {
        assert!(Command::new("mkfifo").arg(server.path(fifo)).status().unwrap().success());
    }
    std::os::unix::fs::symlink("..", server.path("d/sub/up")).unwrap();
    let asked = server.call("filesystem_search", json!({"path": "d", "query": "x"}));
    let reply = tokio::time::timeout(Duration::from_secs(20), asked).await.expect("the search ends");
    assert_eq!(found(&reply), [("d/sub/f", 1)]);
}

#[tokio::test]
async fn a_search_with_many_lines_around_its_matches_keeps_each_line_once_and_grows_nothing() {
    let server = Program::start(&[]);
    let idle = server.peak_memory();
    let line = "a line of text with the letter a in it..\n";
    std::fs::write(server.path("large.txt"), line.repeat(300_000)).unwrap();
    for (query, regex) in [("a", false), ("a", false), ("x*", true), ("a", false)] {
        let search = json!({"path": "large.txt", "query": query, "regex": regex, "context": 100, "limit": 10_000});
        let reply = server.post("/filesystem/search", KEY, &search).await;
        assert_eq!(reply.status, 200, "{query}: {}", &reply.text[..reply.text.len().min(300)]);
        assert!(reply.body["next_cursor"].is_string() && reply.text.len() < 8 << 20, "{} bytes", reply.text.len());
    }
    let few = json!({"path": "large.txt", "query": "a", "context": 1, "limit": 2});
    let reply = server.post("/filesystem/search", KEY, &few).await;
    let around = &reply.body["items"][1];
    assert_eq!((&around["before"], &around["after"]), (&json!([line.trim_end()]), &json!([line.trim_end()])));
    let peak = server.peak_memory();
    assert!(peak < idle + 48, "{idle}, {peak} MiB");
}
