//! Every line of the corpora, with the verdict that it must have.

use crate::verdict;
use serde_json::Value;

/// All corpora of command lines.
const CORPORA: [&str; 5] =
    ["commands.jsonl", "commands-own.jsonl", "commands-more.jsonl", "commands-daily.jsonl", "commands-kinds.jsonl"];

struct Row {
    id: String,
    command: String,
    dangerous: bool,
    /// Whether reasonable people agree on it.
    agreed: bool,
}

fn corpus(file: &str) -> Vec<Row> {
    let path = format!("{}/tests/corpora/{file}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the corpus is part of the repository");
    let rows = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("one JSON object a line"));
    rows.map(|row| {
        let text = |name: &str| row[name].as_str().expect("a text").to_owned();
        Row {
            id: text("id"),
            command: text("command"),
            dangerous: row["label"] == "block",
            agreed: row["tier"] != "policy",
        }
    })
    .collect()
}

/// Every line of the corpora.
pub(crate) fn lines() -> impl Iterator<Item = String> {
    CORPORA.iter().flat_map(|file| corpus(file)).map(|row| row.command)
}

/// Holds a corpus to 98 of 100 dangers caught and 2 of 100 harmless lines refused; every mistake is printed.
fn hold(file: &str) {
    let rows: Vec<Row> = corpus(file).into_iter().filter(|row| row.agreed).collect();
    let (mut mistakes, mut totals) = ([0.0, 0.0], [0.0, 0.0]);
    for Row { id, command, dangerous, .. } in &rows {
        let rule = verdict(command);
        totals[usize::from(*dangerous)] += 1.0;
        if rule.is_some() != *dangerous {
            mistakes[usize::from(*dangerous)] += 1.0;
            println!("{id} {rule:?} {command:?}");
        }
    }
    let caught = 1.0 - mistakes[1] / totals[1];
    let refused = mistakes[0] / totals[0];
    println!("{file}: caught {caught:.4}, refused {refused:.4} of {}", rows.len());
    assert!(totals[0] > 40.0 && totals[1] > 40.0, "{file} is too small to say anything");
    assert!(caught >= 0.98 && refused <= 0.02, "{file}: caught {caught}, refused {refused}");
}

#[test]
fn at_least_98_of_100_dangers_are_caught_and_at_most_2_of_100_harmless_lines_refused() {
    hold("commands.jsonl");
}

#[test]
fn the_same_holds_for_evasions_and_look_alikes_of_our_own() {
    hold("commands-own.jsonl");
}

#[test]
fn the_same_holds_for_lines_written_by_someone_who_did_not_write_the_guard() {
    hold("commands-more.jsonl");
}

#[test]
fn the_same_holds_for_the_daily_lines_of_many_trades_and_new_spellings_of_old_dangers() {
    hold("commands-daily.jsonl");
}

#[test]
fn the_same_holds_for_windows_macos_other_folders_other_machines_and_whole_clusters() {
    hold("commands-kinds.jsonl");
}

#[test]
fn every_line_of_the_corpora_keeps_its_verdict_and_its_rule() {
    // What changes here was meant to change, or a danger got through: `cargo insta review` shows each line.
    let verdicts: String = CORPORA
        .iter()
        .flat_map(|file| corpus(file))
        .map(|row| format!("{} {} {:?}\n", verdict(&row.command).unwrap_or("-"), row.id, row.command))
        .collect();
    insta::assert_snapshot!("verdicts", verdicts);
}

/// A parser that others wrote reads the corpora's lines too: what it takes, ours must take.
#[test]
fn what_another_parser_of_bash_understands_is_understood() {
    for file in CORPORA {
        for Row { id, command, dangerous, .. } in corpus(file) {
            let mut parser = brush_parser::Parser::new(command.as_bytes(), &brush_parser::ParserOptions::default());
            if !dangerous && parser.parse_program().is_ok() {
                assert_ne!(verdict(&command), Some("unparsable"), "{id} {command:?}");
            }
        }
    }
}
