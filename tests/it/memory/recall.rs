//! Found again by the meaning of the words.

use super::{contents, remember};
use crate::server::Server;
use serde_json::{Value, json};

/// What a question finds first among entries.
async fn first_of(server: &Server, question: &str) -> String {
    let found = server.call("memory_recall", json!({"query": question})).await;
    contents(&found).first().copied().unwrap_or("nothing").to_owned()
}

#[tokio::test]
async fn a_question_finds_its_answer_in_other_words() {
    let server = Server::start().await;
    for entry in [
        "Marc just got a puppy, it sleeps all day",
        "The quarterly report is due on Friday",
        "Julie plays the violin since she was six",
        "The staging database runs on port 5433",
        "Paul went to Portugal in spring",
    ] {
        remember(&server, entry, &[]).await;
    }
    for (question, expected) in [
        ("Which pets does Marc have?", "puppy"),
        ("What instrument does Julie play?", "violin"),
        ("Where did Paul travel?", "Portugal"),
        ("What is the deadline of the report?", "Friday"),
        ("databse port", "5433"),
    ] {
        let found = first_of(&server, question).await;
        assert!(found.contains(expected), "{question} finds {found}");
    }
}

#[tokio::test]
async fn the_answer_that_follows_a_question_is_found_with_it() {
    let server = Server::start().await;
    for entry in ["Ana: Where did you spend your holidays in Greece?", "Ben: On Naxos!", "Ana: Lovely."] {
        remember(&server, entry, &["chat"]).await;
    }
    remember(&server, "Ben: My phone broke.", &["other"]).await;
    let found = server.call("memory_recall", json!({"query": "holidays in Greece", "explain": true})).await;
    assert_eq!(contents(&found)[..2], ["Ana: Where did you spend your holidays in Greece?", "Ben: On Naxos!"]);
    assert!(!contents(&found).contains(&"Ben: My phone broke."), "another conversation has no part in it");
    let parts = &found["items"][1]["explain"];
    assert!(parts["neighbours"].as_f64().unwrap() > 0.0 && parts["english"] == 0.0, "{parts}");
}

#[tokio::test]
async fn neighbours_share_a_tag_and_the_source_and_the_hour() {
    let server = Server::start().await;
    let line = |id: &str, content: &str, tag: &str, source: &str, time: &str| {
        json!({"id": id, "content": content, "tags": [tag], "source": source, "timestamp": format!("2026-03-01T{time}:00")}).to_string()
    };
    let lines = [
        line("1", "zeppelin", "t", "s", "10:00"),
        line("2", "close by", "t", "s", "10:30"),
        line("3", "of another source", "t", "x", "10:31"),
        line("4", "under another tag", "u", "s", "10:32"),
        line("5", "much later", "t", "s", "15:00"),
    ];
    server.call("memory_import", json!({"content": lines.join("\n")})).await;
    let found = server.call("memory_recall", json!({"query": "zeppelin"})).await;
    assert_eq!(contents(&found), ["zeppelin", "close by"]);
    server.call("memory_delete", json!({"id": "2"})).await;
    let found = server.call("memory_recall", json!({"query": "zeppelin"})).await;
    assert_eq!(contents(&found), ["zeppelin"]);
}

#[tokio::test]
async fn entries_without_a_tag_are_neighbours_only_where_they_say_when_they_took_place() {
    let server = Server::start().await;
    let line = |content: &str, tags: Value, source: &str, metadata: Value| {
        let time = "2026-03-01T10:00:00";
        json!({"content": content, "tags": tags, "source": source, "metadata": metadata, "timestamp": time}).to_string()
    };
    let said = json!({"date": "1:56 pm on 8 May, 2023"});
    let lines = [
        line("zeppelin", json!([]), "s", said.clone()),
        line("said behind it", json!([]), "s", said.clone()),
        line("of another source", json!([]), "x", said.clone()),
        line("under a tag", json!(["t"]), "s", said),
        line("of another day", json!([]), "s", json!({"date": "2023-05-09"})),
        line("balloon", json!([]), "s", json!({})),
        line("added behind it", json!([]), "s", json!({})),
    ];
    server.call("memory_import", json!({"content": lines.join("\n")})).await;
    for (question, expected) in [("zeppelin", vec!["zeppelin", "said behind it"]), ("balloon", vec!["balloon"])] {
        assert_eq!(contents(&server.call("memory_recall", json!({"query": question})).await), expected);
    }
}

