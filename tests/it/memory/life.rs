//! The whole life of an entry: got, listed, changed, deleted, exported, imported.

use super::{contents, everything, remember};
use crate::server::Server;
use serde_json::{Value, json};
use std::fs;

#[tokio::test]
async fn the_same_id_and_content_again_is_answered_as_before_and_another_content_is_refused() {
    let server = Server::start().await;
    let first = server.call("memory_add", json!({"content": "tea", "id": "drink", "tags": ["a"]})).await;
    assert_eq!((&first["id"], &first["existed"]), (&json!("drink"), &Value::Null));
    let again = server.call("memory_add", json!({"content": "tea", "id": "drink", "tags": ["a"]})).await;
    assert_eq!((&again["id"], &again["existed"]), (&json!("drink"), &json!(true)));
    let retried = server.call("memory_add", json!({"content": "tea", "id": "drink"})).await;
    assert_eq!(retried["existed"], true, "the content tells: {retried}");
    let kept = server.call("memory_get", json!({"id": "drink"})).await;
    assert_eq!(kept["entry"]["tags"], json!(["a"]), "only an update changes an entry");
    let other = server.post("/memory/add", json!({"content": "coffee", "id": "drink"})).await;
    assert_eq!(other.status, 409, "{}", other.text);
    assert!(other.detail().contains("drink") && other.detail().contains("memory_update"), "{}", other.detail());
    assert_eq!(everything(&server).await, ["tea"]);
}

#[tokio::test]
async fn dedupe_finds_the_entry_that_says_the_same() {
    let server = Server::start().await;
    let first = remember(&server, "Élodie  aime le thé", &["a", "b"]).await;
    let same = json!({"content": "elodie aime LE THE ", "tags": ["b", "a"], "dedupe": true});
    assert_eq!(server.call("memory_add", same.clone()).await["id"], json!(first));
    let mut other = same.clone();
    other["tags"] = json!(["b"]);
    assert_ne!(server.call("memory_add", other).await["id"], json!(first));
    let both = json!({"entries": [{"content": "new"}, {"content": "NEW"}], "dedupe": true});
    let many = server.call("memory_add_many", both).await;
    assert_eq!((&many["count"], &many["ids"][0]), (&json!(1), &many["ids"][1]));
    server.call("memory_delete", json!({"id": first})).await;
    assert_ne!(server.call("memory_add", same).await["id"], json!(first), "what was deleted is no twin");
}

#[tokio::test]
async fn many_entries_are_added_in_order_or_not_at_all() {
    let server = Server::start().await;
    let added =
        server.call("memory_add_many", json!({"entries": [{"content": "one"}, {"content": "two", "id": "2"}]})).await;
    assert_eq!((&added["count"], &added["ids"][1]), (&json!(2), &json!("2")));
    assert_eq!(everything(&server).await, ["two", "one"]);
    let clash = json!({"entries": [{"content": "three"}, {"content": "other", "id": "2"}]});
    let refused = server.post("/memory/add_many", clash).await;
    assert_eq!(refused.status, 409);
    assert!(refused.detail().contains("entries[1]"), "{}", refused.detail());
    let wrong = json!({"entries": [{"content": "x"}, {"tags": 1}, {"content": "x", "expires_at": "never"}]});
    assert_eq!(server.post("/memory/add_many", wrong).await.status, 422);
    let late = server
        .post("/memory/add_many", json!({"entries": [{"content": "x"}, {"content": "x", "expires_at": "never"}]}))
        .await;
    assert_eq!(late.body["detail"][0]["loc"], json!(["body", "entries", 1, "expires_at"]));
    assert_eq!(server.post("/memory/add_many", json!({"entries": []})).await.status, 422);
    assert_eq!(everything(&server).await.len(), 2);
}

