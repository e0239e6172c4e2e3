//! The guard against dangerous commands, held against corpora and against any text. Nothing here is executed.

use proptest::prelude::*;
use serde_json::Value;
use skynet_bridge::policy::commands::Guard;
use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

const WORKSPACE: &str = "/home/user/project";

fn guard() -> Guard {
    Guard::new(Path::new("/home/user"), &[], &[])
}

/// The rule that refuses the command, or `None`.
fn verdict(command: &str) -> Option<&'static str> {
    guard().judge(command, Path::new(WORKSPACE), &BTreeMap::new()).err().map(|refusal| refusal.rule)
}

/// Rows of a corpus on which reasonable people agree: what is run, and whether it is dangerous.
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

/// Holds a corpus to 98 of 100 dangers caught and 2 of 100 harmless lines refused; every mistake is printed.
fn hold(file: &str) {
    let rows = corpus(file);
    let (mut mistakes, mut totals) = ([0.0, 0.0], [0.0, 0.0]);
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
fn emptying_the_temporary_directory_is_allowed_though_a_server_may_lie_in_it() {
    let guard = Guard::new(Path::new("/home/user"), &[], &["/tmp/server/.env".into()]);
    let judge = |line: &str| guard.judge(line, Path::new(WORKSPACE), &BTreeMap::new()).is_ok();
    assert!(judge("rm -rf /tmp/*") && judge("tar xf a.tar -C /tmp") && judge("rm -rf /tmp/other"));
    assert!(!judge("rm -rf /tmp/server") && !judge("rm -rf /tmp/s*") && !judge("echo x > /tmp/server/.env"));
}

#[test]
fn a_line_that_shells_read_in_two_ways_is_judged_in_both() {
    // dash has no $'…': there the quote ends after the backslash and the removal runs.
    assert_eq!(verdict(r"echo $'a\' ; rm -rf / #'"), Some("rm-root"));
    // In bash the second quote is escaped and the line only prints.
    assert_eq!(verdict(r"echo \$'a\' ; rm -rf / #'"), Some("rm-root"));
    assert_eq!(verdict(r"echo $'it\'s' fine"), None);
}

#[test]
fn what_the_environment_of_the_request_holds_counts() {
    let environment = BTreeMap::from([("TARGET".to_owned(), "/".to_owned())]);
    let refusal = guard().judge("rm -rf $TARGET", Path::new(WORKSPACE), &environment).unwrap_err();
    assert_eq!(refusal.rule, "rm-root");
    assert_eq!(verdict("rm -rf $TARGET"), None);
}

#[test]
fn a_program_without_a_shell_is_judged_by_its_arguments_as_they_are() {
    let judge = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        guard().judge_program(&words, Path::new(WORKSPACE), &BTreeMap::new()).err().map(|refusal| refusal.rule)
    };
    assert_eq!(judge(&["rm", "-rf", "/"]), Some("rm-root"));
    assert_eq!(judge(&["sh", "-c", "rm -rf ~"]), Some("rm-home"));
    assert_eq!(judge(&["echo", "; rm -rf /"]), None);
    assert_eq!(judge(&["rm", "-rf", "$HOME"]), None, "nothing expands it");
}

#[test]
fn a_working_directory_in_the_core_of_the_system_is_no_workspace() {
    let judge = |directory: &str| guard().judge("rm -rf *", Path::new(directory), &BTreeMap::new()).is_err();
    assert!(judge("/") && judge("/etc") && judge("/etc/nginx") && judge("/usr") && judge("/home/user"));
    assert!(!judge("/home/user/project") && !judge("/tmp/work"));
}

#[test]
fn deep_nesting_and_long_lines_are_refused_at_once() {
    let nested = [
        ("(", ")"),
        ("$(", ")"),
        ("\"$(", ")\""),
        ("{ ", "; }"),
        ("if ", "; then :; fi"),
        ("$((", "))"),
        ("${a:-", "}"),
    ];
    for (open, close) in nested {
        let line = format!("echo {}x{}", open.repeat(5000), close.repeat(5000));
        let started = Instant::now();
        assert!(verdict(&line).is_some(), "{open}");
        assert!(started.elapsed() < Duration::from_secs(2), "{open} took {:?}", started.elapsed());
    }
    for line in
        ["case x in x) ".repeat(30), "cat <(".repeat(30), "$((".repeat(30), "{a,b}".repeat(30), "a".repeat(200_000)]
    {
        let started = Instant::now();
        let _ = verdict(&line);
        assert!(started.elapsed() < Duration::from_secs(2), "{:?} took {:?}", &line[..20], started.elapsed());
    }
}

