//! What a profile says, in words for the agent that is held to it.

use super::{decide::Effect, draft::Draft, list::List, rule::Said};

/// So many entries of a list are named.
const MAX_NAMED: usize = 12;

/// What a profile lets its agents do, refuses them and asks the person about: each key of the file with what it says, all that
/// is inherited included. None where nothing bounds them.
pub(crate) fn of(draft: &Draft) -> Vec<String> {
    let lists = [
        ("only these tools", &draft.tools),
        ("reads only in", &draft.files.read),
        ("changes files only in", &draft.files.write),
        ("files denied", &draft.files.deny),
        ("commands allowed", &draft.commands.allow),
        ("commands that the person is asked about", &draft.commands.ask),
        ("commands denied", &draft.commands.deny),
        ("fetches only from", &draft.fetch_allow),
        ("never fetches from", &draft.fetch_deny),
        ("recalls only memories with the tags", &draft.memory_read),
        ("changes only memories with the tags", &draft.memory_write),
        ("opened for commands", &draft.grants),
    ];
    let listed = lists.iter().filter_map(|(says, list)| Some(format!("{says}: {}", named(list.as_ref()?))));
    let asked = draft.asks.iter().map(|ask| format!("the person is asked: {}", ask.rule.text));
    let said = [
        draft.commands.default.as_ref().and_then(of_default),
        off(draft.sandbox.as_ref(), "no sandbox"),
        off(draft.network.as_ref(), "commands have no network"),
    ];
    said.into_iter().flatten().chain(listed).chain(asked).collect()
}

fn of_default(default: &Said<Effect>) -> Option<String> {
    match default.value {
        Effect::Allow => None,
        Effect::Ask => Some("the person is asked about commands that are not allowed below".to_owned()),
        Effect::Deny => Some("no commands but those that are allowed below".to_owned()),
    }
}

fn off(said: Option<&Said<bool>>, words: &str) -> Option<String> {
    said.filter(|said| !said.value).map(|_| words.to_owned())
}

fn named(list: &List) -> String {
    let names: Vec<&str> = list.entries.iter().take(MAX_NAMED).map(|entry| entry.value.as_str()).collect();
    match list.entries.len() {
        0 => "nothing".to_owned(),
        all if all > MAX_NAMED => format!("{} and {} more", names.join(", "), all - MAX_NAMED),
        _ => names.join(", "),
    }
}
