//! What a line of the history says of a call. It has arguments cut and cleaned of secrets: what is not whole is not known, and
//! nothing is made up for it.

use super::judge::{Call, Command, Place};
use crate::{
    caller::Access,
    catalog,
    permissions::Needs,
    policy::paths::Intent::{self, Read, Write},
};
use serde_json::Value;
use std::sync::LazyLock;

/// Lists are cut to as many elements, without a mark.
const MAX_ITEMS: usize = 10;

/// What stands for a secret in a text.
const MASK: &str = crate::arguments::MASK;

/// The line of a call that is no tool of its own, and the tool whose rules hold for it.
const LASTING: [(&str, &str, Access); 4] = [
    ("filesystem_download", "filesystem_download", Access::Read),
    ("filesystem_upload", "filesystem_upload", Access::Write),
    ("filesystem_watch", "filesystem_watch", Access::Read),
    ("terminal_attach", "terminal_input", Access::Execute),
];

/// What calls of a tool are about, by their arguments.
enum About {
    /// Places.
    Places(&'static str, Intent),
    /// The link itself where a place is one.
    Links(&'static str, Intent),
    /// A place, where it is said.
    Maybe(&'static str, Intent),
    /// What is at `path` and below it.
    Deleted,
    /// All that is in the places.
    Trees,
    /// That too where `recursive` says so, or by default.
    TreesIf(bool),
    /// Places that the history does not tell.
    Untold,
    Command,
    /// What is typed, which is not kept.
    Typed,
    Url,
    /// Entries of the memory with tags.
    Tags(Intent),
    /// Any entries.
    AnyTags(Intent),
    /// Entries of which the history does not tell the tags.
    UntoldTags,
}

use About::{
    AnyTags, Command as Runs, Deleted, Links, Maybe, Places, Tags, Trees, TreesIf, Typed, Untold, UntoldTags, Url,
};

/// As the tools themselves state it for the bridge (`Capability::subjects`). What is not here is about nothing.
const TOOLS: &[(&str, &[About])] = &[
    ("filesystem_read", &[Places("path", Read)]),
    ("filesystem_read_many", &[Places("paths", Read)]),
    ("filesystem_write", &[Places("path", Write)]),
    ("filesystem_edit", &[Places("path", Write)]),
    ("filesystem_patch", &[Untold]),
    ("filesystem_list", &[Places("path", Read), TreesIf(false)]),
    ("filesystem_search", &[Places("path", Read), Trees]),
    ("filesystem_stat", &[Places("path", Read)]),
    ("filesystem_tree", &[Places("path", Read), Trees]),
    ("filesystem_mkdir", &[Places("path", Write)]),
    ("filesystem_move", &[Links("path", Write), Links("to", Write), Trees]),
    ("filesystem_copy", &[Links("path", Read), Links("to", Write), Trees]),
    ("filesystem_delete", &[Links("path", Write), Deleted, TreesIf(false)]),
    ("filesystem_upload_status", &[Places("path", Read)]),
    ("filesystem_archive", &[Places("path", Read), Links("to", Write), Trees]),
    ("filesystem_extract", &[Places("path", Read), Places("to", Write), Trees]),
    ("filesystem_changes", &[Maybe("path", Read), Trees]),
    ("filesystem_undo", &[Maybe("path", Write), Trees]),
    ("filesystem_download", &[Places("path", Read)]),
    ("filesystem_upload", &[Places("path", Write)]),
    ("filesystem_watch", &[Places("path", Read), TreesIf(true)]),
    ("terminal_execute", &[Runs]),
    ("terminal_start", &[Runs]),
    ("terminal_input", &[Typed]),
    ("memory_add", &[Tags(Write)]),
    ("memory_add_many", &[UntoldTags]),
    ("memory_query", &[Tags(Read)]),
    ("memory_recall", &[UntoldTags]),
    ("memory_get", &[UntoldTags]),
    ("memory_list", &[UntoldTags]),
    ("memory_update", &[UntoldTags]),
    ("memory_delete", &[UntoldTags]),
    ("memory_tags", &[AnyTags(Read)]),
    ("memory_export", &[UntoldTags]),
    ("memory_import", &[AnyTags(Write)]),
    ("memory_clear", &[AnyTags(Write)]),
    ("memory_restore", &[AnyTags(Write)]),
    ("internet_fetch", &[Url, Maybe("save_to", Write)]),
    ("sandbox_notebook", &[Maybe("path", Read)]),
];

/// A call, as far as it is told.
pub(super) struct Recorded {
    pub(super) call: Call,
    unknown: Unknown,
}

/// What is not told of a call.
#[derive(Clone, Copy, Default)]
struct Unknown {
    /// A place, a host or a command.
    boundary: bool,
    /// What is typed into a program.
    typed: bool,
    tags: bool,
    /// How many files it deletes.
    deletes: bool,
}

impl Recorded {
    /// Whether all is told of it by which a profile decides that has these needs. The boundary looks at places, hosts and
    /// commands in any case.
    pub(super) fn is_enough_for(&self, needs: Needs) -> bool {
        let Unknown { boundary, typed, tags, deletes } = self.unknown;
        !(boundary || typed && needs.command || tags && needs.tags || deletes && needs.deletes.is_some())
    }

    /// What a line says; none where it is of no tool.
    pub(super) fn of(action: &str, details: &Value) -> Option<Self> {
        let (tool, access) = tool_of(action)?;
        let mut recorded = Self { call: Call::of(tool, access), unknown: Unknown::default() };
        let all = TOOLS.iter().find(|(name, _)| *name == tool).map_or(&[][..], |(_, all)| all);
        let details = Details { details, is_plain: has_known_names(tool, details) };
        all.iter().for_each(|about| recorded.add(about, &details));
        Some(recorded)
    }

    fn add(&mut self, about: &About, details: &Details<'_>) {
        match *about {
            Places(name, intent) => self.add_places(details.texts(name), intent, true),
            Links(name, intent) => self.add_places(details.texts(name), intent, false),
            Maybe(name, intent) => match details.is_absent(name) {
                true => {}
                false => self.add_places(details.texts(name), intent, true),
            },
            Trees => self.call.is_of_trees = true,
            TreesIf(default) => self.call.is_of_trees = details.details["recursive"].as_bool().unwrap_or(default),
            Untold => self.unknown.boundary = true,
            Deleted => match details.is_absent("recursive") || details.details["recursive"] == false {
                true => self.call.deletes = 1,
                false => self.unknown.deletes = true,
            },
            Runs => {
                self.call.can_be_undone = false;
                self.call.command = details.command();
                self.unknown.boundary |= self.call.command.is_none();
            }
            Typed => {
                self.call.can_be_undone = false;
                self.unknown.typed = true;
            }
            Url => {
                let method = details.text("method");
                self.call.can_be_undone = method.is_none_or(|method| method.eq_ignore_ascii_case("GET"));
                self.call.url = details.text("url").map(str::to_owned);
                self.unknown.boundary |= self.call.url.is_none();
            }
            Tags(intent) => match (details.is_absent("tags"), details.texts("tags")) {
                (true, _) => self.call.tags.push((Vec::new(), intent)),
                (false, Some(tags)) => self.call.tags.push((tags.into_iter().map(str::to_owned).collect(), intent)),
                (false, None) => self.unknown.tags = true,
            },
            AnyTags(intent) => self.call.tags.push((Vec::new(), intent)),
            UntoldTags => self.unknown.tags = true,
        }
    }

    fn add_places(&mut self, sent: Option<Vec<&str>>, intent: Intent, follows: bool) {
        match sent {
            Some(all) => {
                self.call.places.extend(all.into_iter().map(|sent| Place { sent: sent.to_owned(), intent, follows }));
            }
            None => self.unknown.boundary = true,
        }
    }
}

/// The tool that an action is of, and what it needs.
fn tool_of(action: &str) -> Option<(&'static str, Access)> {
    let lasting = LASTING.iter().find(|(name, ..)| *name == action).map(|(_, tool, access)| (*tool, *access));
    let entry = || catalog::everything().iter().find(|entry| entry.action == Some(action));
    lasting.or_else(|| entry().map(|entry| (entry.name, entry.access)))
}

/// The names of the arguments of each tool.
static NAMES: LazyLock<Vec<(&str, Vec<String>)>> = LazyLock::new(|| {
    let names = |schema: &Value| {
        let properties = schema["properties"].as_object();
        properties.into_iter().flat_map(|all| all.keys().cloned()).collect::<Vec<_>>()
    };
    catalog::everything().iter().map(|entry| (entry.name, names(&entry.request.schema()))).collect()
});

/// Whether arguments go by their own names: another name may stand for one that seems not to be there.
fn has_known_names(tool: &str, details: &Value) -> bool {
    let known = NAMES.iter().find(|(name, _)| *name == tool).map(|(_, names)| names);
    let Some((known, details)) = known.zip(details.as_object()) else { return true };
    details.keys().all(|name| known.contains(name) || name == "auth" || name == "results_count")
}

/// The arguments.
struct Details<'a> {
    details: &'a Value,
    is_plain: bool,
}

impl<'a> Details<'a> {
    fn is_absent(&self, name: &str) -> bool {
        self.is_plain && self.details[name].is_null()
    }

    /// A text, where it is whole.
    fn text(&self, name: &str) -> Option<&'a str> {
        self.details[name].as_str().filter(|text| is_whole(text))
    }

    /// A text, or a list of them, where they are whole.
    fn texts(&self, name: &str) -> Option<Vec<&'a str>> {
        match &self.details[name] {
            Value::Array(list) if list.len() != MAX_ITEMS => {
                list.iter().map(|item| item.as_str().filter(|text| is_whole(text))).collect()
            }
            _ => self.text(name).map(|text| vec![text]),
        }
    }

