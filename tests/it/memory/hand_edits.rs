//! A person may edit the index file at any time.

use super::{everything, index_file, remember, until_index_file};
use crate::server::{Server, scratch};
use serde_json::{Value, json};
use std::fs;

fn write(server: &Server, text: &str) {
    fs::write(server.path("memory/index_memory.json"), text).unwrap();
}

fn kept_aside(server: &Server) -> Vec<String> {
    let files = fs::read_dir(server.path("memory")).unwrap().flatten();
    let names = files.map(|file| file.file_name().into_string().unwrap());
    names.filter(|name| name.contains("damaged")).collect()
}

#[tokio::test]
async fn an_edit_shows_at_the_next_request() {
    let server = Server::start().await;
    let gone = remember(&server, "to be removed", &[]).await;
    remember(&server, "to be changed", &["old"]).await;
    let mut index = index_file(&server);
    let entries = index.as_array_mut().unwrap();
    entries.retain(|entry| entry["id"] != gone.as_str());
    entries[0]["content"] = json!("was changed");
    entries.push(json!({"id": "mine", "content": "written by hand", "note": "kept"}));
    write(&server, &index.to_string());
    let found = server.call("memory_query", json!({"query": ""})).await;
    assert_eq!(
        found["results"][0],
        json!({"id": "mine", "content": "written by hand", "tags": [], "metadata": {}, "timestamp": found["results"][0]["timestamp"], "source": "ai"})
    );
    assert_eq!(everything(&server).await, ["written by hand", "was changed"]);
    remember(&server, "added after", &[]).await;
    until_index_file(&server, |index| index.as_array().unwrap().len() == 3).await;
    assert_eq!(index_file(&server)[1]["note"], "kept");
    let again = Server::in_directory(server.stop().await, &[]).await;
    assert_eq!(everything(&again).await, ["added after", "written by hand", "was changed"]);
}

#[tokio::test]
async fn an_edit_made_while_the_server_is_down_counts_too() {
    let server = Server::start().await;
    remember(&server, "first", &[]).await;
    remember(&server, "second", &[]).await;
    let mut index = index_file(&server);
    let directory = server.stop().await;
    index.as_array_mut().unwrap().remove(0);
    fs::write(directory.path().join("memory/index_memory.json"), index.to_string()).unwrap();
    let again = Server::in_directory(directory, &[]).await;
    assert_eq!(everything(&again).await, ["second"]);
}

#[tokio::test]
async fn entries_without_an_id_or_with_anothers_get_their_own() {
    let server = Server::start().await;
    write(&server, r#"[{"content": "a"}, {"content": "b", "id": "x", "tags": null}, {"content": "c", "id": "x"}]"#);
    let found = server.call("memory_query", json!({"query": ""})).await;
    let ids: std::collections::HashSet<&str> =
        found["results"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), ids.contains("x"), ids.contains("")), (3, true, false));
}

#[tokio::test]
async fn broken_json_is_kept_aside_and_nothing_is_lost() {
    let server = Server::start().await;
    remember(&server, "remembered", &[]).await;
    for broken in ["[{\"content\": \"torn", "", "{}", "[1]", "[{\"content\": 5}]"] {
        write(&server, broken);
        assert_eq!(everything(&server).await, ["remembered"], "after {broken:?}");
        until_index_file(&server, |index| index.as_array().is_some_and(|entries| entries.len() == 1)).await;
    }
    assert_eq!(kept_aside(&server).len(), 5);
}

#[tokio::test]
async fn a_deleted_index_file_or_a_directory_in_its_place_loses_nothing() {
    let server = Server::start().await;
    remember(&server, "remembered", &[]).await;
    fs::remove_file(server.path("memory/index_memory.json")).unwrap();
    assert_eq!(everything(&server).await, ["remembered"]);
    until_index_file(&server, |index| index[0]["content"] == "remembered").await;
    fs::remove_file(server.path("memory/index_memory.json")).unwrap();
    fs::create_dir(server.path("memory/index_memory.json")).unwrap();
    remember(&server, "and more", &[]).await;
    assert_eq!(everything(&server).await, ["and more", "remembered"]);
    assert_eq!(index_file(&server).as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_damaged_index_file_at_the_start_is_kept_under_another_name() {
    let directory = scratch();
    fs::create_dir(directory.path().join("memory")).unwrap();
    fs::write(directory.path().join("memory/index_memory.json"), "[{\"content\": \"not whole\"").unwrap();
    let server = Server::in_directory(directory, &[]).await;
    assert!(everything(&server).await.is_empty());
    remember(&server, "it goes on", &[]).await;
    let aside = kept_aside(&server);
    assert_eq!(aside.len(), 1);
    let text = fs::read_to_string(server.path("memory").join(&aside[0])).unwrap();
    assert_eq!(text, "[{\"content\": \"not whole\"");
}

#[tokio::test]
async fn an_edit_during_a_burst_of_adds_is_read_and_loses_no_add() {
    let server = Server::start().await;
    remember(&server, "before", &[]).await;
    let adds = (0..300).map(|number| server.call("memory_add", json!({"content": format!("burst {number}")})));
    let edit = async {
        let mut index: Value = index_file(&server);
        index.as_array_mut().unwrap().push(json!({"id": "hand", "content": "by hand"}));
        write(&server, &index.to_string());
    };
    futures::join!(futures::future::join_all(adds), edit);
    let all = everything(&server).await;
    assert!(all.contains(&"by hand".to_owned()), "the edit is there");
    assert_eq!(all.len(), 302);
}
