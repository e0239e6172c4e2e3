//! What a search holds, and that it says what did not fit.

use crate::{
    program::Program,
    server::{KEY, Server},
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const MIB: usize = 1 << 20;

/// Every match of all pages, as file and line, and how many pages they were.
async fn pages(server: &Program, mut search: Value) -> (Vec<(String, u64)>, usize) {
    let (mut all, mut count) = (Vec::new(), 0);
    loop {
        count += 1;
        let reply = server.post("/filesystem/search", KEY, &search).await;
        assert_eq!(reply.status, 200, "{}", &reply.text[..reply.text.len().min(300)]);
        assert!(reply.text.len() < 12 * MIB, "{} bytes", reply.text.len());
        let of = |found: &Value| (found["path"].as_str().unwrap().to_owned(), found["line"].as_u64().unwrap());
        let found = reply.body["items"].as_array().unwrap();
        assert_eq!(reply.body["truncated"], reply.body["next_cursor"].is_string());
        all.extend(found.iter().map(of));
        search["cursor"] = reply.body["next_cursor"].clone();
        if search["cursor"].is_null() {
            return (all, count);
        }
        assert!(!found.is_empty() && count < 500);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_lines_with_many_around_come_on_pages_without_a_gap_and_the_server_stays_small() {
    let server = Program::start(&[]);
    let idle = server.peak_memory();
    for file in 0..3 {
        // Each line is cut to 4,000 characters, of three bytes each.
        let line = |number: usize| {
            format!("{number} match {}\n", "€".repeat(if number.is_multiple_of(7) { 5000 } else { 50 }))
        };
        std::fs::write(server.path(&format!("{file}.txt")), (0..200).map(line).collect::<String>()).unwrap();
    }
    let search = json!({"path": ".", "name": "*.txt", "query": "match", "context": 10, "limit": 10_000});
    let (all, pages) = pages(&server, search).await;
    let different: BTreeSet<_> = all.iter().cloned().collect();
    assert_eq!((all.len(), different.len()), (3 * 200, 3 * 200));
    assert!(all.is_sorted() && pages > 2, "{pages} pages");
    let peak = server.peak_memory();
    assert!(peak < idle + 48, "{idle}, {peak} MiB");
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_of_long_lines_at_once_with_a_hundred_around_stay_small() {
    let server = Program::start(&[]);
    let idle = server.peak_memory();
    for file in 0..6 {
        let lines: String = (0..300).map(|_| format!("match {}\n", "x".repeat(300_000))).collect();
        std::fs::write(server.path(&format!("{file}.txt")), lines).unwrap();
    }
    let search = json!({"path": ".", "query": "match", "context": 100, "limit": 10_000});
    let searches = (0..4).map(|_| server.post("/filesystem/search", KEY, &search));
    for reply in futures::future::join_all(searches).await {
        assert!([200, 413, 503].contains(&reply.status), "{}", &reply.text[..reply.text.len().min(300)]);
        if reply.status == 200 {
            let (found, skipped) = (reply.body["count"].as_u64().unwrap(), reply.body["skipped"].as_u64());
            assert!(found > 0 || skipped > Some(0), "{}", &reply.text[..reply.text.len().min(300)]);
        }
    }
    let peak = server.peak_memory();
    assert!(peak < idle + 112, "{idle}, {peak} MiB");
}

#[tokio::test]
async fn a_file_whose_lines_are_too_long_to_search_is_named_and_one_with_long_lines_is_searched() {
    let server = Server::start()
        .await
        .with_file("d/a.txt", format!("{}match", "x".repeat(40 * MIB)))
        .with_file("d/b.txt", format!("{}match", "x".repeat(12 * MIB)))
        .with_file("d/c.txt", "match");
    let reply = server.call("filesystem_search", json!({"path": "d", "query": "match"})).await;
    assert_eq!((&reply["count"], &reply["truncated"]), (&json!(2), &json!(false)), "{reply}");
    assert_eq!((&reply["skipped"], &reply["skipped_paths"]), (&json!(1), &json!(["d/a.txt"])), "{reply}");
    assert_eq!(reply["items"][0]["column"], 12 * MIB + 1);
    let small = json!({"path": "d/c.txt", "query": "match"});
    assert!(server.call("filesystem_search", small).await["skipped"].is_null());
}

#[tokio::test]
async fn the_first_page_ends_before_a_heavy_match_and_the_next_begins_with_it() {
    let settings = [("MCP_MAX_BUFFERED_MIB", "64")];
    let server = Server::with_settings(&settings).await;
    let heavy = format!("match {}\n", "€".repeat(3990)).repeat(600);
    let server = server.with_file("d/a.txt", "match\n").with_file("d/b.txt", heavy).with_file("d/c.txt", "match\n");
    let first = server.call("filesystem_search", json!({"path": "d", "query": "match", "limit": 1000})).await;
    let count = first["count"].as_u64().unwrap();
    assert!(count > 300 && count < 500 && first["truncated"] == true, "{count}");
    let next = json!({"path": "d", "query": "match", "limit": 1000, "cursor": first["next_cursor"]});
    let next = server.call("filesystem_search", next).await;
    assert_eq!(next["count"].as_u64().unwrap(), 602 - count);
    assert_eq!((&next["items"][0]["line"], &next["truncated"]), (&json!(count), &json!(false)));
}
