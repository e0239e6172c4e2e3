//! The lines of a profile.

use super::{
    draft::Draft,
    list::List,
    rule::{Rule, Source},
};

/// What a profile lists in the person's own file, with what it inherits from there.
pub(crate) fn of(draft: &Draft) -> Vec<Rule> {
    let Draft { files, commands, asks, .. } = draft;
    let lists = [
        &draft.tools,
        &files.read,
        &files.write,
        &files.deny,
        &commands.allow,
        &commands.ask,
        &commands.deny,
        &draft.fetch_allow,
        &draft.fetch_deny,
        &draft.memory_read,
        &draft.memory_write,
    ];
    let entries = lists.into_iter().flat_map(|list| List::entries(list.as_ref())).map(|entry| &entry.rule);
    let own = entries.chain(asks.iter().map(|ask| &ask.rule)).filter(|rule| rule.source == Source::Own);
    own.cloned().collect()
}
