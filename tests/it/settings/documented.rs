//! The one table of settings is what the documentation and the example show.

use skynet_bridge::settings::{Setting, TABLE};
use std::{fs, path::Path};

fn text(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// How a row of a table begins, up to what the setting is for.
fn start_of_row(setting: &Setting) -> String {
    format!("| `{}` | `{}` | ", setting.name, setting.default)
}

fn row(setting: &Setting) -> String {
    // A bar would end the cell.
    format!("{}{} |", start_of_row(setting), setting.about.trim().replace('|', "\\|"))
}

/// The rows of the table that explains settings.
fn rows(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("| `")).collect()
}

#[test]
fn the_page_of_settings_is_the_one_table() {
    let expected: Vec<String> = TABLE.iter().map(row).collect();
    let name = "docs/settings.md";
    assert_eq!(rows(&text(name)), expected, "{name} must have these rows:\n{}\n", expected.join("\n"));
}

#[test]
fn the_french_page_explains_the_same_settings_with_the_same_defaults_in_the_same_order() {
    let page = text("docs/settings.fr.md");
    let rows = rows(&page);
    assert_eq!(rows.len(), TABLE.len(), "docs/settings.fr.md has a row for each setting");
    for (row, setting) in rows.iter().zip(TABLE) {
        let about = row.strip_prefix(&start_of_row(setting));
        let about = about.unwrap_or_else(|| panic!("{row}\nshould begin {}", start_of_row(setting)));
        assert!(about.trim_end_matches('|').trim().len() > 10, "{row}");
        assert!(!row.contains(setting.about.trim()), "it is not in French: {row}");
    }
}

#[test]
fn what_the_readmes_say_of_a_default_is_the_table_s() {
    for name in ["README.md", "README.fr.md"] {
        let readme = text(name);
        for row in rows(&readme).into_iter().filter(|row| !row.starts_with("| `/") && !row.starts_with("| `GET")) {
            assert!(TABLE.iter().any(|setting| row.starts_with(&start_of_row(setting))), "{name}: {row}");
        }
        assert!(readme.contains("docs/settings"), "{name} leads to the page of settings");
    }
}

#[test]
fn the_example_environment_is_the_one_table() {
    let example = text(".env.example");
    let paragraphs: Vec<&str> = example.split("\n\n").skip(1).map(str::trim_end).collect();
    assert_eq!(paragraphs.len(), TABLE.len(), ".env.example has a paragraph for each setting");
    for (paragraph, setting) in paragraphs.iter().zip(TABLE) {
        let (about, line) = paragraph.rsplit_once('\n').expect("a comment and an assignment");
        let about: Vec<&str> = about.lines().map(|line| line.trim_start_matches('#').trim()).collect();
        assert_eq!(about.join(" "), setting.about.trim(), "what .env.example says of {}", setting.name);
        let line = line.trim_start_matches("# ");
        assert_eq!(line, format!("{}={}", setting.name, setting.default), "its line in .env.example");
    }
}
