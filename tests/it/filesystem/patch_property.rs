//! Diffs of real programs between random files: each applies to the exact result, and a damaged one, or one that is cut
//! off, changes nothing.

use super::patch_cut::ends;
use crate::server::Server;
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
use serde_json::json;
use similar::TextDiff;
use std::{fs, process::Command};

/// How many pairs of files are tried.
const PAIRS: usize = 60;

/// At how many places each diff is cut off.
const CUTS: usize = 4;

/// Lines of few words, so that the same ones stand in many places, or each with a number of its own.
fn lines() -> impl Strategy<Value = Vec<String>> {
    let word = prop_oneof![
        Just(""),
        Just("a"),
        Just("b b"),
        Just("-- c"),
        Just("++ d"),
        Just(" e"),
        Just("@@ f"),
        Just("\\g")
    ];
    (any::<bool>(), prop::collection::vec(word, 1..30)).prop_map(|(unique, words)| {
        let numbered = |(number, word): (usize, &str)| format!("{word} {number}");
        let plain = |word: &str| word.to_owned();
        if unique {
            words.into_iter().enumerate().map(numbered).collect()
        } else {
            words.into_iter().map(plain).collect()
        }
    })
}

/// A file and what becomes of it: lines go, come and change.
fn pair() -> impl Strategy<Value = (String, String)> {
    let edits = prop::collection::vec((any::<prop::sample::Index>(), 0..3, "[a-c]{1,3}"), 1..6);
    (lines(), edits, any::<bool>(), any::<bool>()).prop_map(|(old, edits, old_open, new_open)| {
        let mut new = old.clone();
        for (place, kind, text) in edits {
            let place = place.index(new.len().max(1)).min(new.len());
            match kind {
                0 => new.insert(place, text),
                1 if place < new.len() => drop(new.remove(place)),
                _ if place < new.len() => new[place] = text,
                _ => new.push(text),
            }
        }
        let text = |lines: &[String], is_open: bool| {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            if is_open { text.strip_suffix('\n').unwrap_or_default().to_owned() } else { text }
        };
        (text(&old, old_open), text(&new, new_open))
    })
}

fn output(program: &str, arguments: &[&str], folder: &std::path::Path) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The whole file as one hunk: its place is certain.
fn envelope(old: &str, new: &str) -> String {
    let diff = TextDiff::from_lines(old, new);
    let lines: String = diff.iter_all_changes().map(|change| format!("{}{}", change.tag(), change.value())).collect();
    format!("*** Begin Patch\n*** Update File: f\n@@\n{lines}*** End Patch\n")
}

/// Another text in the first line that the patch expects.
fn damaged(patch: &str) -> Option<String> {
    let mut lines: Vec<String> = patch.split_inclusive('\n').map(str::to_owned).collect();
    let first = lines.iter().position(|line| line.starts_with("@@"))? + 1;
    let place = (first..lines.len()).find(|place| lines[*place].starts_with([' ', '-']))?;
    lines[place].insert(1, '~');
    Some(lines.concat())
}

#[tokio::test]
async fn diffs_of_real_programs_apply_to_the_exact_result_and_damaged_or_cut_ones_change_nothing() {
    let server = Server::start().await;
    let (mut runner, top) = (TestRunner::deterministic(), server.path("w"));
    for _ in 0..PAIRS {
        let (old, new) = pair().new_tree(&mut runner).unwrap().current();
        if old == new || old.is_empty() || new.is_empty() {
            continue;
        }
        for (folder, text) in [("a", &old), ("b", &new)] {
            fs::create_dir_all(top.join(folder)).unwrap();
            fs::write(top.join(folder).join("f"), text).unwrap();
        }
        let mut patches = vec![
            output("git", &["diff", "--no-index", "--no-prefix", "a", "b"], &top),
            output("diff", &["-u", "a/f", "b/f"], &top),
            output("diff", &["-ruN", "a", "b"], &top),
        ];
        if old.ends_with('\n') && new.ends_with('\n') {
            patches.push(envelope(&old, &new));
        }
        for patch in patches {
            fs::create_dir_all(server.path("p")).unwrap();
            let place = server.path("p/f");
            fs::write(&place, &old).unwrap();
            if let Some(patch) = damaged(&patch) {
                let reply = server.post("/filesystem/patch", json!({"path": "p", "patch": patch})).await;
                assert!(matches!(reply.status, 409 | 422), "{}\n{patch}\n{old:?}", reply.text);
                assert_eq!(fs::read_to_string(&place).unwrap(), old, "{patch}");
            }
            let may_end = ends(&patch);
            for cut in prop::collection::vec(0..patch.len(), CUTS).new_tree(&mut runner).unwrap().current() {
                let reply = server.post("/filesystem/patch", json!({"path": "p", "patch": &patch[..cut]})).await;
                let now = fs::read_to_string(&place).unwrap();
                let is_refused = matches!(reply.status, 409 | 422) && now == old;
                assert!(is_refused || may_end[cut] || now == new, "cut at {cut}: {}\n{patch}\n{old:?}", reply.text);
                fs::write(&place, &old).unwrap();
            }
            let reply = server.post("/filesystem/patch", json!({"path": "p", "patch": patch})).await;
            assert_eq!(reply.status, 200, "{}\n{patch}\n{old:?}", reply.text);
            assert_eq!(fs::read_to_string(&place).unwrap(), new, "{patch}\n{old:?}");
            let lines = reply.body["files"][0]["lines"].as_array().unwrap();
            assert_eq!(lines.len(), reply.body["files"][0]["hunks"].as_u64().unwrap() as usize, "{patch}");
            assert!(reply.body["diff"].as_str().unwrap().starts_with("--- a/"), "{}", reply.text);
        }
    }
}
