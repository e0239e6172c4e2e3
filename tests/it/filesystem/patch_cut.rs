//! Diffs that were cut off, that overlap, that stand in a chat, and that are long: the truth is said, nothing half done.

use crate::server::{KEY, Reply, Server};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

impl Server {
    async fn cut_patch(&self, patch: &str) -> Reply {
        self.post("/filesystem/patch", json!({"path": "p", "patch": patch})).await
    }
}

/// What a refusal says, of a patch to `p/f`, which must stay as it is.
async fn refusal(before: &str, patch: &str) -> (u16, String) {
    let server = Server::start().await.with_file("p/f", before);
    let reply = server.cut_patch(patch).await;
    assert_eq!(fs::read_to_string(server.path("p/f")).unwrap(), before, "{patch}");
    let said = match &reply.body["detail"] {
        Value::String(said) => said.clone(),
        problems => problems[0]["msg"].as_str().unwrap_or_else(|| panic!("{patch}\n{}", reply.text)).to_owned(),
    };
    (reply.status, said)
}

const HEAD: &str = "--- a/f\n+++ b/f\n";

#[tokio::test]
async fn a_diff_that_was_cut_in_the_head_that_comes_next_is_refused() {
    // In the head of another file after it, or of another hunk.
    for rest in ["-", "--", "---", "--- a/g", "--- a/g\n", "--- a/g\n++", "@@ -9", "@", "diff ", "diff -u a/g b/g\n"] {
        let (status, said) = refusal("1\n\n\n", &format!("{HEAD}@@ -1,2 +1,2 @@\n-1\n+one\n \n{rest}")).await;
        assert_eq!(status, 422, "{rest:?}: {said}");
    }
    // Of the lines around a deletion nothing says that it was done already.
    let (_, said) = refusal("1\n2\n3\n4\n", &format!("{HEAD}@@ -1,4 +1,3 @@\n 1\n-2\n")).await;
    assert!(said.contains("cut off") && !said.contains("applied already"), "{said}");
}

#[tokio::test]
async fn what_a_chat_says_around_its_diffs_is_no_part_of_them() {
    let server = Server::start().await.with_file("p/f", "1\n2\n").with_file("p/g", "1\n2\n");
    let diff = |name: &str| format!("```diff\n--- a/{name}\n+++ b/{name}\n@@ -1,2 +1,2 @@\n 1\n-2\n+two\n```\n");
    let talk = "\nThat was the first.\n- It changes two\n+ and nothing else\n\nThe second:\n\n";
    let chat = format!("Here it is:\n\n{}{talk}{}{talk}", diff("f"), diff("g"));
    let reply = server.cut_patch(&chat).await.ok();
    assert_eq!(reply["files"].as_array().unwrap().len(), 2);
    assert!(reply["files"].as_array().unwrap().iter().all(|file| file["hunks"] == 1), "{reply}");
    for name in ["p/f", "p/g"] {
        assert_eq!(fs::read_to_string(server.path(name)).unwrap(), "1\ntwo\n");
    }
    let block =
        |name: &str| format!("```\n*** Begin Patch\n*** Update File: {name}\n 1\n-two\n+2\n*** End Patch\n```\n");
    server.cut_patch(&format!("First\n{}Second\n{}Done.", block("f"), block("g"))).await.ok();
    for name in ["p/f", "p/g"] {
        assert_eq!(fs::read_to_string(server.path(name)).unwrap(), "1\n2\n");
    }
    let both = server.cut_patch(&format!("{}{}", block("f"), diff("g"))).await;
    assert!(matches!(both.status, 409 | 422), "{}", both.text);
}

/// Every file below a folder.
fn tree(top: &Path) -> BTreeMap<String, String> {
    let files = walkdir::WalkDir::new(top).into_iter().map(Result::unwrap).filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| {
            (entry.path().strip_prefix(top).unwrap().display().to_string(), fs::read_to_string(entry.path()).unwrap())
        })
        .collect()
}

/// Where a diff can end and nothing tells that it goes on: between hunks and files, with or without the last line's end;
/// and in the last line before, where that is one that comes.
pub(crate) fn ends(diff: &str) -> Vec<bool> {
    let mut ends = vec![false; diff.len() + 1];
    let (mut at, mut before) = (0, (0, ""));
    for line in diff.split_inclusive('\n').chain([""]) {
        if line.is_empty() || ["@@ ", "diff ", "--- a/", "\\"].iter().any(|start| line.starts_with(start)) {
            let from = if before.1.starts_with('+') { before.0 + 1 } else { at - usize::from(at > 0) };
            ends[from..=at].fill(true);
        }
        // A file's names are no line that comes.
        before = (at, if line.starts_with("+++ b/") { "" } else { line });
        at += line.len();
    }
    ends
}

