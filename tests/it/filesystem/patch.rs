//! Diffs as tools and models write them.

use crate::server::{Reply, Server};
use serde_json::{Value, json};
use std::{fs, process::Command};

impl Server {
    async fn patch(&self, patch: &str) -> Reply {
        self.post("/filesystem/patch", json!({"path": "p", "patch": patch})).await
    }

    fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path("p").join(name)).ok()
    }
}

const NUMBERS: &str = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";

#[tokio::test]
async fn a_file_that_holds_more_than_the_diff_deletes_stays() {
    let server = Server::start().await.with_file("p/f", "1\n2\nextra\n");
    let reply = server.patch("--- a/f\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-1\n-2\n").await;
    assert_eq!(reply.status, 409, "{}", reply.text);
    assert!(reply.detail().contains("holds more"), "{}", reply.detail());
    assert_eq!(server.text("f").unwrap(), "1\n2\nextra\n");
}

#[tokio::test]
async fn new_and_deleted_files_of_diff_are_made_and_deleted() {
    let server = Server::start().await;
    for (name, content) in [("f", "1\n"), ("gone", "g\n"), ("emptied", "e\n")] {
        for folder in ["a", "p"] {
            fs::create_dir_all(server.path(folder)).unwrap();
            fs::write(server.path(folder).join(name), content).unwrap();
        }
    }
    fs::create_dir(server.path("b")).unwrap();
    for (name, content) in [("f", "1\n2\n"), ("new", "n\n"), ("emptied", "")] {
        fs::write(server.path("b").join(name), content).unwrap();
    }
    let diff = Command::new("diff").args(["-ruN", "a", "b"]).current_dir(server.path("")).output().unwrap().stdout;
    let reply = server.patch(std::str::from_utf8(&diff).unwrap()).await.ok();
    let kinds: Vec<&Value> = reply["files"].as_array().unwrap().iter().map(|file| &file["kind"]).collect();
    assert_eq!(kinds, ["modified", "modified", "deleted", "created"]);
    let texts = ["emptied", "f", "gone", "new"].map(|name| server.text(name));
    assert_eq!(texts, [Some(String::new()), Some("1\n2\n".into()), None, Some("n\n".into())]);
    // What the diff was made from is what it fits.
    let diff = Command::new("diff").args(["-u", "a/f", "b/f"]).current_dir(server.path("")).output().unwrap().stdout;
    let whole = json!({"patch": std::str::from_utf8(&diff).unwrap(), "strip": 0});
    let reply = server.call("filesystem_patch", whole).await;
    assert_eq!(reply["files"][0]["path"], "a/f");
    // Without times, a file that is not there begins with nothing anyway.
    server.patch("--- a/plain\n+++ b/plain\n@@ -0,0 +1 @@\n+x\n").await.ok();
    assert_eq!(server.text("plain").unwrap(), "x\n");
}

#[tokio::test]
async fn a_diff_that_is_applied_already_is_a_conflict_that_says_so() {
    let server = Server::start().await;
    for (before, diff, after) in [
        ("1\n2\n3\n", "@@ -1,3 +1,4 @@\n 1\n 2\n 3\n+4\n", "1\n2\n3\n4\n"),
        ("1\n2\n3\n", "@@ -1,3 +1,4 @@\n+0\n 1\n 2\n 3\n", "0\n1\n2\n3\n"),
        (NUMBERS, "@@ -3,6 +3,7 @@\n 3\n 4\n 5\n+new\n 6\n 7\n 8\n", "1\n2\n3\n4\n5\nnew\n6\n7\n8\n9\n"),
        ("a\n", "@@ -1 +1 @@\n-a\n+A\n", "A\n"),
    ] {
        let server = &server;
        fs::create_dir_all(server.path("p")).unwrap();
        fs::write(server.path("p/f"), before).unwrap();
        let diff = format!("--- a/f\n+++ b/f\n{diff}");
        server.patch(&diff).await.ok();
        assert_eq!(server.text("f").unwrap(), after);
        let again = server.patch(&diff).await;
        assert_eq!(again.status, 409, "{diff}");
        assert!(again.detail().contains("applied already"), "{}", again.detail());
        assert_eq!(server.text("f").unwrap(), after);
    }
}

