//! What profiles say of command lines: of every command in them, the strictest.

use super::{decide, facts, profiles, reading};
use skynet_bridge::permissions::{
    Effect::{self, Allow, Ask, Deny},
    Facts, Profiles,
};

fn of_line(profiles: &Profiles, profile: &str, line: &str) -> (Effect, String, String) {
    let read = reading(line);
    decide(profiles, profile, &Facts { command: Some(&read), ..facts("terminal_execute") })
}

const FILE: &str = r#"
[profile.worker]
inherits = "trusted"
[profile.worker.commands]
default = "ask"
guard = "ask"
allow = ["git status *", "git log *", "cargo test *", "./build.sh *", "timeout * *"]
ask = ["git push"]
deny = ["curl", "wget *", "* --force", "npm publish"]

[profile.locked]
inherits = "trusted"
[profile.locked.commands]
default = "deny"
allow = ["git status *", "sudo *", "bash *", "env *", "xargs *"]

[profile.loose]
inherits = "trusted"
commands = { deny = ["git push"] }
"#;

#[test]
fn every_command_of_a_line_counts_and_the_strictest_decides() {
    let profiles = profiles(FILE);
    for (line, expected) in [
        ("git status", Allow),
        ("cd src && git status --short; git log -3", Allow),
        ("cargo test --all | tail -5", Ask),
        ("git status && git push", Ask),
        ("git status; curl x", Deny),
        ("git status || (true; wget x)", Deny),
        ("echo $(curl x)", Deny),
        ("timeout 5 git status", Allow),
        ("timeout 5 git push", Ask),
        ("sudo git status", Ask),
        ("bash -c 'git status; npm publish'", Deny),
        ("env A=1 git push --force", Deny),
        ("find . -exec wget {} \\;", Deny),
        ("eval 'cu''rl x'", Deny),
        ("PATH=. git status", Ask),
        ("./git status", Ask),
        ("./build.sh all", Allow),
        ("git status > log", Ask),
        ("git status 2> /dev/null", Allow),
        ("rm -rf /", Ask),
        ("rm -rf / ; curl x", Deny),
        ("git status 'x", Deny),
        ("$TOOL status", Ask),
    ] {
        let (effect, rule, why) = of_line(&profiles, "worker", line);
        assert_eq!(effect, expected, "{line}: {rule}: {why}");
    }
}

#[test]
fn where_nothing_else_is_allowed_nothing_gets_through_a_wrapper() {
    let profiles = profiles(FILE);
    for line in ["git status", "sudo git status", "bash -c 'git status'", "env git status", "echo x | xargs git status"]
    {
        assert_eq!(of_line(&profiles, "locked", line).0, Allow, "{line}");
    }
    for line in [
        "sudo id",
        "bash -c 'git status; id'",
        "bash -c \"$X\"",
        "env PATH=. git status",
        "xargs id",
        "git status; f() { id; }; f",
        "git push",
        "git -c core.pager=id status",
        "git status $(id)",
        "bash -c 'bash -c \"bash -c id\"'",
        "exec 3<>/dev/tcp/a.example/80",
        "test -v 'a[$(id)]'",
        "while true; do git status & done",
        "rm -rf /",
        "git status 'x",
    ] {
        let (effect, _, why) = of_line(&profiles, "locked", line);
        assert_eq!(effect, Deny, "{line}: {why}");
    }
}

#[test]
fn the_line_that_decides_is_said_with_its_place() {
    let profiles = profiles(FILE);
    for (profile, line, rule, why) in [
        ("worker", "curl x", "permissions.toml, line 9: commands.deny: curl", "`curl x`"),
        ("worker", "git push origin", "permissions.toml, line 8: commands.ask: git push", "`git push origin`"),
        ("worker", "make", "permissions.toml, line 5: commands.default = \"ask\"", "`make`"),
        ("worker", "git status", "permissions.toml, line 7: commands.allow: git status *", ""),
        ("worker", "rm -rf ~", "permissions.toml, line 6: commands.guard = \"ask\"", "rm-home"),
        ("locked", "rm -rf ~", "the preset trusted: commands.guard = \"deny\"", "rm-home"),
        ("loose", "make", "the preset trusted: commands.default = \"allow\"", ""),
        ("loose", "git -C x push", "permissions.toml, line 19: commands.deny: git push", "git -C x push"),
    ] {
        let (_, said, reason) = of_line(&profiles, profile, line);
        assert_eq!(said, rule, "{line}");
        assert!(reason.contains(why), "{line}: {reason}");
    }
}

#[test]
fn the_presets_run_what_they_say() {
    let profiles = profiles("");
    for (line, trusted, careful) in [
        ("ls -la", Allow, Allow),
        ("cat a | grep -n x | head -3 | wc -l", Allow, Allow),
        ("cd src && ls; pwd", Allow, Allow),
        ("ls > out", Allow, Ask),
        ("rm a", Allow, Ask),
        ("make", Allow, Ask),
        ("git status", Allow, Ask),
        ("find . -delete", Allow, Ask),
        ("sort -o b a", Allow, Ask),
        ("cat < /dev/tcp/a.example/80", Allow, Ask),
        ("rm -rf /", Deny, Ask),
        ("ls 'x", Deny, Deny),
    ] {
        for (profile, expected) in [("trusted", trusted), ("careful", careful), ("read-only", Deny)] {
            assert_eq!(of_line(&profiles, profile, line).0, expected, "{profile}: {line}");
        }
    }
}
