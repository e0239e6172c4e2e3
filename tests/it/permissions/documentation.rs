//! What docs/permissions.md shows is what holds: its profiles are read without mistakes, and its commands answer as printed.
//! The French page says the same.

use super::{decide, facts, profiles, reading};
use crate::{
    agents::say,
    program::Program,
    readme::{examples, matches},
    server::{KEY, scratch},
};
use skynet_bridge::permissions::{
    Effect::{self, Allow, Ask, Deny},
    Facts, Profiles,
};
use std::{fs, path::Path};

fn page() -> String {
    read("docs/permissions.md")
}

fn read(page: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap()
}

/// What does not depend on the language: each block as it stands, the first cell of each row, and where headings stand.
fn bones(page: &str) -> Vec<String> {
    let (mut bones, mut is_code) = (Vec::new(), false);
    for line in page.lines() {
        is_code ^= line.starts_with("```");
        let level = line.len() - line.trim_start_matches('#').len();
        match line.split('|').nth(1) {
            _ if is_code || line.starts_with("```") => bones.push(line.to_owned()),
            _ if level > 0 => bones.push("#".repeat(level)),
            Some(name) if line.starts_with("| `") => bones.push(name.to_owned()),
            Some(_) if line.starts_with('|') => bones.push("row".to_owned()),
            _ if line.starts_with("- ") || line.starts_with("**") => bones.push(line[..2].to_owned()),
            _ => {}
        }
    }
    bones
}

#[test]
fn the_french_page_has_every_block_row_and_heading_of_the_english_one() {
    let [english, french] = [page(), read("docs/permissions.fr.md")].map(|page| bones(&page));
    assert!(english.len() > 200, "{}", english.len());
    for (line, (english, french)) in english.iter().zip(&french).enumerate() {
        assert_eq!(english, french, "the {line}th");
    }
    assert_eq!(english.len(), french.len());
    let prose = |page: &str| page.split("\n\n").filter(|part| part.starts_with(char::is_alphanumeric)).count();
    assert_eq!(prose(&page()), prose(&read("docs/permissions.fr.md")), "paragraphs");
}

/// The profiles that the page shows.
fn shown(page: &str) -> Vec<String> {
    let blocks = page.split("```toml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    blocks.collect()
}

#[test]
fn every_profile_of_the_page_is_read_without_mistakes_and_does_what_is_said_of_it() {
    let shown = shown(&page());
    assert!(shown.len() >= 13, "ten, one at the top and two on the way: {}", shown.len());
    // `coder-at-night` inherits from the one at the top.
    for profile in &shown {
        profiles(&format!("{}{profile}", if *profile == shown[0] { "" } else { &shown[0] }));
    }
    let all = profiles(&shown.concat());
    for (profile, tool, line, expected) in [
        ("coder", "terminal_execute", "make && git commit -m x", Allow),
        ("coder", "terminal_execute", "git -C x push", Ask),
        ("coder", "terminal_execute", "bash -c 'git push --force'", Deny),
        ("coder-at-night", "terminal_execute", "cargo test", Allow),
        ("coder-at-night", "terminal_execute", "make", Ask),
        ("coder-at-night", "terminal_execute", "sudo make", Deny),
        ("reviewer", "terminal_execute", "git log -3 | cat", Allow),
        ("reviewer", "terminal_execute", "git log > x", Deny),
        ("reviewer", "filesystem_write", "", Deny),
        ("tester", "terminal_execute", "cargo test --all", Allow),
        ("tester", "terminal_execute", "cargo publish", Deny),
        ("researcher", "terminal_execute", "ls", Deny),
        ("secretary", "filesystem_delete", "", Ask),
        ("analyst", "sandbox_run", "", Allow),
        ("operator", "terminal_execute", "systemctl status x; ls", Allow),
        ("operator", "terminal_execute", "ssh host", Ask),
        ("operator", "terminal_execute", "systemctl reboot", Deny),
        ("builder", "terminal_execute", "docker build -t x .", Allow),
        ("builder", "terminal_execute", "docker run x", Ask),
        ("builder", "terminal_execute", "docker run --privileged x", Deny),
        ("guest", "filesystem_stat", "", Deny),
    ] {
        assert_eq!(of(&all, profile, tool, line), expected, "{profile} {tool} {line}");
    }
}

#[test]
fn what_a_line_writes_can_be_allowed_and_variables_that_decide_what_runs_are_not_by_a_program() {
    let text = "[profile.a]\ninherits = \"trusted\"\ncommands = { default = \"deny\", allow = [\"ls *\", \"> *\"] }\n";
    let profiles = profiles(text);
    for (line, expected) in [("ls > out", Allow), ("PATH=/opt/bin ls", Deny), ("LD_PRELOAD=x ls", Deny)] {
        assert_eq!(of(&profiles, "a", "terminal_execute", line), expected, "{line}");
    }
}

fn of(profiles: &Profiles, profile: &str, tool: &str, line: &str) -> Effect {
    let line = Some(reading(line)).filter(|_| tool == "terminal_execute");
    decide(profiles, profile, &Facts { command: line.as_ref(), ..facts(tool) }).0
}

#[test]
fn every_command_of_the_page_answers_as_printed() {
    let (page, directory) = (page(), scratch());
    fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    fs::write(directory.path().join("permissions.toml"), shown(&page).concat()).unwrap();
    for folder in ["projects/shop", "projects/libraries"] {
        fs::create_dir_all(directory.path().join(folder)).unwrap();
    }
    let program = Program::start_in(directory, &[]);
    let examples = examples(&page, "bash");
    assert_eq!(examples.len(), 4);
    for example in examples {
        let words = shlex::split(&example.command).unwrap();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let printed = say(&program.path(""), &words[1..]).done();
        let expected = example.printed.unwrap();
        assert!(
            matches(expected.trim(), printed.trim()),
            "{}\nprinted  {printed}\nexpected {expected}",
            example.command
        );
    }
}

#[test]
fn every_grant_stands_on_the_page_with_its_warning() {
    let grants = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/permissions/grants.toml")).unwrap();
    let names: Vec<&str> = grants.lines().filter_map(|line| line.strip_prefix('[')?.strip_suffix(']')).collect();
    let profile = format!("[profile.a]\ninherits = \"trusted\"\ngrants = {names:?}\n");
    let profiles = profiles(&profile);
    let page = page();
    for (name, warning) in profiles.get("a").unwrap().grants() {
        let row =
            page.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).unwrap_or_else(|| panic!("{name}"));
        assert!(row.ends_with(&format!("| {} |", warning.unwrap_or_default()).replace("|  |", "| |")), "{row}");
    }
    assert_eq!(profiles.get("a").unwrap().grants().count(), names.len());
}