#[tokio::test]
async fn a_hunk_goes_to_its_lines_wherever_they_are_now() {
    let server = Server::start().await.with_file("p/f", format!("new\nnew\n{NUMBERS}"));
    // Nothing ends the last line, and the numbers are a model's guess.
    server.patch("--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n 5\n-6\n+six\n 7").await.ok();
    assert_eq!(server.text("f").unwrap(), "new\nnew\n1\n2\n3\n4\n5\nsix\n7\n8\n9\n");
    server.patch("--- a/f\n+++ b/f\n@@ -11 +11,2 @@\n-9\n+nine\n+ten\n@@ -3 +2,0 @@\n").await.detail_of(422);
    server.patch("--- a/f\n+++ b/f\n@@ -2,0 +3 @@\n+zero\n@@ -11 +12 @@\n-9\n+nine\n").await.ok();
    assert_eq!(server.text("f").unwrap(), "new\nnew\nzero\n1\n2\n3\n4\n5\nsix\n7\n8\nnine\n");
    let misfit = server.patch("--- a/f\n+++ b/f\n@@ -4,3 +4,3 @@\n 4\n-five\n+5\n six\n").await.detail_of(409);
    assert!(misfit.starts_with("f: hunk 1 does not fit."), "{misfit}");
    assert!(misfit.contains(r#"Line 8 is "5", not "five""#), "{misfit}");
}

impl Reply {
    fn detail_of(self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.text);
        self.body["detail"].as_str().unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn line_ends_and_encoding_of_a_patched_file_are_kept() {
    let server = Server::start().await.with_file("p/f", "");
    let diff = "--- a/f\n+++ b/f\n@@ -1,2 +1,3 @@\n caf\u{e9}\n-b\n+B\n+\u{e9}\n";
    for (before, after) in [
        (&b"caf\xe9\nb\n"[..], &b"caf\xe9\nB\n\xe9\n"[..]),
        ("café\r\nb\r\n".as_bytes(), "café\r\nB\r\né\r\n".as_bytes()),
        (b"\xfe\xff\0c\0a\0f\0\xe9\0\n\0b\0\n", b"\xfe\xff\0c\0a\0f\0\xe9\0\n\0B\0\n\0\xe9\0\n"),
    ] {
        fs::write(server.path("p/f"), before).unwrap();
        server.patch(diff).await.ok();
        assert_eq!(fs::read(server.path("p/f")).unwrap(), after);
    }
    fs::write(server.path("p/f"), "café\nb\n").unwrap();
    server.patch(&diff.replace('\n', "\r\n")).await.ok();
    assert_eq!(server.text("f").unwrap(), "café\nB\né\n");
    // A diff that changes the line ends does that.
    fs::write(server.path("p/f"), "a\nb\n").unwrap();
    server.patch("--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n-a\n-b\n+a\r\n+b\r\n").await.ok();
    assert_eq!(server.text("f").unwrap(), "a\r\nb\r\n");
}

#[tokio::test]
async fn gits_other_prefixes_are_left_out_and_links_are_refused() {
    let server = Server::start().await.with_file("p/s/f", "a\n").with_file("p/w/f", "a\n");
    let git = "diff --git i/s/f w/s/f\n--- i/s/f\n+++ w/s/f\n@@ -1 +1 @@\n-a\n+b\n";
    server.patch(git).await.ok();
    assert_eq!(server.text("s/f").unwrap(), "b\n");
    let plain = "--- w/f\n+++ w/f\n@@ -1 +1 @@\n-a\n+b\n";
    server.patch(plain).await.ok();
    assert_eq!(server.text("w/f").unwrap(), "b\n");
    let stripped = json!({"path": "p", "patch": "--- x/y/s/f\n+++ x/y/s/f\n@@ -1 +1 @@\n-b\n+c\n", "strip": 2});
    server.call("filesystem_patch", stripped).await;
    assert_eq!(server.text("s/f").unwrap(), "c\n");
    let link = "diff --git a/l b/l\nnew file mode 120000\n--- /dev/null\n+++ b/l\n@@ -0,0 +1 @@\n+s/f\n\\ No newline at end of file\n";
    let refused = server.patch(link).await.detail_of(400);
    assert!(refused.contains("link"), "{refused}");
    assert!(server.text("l").is_none());
}
