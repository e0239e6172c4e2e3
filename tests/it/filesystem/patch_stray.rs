//! Diffs of which a part stands where no part is read: the whole patch is refused, and no file changes.

use crate::server::Server;
use serde_json::json;
use std::fs;

const RENAME: &str = "diff --git a/a.txt b/c.txt\nsimilarity index 100%\nrename from a.txt\nrename to c.txt\n";
const CHANGE: &str = "diff --git a/b.txt b/b.txt\n--- a/b.txt\n+++ b/b.txt\n@@ -1,2 +1,2 @@\n x\n-y\n+Y\n";

async fn server() -> Server {
    Server::start().await.with_file("p/a.txt", "a\n").with_file("p/b.txt", "x\ny\n")
}

/// The patch is refused with the line that could not be read, and nothing changes.
async fn refused(patch: &str, line: usize) {
    let server = server().await;
    let reply = server.post("/filesystem/patch", json!({"path": "p", "patch": patch})).await;
    assert_eq!(reply.status, 422, "{patch}\n{}", reply.text);
    assert!(reply.text.contains(&format!("line {line}: ")), "{patch}\n{}", reply.text);
    assert_eq!(fs::read_to_string(server.path("p/a.txt")).unwrap(), "a\n", "{patch}");
    assert_eq!(fs::read_to_string(server.path("p/b.txt")).unwrap(), "x\ny\n", "{patch}");
    assert!(!server.path("p/c.txt").exists(), "{patch}");
}

fn indented(text: &str, by: &str) -> String {
    text.lines().map(|line| format!("{by}{line}\n")).collect()
}

#[tokio::test]
async fn a_file_whose_head_is_indented_quoted_glued_to_talk_or_lost_is_never_left_out_of_a_patch() {
    for by in ["  ", "\t", "> ", "\n\u{feff}"] {
        let line = 1 + by.matches('\n').count();
        refused(&format!("{}{CHANGE}", indented(RENAME, by)), line).await;
        refused(&indented(&format!("{RENAME}{CHANGE}"), by), line).await;
    }
    refused(&format!("Here is the patch: {RENAME}{CHANGE}"), 1).await;
    for (place, _) in RENAME.match_indices('\n') {
        let rest = &RENAME[place + 1..];
        if !rest.is_empty() {
            refused(&format!("{rest}{CHANGE}"), 1).await;
        }
    }
    for lost in [
        "old mode 100644\nnew mode 100755\n",
        "new file mode 100644\nindex 0000000..e69de29\n",
        "deleted file mode 100644\n",
        "copy from a.txt\ncopy to c.txt\n",
        "  Binary files a/a.txt and b/a.txt differ\n",
        "  GIT binary patch\n",
        "  --- a/a.txt\n  +++ b/a.txt\n  @@ -1 +1 @@\n  -a\n  +A\n",
        "*** a/a.txt\n--- b/a.txt\n***************\n*** 1 ****\n! a\n--- 1 ----\n! A\n",
    ] {
        let line = if lost.starts_with("***") { 3 } else { 1 };
        refused(&format!("{lost}{CHANGE}"), line).await;
    }
    let in_a_chat = format!("```diff\n{CHANGE}```\nand then\n  {RENAME}");
    refused(&in_a_chat, in_a_chat.lines().count() - 3).await;
}