#[tokio::test]
async fn a_diff_that_is_cut_anywhere_changes_nothing_unless_nothing_tells_that_it_goes_on() {
    let server = Server::start().await;
    let lines = |change: &dyn Fn(usize) -> String| (1..=24).map(change).collect::<String>();
    let old = lines(&|line| if line % 4 == 0 { "\n".into() } else { format!("line {line}\n") });
    let new = old.replace("line 3\n", "third\n").replace("line 6\n", "").replace("line 22\n", "line 22\n-- new\n\n");
    let (a, b) = (server.path("a"), server.path("b"));
    for (top, files) in [
        (&a, [("f", old.clone()), ("gone", "1\n2\n".into()), ("moved", old.clone()), ("z", "end".into())]),
        (&b, [("f", new.clone()), ("made", "1\n\n3\n".into()), ("there", new.clone()), ("z", "last".into())]),
    ] {
        fs::create_dir(top).unwrap();
        files.iter().for_each(|(name, text)| fs::write(top.join(name), text).unwrap());
    }
    let output = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).current_dir(server.path("")).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let (before, after) = (tree(&a), tree(&b));
    let repository = server.at("b/.git");
    let git = |work: &str, arguments: &[&str]| {
        let places =
            ["--git-dir", &repository, "--work-tree", work, "-c", "user.name=T", "-c", "user.email=t@localhost"];
        output("git", &[&places, arguments].concat())
    };
    git("a", &["init", "-q"]);
    git("a", &["add", "-A"]);
    git("a", &["commit", "-q", "-m", "before"]);
    git("b", &["add", "-A"]);
    for diff in [git("b", &["diff", "--cached", "-M"]), output("diff", &["-ruN", "-x", ".git", "a", "b"])] {
        let may_end = ends(&diff);
        let mut refused = 0;
        for cut in (0..=diff.len()).filter(|cut| diff.is_char_boundary(*cut)) {
            let top = server.path("p");
            fs::create_dir_all(&top).unwrap();
            let now = tree(&top);
            if now != before {
                now.keys().for_each(|name| fs::remove_file(top.join(name)).unwrap());
                before.iter().for_each(|(name, text)| fs::write(top.join(name), text).unwrap());
            }
            let reply = server.cut_patch(&diff[..cut]).await;
            let now = tree(&top);
            match reply.status {
                200 => assert!(may_end[cut] || now == after, "cut at {cut}: {now:?}\n{}", &diff[..cut]),
                _ => assert_eq!(now, before, "{}", &diff[..cut]),
            }
            refused += usize::from(reply.status != 200);
        }
        assert_eq!(tree(&server.path("p")), after, "{diff}");
        assert!(refused > diff.len() / 2, "{refused} of {}", diff.len());
    }
}

#[tokio::test]
async fn a_long_hunk_of_equal_lines_is_looked_for_in_no_time_and_not_after_the_client_has_left() {
    let many = "same\n".repeat(200_000);
    let server = Server::start().await.with_file("p/f", &many);
    let began = Instant::now();
    let hunk = format!("{HEAD}@@\n{}-other\n", " same\n".repeat(1_000));
    let reply = server.cut_patch(&hunk).await;
    assert_eq!(reply.status, 409, "{}", reply.text);
    let hunk = format!("{HEAD}@@\n{}-same\n+other\n", " same\n".repeat(1_000));
    let reply = server.cut_patch(&hunk).await;
    assert!(reply.detail().contains("in the file 199000 times"), "{}", reply.text);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    // As many parts as would take minutes.
    let numbers: String = (1..=200_000).map(|line| format!("{line}\n")).collect();
    fs::write(server.path("p/f"), &numbers).unwrap();
    let parts: String = (1..=40_000).map(|line| format!("@@\n {line}\n+new\n")).collect();
    let request = server.request("/filesystem/patch").bearer_auth(KEY);
    let request = request.json(&json!({"path": "p", "patch": format!("{HEAD}{parts}")}));
    request.timeout(Duration::from_millis(500)).send().await.unwrap_err();
    assert_eq!(server.outcomes_of("filesystem_patch", 3).await[2], "cancelled");
    assert_eq!(fs::read_to_string(server.path("p/f")).unwrap(), numbers);
}
