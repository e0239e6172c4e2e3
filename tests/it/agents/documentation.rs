//! What docs/control.md shows is what happens: every ```bash block is run as it stands, and what follows is what it prints.

use super::say;
use crate::{
    program::Program,
    readme::{examples, matches},
};

#[test]
fn every_command_of_the_english_page_answers_as_printed() {
    run_all("docs/control.md");
}

#[test]
fn every_command_of_the_french_page_answers_as_printed() {
    run_all("docs/control.fr.md");
}

fn run_all(name: &str) {
    let text = std::fs::read_to_string(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap();
    let examples = examples(&text, "bash");
    assert!(examples.len() >= 8, "{name} shows only {} commands", examples.len());
    let program = Program::start(&[("MCP_PUBLIC_URL", "https://bridge.example.org")]);
    for example in examples {
        let words = shlex::split(&example.command).unwrap();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_eq!(words[0], "mcp-server", "{name}");
        let printed = say(&program.path(""), &words[1..]).done();
        // How it is called again in a folder elsewhere, where it is in no folder of PATH.
        let again = format!("{} --directory {} ", crate::program::BINARY, program.path("").display());
        let printed = printed.replace(&again, "mcp-server ").replace(&again.replace("/ ", " "), "mcp-server ");
        let expected = example.printed.as_deref().unwrap_or("…");
        assert!(
            matches(expected.trim(), printed.trim()),
            "{name}\n{}\nprinted  {printed}\nexpected {expected}",
            example.command
        );
    }
}
