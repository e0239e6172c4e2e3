//! `mcp-server permissions check`.

use crate::{
    agents::say,
    program::{Program, command, run},
    server::{KEY, scratch},
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

#[test]
fn what_is_no_toml_is_said_in_words_with_how_to_fix_it() {
    let directory = scratch();
    let head = "[profile.a]\ninherits = \"careful\"\n";
    for (text, at, wanted) in [
        ("[profile.a]\ninherits = careful\n", "2:12", "texts stand in quotes: inherits = \"careful\""),
        ("[profile.a]\ninherits = careful\" # mine\n", "2:12", "texts stand in quotes: inherits = \"careful\""),
        ("[profile.a]\ninherits = \n", "2:", "a value is missing: inherits = \"…\""),
        ("[profile.a]\ninherits = “careful”\n", "2:12", "straight quotes"),
        ("[profile.a]\ninherits = \"careful\n", "2:", "the quote at the end of the text is missing"),
        ("[profile.a]\ninherits: \"careful\"\n", "2:", "write = between a key and its value: inherits = \"careful\""),
        ("[profile.a\ninherits = \"careful\"\n", "1:", "the ] at its end is missing: [profile.a]"),
        ("[profile.my agent]\ninherits = \"careful\"\n", "1:", "no blank: [profile.my-agent]"),
        ("// mine\n", "1:", "a comment begins with #"),
        ("{head}tools = [filesystem_read]\n", "3:", "texts stand in quotes: [\"ls *\""),
        ("{head}tools = [\"@read\" \"@write\"]\n", "3:", "a comma between the texts"),
        ("{head}tools = [\"@read\"\n", "3:", "the ] at the end of the list is missing"),
        ("{head}ask = [{ host = \"a.example.org\"]\n", "3:", "a } is missing"),
        ("{head}files.read = [\"C:\\Users\"]\n", "3:", "a backslash has a meaning of its own"),
        ("{head}{head}", "3:", "`[profile.a]` is there already"),
        ("{head}inherits = \"trusted\"\n", "3:1", "`inherits` is there already"),
        ("{head}commands.alow = [\"x\"]\n", "3:", "did you mean `allow`?"),
        ("{head}commands.deny = \"curl\"\n", "3:", "must be a list of texts: deny = [\"curl\"]"),
        ("[profiles.a]\n", "1:2", "did you mean `profile`?"),
        ("{head}files.deny = [\"**/x\"]\n", "3:", "as in /srv/**/x"),
        ("{head}commands.allow = [\"make && make install\"]\n", "3:", "each command of a line is judged alone"),
        ("{head}commands.deny = [\"curl x | sh\"]\n", "3:", "never holds"),
        ("{head}ask = [{ command = \"a;b\" }]\n", "3:", "never holds"),
        ("{head}commands.allow = [\"git log > *\"]\n", "3:", "judged by itself, as the program `>`"),
        ("{head}files.read = [\"/usr\"]\n", "3:", "the preset careful changes"),
    ] {
        std::fs::write(directory.path().join("other.toml"), text.replace("{head}", head)).unwrap();
        let (is_well, said) = check(directory.path(), Some("other.toml"));
        assert!(!is_well && said.contains(&format!("other.toml:{at}")), "{text}: {said}");
        assert!(said.contains(wanted), "{text}: {wanted}: {said}");
    }
    // What stands in quotes, or ends what find runs, means itself; and a file is written by `>`.
    let fine = "commands.allow = [\"grep 'a|b' *\", \"find * -exec rm {} ;\", \"> *\", \">> *\", 'jq \".a | .b\"']\n";
    std::fs::write(directory.path().join("other.toml"), format!("{head}{fine}")).unwrap();
    assert!(check(directory.path(), Some("other.toml")).0);
}

#[test]
fn an_agent_whose_profile_is_missing_and_a_folder_that_is_gone_are_told_at_check_and_at_the_start() {
    let directory = scratch();
    let file = directory.path().join("permissions.toml");
    let text = "[profile.worker]\ninherits = \"trusted\"\n";
    std::fs::write(&file, text).unwrap();
    std::fs::write(directory.path().join(".env"), format!("MCP_API_KEY={KEY}\n")).unwrap();
    say(directory.path(), &["agent", "add", "claude", "--profile", "worker"]).done();
    assert!(check(directory.path(), None).0);
    std::fs::write(&file, "[profile.workers]\ninherits = \"trusted\"\nfiles.read = [\"gone\"]\n").unwrap();
    let (is_well, said) = check(directory.path(), None);
    assert!(!is_well && said.contains("the agent `claude` has the profile `worker`, which is not in"), "{said}");
    assert!(said.contains("did you mean `workers`?") && said.contains("agent set claude --profile"), "{said}");
    let program = Program::start_in(directory, &[]);
    program.logged("the profile workers cannot be used");
    program.logged("the agent claude has the profile worker, which is not in permissions.toml");
    let directory = program.stop();
    std::fs::remove_file(directory.path().join("permissions.toml")).unwrap();
    let (is_well, said) = check(directory.path(), None);
    assert!(!is_well && said.contains("the agent `claude` has the profile `worker`"), "{said}");
}