    /// A command, with all that decides what it runs. Variables are not told.
    fn command(&self) -> Option<Command> {
        let is_unset =
            |name: &str| self.is_absent(name) || self.details[name].as_object().is_some_and(serde_json::Map::is_empty);
        let optional = |name: &str| match self.is_absent(name) {
            true => Some(None),
            false => self.text(name).map(|text| Some(text.to_owned())),
        };
        let is_line = match &self.details["shell"] {
            Value::Bool(is_line) => *is_line,
            _ if self.is_absent("shell") => true,
            _ => return None,
        };
        let (shell, folder) = (optional("shell_program")?, optional("cwd")?);
        let text = self.text("command").filter(|_| is_unset("env"))?.to_owned();
        Some(Command { text, is_line, shell, folder })
    }
}

/// Whether a text stands in the history as it was sent.
fn is_whole(text: &str) -> bool {
    let is_cut = text.ends_with('…') || text.ends_with(" more characters)") && text.contains("… (");
    !is_cut && !text.contains(MASK) && !text.ends_with(" characters, not kept)")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Tools that are about nothing: no rule on places, hosts, commands or tags says anything of their calls.
    const ABOUT_NOTHING: [&str; 20] = [
        "terminal_check",
        "terminal_info",
        "terminal_poll",
        "terminal_wait_for",
        "terminal_processes",
        "terminal_output_search",
        "terminal_signal",
        "terminal_stop",
        "terminal_resize",
        "terminal_ticket",
        "memory_history",
        "internet_search",
        "sandbox_run",
        "sandbox_build",
        "sandbox_session_start",
        "sandbox_session_run",
        "sandbox_session_files",
        "sandbox_session_list",
        "sandbox_session_stop",
        "permissions_request",
    ];

    #[test]
    fn every_tool_says_what_it_is_about_or_is_known_to_be_about_nothing() {
        let listed: Vec<&str> = TOOLS.iter().map(|(name, _)| *name).collect();
        let tools: Vec<&str> = catalog::everything().iter().map(|entry| entry.name).collect();
        for name in &tools {
            assert!(
                listed.contains(name) != ABOUT_NOTHING.contains(name),
                "{name} stands either in TOOLS, as its `subjects` states, or in ABOUT_NOTHING, where it states nothing"
            );
        }
        for name in listed.iter().chain(&ABOUT_NOTHING) {
            assert!(tools.contains(name) || LASTING.iter().any(|(_, tool, _)| tool == name), "{name} is no tool");
        }
    }

    #[test]
    fn what_is_cut_hidden_or_called_otherwise_is_not_known() {
        let all = Needs { paths: true, host: true, command: true, tags: true, ..Needs::default() };
        let long = format!("/srv/{}… (7 more characters)", "x".repeat(95));
        let many: Vec<String> = (0..MAX_ITEMS).map(|n| format!("/srv/{n}")).collect();
        for (action, details, is_enough) in [
            ("filesystem_read", json!({"path": "/srv/a"}), true),
            ("filesystem_read", json!({"path": long}), false),
            ("filesystem_read", json!({"file_path": "/srv/a"}), false),
            ("filesystem_read", json!({"path": "/srv/[removed]"}), false),
            ("filesystem_read", json!(null), false),
            ("filesystem_read_many", json!({"paths": ["/srv/a", "/srv/b"]}), true),
            ("filesystem_read_many", json!({"paths": many}), false),
            ("filesystem_changes", json!({}), true),
            ("filesystem_changes", json!({"file": "/srv/a"}), false),
            ("filesystem_patch", json!({"patch": "--- a\n+++ b\n"}), false),
            ("terminal_execute", json!({"command": "ls", "cwd": "/srv", "shell": true}), true),
            ("terminal_execute", json!({"command": "ls", "env": {"PATH": "[removed]"}}), false),
            ("terminal_execute", json!({"command": "ls", "dir": "/srv"}), false),
            ("terminal_execute", json!({"command": "curl -H '[removed]' x"}), false),
            ("terminal_attach", json!({"id": "proc_1"}), false),
            ("memory_add", json!({"content": "x", "id": "1", "tags": ["a"]}), true),
            ("memory_query", json!({"query": "x", "tags": null, "results_count": 3}), true),
            ("memory_recall", json!({"query": "x"}), false),
            ("internet_fetch", json!({"url": "https://a.example/"}), true),
            ("memory_cleared", json!({"timestamp": "2026-01-01"}), true),
            ("sandbox_run", json!({"code": "[removed]"}), true),
        ] {
            let recorded = Recorded::of(action, &details).unwrap_or_else(|| panic!("{action} is known"));
            assert_eq!(recorded.is_enough_for(all), is_enough, "{action} {details}");
        }
        assert!(Recorded::of("control_pause", &json!({})).is_none());
    }
}
