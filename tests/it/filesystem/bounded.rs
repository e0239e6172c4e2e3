//! Answers and work that stay small however large a file is.

use crate::server::Server;
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::{Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt,
};

#[tokio::test]
async fn one_token_changed_in_a_line_of_eight_megabytes_answers_a_short_diff_on_each_route() {
    let text = |token: &str| format!("{}{token}{}", "a".repeat(4 << 20), "b".repeat(4 << 20));
    let server = Server::start().await.with_file("f", text("OLD"));
    let edits = json!([{"old": "OLD", "new": "NEW"}]);
    let edited = server.call("filesystem_edit", json!({"path": "f", "edits": edits})).await;
    let patch = format!("--- a/f\n+++ b/f\n@@ -1 +1 @@\n-{}\n+{}\n", text("NEW"), text("LAST"));
    let patched = server.call("filesystem_patch", json!({"patch": patch})).await;
    for (answer, old, new) in [(edited, "OLD", "NEW"), (patched, "NEW", "LAST")] {
        let diff = answer["diff"].as_str().unwrap();
        assert!(diff.len() < 10_000, "{} bytes", diff.len());
        assert!(diff.contains(&format!("a{old}b")) && diff.contains(&format!("a{new}b")), "{diff}");
        assert!(diff.contains("bytes left out"), "{diff}");
    }
}

#[tokio::test]
async fn a_diff_of_many_lines_says_how_many_are_left_out() {
    let server = Server::start().await.with_file("f", "old\n".repeat(40_000));
    let edits = json!([{"old": "old", "new": "new", "expected_replacements": 40_000}]);
    let edited = server.call("filesystem_edit", json!({"path": "f", "edits": edits})).await;
    let changes = server.call("filesystem_changes", json!({"diff": true})).await;
    for diff in [&edited["diff"], &changes["items"][0]["diff"]] {
        let diff = diff.as_str().unwrap();
        assert!(diff.len() < 100_000, "{} bytes", diff.len());
        assert!(diff.trim_end().ends_with("are left out]"), "{}", &diff[diff.len() - 200..]);
    }
}

/// A file that is a hole but for its first and its last line.
fn sparse(server: &Server, size: u64) {
    let mut file = File::create(server.path("large")).unwrap();
    file.write_all(b"first\nsecond\n").unwrap();
    file.seek(SeekFrom::Start(size - 6)).unwrap();
    file.write_all(b"\nlast\n").unwrap();
}

#[tokio::test]
async fn a_part_of_a_large_file_is_read_without_the_rest_and_digested_where_asked() {
    let server = Server::start().await;
    sparse(&server, 1 << 40);
    for (more, content) in [
        (json!({"max_bytes": 12}), "first\nsecond"),
        (json!({"start_line": 2, "end_line": 2}), "second\n"),
        (json!({"offset": (1u64 << 40) - 5, "max_bytes": 100}), "last\n"),
        (json!({"as": "base64", "max_bytes": 3}), "Zmly"),
    ] {
        let mut arguments = json!({"path": "large"});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let read = server.call("filesystem_read", arguments).await;
        assert_eq!((&read["content"], &read["sha256"]), (&json!(content), &Value::Null), "{more}");
    }
    sparse(&server, 1 << 27);
    let asked = json!({"path": "large", "start_line": 1, "end_line": 1, "digest": true});
    let read = server.call("filesystem_read", asked).await;
    assert_eq!((&read["content"], read["sha256"].as_str().map(str::len)), (&json!("first\n"), Some(64)));
    let last = server.call("filesystem_read", json!({"path": "large", "start_line": -1})).await;
    assert_eq!(last["content"], "last\n");
}

#[tokio::test]
async fn a_copy_keeps_the_holes_of_a_file() {
    let server = Server::start().await;
    sparse(&server, 1 << 28);
    server.call("filesystem_copy", json!({"path": "large", "to": "copy"})).await;
    let (old, new) = (fs::metadata(server.path("large")).unwrap(), fs::metadata(server.path("copy")).unwrap());
    assert_eq!(new.len(), 1 << 28);
    assert!(new.blocks() <= old.blocks() + 64, "{} blocks, the original {}", new.blocks(), old.blocks());
    for (offset, content) in [(0, "first\nsecond\n"), ((1u64 << 28) - 6, "\nlast\n")] {
        let part = json!({"path": "copy", "offset": offset, "max_bytes": content.len()});
        assert_eq!(server.call("filesystem_read", part).await["content"], content);
    }
}
