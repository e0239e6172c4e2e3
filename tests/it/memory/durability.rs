//! What was acknowledged is there, whatever happened since.

use super::{contents, everything, remember, until_index_file};
use crate::server::{Server, scratch};
use serde_json::{Value, json};
use std::{collections::HashSet, fs};

#[tokio::test]
async fn fifty_parallel_adds_keep_fifty_entries() {
    let server = Server::start().await;
    let adds = (0..50).map(|number| {
        let arguments = json!({"content": format!("parallel {number}")});
        server.call("memory_add", arguments)
    });
    let added: Vec<Value> = futures::future::join_all(adds).await;
    let ids: HashSet<&str> = added.iter().map(|reply| reply["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 50);
    assert_eq!(everything(&server).await.len(), 50);
    until_index_file(&server, |index| index.as_array().unwrap().len() == 50).await;
}

#[tokio::test]
async fn a_normal_stop_and_a_start_keep_everything_in_order() {
    let server = Server::start().await;
    for number in 0..5 {
        remember(&server, &format!("entry {number}"), &["kept"]).await;
    }
    let before = everything(&server).await;
    let again = Server::in_directory(server.stop().await, &[]).await;
    assert_eq!(everything(&again).await, before);
    remember(&again, "entry 5", &[]).await;
    assert_eq!(everything(&again).await[0], "entry 5");
}

#[tokio::test]
async fn the_journal_alone_brings_back_what_the_index_file_lacks() {
    let server = Server::start().await;
    remember(&server, "in the index file", &[]).await;
    let old = fs::read(server.path("memory/index_memory.json")).unwrap();
    remember(&server, "in the journal", &[]).await;
    let directory = server.stop().await;
    // As if the process had died before the index file followed.
    fs::write(directory.path().join("memory/index_memory.json"), old).unwrap();
    let again = Server::in_directory(directory, &[]).await;
    assert_eq!(everything(&again).await, ["in the journal", "in the index file"]);
}

#[tokio::test]
async fn a_journal_cut_at_any_byte_loses_no_line_that_was_whole() {
    let server = Server::start().await;
    for number in 0..3 {
        remember(&server, &format!("entry {number} é"), &[]).await;
    }
    let directory = server.stop().await;
    let journal = fs::read(directory.path().join("memory/index_memory.journal")).unwrap();
    let adds = |bytes: &[u8]| {
        bytes
            .split_inclusive(|byte| *byte == b'\n')
            .filter(|line| line.ends_with(b"\n") && line.starts_with(b"{\"n\""))
            .count()
    };
    for cut in (0..journal.len()).step_by(31) {
        let folder = scratch();
        fs::create_dir(folder.path().join("memory")).unwrap();
        // A killed process leaves room behind the last line.
        let room = vec![0; cut % 2 * 1000];
        fs::write(folder.path().join("memory/index_memory.journal"), [&journal[..cut], &room].concat()).unwrap();
        let again = Server::in_directory(folder, &[]).await;
        assert_eq!(everything(&again).await.len(), adds(&journal[..cut]), "cut at byte {cut}");
        remember(&again, "and it goes on", &[]).await;
        let again = Server::in_directory(again.stop().await, &[]).await;
        assert_eq!(everything(&again).await[0], "and it goes on");
        again.stop().await;
    }
}

#[tokio::test]
async fn a_damaged_line_in_the_middle_of_the_journal_costs_that_line_only() {
    let server = Server::start().await;
    for number in 0..3 {
        remember(&server, &format!("entry {number}"), &[]).await;
    }
    let directory = server.stop().await;
    let path = directory.path().join("memory/index_memory.journal");
    let text = fs::read_to_string(&path).unwrap().replace("entry 1\",", "entry 1\",,,");
    fs::write(&path, text).unwrap();
    fs::remove_file(directory.path().join("memory/index_memory.json")).unwrap();
    let again = Server::in_directory(directory, &[]).await;
    assert_eq!(everything(&again).await, ["entry 2", "entry 0"]);
    let again = Server::in_directory(again.stop().await, &[]).await;
    assert_eq!(everything(&again).await, ["entry 2", "entry 0"]);
    let kept = fs::read_dir(again.path("memory")).unwrap().flatten();
    let kept: Vec<_> =
        kept.map(|file| file.file_name().into_string().unwrap()).filter(|name| name.ends_with(".journal")).collect();
    assert_eq!(kept.len(), 2, "the damaged journal is kept, once: {kept:?}");
}

#[tokio::test]
async fn a_second_server_on_the_same_folder_does_not_start_and_says_who_has_it() {
    let server = Server::start().await;
    let settings = skynet_bridge::settings::Settings::from_pairs([]).unwrap();
    let keys = skynet_bridge::caller::Keys::new("k");
    let directory = server.path("");
    let Err(error) = skynet_bridge::bridge::Bridge::open(settings, keys, &directory) else { panic!("it opened") };
    assert!(format!("{error:#}").contains(&std::process::id().to_string()), "{error:#}");
    remember(&server, "the first goes on", &[]).await;
    let again = Server::in_directory(server.stop().await, &[]).await;
    assert_eq!(everything(&again).await, ["the first goes on"]);
}

#[tokio::test]
async fn large_contents_and_many_tags_are_kept_whole() {
    let server = Server::start().await;
    let content = "grand texte é ".repeat(700_000);
    let tags: Vec<String> = (0..10_000).map(|number| format!("tag-{number}")).collect();
    server.call("memory_add", json!({"content": content, "tags": tags})).await;
    let again = Server::in_directory(server.stop().await, &[]).await;
    let found = again.call("memory_query", json!({"query": "grand TEXTE É", "tags": ["tag-9999"]})).await;
    assert_eq!(contents(&found), [content]);
}
