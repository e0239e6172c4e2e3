//! What goes on without end: loops that start processes, and commands that fill the disk.

use super::Refusal;
use super::judge::Judged;
use super::programs::writing::ENDLESS;
use super::syntax::{Command, Kind, Script, Simple, Word};
use super::values::Field;
use std::rc::Rc;

/// Commands that print without end, into a file.
pub(super) fn fills_the_disk(command: &Kind, target: &Field) -> Judged<()> {
    let Kind::Simple(simple) = command else {
        return Ok(());
    };
    let words: Vec<String> = simple.words.iter().filter_map(Word::literal).collect();
    let endless = match words.first().map(String::as_str) {
        Some("yes") => true,
        Some("cat" | "pv") => words[1..].iter().any(|file| ENDLESS.contains(&file.as_str())),
        _ => false,
    };
    if endless && !target.visible().starts_with("/dev/") && target.known().is_some() {
        return Err(Refusal::new("disk-full", "the command would write without end; bound it, as with `head -c`"));
    }
    Ok(())
}

/// `while true; do cmd & done`: new processes without end and without waiting for them.
pub(super) fn spawns_without_end(condition: &Script, body: &Script) -> bool {
    let endless = condition.statements.iter().all(|statement| {
        statement.rest.is_empty()
            && statement.first.commands.iter().all(|command| {
                matches!(&command.kind, Kind::Simple(simple)
                    if matches!(name(simple).as_deref(), Some("true" | ":" | "1")))
                    || matches!(&command.kind, Kind::Test(words) if words.iter().all(is_constant))
                    || matches!(&command.kind, Kind::Arithmetic(word) if is_constant(word))
            })
    });
    endless && forks(body) && !pauses(body)
}

/// Whether anything in the list, or in a list inside it, is started and left alone.
fn forks(script: &Script) -> bool {
    script.statements.iter().any(|statement| {
        statement.background
            || statement.first.commands.iter().any(|command| match &command.kind {
                Kind::Group(inner) | Kind::Subshell(inner) => forks(inner),
                _ => false,
            })
    })
}

fn is_constant(word: &Word) -> bool {
    word.literal()
        .is_some_and(|text| matches!(text.replace(char::is_whitespace, "").as_str(), "1" | "" | ";;" | "true"))
}

fn name(simple: &Simple) -> Option<String> {
    simple.words.first()?.literal()
}

/// Whether something in the list waits: a sleep, a `wait`, a read, a `break`.
fn pauses(script: &Script) -> bool {
    let commands = script.statements.iter().filter(|statement| !statement.background).flat_map(|statement| {
        let first = statement.first.commands.iter();
        first.chain(statement.rest.iter().flat_map(|(_, pipeline)| pipeline.commands.iter()))
    });
    commands.into_iter().any(|command: &Rc<Command>| match &command.kind {
        Kind::Simple(simple) => !matches!(name(simple).as_deref(), Some(":" | "true" | "echo" | "printf")),
        Kind::Group(inner) | Kind::Subshell(inner) => pauses(inner),
        _ => true,
    })
}