#[tokio::test]
async fn an_expired_entry_is_gone_from_every_answer() {
    let server = Server::start().await;
    server
        .call(
            "memory_add",
            json!({"content": "past secret", "id": "old", "tags": ["t"], "expires_at": "2020-01-01T00:00:00"}),
        )
        .await;
    server
        .call("memory_add", json!({"content": "future secret", "id": "new", "tags": ["t"], "expires_at": "2999-01-01"}))
        .await;
    assert_eq!(everything(&server).await, ["future secret"]);
    assert_eq!(contents(&server.call("memory_recall", json!({"query": "secret"})).await), ["future secret"]);
    assert_eq!(contents(&server.call("memory_list", json!({})).await), ["future secret"]);
    assert_eq!(server.call("memory_tags", json!({})).await["items"], json!([{"tag": "t", "count": 1}]));
    assert_eq!(server.call("memory_export", json!({})).await["count"], 1);
    let again = json!({"content": "past secret", "id": "old", "tags": ["t"], "dedupe": true});
    assert_eq!(server.call("memory_add", again).await["existed"], Value::Null, "the expired one is not there");
    server.call("memory_delete", json!({"id": "old"})).await;
    for (path, arguments) in [
        ("/memory/get", json!({"id": "old"})),
        ("/memory/update", json!({"id": "old", "content": "x"})),
        ("/memory/delete", json!({"id": "old"})),
    ] {
        assert_eq!(server.post(path, arguments).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn an_update_changes_what_is_given_and_keeps_the_rest() {
    let server = Server::start().await;
    let id = remember(&server, "the locker code is amber", &["alice"]).await;
    let before = server.call("memory_get", json!({"id": id})).await["entry"].clone();
    let updated = server
        .call("memory_update", json!({"id": id, "content": "the locker code is cobalt", "metadata": {"since": 2026}}))
        .await;
    let mut expected = before;
    expected["content"] = json!("the locker code is cobalt");
    expected["metadata"] = json!({"since": 2026});
    assert_eq!(updated["entry"], expected);
    assert_eq!(server.call("memory_get", json!({"id": id})).await["entry"], expected);
    assert_eq!(contents(&server.call("memory_recall", json!({"query": "cobalt"})).await).len(), 1);
    assert!(contents(&server.call("memory_recall", json!({"query": "amber"})).await).is_empty());
    let retagged = server.call("memory_update", json!({"id": id, "tags": ["bob"], "source": "user"})).await;
    assert_eq!(retagged["entry"]["content"], "the locker code is cobalt");
    assert_eq!(server.call("memory_list", json!({"tags": ["alice"]})).await["count"], 0);
    assert_eq!(server.call("memory_list", json!({"tags": ["bob"], "source": "user"})).await["count"], 1);
    let missing = server.post("/memory/update", json!({"id": "nobody", "content": "x"})).await;
    assert_eq!((missing.status, missing.detail()), (404, "Memory entry not found: nobody"));
    let again = Server::in_directory(server.stop().await, &[]).await;
    assert_eq!(everything(&again).await, ["the locker code is cobalt"]);
}

#[tokio::test]
async fn more_than_one_entry_is_deleted_only_with_a_confirmation() {
    let server = Server::start().await;
    for (content, tags) in [("a", ["x", "y"]), ("b", ["x", "z"]), ("c", ["w", "z"])] {
        remember(&server, content, &tags).await;
    }
    let vague = server.post("/memory/delete", json!({})).await;
    assert_eq!(vague.status, 422, "{}", vague.text);
    let refused = server.post("/memory/delete", json!({"tags": ["x"]})).await;
    assert_eq!(
        (refused.status, refused.detail()),
        (400, "Confirmation required: 2 entries match. Set 'confirm': true")
    );
    let one = server.call("memory_delete", json!({"tags": ["x", "z"], "all_tags": true})).await;
    assert_eq!((&one["count"], &one["message"]), (&json!(1), &json!("1 memory entry deleted")));
    assert_eq!(everything(&server).await, ["c", "a"]);
    let rest = server.call("memory_delete", json!({"since": "2020-01-01", "confirm": true})).await;
    assert_eq!((&rest["count"], rest["ids"].as_array().unwrap().len()), (&json!(2), 2));
    assert_eq!(server.call("memory_delete", json!({"tags": ["x"]})).await["count"], 0);
    let again = Server::in_directory(server.stop().await, &[]).await;
    assert!(everything(&again).await.is_empty());
}

#[tokio::test]
async fn a_list_is_read_page_by_page_though_entries_come_and_go() {
    let server = Server::start().await;
    for number in 0..7 {
        remember(&server, &number.to_string(), &["n"]).await;
    }
    let first = server.call("memory_list", json!({"limit": 3, "tags": ["n"]})).await;
    assert_eq!((contents(&first), &first["total"]), (vec!["6", "5", "4"], &json!(7)));
    remember(&server, "7", &["n"]).await;
    let last_seen = first["items"][2]["id"].clone();
    server.call("memory_delete", json!({"id": last_seen})).await;
    let second = server.call("memory_list", json!({"limit": 3, "tags": ["n"], "cursor": first["next_cursor"]})).await;
    assert_eq!(contents(&second), ["3", "2", "1"]);
    let third = server.call("memory_list", json!({"limit": 3, "cursor": second["next_cursor"]})).await;
    assert_eq!((contents(&third), &third["next_cursor"]), (vec!["0"], &Value::Null));
    for wrong in ["x", "99999.nobody", ".", "-1.a"] {
        assert_eq!(server.post("/memory/list", json!({"cursor": wrong})).await.status, 422, "{wrong}");
    }
    for limit in [0, 10_001] {
        assert_eq!(server.post("/memory/list", json!({"limit": limit})).await.status, 422);
    }
}

#[tokio::test]
async fn tags_are_counted_the_most_used_first() {
    let server = Server::start().await;
    for tags in [&["b", "a"][..], &["b", "b"], &["c"], &[]] {
        remember(&server, "x", tags).await;
    }
    let tags = server.call("memory_tags", json!({})).await;
    assert_eq!(tags["items"], json!([{"tag": "b", "count": 2}, {"tag": "a", "count": 1}, {"tag": "c", "count": 1}]));
    assert_eq!(server.call("memory_tags", json!({"limit": 1})).await["count"], 3);
}

#[tokio::test]
async fn filters_by_time_source_and_metadata_hold_together() {
    let server = Server::start().await;
    let lines = [
        r#"{"id": "1", "content": "a", "timestamp": "2026-01-01T10:00:00.000000", "source": "x", "metadata": {"k": 1, "l": [1]}}"#,
        r#"{"id": "2", "content": "b", "timestamp": "2026-01-02T10:00:00.000000", "source": "x", "metadata": {"k": 2}}"#,
        r#"{"id": "3", "content": "c", "timestamp": "2026-01-03T10:00:00.000000", "source": "y", "metadata": {"k": 1}}"#,
    ];
    server.call("memory_import", json!({"content": lines.join("\n")})).await;
    for (filter, expected) in [
        (json!({"since": "2026-01-02"}), vec!["c", "b"]),
        (json!({"until": "2026-01-02"}), vec!["b", "a"]),
        (json!({"until": "2026-01-02T10:00:00"}), vec!["b", "a"]),
        (json!({"until": "2026-01-02T09:59:59"}), vec!["a"]),
        (json!({"metadata": {"k": 1}}), vec!["c", "a"]),
        (json!({"metadata": {"k": 1, "l": [1]}}), vec!["a"]),
        (json!({"source": "x", "metadata": {"k": 2}}), vec!["b"]),
        (json!({"source": "X"}), vec![]),
        (json!({"metadata": {"k": 1.0, "l": [1.0]}}), vec!["a"]),
        (json!({"metadata": {"k": "1"}}), vec![]),
        (json!({"metadata": {"l": [1, 1]}}), vec![]),
    ] {
        assert_eq!(contents(&server.call("memory_list", filter.clone()).await), expected, "{filter}");
    }
    assert_eq!(server.post("/memory/list", json!({"since": "last week"})).await.status, 422);
    for module in ["list", "recall", "export", "delete"] {
        let wrong =
            json!({"query": "x", "tags": "a", "all_tags": 7, "source": 1, "since": [], "until": {}, "metadata": []});
        let refused = server.post(&format!("/memory/{module}"), wrong).await;
        let places: Vec<&Value> = refused.body["detail"].as_array().unwrap().iter().map(|one| &one["loc"][1]).collect();
        assert_eq!(places, ["tags", "all_tags", "source", "since", "until", "metadata"], "{module}: {}", refused.text);
    }
}

#[tokio::test]
async fn an_export_is_imported_elsewhere_with_ids_and_times() {
    let server = Server::start().await;
    server
        .call(
            "memory_add",
            json!({"content": "é\n\"quoted\"", "tags": ["t"], "metadata": {"a": {"b": 1.5}}, "source": "moi"}),
        )
        .await;
    remember(&server, "second", &[]).await;
    let export = server.call("memory_export", json!({})).await;
    assert_eq!((&export["count"], export["content"].as_str().unwrap().lines().count()), (&json!(2), 2));
    let other = Server::start().await;
    let imported = other.call("memory_import", json!({"content": export["content"]})).await;
    assert_eq!((&imported["count"], &imported["skipped"]), (&json!(2), &json!(0)));
    let [theirs, ours] = [&other, &server].map(|server| server.call("memory_list", json!({})));
    assert_eq!(theirs.await["items"], ours.await["items"]);
    let again = other.call("memory_import", json!({"content": export["content"]})).await;
    assert_eq!((&again["count"], &again["skipped"]), (&json!(0), &json!(2)));
}

#[tokio::test]
async fn a_bad_line_is_named_and_nothing_is_half_imported() {
    let server = Server::start().await;
    remember(&server, "there before", &[]).await;
    server.call("memory_add", json!({"content": "mine", "id": "taken"})).await;
    let bad = "{\"content\": \"good\"}\n\n{\"content\": 5}\nnot json\n";
    let refused = server.post("/memory/import", json!({"content": bad})).await;
    assert_eq!(refused.status, 422);
    let sentences = refused.body["detail"].to_string();
    assert!(
        sentences.contains("line 3") && sentences.contains("line 4") && !sentences.contains("line 1:"),
        "{sentences}"
    );
    for (line, why) in [
        (json!({"content": "x", "expires_at": "soon"}), "expires_at"),
        (json!({"content": "x", "id": "i".repeat(201)}), "at most 200"),
        (json!({"tags": ["x"]}), "content"),
    ] {
        let refused =
            server.post("/memory/import", json!({"content": format!("{{\"content\": \"good\"}}\n{line}")})).await;
        assert_eq!(refused.status, 422, "{}", refused.text);
        let sentence = refused.body["detail"][0]["msg"].as_str().unwrap();
        assert!(sentence.starts_with("line 2: ") && sentence.contains(why), "{sentence}");
    }
    let clash = "{\"content\": \"good\"}\n{\"content\": \"other\", \"id\": \"taken\"}";
    let conflict = server.post("/memory/import", json!({"content": clash})).await;
    assert_eq!(conflict.status, 409);
    assert!(conflict.detail().starts_with("line 2"), "{}", conflict.detail());
    assert_eq!(everything(&server).await, ["mine", "there before"]);
    let skipped = server.call("memory_import", json!({"content": clash, "on_conflict": "skip"})).await;
    assert_eq!((&skipped["count"], &skipped["skipped"]), (&json!(1), &json!(1)));
    let replaced = server.call("memory_import", json!({"content": clash, "on_conflict": "replace"})).await;
    assert_eq!(replaced["count"], 2);
    assert_eq!(server.call("memory_get", json!({"id": "taken"})).await["entry"]["content"], "other");
}

#[tokio::test]
async fn metadata_is_refused_where_it_is_nested_too_deep_to_be_read_again() {
    let server = Server::start().await;
    let nested = |levels: usize| (1..levels).fold(json!({"end": 1}), |inner, _| json!({"in": inner}));
    for levels in [1, 50, 100] {
        server
            .call("memory_add", json!({"content": "deep", "id": format!("d{levels}"), "metadata": nested(levels)}))
            .await;
    }
    for levels in [101, 110, 124] {
        let deep = nested(levels);
        let line = json!({"content": "x", "metadata": deep}).to_string();
        for (route, arguments) in [
            ("/memory/add", json!({"content": "x", "metadata": deep})),
            ("/memory/add_many", json!({"entries": [{"content": "x", "metadata": deep}]})),
            ("/memory/update", json!({"id": "d1", "metadata": deep})),
            ("/memory/import", json!({"content": line})),
        ] {
            let refused = server.post(route, arguments).await;
            assert_eq!(refused.status, 422, "{route} with {levels}: {}", refused.text);
            assert!(refused.text.contains("100 levels"), "{}", refused.text);
        }
    }
    let directory = server.stop().await;
    // Read from the journal alone, and from the index file.
    let index = directory.path().join("memory/index_memory.json");
    let kept = fs::read(&index).unwrap();
    fs::remove_file(&index).unwrap();
    let again = Server::in_directory(directory, &[]).await;
    assert_eq!(everything(&again).await.len(), 3);
    let directory = again.stop().await;
    fs::write(&index, kept).unwrap();
    fs::remove_file(directory.path().join("memory/index_memory.journal")).unwrap();
    let last = Server::in_directory(directory, &[]).await;
    let found = last.call("memory_get", json!({"id": "d100"})).await;
    assert_eq!(found["entry"]["metadata"], nested(100));
}
