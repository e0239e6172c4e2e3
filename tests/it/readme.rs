//! What the READMEs show is what happens: every ```sh block is run against a real server, and the ```json or ```text
//! block that follows it is what it must print, `…` standing for anything.

use crate::{
    sandbox,
    server::{KEY, Server},
};
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

/// A command of a README and what it must print.
pub(crate) struct Example {
    pub command: String,
    pub printed: Option<String>,
    needs_docker: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_english_readme_answers_as_printed() {
    run_all("README.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_french_readme_answers_as_printed() {
    run_all("README.fr.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_english_guide_answers_as_printed() {
    run_all("docs/guide.md").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_of_the_french_guide_answers_as_printed() {
    run_all("docs/guide.fr.md").await;
}

/// The pages with commands, English beside French.
const PAGES: [[&str; 2]; 2] = [["README.md", "README.fr.md"], ["docs/guide.md", "docs/guide.fr.md"]];

#[test]
fn every_command_is_one_that_curl_7_81_understands() {
    for name in PAGES.as_flattened() {
        for example in examples(&text_of(name), "sh") {
            // It came with 7.82; Ubuntu 22.04 has 7.81.
            assert!(!example.command.contains("--json"), "{name}: {}", example.command);
        }
    }
}

#[test]
fn both_languages_show_the_same_commands_and_routes() {
    let routes = |name: &str| {
        let text = text_of(name);
        let shown = examples(&text, "sh");
        let commands = shown.iter().map(|example| {
            example.command.split_whitespace().filter(|word| word.contains("localhost")).collect::<String>()
        });
        // Names of files are in the page's language.
        let commands = commands.map(|command| command.replace("visite", "tour").replace("copie", "copy"));
        let rows =
            text.lines().filter(|line| line.starts_with("| `")).map(|row| row[..row.find(" | ").unwrap()].to_owned());
        commands.chain(rows).collect::<Vec<_>>()
    };
    for [english, french] in PAGES {
        assert_eq!(routes(english), routes(french), "{english} and {french}");
    }
}

#[test]
fn the_readmes_stay_short() {
    for name in PAGES[0] {
        let lines = text_of(name).lines().count();
        assert!(lines <= 250, "{name} has {lines} lines: docs/guide.md has room");
    }
}

fn text_of(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

async fn run_all(name: &str) {
    let examples = examples(&text_of(name), "sh");
    assert!(examples.len() >= 8, "{name} shows only {} commands", examples.len());
    let (server, has_engine) = match sandbox::with_engine(&[]).await {
        Some(server) => (server, true),
        None => (Server::start().await, false),
    };
    fs::write(server.path(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    for example in examples.iter().filter(|example| !example.needs_docker || has_engine) {
        let printed = run(&example.command, &server);
        let expected = example.printed.as_deref().unwrap_or("…");
        assert!(
            matches(expected.trim(), printed.trim()),
            "{name}\n{}\nprinted  {printed}\nexpected {expected}",
            example.command
        );
    }
    let left = fs::read_dir(server.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = left.filter(|name| name != ".env" && name != "memory" && name != "permissions.toml").collect();
    assert!(left.is_empty(), "{name} leaves {left:?} behind");
    server.stop().await;
}

fn run(command: &str, server: &Server) -> String {
    let address = server.url.trim_start_matches("http://");
    let child = Command::new("sh")
        .args(["-ec", &command.replace("localhost:7860", address)])
        .current_dir(server.path(""))
        .env("KEY", KEY)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .expect("a shell runs");
    assert!(child.status.success(), "{command}\n{}", String::from_utf8_lossy(&child.stderr));
    String::from_utf8(child.stdout).expect("examples print text")
}

/// The fenced blocks of a Markdown text, as pairs of what is run, in blocks of this kind, and what follows.
pub(crate) fn examples(text: &str, shell: &str) -> Vec<Example> {
    let (mut examples, mut block) = (Vec::<Example>::new(), None::<(&str, Vec<&str>)>);
    let mut follows = false;
    for line in text.lines() {
        match (&mut block, line.strip_prefix("```")) {
            (None, Some(kind)) => block = Some((kind, Vec::new())),
            (None, None) => {}
            (Some(_), Some(_)) => {
                let (kind, lines) = block.take().expect("a block is open");
                let content = lines.join("\n");
                let needs_docker = kind.ends_with(" docker");
                let is_run = kind.trim_end_matches(" docker") == shell;
                match kind {
                    _ if is_run => {
                        examples.push(Example { command: content, printed: None, needs_docker });
                    }
                    "json" | "text" if follows => {
                        examples.last_mut().expect("a command came before").printed = Some(content);
                    }
                    _ => {}
                }
                follows = is_run;
            }
            (Some((_, lines)), None) => lines.push(line),
        }
    }
    examples
}

/// Whether `text` is `pattern`, in which `…` stands for anything.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('…');
    let first = parts.next().expect("a split has a first part");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    for (number, part) in parts.iter().enumerate() {
        if number + 1 == parts.len() {
            return rest.ends_with(part);
        }
        let Some(place) = rest.find(part) else { return false };
        rest = &rest[place + part.len()..];
    }
    rest.is_empty()
}

#[test]
fn an_ellipsis_stands_for_anything_and_the_rest_is_exact() {
    assert!(matches("a…c", "abbbc") && matches("abc", "abc") && matches("…", ""));
    assert!(!matches("a…c", "abbbd") && !matches("abc", "abcd") && !matches("a…b…c", "acb"));
}
