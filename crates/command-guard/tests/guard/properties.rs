//! What holds for any text.

use crate::{context, verdict};
use command_guard::{Grammar, read};
use proptest::prelude::*;
use std::time::{Duration, Instant};

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
    "cmd.exe /c ",
    "powershell.exe ",
    "kubectl exec x ",
    "npm pkg set scripts.x=",
    "sed -i ",
    "kioclient move",
    "git -C ~ checkout ",
    "tar x --overwrite ",
    "C:\\",
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
    fn a_reading_of_any_text_begins_with_what_a_judgement_says(text in shell_text()) {
        let found = read(&text, Grammar::BashOrPosix, &context());
        prop_assert_eq!(found.refusals.first().map(|it| it.rule), verdict(&text));
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
