//! Meaning beyond words, from a server for embeddings.

use super::{contents, remember};
use crate::{server::Server, upstream::Upstream};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Speaks the protocol and knows two meanings: vehicles and meals.
async fn embeddings() -> Upstream {
    Upstream::serving(|request| {
        let vectors = texts(request).into_iter().enumerate().map(|(index, text)| {
            let text = text.to_lowercase();
            let has = |words: &[&str]| f64::from(u8::from(words.iter().any(|word| text.contains(word))));
            json!({"index": index, "embedding": [has(&["lorry", "convertible"]), has(&["ramen", "tapas"]), 0.1]})
        });
        let mut vectors: Vec<Value> = vectors.collect();
        // Servers may answer in any order.
        vectors.reverse();
        let body = json!({"object": "list", "data": vectors}).to_string();
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            .into_bytes()
    })
    .await
}

/// The texts that a request sent.
fn texts(request: &str) -> Vec<String> {
    let (_, body) = request.split_once("\r\n\r\n").unwrap_or_default();
    let asked: Value = serde_json::from_str(body).unwrap_or_default();
    serde_json::from_value(asked["input"].clone()).unwrap_or_default()
}

/// Asks until the answer fulfils a condition; fails the test after 20 s.
async fn recall_until(server: &Server, question: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let found = server.call("memory_recall", json!({"query": question, "explain": true})).await;
        if holds(&found) {
            return found;
        }
        assert!(Instant::now() < deadline, "it stays at {found}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn an_entry_is_found_by_its_meaning_though_no_word_is_the_same() {
    let provider = embeddings().await;
    let server =
        Server::with_settings(&[("MEMORY_EMBEDDINGS_URL", &provider.url), ("MEMORY_EMBEDDINGS_KEY", "k-1")]).await;
    remember(&server, "Ana bought a convertible", &[]).await;
    remember(&server, "Ben ordered ramen", &[]).await;
    let found =
        recall_until(&server, "lorry", |found| contents(found).first() == Some(&"Ana bought a convertible")).await;
    assert!(found["items"][0]["explain"]["meaning"].as_f64().unwrap() > 0.0, "{found}");
    assert_eq!(found["warning"], Value::Null);
    recall_until(&server, "tapas", |found| contents(found).first() == Some(&"Ben ordered ramen")).await;
    let asked = provider.requests();
    assert!(
        asked[0].starts_with("POST /v1/embeddings ") && asked[0].to_lowercase().contains("authorization: bearer k-1")
    );
    let before = provider.requests().len();
    let again = Server::in_directory(server.stop().await, &[("MEMORY_EMBEDDINGS_URL", &provider.url)]).await;
    let found = again.call("memory_recall", json!({"query": "tapas"})).await;
    assert_eq!(contents(&found)[0], "Ben ordered ramen", "vectors are kept beside the index");
    assert_eq!(provider.requests().len(), before + 1, "only the question was sent");
}

#[tokio::test]
async fn a_change_sends_the_texts_that_it_brought_and_no_others() {
    let provider = embeddings().await;
    let server = Server::with_settings(&[("MEMORY_EMBEDDINGS_URL", &provider.url)]).await;
    let entries: Vec<Value> =
        (0..100).map(|number| json!({"content": format!("tapas {number}"), "id": format!("e{number}")})).collect();
    server.call("memory_add_many", json!({"entries": entries})).await;
    recall_until(&server, "ramen", |found| found["items"][9]["explain"]["meaning"].as_f64() > Some(0.0)).await;
    server.call("memory_update", json!({"id": "e7", "content": "a lorry"})).await;
    recall_until(&server, "convertible", |found| contents(found).first() == Some(&"a lorry")).await;
    server.call("memory_clear", json!({"confirm": true})).await;
    remember(&server, "a convertible again", &[]).await;
    recall_until(&server, "lorry", |found| found["items"][0]["explain"]["meaning"].as_f64() > Some(0.0)).await;
    let asked = provider.requests();
    let sent = asked
        .iter()
        .flat_map(|request| texts(request))
        .filter(|text| !["ramen", "convertible", "lorry"].contains(&text.as_str()));
    let mut sent: Vec<String> = sent.collect();
    sent.sort();
    let all = sent.len();
    sent.dedup();
    assert_eq!((all, sent.len()), (102, 102), "each text once");
}

#[tokio::test]
async fn a_server_for_embeddings_that_fails_leaves_the_words_and_is_said() {
    let gone = embeddings().await.url.clone();
    let wrong = Upstream::with_body("", r#"{"data": []}"#).await;
    let refusing = Upstream::answering("HTTP/1.1 500 No\r\ncontent-length: 2\r\n\r\nno").await;
    for url in ["http://127.0.0.1:9", &gone, &wrong.url, &refusing.url] {
        let server = Server::with_settings(&[("MEMORY_EMBEDDINGS_URL", url)]).await;
        remember(&server, "the words alone", &[]).await;
        let found = server.call("memory_recall", json!({"query": "words"})).await;
        assert_eq!(contents(&found), ["the words alone"], "{url}");
        if url != gone {
            let warning = found["warning"].as_str().unwrap_or_else(|| panic!("{url} is not warned of: {found}"));
            assert!(warning.contains("ranked by the words alone"), "{warning}");
        }
    }
}

#[tokio::test]
async fn a_server_for_embeddings_that_never_answers_holds_up_no_stop() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let server = Server::with_settings(&[("MEMORY_EMBEDDINGS_URL", &url)]).await;
    remember(&server, "the words alone", &[]).await;
    let _asked = tokio::task::spawn_blocking(move || silent.accept().unwrap()).await.unwrap();
    let started = Instant::now();
    server.stop().await;
    assert!(started.elapsed() < Duration::from_secs(20), "it took {:?}", started.elapsed());
}
