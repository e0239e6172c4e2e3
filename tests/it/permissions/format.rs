//! What is understood, and what is said of what is not.

use super::{profiles, read_in};
use crate::server::scratch;

/// The mistakes of a file, each as it shows.
fn mistakes(text: &str) -> Vec<String> {
    match read_in(scratch().path(), &[], text) {
        Ok(_) => Vec::new(),
        Err(mistakes) => mistakes.list().iter().map(ToString::to_string).collect(),
    }
}

const WHOLE: &str = r#"
# Everything that there is.
[profile.reviewer]
inherits = "careful"
tools = ["...", "filesystem_*", "@read"]
grants = ["ssh-agent", "gpu"]
sandbox = "on"
memory = { read = ["project-*", "notes"], write = [] }
ask = [
    { tool = "filesystem_delete", deletes_more_than = 5 },
    { access = "network", host = "**.internal.example" },
    { path = "~/projects/**/migrations" },
    { command = "git push" },
    { irreversible = true },
]

[profile.reviewer.files]
read = ["~/projects", "/usr/share/doc"]
write = ["~/projects/notes", "~/projects/**/*.md"]
deny = ["~/projects/**/*.pem"]

[profile.reviewer.commands]
default = "deny"
guard = "ask"
allow = ["...", "git status *", "cargo 'test' *"]
ask = ["git push"]
deny = ["curl", "* --force"]

[profile.reviewer.network]
fetch = { allow = ["docs.rs", "*.example.org", "**.example.com"], deny = ["paste.example.org"] }
commands = "off"

[profile.tester]
inherits = "reviewer"

[[profile.tester.ask]]
access = "execute"
"#;

#[test]
fn everything_that_there_is_is_understood() {
    let text = WHOLE.replace("tools = [\"...\", ", "tools = [");
    let found = profiles(&text);
    let names: Vec<&str> = found.all().map(|profile| profile.name()).collect();
    assert_eq!(names, ["careful", "read-only", "reviewer", "tester", "trusted"]);
    let granted: Vec<&str> = found.get("tester").unwrap().grants().map(|(name, _)| name).collect();
    assert_eq!(granted, ["ssh-agent", "gpu"]);
    assert!(mistakes("").is_empty() && mistakes("# nothing\n").is_empty() && mistakes("[profile]\n").is_empty());
}

/// Files, and what is said of each; a `+` stands for a profile's first lines.
const MISTAKES: &[(&str, &[&str])] = &[
    ("profile = 3", &["line 1, column 1", "`profile`", "[profile.reviewer]"]),
    ("[profile.a]\n", &["line 1, column 10", "inherits = \"careful\"", "read-only"]),
    ("[profile.careful]\ninherits = \"trusted\"\n", &["line 1, column 10", "is a preset"]),
    ("[profile.'a b']\ninherits = \"trusted\"\n", &["line 1, column 10", "letters, digits"]),
    ("[profil.a]\n", &["line 1, column 2", "did you mean `profile`"]),
    ("[profile.a\n", &["line 1"]),
    ("[profile.a]\ninherits = \"crefull\"\n", &["line 2, column 1", "did you mean `careful`"]),
    ("[profile.a]\ninherits = \"b\"\n[profile.b]\ninherits = \"a\"\n", &["circle", "`a` → `b` → `a`"]),
    ("[profile.a]\ninherits = \"a\"\n", &["line 2, column 1", "circle"]),
    ("+fils = 1", &["line 3, column 1", "`fils` is not known here", "did you mean `files`"]),
    ("+files = { raed = [] }", &["line 3, column 11", "`files.raed`", "did you mean `read`"]),
    ("+files = \"~/x\"", &["line 3, column 1", "`files` is \"~/x\"", "`read`, `write`, `deny`"]),
    ("+files.read = \"~/x\"", &["line 3, column 7", "a list of texts", "read = [\"~/projects\"]"]),
    ("+files.read = [\"/usr\", 3]", &["line 3, column 23", "a number among its texts"]),
    ("+files.read = [\"\"]", &["line 3, column 15", "empty text"]),
    ("+files.read = [\"$HOME\"]", &["line 3, column 15", "variable"]),
    ("+files.read = [\"/usr/*\"]", &["line 3, column 15", "under `deny`"]),
    ("+files.deny = [\"/srv/[a\"]", &["line 3, column 15", "[ without its ]"]),
    ("+files.write = [\"...\"]", &["line 3, column 16", "`...`", "leave the whole key out"]),
    ("+files.deny = [\"...\"]", &["line 3, column 15", "always added"]),
    ("+files = { read = [\"/usr\"], write = [\"/srv/x\"] }", &["line 3", "/srv/x may be changed and not read"]),
    ("+files = { read = [\"/usr/lib\"], deny = [\"/usr\"] }", &["/usr/lib is denied by line 3"]),
    ("+commands.default = \"maybe\"", &["line 3, column 10", "\"maybe\"", "\"allow\" or \"ask\" or \"deny\""]),
    ("+commands.guard = \"allow\"", &["line 3, column 10", "\"deny\" or \"ask\""]),
    ("+commands.allow = [\"git 'x\"]", &["line 3, column 19", "a quote is not closed"]),
    ("+commands = { allow = [\"git  push\"], deny = [\"git push\"] }", &["line 3", "the same stands in line 3"]),
    ("+network.fetch.allow = [\"*.com\"]", &["line 3, column 24", "too wide", "*.example.org"]),
    ("+network.fetch.deny = [\"https://x.example\"]", &["line 3, column 23", "without scheme"]),
    ("+network.commands = true", &["line 3, column 9", "true or false", "\"on\" or \"off\""]),
    ("+grants = [\"dokcer\"]", &["line 3, column 11", "did you mean `docker`"]),
    ("+tools = [\"filesystem_raed\"]", &["line 3, column 10", "did you mean `filesystem_read`"]),
    ("+tools = [\"@reading\"]", &["line 3, column 10", "@read, @write"]),
    ("+tools = []", &["line 3, column 1", "can do nothing"]),
    ("+ask = [{}]", &["line 3, column 8", "asks for nothing"]),
    ("+ask = [\"git push\"]", &["line 3", "must be a table"]),
    ("+ask = { command = \"git push\" }", &["line 3, column 1", "a list of tables"]),
    ("+ask = [{ irreversible = false }]", &["line 3, column 10", "can only be true"]),
    ("+ask = [{ deletes_more_than = -1 }]", &["line 3, column 10", "a whole number"]),
    ("+ask = [{ access = \"reading\" }]", &["line 3, column 10", "\"network\""]),
    ("+ask = [{ tool = \"nothing_at_all\" }]", &["line 3, column 8", "there is no tool"]),
    ("+ask = [{ host = \"*\" }]", &["line 3, column 8", "too wide"]),
    ("+memory = { read = \"x\" }", &["line 3, column 12", "a list of texts"]),
    ("+é = 1", &["line 3"]),
];