/// How many cases a property is tried on; the long run asks for a million.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(1000)
}

/// Pieces of shell lines, so that random texts reach deep into the parser.
const PIECES: &[&str] = &[
    "rm",
    " -rf ",
    "/",
    "~",
    " ",
    "\n",
    ";",
    "&",
    "&&",
    "||",
    "|",
    "|&",
    "(",
    ")",
    "((",
    "))",
    "{",
    "}",
    "[[ ",
    " ]]",
    "$",
    "$(",
    "`",
    "${",
    "}",
    "$'",
    "'",
    "\"",
    "\\",
    "<<EOF\n",
    "\nEOF\n",
    "<<<",
    "<(",
    ">",
    ">>",
    "&>",
    "2>&1",
    "*",
    "?",
    "[a-z]",
    "{a,b}",
    "{1..9}",
    "x=",
    "$x",
    "${x:-/}",
    "${x%%/*}",
    "${x/a/b}",
    "${!x}",
    "$@",
    "if ",
    "; then ",
    "; fi",
    "for x in ",
    "; do ",
    "; done",
    "while ",
    "case x in ",
    "esac",
    ";;",
    "f() ",
    "function ",
    "sudo ",
    "sh -c ",
    "eval ",
    "xargs ",
    "find / ",
    "-exec ",
    "python3 -c ",
    "awk ",
    "echo ",
    "printf ",
    "cat ",
    "cd ",
    "alias x=",
    "trap ",
    "#",
    "é",
    "\u{200b}",
    "\t",
    "99999999999999999999",
    "a=(",
    "+=",
    "=~ ",
    "!",
];

fn shell_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::collection::vec(proptest::sample::select(PIECES), 0..24).prop_map(|pieces| pieces.concat()),
        1 => "\\PC{0,80}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases()) })]

    #[test]
    fn no_text_makes_the_guard_panic_or_hang(text in shell_text()) {
        let started = Instant::now();
        let _ = verdict(&text);
        prop_assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    }

    #[test]
    fn a_danger_stays_one_behind_any_harmless_commands(before in "[a-z]{1,8}( [a-z0-9./-]{1,8}){0,3}", end in "(;|&&|\\|\\||\n|&)") {
        prop_assume!(!["if", "for", "do", "in", "case", "while", "until", "then", "else", "time", "function"].iter().any(|word| before.starts_with(word)));
        let line = format!("{before} {end} rm -rf /etc");
        prop_assert!(verdict(&line).is_some(), "{line}");
    }

    #[test]
    fn quoting_a_danger_differently_does_not_hide_it(cuts in proptest::collection::vec(0..4usize, 14)) {
        let quoted: String = "rm -rf /usr/lib".chars().zip(cuts.into_iter().cycle()).map(|(c, kind)| match kind {
            _ if c == ' ' => " ".to_owned(),
            0 => c.to_string(),
            1 => format!("'{c}'"),
            2 => format!("\"{c}\""),
            _ => format!("\\{c}"),
        }).collect();
        prop_assert!(verdict(&quoted).is_some(), "{quoted}");
    }
}

/// A parser that others wrote reads the corpora's lines too: what it takes, ours must take.
#[test]
fn what_another_parser_of_bash_understands_is_understood() {
    for file in ["commands.jsonl", "commands-own.jsonl", "commands-more.jsonl", "commands-daily.jsonl"] {
        for (id, command, dangerous) in corpus(file) {
            let mut parser = brush_parser::Parser::new(command.as_bytes(), &brush_parser::ParserOptions::default());
            if !dangerous && parser.parse_program().is_ok() {
                assert_ne!(verdict(&command), Some("unparsable"), "{id} {command:?}");
            }
        }
    }
}
