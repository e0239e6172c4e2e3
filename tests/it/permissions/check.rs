//! `mcp-server permissions check`.

use crate::{
    program::{command, run},
    server::scratch,
};
use std::path::Path;

/// What it prints, and whether it finds all well.
fn check(directory: &Path, file: Option<&str>) -> (bool, String) {
    let mut command = command(directory, &[]);
    command.args(["permissions", "check"]).args(file);
    let output = run(command);
    (
        output.status.success(),
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
    )
}

#[test]
fn a_file_without_mistakes_is_said_to_have_none_with_what_it_opens() {
    let directory = scratch();
    let (is_well, said) = check(directory.path(), None);
    assert!(is_well && said.contains("no permissions.toml") && said.contains("trusted"), "{said}");
    let text = "[profile.a]\ninherits = \"careful\"\ngrants = [\"docker\"]\nfiles.read = [\".\"]\n";
    std::fs::write(directory.path().join("permissions.toml"), text).unwrap();
    let (is_well, said) = check(directory.path(), None);
    assert!(is_well && said.contains("permissions.toml has no mistakes") && said.contains("superuser"), "{said}");
}

#[test]
fn mistakes_are_named_with_file_line_and_column_and_the_program_fails() {
    let directory = scratch();
    let text = "[profile.a]\ninherits = \"carefull\"\n\nfils = 3\n";
    std::fs::write(directory.path().join("other.toml"), text).unwrap();
    let (is_well, said) = check(directory.path(), Some("other.toml"));
    assert!(!is_well, "{said}");
    assert!(said.contains("other.toml:2:1: ") && said.contains("did you mean `careful`"), "{said}");
    assert!(said.contains("other.toml:4:1: ") && said.contains("did you mean `files`"), "{said}");
    let (is_well, said) = check(directory.path(), Some("missing.toml"));
    assert!(!is_well && said.contains("missing.toml cannot be read"), "{said}");
    std::fs::write(
        directory.path().join("permissions.toml"),
        "[profile.a]\ninherits = \"trusted\"\nfiles.read = [\"gone\"]\n",
    )
    .unwrap();
    let (is_well, said) = check(directory.path(), None);
    assert!(!is_well && said.contains("`a` cannot be used") && said.contains("gone"), "{said}");
}

#[test]
fn a_link_is_not_taken_for_the_file() {
    let directory = scratch();
    std::fs::write(directory.path().join("other.toml"), "").unwrap();
    std::os::unix::fs::symlink("other.toml", directory.path().join("permissions.toml")).unwrap();
    let (is_well, said) = check(directory.path(), None);
    assert!(!is_well && said.contains("link"), "{said}");
}
