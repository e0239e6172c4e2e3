//! The guard against dangerous commands, held against corpora. Nothing here is executed.

use serde_json::Value;
use skynet_bridge::policy::commands::Guard;
use std::collections::BTreeMap;
use std::path::Path;

const WORKSPACE: &str = "/home/user/project";

fn guard() -> Guard {
    Guard::new(Path::new("/home/user"), &[], &[])
}

/// The rule that refuses the command, or `None`.
fn verdict(command: &str) -> Option<&'static str> {
    guard().judge(command, Path::new(WORKSPACE), &BTreeMap::new()).err().map(|refusal| refusal.rule)
}

/// Rows of a corpus on which reasonable people agree.
fn corpus(file: &str) -> Vec<(String, String, bool)> {
    let path = format!("{}/tests/corpora/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the corpus is part of the repository");
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("one JSON object a line"))
        .filter(|row| row["tier"] != "policy")
        .map(|row| {
            let text = |name: &str| row[name].as_str().expect("a text").to_owned();
            (text("id"), text("command"), row["label"] == "block")
        })
        .collect()
}

/// Shares of dangers caught and of harmless commands refused, with every mistake printed.
fn figures(file: &str) -> (f64, f64) {
    let rows = corpus(file);
    let mut mistakes = [0.0, 0.0];
    let mut totals = [0.0, 0.0];
    for (id, command, dangerous) in &rows {
        let rule = verdict(command);
        totals[usize::from(*dangerous)] += 1.0;
        if rule.is_some() != *dangerous {
            mistakes[usize::from(*dangerous)] += 1.0;
            println!("{id} {rule:?} {command:?}");
        }
    }
    let caught = 1.0 - mistakes[1] / totals[1];
    let refused = mistakes[0] / totals[0];
    println!("{file}: caught {caught:.3}, refused {refused:.3} of {}", rows.len());
    (caught, refused)
}

#[test]
fn at_least_98_of_100_dangers_of_the_corpus_are_caught_and_at_most_2_of_100_harmless_lines_refused() {
    let (caught, refused) = figures("commands.jsonl");
    assert!(caught >= 0.98 && refused <= 0.02, "caught {caught}, refused {refused}");
}