#[tokio::test]
async fn a_month_a_weekday_or_a_year_finds_what_happened_then() {
    let server = Server::start().await;
    let dates = [("swim", "2024-05-06"), ("climb", "14 August, 2025"), ("paint", "1:56 pm on 8 February, 2023")];
    for (content, date) in dates {
        server.call("memory_add", json!({"content": content, "metadata": {"date": date}})).await;
    }
    for (question, expected) in [
        ("May", "swim"),
        ("en août", "climb"),
        ("what happened in 2023?", "paint"),
        ("lundi", "swim"),
        ("a Thursday", "climb"),
    ] {
        assert_eq!(first_of(&server, question).await, expected, "{question}");
    }
}

#[tokio::test]
async fn filters_apply_before_ranking() {
    let server = Server::start().await;
    for number in 0..30 {
        remember(&server, &format!("the green lamp number {number}"), &["many"]).await;
    }
    server
        .call(
            "memory_add",
            json!({"content": "a lamp", "tags": ["few", "other"], "metadata": {"room": "hall"}, "source": "user"}),
        )
        .await;
    for filter in [
        json!({"tags": ["few"]}),
        json!({"all_tags": ["few", "other"]}),
        json!({"metadata": {"room": "hall"}}),
        json!({"source": "user"}),
    ] {
        let mut arguments = filter;
        arguments["query"] = json!("green lamp number");
        assert_eq!(contents(&server.call("memory_recall", arguments.clone()).await), ["a lamp"], "{arguments}");
    }
}

#[tokio::test]
async fn pages_and_scores_are_consistent_and_ties_are_newest_first() {
    let server = Server::start().await;
    for _ in 0..3 {
        remember(&server, "same words", &[]).await;
    }
    remember(&server, "same", &[]).await;
    let all = server.call("memory_recall", json!({"query": "same words"})).await;
    let ids: Vec<&str> = all["items"].as_array().unwrap().iter().map(|entry| entry["id"].as_str().unwrap()).collect();
    assert!(ids[0].ends_with("_2") && ids[1].ends_with("_1") && ids[2].ends_with("_0"), "{ids:?}");
    let page = server.call("memory_recall", json!({"query": "same words", "limit": 2, "cursor": 1})).await;
    let paged: Vec<&Value> = page["items"].as_array().unwrap().iter().map(|entry| &entry["id"]).collect();
    assert_eq!(paged, [ids[1], ids[2]]);
    let best = all["items"][0]["score"].as_f64().unwrap();
    let good = server.call("memory_recall", json!({"query": "same words", "min_score": best})).await;
    assert_eq!(good["count"], 3);
    assert_eq!(
        server.call("memory_recall", json!({"query": "same words", "min_score": best + 0.01})).await["count"],
        0
    );
}

#[tokio::test]
async fn questions_without_a_word_of_meaning_or_beyond_measure_are_answered() {
    let server = Server::start().await;
    remember(&server, "older", &[]).await;
    remember(&server, "newer", &[]).await;
    for question in ["", "what is it?", "qu'est-ce que c'est ?", "🤷"] {
        let found = server.call("memory_recall", json!({"query": question})).await;
        assert_eq!(contents(&found), ["newer", "older"], "{question:?}");
        assert_eq!(found["items"][0]["score"], 0.0);
    }
    let long = server.call("memory_recall", json!({"query": "older mot ".repeat(10_000)})).await;
    assert_eq!(contents(&long)[0], "older");
    assert_eq!(server.post("/memory/recall", json!({"query": "x", "limit": -1})).await.status, 422);
    assert_eq!(server.post("/memory/recall", json!({"query": "x", "all_tags": 5})).await.status, 422);
}

#[tokio::test]
async fn after_a_start_with_many_entries_recall_knows_what_changed_since() {
    let server = Server::start().await;
    let line =
        |number: usize| json!({"id": format!("e{number}"), "content": format!("report {number} of the lighthouse")});
    let lines: Vec<String> = (0..4000).map(|number| line(number).to_string()).collect();
    server.call("memory_import", json!({"content": lines.join("\n")})).await;
    let again = Server::in_directory(server.stop().await, &[]).await;
    // The words are still being read while these are done.
    remember(&again, "a walrus was seen", &[]).await;
    again.call("memory_update", json!({"id": "e7", "content": "a giraffe was seen"})).await;
    again.call("memory_delete", json!({"id": "e8"})).await;
    for (question, expected) in [
        ("walrus", "a walrus was seen"),
        ("giraffe", "a giraffe was seen"),
        ("3999", "report 3999 of the lighthouse"),
        ("report 11", "report 11 of the lighthouse"),
    ] {
        assert_eq!(first_of(&again, question).await, expected);
    }
    let all = again.call("memory_recall", json!({"query": "lighthouse", "limit": 5000})).await;
    let found: std::collections::HashSet<&str> = contents(&all).into_iter().collect();
    assert_eq!(found.len(), 3998, "neither what was deleted nor what was changed");
    assert!(!found.contains("report 7 of the lighthouse") && !found.contains("report 8 of the lighthouse"));
}
