//! Signals, and processes without end.

use crate::Refusal;
use crate::judge::{Judge, Judged};
use crate::options::Options;
use crate::scope::Scope;
use crate::simple::Invocation;
use crate::syntax::{Command, Kind, Script, Simple};
use crate::values::{Data, Field};

pub(super) const NAMES: &[&str] = &["kill", "pkill", "killall", "killall5", "skill", "slay", "xkill", "fuser"];

fn refuse(call: &Invocation, what: &str) -> Judged<()> {
    Err(Refusal::new("kill-all", format!("`{}` would {what}", call.name)))
}

pub(super) fn judge(_: &mut Judge<'_>, call: &Invocation, _: &mut Scope) -> Judged<()> {
    match call.name.as_str() {
        "kill" => kill(call),
        "killall5" => refuse(call, "end every process"),
        "fuser" => users_of(call),
        _ => by_name(call),
    }
}

/// `-1` is a signal where a signal may stand, and every process where a process may.
fn kill(call: &Invocation) -> Judged<()> {
    let mut signal_given = false;
    let mut arguments = call.arguments.iter();
    while let Some(argument) = arguments.next() {
        let text = argument.visible();
        if !signal_given && text.starts_with('-') && text.len() > 1 {
            match text.as_str() {
                "-l" | "-L" | "--list" | "--table" => return Ok(()),
                "-s" | "-n" | "--signal" => {
                    arguments.next();
                }
                "--" => {}
                // `kill -1` alone has no process to signal.
                "-1" if call.arguments.len() == 1 => {}
                _ => {}
            }
            signal_given = true;
            continue;
        }
        if argument.is("-1") || argument.is("1") || argument.is("-0") {
            return refuse(call, "end every process, or the one that holds the system");
        }
    }
    Ok(())
}

/// A pattern that every process fits.
pub(in super::super) fn means_everything(pattern: &Field) -> bool {
    pattern.known().is_some_and(|pattern| {
        matches!(
            pattern.as_str(),
            "." | ".*" | "" | "*" | "^" | "$" | ".+" | "[a-z]" | "[a-z]*" | "-1" | "^.*" | "[[:alpha:]]"
        )
    })
}

/// The numbers of all processes, as the one that stands for them: the first, which holds the system.
pub(in super::super) fn every_process() -> Data {
    Data::Names(vec![Field::text("1")])
}

/// `ps aux`, `ps -e`
pub(in super::super) fn lists_all(arguments: &[Field]) -> bool {
    arguments.iter().map(Field::visible).any(|text| match text.strip_prefix('-') {
        Some(options) => options.starts_with(['e', 'A', 'a']),
        None => text.starts_with('a') && text.chars().all(|c| "auxwfl".contains(c)),
    })
}

/// `fuser -k` ends whatever uses a file; everything uses the root and the homes.
fn users_of(call: &Invocation) -> Judged<()> {
    let options = Options::read(&call.arguments, &["-n", "--namespace"]);
    let whole = |field: &Field| ["/", "/home", "/usr", "/var", "/etc", "/tmp"].iter().any(|path| field.is(path));
    if options.has(&["-k", "--kill"]) && options.operands.iter().any(whole) {
        return refuse(call, "end nearly every process");
    }
    Ok(())
}

fn by_name(call: &Invocation) -> Judged<()> {
    let valued = ["-s", "--signal", "-u", "--user", "-U", "--uid", "-g", "-G", "-P", "-t", "-F", "-o", "-y", "--euid"];
    let options = Options::read(&call.arguments, &valued);
    let patterns: Vec<String> = options.operands.iter().filter_map(Field::known).collect();
    const VITAL: &[&str] = &[
        "systemd",
        "init",
        "sshd",
        "dbus-daemon",
        "Xorg",
        "gnome-shell",
        "NetworkManager",
        "launchd",
        "WindowServer",
        "loginwindow",
        "mcp-server",
    ];
    let whole_user = options.has(&["-u", "--user", "-U", "--uid", "--euid"]);
    let but_for = options.has(&["-v", "--inverse"]) && call.name == "pkill";
    if options.operands.iter().any(means_everything) || but_for || whole_user && patterns.is_empty() {
        return refuse(call, "end every process of a user");
    }
    if patterns.iter().any(|pattern| VITAL.contains(&pattern.trim_start_matches('^').trim_end_matches('$'))) {
        return refuse(call, "end a process that holds the system or this bridge");
    }
    Ok(())
}

/// `while true; do cmd & done`: new processes without end and without waiting for them.
pub(in super::super) fn spawns_without_end(condition: &Script, body: &Script) -> bool {
    let endless = condition.statements.iter().all(|statement| {
        statement.rest.is_empty()
            && statement.first.commands.iter().all(|command| {
                matches!(&command.kind, Kind::Simple(simple)
                    if matches!(name(simple).as_deref(), Some("true" | ":" | "1")))
                    || matches!(&command.kind, Kind::Test(words) if words.iter().all(is_constant))
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

fn is_constant(word: &crate::syntax::Word) -> bool {
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
    commands.into_iter().any(|command: &std::rc::Rc<Command>| match &command.kind {
        Kind::Simple(simple) => !matches!(name(simple).as_deref(), Some(":" | "true" | "echo" | "printf")),
        Kind::Group(inner) | Kind::Subshell(inner) => pauses(inner),
        _ => true,
    })
}