#[test]
fn each_mistake_says_where_it_is_and_how_to_fix_it() {
    for (text, wanted) in MISTAKES {
        let text = text.replace('+', "[profile.a]\ninherits = \"trusted\"\n");
        let found = mistakes(&text);
        assert_eq!(found.len(), 1, "{text}: {found:?}");
        let said = found.join("\n");
        for words in *wanted {
            assert!(said.contains(words), "{text}\nsays {said:?}\nand not {words:?}");
        }
    }
}

#[test]
fn all_mistakes_are_said_at_once_in_the_order_of_the_lines() {
    let text = "[profile.a]\ninherits = \"x\"\nsandbox = 1\ntools = [\"nope_nope\"]\n[profile.a.files]\nread = 3\nwrite = [\"$A\", \"/b c d:/e\"]\n[profile.b]\n";
    let found = mistakes(text);
    let lines: Vec<&str> = found.iter().map(|it| it.split(',').next().unwrap()).collect();
    assert_eq!(lines, ["line 2", "line 3", "line 4", "line 6", "line 7", "line 7", "line 8"], "{found:#?}");
}

#[test]
fn a_long_chain_a_long_file_and_deep_nesting_are_mistakes_and_no_crash() {
    let chain: String = (0..5000).map(|n| format!("[profile.p{n}]\ninherits = \"p{}\"\n", n + 1)).collect();
    let found = mistakes(&format!("{chain}[profile.p5000]\ninherits = \"trusted\"\n"));
    assert!(!found.is_empty() && found[0].contains("more than 32 profiles"), "{:?}", found.first());
    let long = "#".repeat(9 * 1024 * 1024);
    assert!(mistakes(&long)[0].contains("longer than"));
    let nested = format!("[profile.a]\ninherits = \"trusted\"\ntools = {}{}\n", "[".repeat(5000), "]".repeat(5000));
    assert_eq!(mistakes(&nested).len(), 1);
}

#[test]
fn ten_thousand_rules_are_read_in_a_moment_and_found_again() {
    let list =
        |text: &dyn Fn(usize) -> String| (0..2500).map(|n| format!("\"{}\"", text(n))).collect::<Vec<_>>().join(",\n");
    let text = format!(
        "[profile.a]\ninherits = \"trusted\"\n[profile.a.files]\ndeny = [{}]\n[profile.a.commands]\nask = [{}]\ndeny = [{}]\n[profile.a.network]\nfetch.deny = [{}]\n",
        list(&|n| format!("/srv/p{n}/**/*.key{n}")),
        list(&|n| format!("tool{n} --flag{n} *")),
        list(&|n| format!("git n{n}x*")),
        list(&|n| format!("**.h{n}.example.org")),
    );
    let started = std::time::Instant::now();
    let found = profiles(&text);
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
    let line = super::reading("git push n1234xy");
    let facts = skynet_bridge::permissions::Facts { command: Some(&line), ..super::facts("terminal_execute") };
    let (_, rule, _) = super::decide(&found, "a", &facts);
    assert!(rule.contains("git n1234x*"), "{rule}");
}
