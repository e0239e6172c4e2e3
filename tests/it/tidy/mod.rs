//! Rules about the source tree that the compiler cannot express.

mod graph;
mod imports;
mod layers;
mod tokens;

use std::path::{Path, PathBuf};

const DOMAINS: [&str; 5] = ["filesystem", "terminal", "memory", "internet", "sandbox"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every Rust file below `folder`, with its text.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let files = walkdir::WalkDir::new(folder).into_iter().map(|entry| entry.expect("the tree is readable"));
    let rust = files.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"));
    rust.map(|entry| (entry.path().to_owned(), std::fs::read_to_string(entry.path()).unwrap())).collect()
}

/// What speaks with the world, and may know its protocols.
const RIM: [&str; 2] = ["server", "command_line"];

const PROTOCOLS: [&str; 4] = ["axum", "rmcp", "StatusCode", "utoipa"];

#[test]
fn nothing_but_the_rim_knows_a_protocol() {
    let src = root().join("src");
    let rim = RIM.map(|name| src.join(name));
    for (file, text) in sources(&src).into_iter().filter(|(file, _)| !rim.iter().any(|part| file.starts_with(part))) {
        for word in PROTOCOLS {
            assert!(!text.contains(word), "{} mentions {word}", file.display());
        }
    }
    for part in rim {
        let needs = sources(&part).iter().any(|(_, text)| PROTOCOLS.iter().any(|word| text.contains(word)));
        assert!(needs, "{} knows no protocol: it is none of the rim", part.display());
    }
}

#[test]
fn the_crates_beside_the_program_touch_neither_the_disk_nor_the_network_nor_other_programs() {
    let crates = sources(&root().join("crates"));
    let pure: Vec<_> =
        crates.into_iter().filter(|(file, _)| file.components().any(|part| part.as_os_str() == "src")).collect();
    assert!(pure.len() > 40, "the crates lie elsewhere");
    for (file, text) in pure {
        for word in ["std::fs", "std::io", "std::env", "std::net", "std::process", "std::os", "std::time"] {
            assert!(!text.contains(word), "{} uses {word}", file.display());
        }
    }
}

#[test]
fn what_the_guard_knows_of_programs_does_not_call_the_judge() {
    let guard = root().join("crates/command-guard/src");
    let knowledge = ["programs", "knowledge", "effects.rs"].iter().flat_map(|name| sources(&guard.join(name)));
    for (file, text) in knowledge.filter(|(file, _)| !file.ends_with("tests.rs")) {
        for above in ["Judge", "shells::", "performing", "changes::", "expand::"] {
            assert!(!text.contains(above), "{} mentions {above}: it returns effects instead", file.display());
        }
        let names_programs = file.starts_with(guard.join("knowledge")) && text.contains("programs::");
        assert!(!names_programs, "{} imports a program", file.display());
    }
}

#[test]
fn no_file_is_longer_than_400_lines_and_no_function_longer_than_60() {
    for folder in ["src", "crates", "tests", "benches", "examples"] {
        for (file, text) in sources(&root().join(folder)) {
            let lines = text.lines().count();
            assert!(lines <= 400, "{} has {lines} lines", file.display());
            for (name, lines) in functions(&text) {
                assert!(lines <= 60, "{name} in {} has {lines} lines", file.display());
            }
        }
    }
}

/// Name and length of each function, by the indentation that rustfmt gives.
fn functions(text: &str) -> Vec<(String, usize)> {
    let (mut found, mut open) = (Vec::new(), None::<(String, String, usize)>);
    for (number, line) in text.lines().enumerate() {
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        match &open {
            Some((name, start, from)) if line == format!("{start}}}") => {
                found.push((name.clone(), number - from + 1));
                open = None;
            }
            None if line.contains("fn ") && !line.trim_start().starts_with("//") && !line.ends_with(';') => {
                open = Some((line.trim().to_owned(), indent, number)).filter(|_| !line.ends_with('}'));
            }
            _ => {}
        }
    }
    found
}

#[test]
fn the_changelog_has_versions_with_dates_newest_first_below_what_is_not_released() {
    let text = std::fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    let mut versions = text.lines().filter_map(|line| line.strip_prefix("## "));
    assert_eq!(versions.next(), Some("[Unreleased]"));
    let released: Vec<(&str, &str)> = versions
        .map(|heading| {
            heading[1..].split_once("] - ").unwrap_or_else(|| panic!("## [1.2.3] - YYYY-MM-DD, not {heading}"))
        })
        .collect();
    assert_eq!(released[0].0, env!("CARGO_PKG_VERSION"), "the newest version is the program's");
    for (version, date) in &released {
        assert!(chrono::NaiveDate::parse_from_str(date, "%Y-%m-%d").is_ok(), "{version} has the date {date}");
    }
    let numbers = |version: &str| version.split('.').map(|part| part.parse().unwrap()).collect::<Vec<u32>>();
    assert!(released.windows(2).all(|two| numbers(two[0].0) > numbers(two[1].0) && two[0].1 >= two[1].1));
    for kind in text.lines().filter_map(|line| line.strip_prefix("### ")) {
        assert!(["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"].contains(&kind), "{kind}");
    }
}
