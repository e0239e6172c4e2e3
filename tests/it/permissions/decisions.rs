//! What profiles say of tools, places, hosts, tags, and of what the person is asked about.

use super::{decide, facts, of_tool, profiles, read_in};
use crate::server::scratch;
use skynet_bridge::{
    permissions::{
        Effect::{Allow, Ask, Deny},
        Facts,
    },
    policy::paths::Intent,
};
use std::path::Path;

#[test]
fn the_presets_have_the_tools_that_they_say() {
    let profiles = profiles("");
    for (tool, careful, read_only) in [
        ("filesystem_read", Allow, Allow),
        ("filesystem_search", Allow, Allow),
        ("memory_recall", Allow, Allow),
        ("filesystem_write", Allow, Deny),
        ("memory_add", Allow, Deny),
        ("terminal_execute", Allow, Deny),
        ("sandbox_run", Allow, Deny),
        ("internet_fetch", Ask, Deny),
    ] {
        for (profile, expected) in [("trusted", Allow), ("careful", careful), ("read-only", read_only)] {
            assert_eq!(of_tool(&profiles, profile, tool), expected, "{profile}: {tool}");
        }
    }
    let many = Facts { deletes: 21, ..facts("filesystem_delete") };
    let few = Facts { deletes: 20, ..facts("filesystem_delete") };
    assert_eq!((decide(&profiles, "careful", &many).0, decide(&profiles, "careful", &few).0), (Ask, Allow));
}

#[test]
fn a_list_that_opens_replaces_and_one_that_closes_adds() {
    let profiles = profiles(
        r#"
[profile.one]
inherits = "trusted"
tools = ["filesystem_*"]
network.fetch = { allow = ["a.example"], deny = ["x.a.example"] }
ask = [{ tool = "filesystem_delete" }]

[profile.two]
inherits = "one"
tools = ["...", "memory_*"]
network.fetch = { allow = ["b.example"], deny = ["x.b.example"] }
ask = [{ tool = "filesystem_write" }]

[profile.three]
inherits = "two"
tools = ["terminal_*", "internet_fetch"]
"#,
    );
    for (tool, one, two, three) in [
        ("filesystem_read", Allow, Allow, Deny),
        ("filesystem_delete", Ask, Ask, Deny),
        ("filesystem_write", Allow, Ask, Deny),
        ("memory_add", Deny, Allow, Deny),
        ("terminal_execute", Deny, Deny, Allow),
    ] {
        for (profile, expected) in [("one", one), ("two", two), ("three", three)] {
            assert_eq!(of_tool(&profiles, profile, tool), expected, "{profile}: {tool}");
        }
    }
    for (host, expected) in [("a.example", Deny), ("b.example", Allow), ("x.b.example", Deny), ("x.a.example", Deny)] {
        let facts = Facts { host: Some(host), ..facts("internet_fetch") };
        assert_eq!(decide(&profiles, "three", &facts).0, expected, "{host}");
    }
}

#[test]
fn places_are_read_changed_and_denied_by_the_lists_that_name_them() {
    let directory = scratch();
    let home = directory.path().canonicalize().unwrap();
    let text = r#"
[profile.a]
inherits = "trusted"
ask = [{ path = "{}/p/**/migrations" }, { path = "{}/p/x", access = "read" }]
[profile.a.files]
read = ["{}/p", "{}/docs"]
write = ["{}/p/notes", "{}/p/**/*.md"]
deny = ["{}/p/**/*.pem", "{}/p/secret"]
"#;
    let profiles = read_in(&home, &[], &text.replace("{}", home.to_str().unwrap())).unwrap();
    for (name, read, write) in [
        ("p/a.txt", Allow, Deny),
        ("p/notes/a.txt", Allow, Allow),
        ("p/deep/a.md", Allow, Allow),
        ("docs/x", Allow, Deny),
        ("other", Deny, Deny),
        ("p/deep/key.pem", Deny, Deny),
        ("p/secret/x", Deny, Deny),
        ("p/notes/x.pem/y", Deny, Deny),
        ("p/db/migrations/1.md", Ask, Ask),
        ("p/x/1.md", Ask, Allow),
    ] {
        let path = home.join(name);
        for (tool, intent, expected) in
            [("filesystem_read", Intent::Read, read), ("filesystem_write", Intent::Write, write)]
        {
            let paths: [(&Path, Intent); 1] = [(&path, intent)];
            let (effect, rule, why) = decide(&profiles, "a", &Facts { paths: &paths, ..facts(tool) });
            assert_eq!(effect, expected, "{tool} {name}: {rule}: {why}");
            assert!(rule.contains("permissions.toml, line"), "{tool} {name}: {rule}");
        }
    }
}

#[test]
fn memories_are_changed_by_their_tags_and_what_is_read_is_left_to_the_memory() {
    let profiles = profiles(
        "[profile.a]\ninherits = \"trusted\"\nmemory = { read = [\"project-*\"], write = [\"project-x\"] }\n\
         [profile.b]\ninherits = \"trusted\"\nmemory = { read = [\"*\"], write = [] }\n",
    );
    let of = |profile: &str, intent, tags: &[&str]| {
        let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
        decide(&profiles, profile, &Facts { tags: &[(tags, intent)], ..facts("memory_add") }).0
    };
    for (tags, write) in [
        (&["project-x"][..], Allow),
        (&["project-y"], Deny),
        (&["project-x", "other"], Deny),
        (&["other"], Deny),
        (&[], Deny),
    ] {
        assert_eq!((of("a", Intent::Read, tags), of("a", Intent::Write, tags)), (Allow, write), "{tags:?}");
    }
    assert_eq!((of("b", Intent::Read, &[]), of("b", Intent::Write, &["x"])), (Allow, Deny));
}

#[test]
fn all_that_a_rule_for_asking_says_must_hold() {
    let profiles = profiles(
        "[profile.a]\ninherits = \"trusted\"\nask = [{ tool = \"filesystem_*\", deletes_more_than = 3 }, { irreversible = true }, \
         { access = \"network\", host = \"**.example.org\" }]\n",
    );
    let asks = |facts: Facts<'_>| decide(&profiles, "a", &facts).0 == Ask;
    assert!(
        asks(Facts { deletes: 4, ..facts("filesystem_delete") })
            && !asks(Facts { deletes: 3, ..facts("filesystem_delete") })
    );
    assert!(!asks(Facts { deletes: 9, ..facts("memory_clear") }));
    assert!(asks(Facts { can_be_undone: false, ..facts("terminal_execute") }));
    assert!(asks(Facts { host: Some("a.example.org"), ..facts("internet_fetch") }));
    assert!(!asks(Facts { host: Some("a.example.com"), ..facts("internet_fetch") }) && !asks(facts("internet_fetch")));
}
