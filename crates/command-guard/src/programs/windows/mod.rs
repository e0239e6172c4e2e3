//! Programs of Windows, as they are called from a Unix shell there or from the subsystem for Linux.
//!
//! `cmd` and PowerShell have grammars of their own. Their texts are cut into statements and words, which is as much as
//! an accident needs: places are those that the subsystem sees below `/mnt`, and what the words mean is judged like
//! any other call.

mod text;

use super::table;
use crate::Refusal;
use crate::judge::{Judge, Judged};
use crate::places::Place;
use crate::scope::Scope;
use crate::shells;
use crate::simple::Invocation;
use crate::values::{Data, Field};
use text::{Language, cut, is_option, is_variable, name, place_of};

pub(super) const NAMES: &[&str] = &["cmd", "robocopy", "icacls", "takeown"];

/// What removes the places that its operands name, whatever it is called.
const REMOVERS: &[&str] = &["rd", "rmdir", "del", "erase", "remove-item", "ri", "rm", "clear-content", "clc"];

/// What takes the first of its places away.
const MOVERS: &[&str] = &["move", "ren", "rename", "move-item", "mi", "rename-item", "rni"];

/// What lists the places that a removal behind a pipe takes.
const LISTERS: &[&str] = &["get-childitem", "gci", "get-item", "gi", "dir", "ls"];

/// What fetches, and what runs a text: together they run what nobody read.
const FETCHERS: &[&str] = &["irm", "iwr", "invoke-restmethod", "invoke-webrequest", "downloadstring", "curl", "wget"];
const EVALUATORS: &[&str] = &["iex", "invoke-expression"];

pub(super) fn judge(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let words: Vec<String> = call.arguments.iter().map(Field::visible).collect();
    let has = |names: &[&str]| words.iter().any(|word| names.contains(&word.to_lowercase().as_str()));
    match call.name.as_str() {
        "cmd" => {
            let runs = ["/c", "/k", "/r", "//c", "//k", "-c"];
            let at = words.iter().position(|word| runs.contains(&word.to_lowercase().as_str()));
            let text = match at {
                Some(at) => shells::joined_text(call.arguments[at + 1..].iter(), &Field::clone),
                None => shells::script_text(&scope.stdin.field()),
            };
            statements(judge, Language::Cmd, &text, scope)
        }
        "robocopy" if has(&["/mir", "/purge", "-mir", "-purge"]) => {
            words.get(1).map_or(Ok(()), |place| removes(judge, "robocopy", place, scope))
        }
        "robocopy" if has(&["/move", "/mov", "-move", "-mov"]) => {
            words.first().map_or(Ok(()), |place| removes(judge, "robocopy", place, scope))
        }
        "icacls" if !has(&["/t", "-t"]) => Ok(()),
        "takeown" if !has(&["/r", "-r"]) => Ok(()),
        "icacls" | "takeown" => words.iter().try_for_each(|word| {
            let places = judge.places(&place_of(word, judge.context.user()), scope);
            match places.iter().any(|(_, place)| matches!(place, Place::Root | Place::System | Place::Home)) {
                true => Err(Refusal::new("permissions", format!("`{}` would change who owns the system", call.name))),
                false => Ok(()),
            }
        }),
        _ => Ok(()),
    }
}

/// `powershell -Command text`, and on Windows the text alone; `pwsh` takes a file instead.
pub(super) fn powershell(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    const VALUED: &[&str] = &["-ex", "-ep", "-w", "-v", "-wd", "-wo", "-co", "-i", "-o", "-settings", "-psc", "-cu"];
    let mut at = 0;
    while let Some(argument) = call.arguments.get(at) {
        let word = argument.visible().to_lowercase();
        let is = |name: &str, least: usize| word.len() >= least && name.starts_with(&word);
        at += 1;
        if is("-command", 2) {
            break;
        } else if is("-encodedcommand", 2) || word == "-ec" || is("-encodedarguments", 9) {
            return Err(Refusal::new("decoded-shell", "a disguised text would be decoded and run by PowerShell"));
        } else if is("-file", 2) {
            return file(judge, call.arguments.get(at), scope);
        } else if word.starts_with('-') {
            at += usize::from(VALUED.iter().any(|name| word.starts_with(name)));
        } else if call.name == "pwsh" {
            return file(judge, Some(argument), scope);
        } else {
            at -= 1;
            break;
        }
    }
    let rest = &call.arguments[at.min(call.arguments.len())..];
    if rest.is_empty() || rest[0].is("-") {
        let input = scope.stdin.clone();
        shells::refuse_origin(input.origin(), &call.name)?;
        return script(judge, &shells::script_text(&input.field()), scope);
    }
    let origin = rest.iter().filter_map(Field::origin).max();
    shells::refuse_origin(origin, &call.name)?;
    script(judge, &shells::joined_text(rest.iter(), &Field::clone), scope)
}

fn file(judge: &mut Judge<'_>, file: Option<&Field>, scope: &mut Scope) -> Judged<()> {
    match file.and_then(|file| scope.file(file)) {
        Some(Data::Opaque(_)) | None => Ok(()),
        Some(content) => script(judge, &shells::script_text(&content.field()), scope),
    }
}

/// A text of PowerShell. What a Unix shell makes of it counts as well, where one can read it.
pub(super) fn script(judge: &mut Judge<'_>, text: &str, scope: &mut Scope) -> Judged<()> {
    statements(judge, Language::PowerShell, text, scope)?;
    match shells::run_text(judge, &Data::Nothing, text, &mut scope.clone()) {
        Err(refusal) if refusal.rule != "unparsable" => Err(refusal),
        _ => Ok(()),
    }
}

fn statements(judge: &mut Judge<'_>, language: Language, text: &str, scope: &mut Scope) -> Judged<()> {
    let lower = text.to_lowercase();
    let holds =
        |names: &[&str]| lower.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| names.contains(&word));
    if language == Language::PowerShell && holds(EVALUATORS) && holds(FETCHERS) {
        return Err(Refusal::new("pipe-to-shell", "what comes from the network would be run by PowerShell unread"));
    }
    // The places that a removal without any takes: `for /d %i in (C:\*) do rd %i`, `Get-ChildItem C:\ | Remove-Item`.
    let mut listed: Vec<String> = Vec::new();
    let mut deletes = false;
    for words in cut(text, language) {
        judge.spend()?;
        if deletes {
            // `[System.IO.Directory]::Delete('C:\Users', $true)`
            removes(judge, "Delete", &words[0], scope)?;
        }
        one(judge, language, &words, &listed, scope)?;
        let name = name(&words[0]);
        deletes = name.ends_with("::delete");
        // `foreach ($place in 'C:\\Users') { … }`, `$place = 'C:\\Users'`
        let named = words.iter().position(|word| word == "in" || word == "=");
        if let Some(at) = named.filter(|_| language == Language::PowerShell) {
            listed = words[at + 1..].to_vec();
        } else if LISTERS.contains(&name.as_str()) {
            listed = words[1..].to_vec();
        } else if language == Language::Cmd {
            listed = words;
        }
    }
    Ok(())
}

/// One statement; `listed`: the places that the one in front of it names.
fn one(
    judge: &mut Judge<'_>,
    language: Language,
    words: &[String],
    listed: &[String],
    scope: &mut Scope,
) -> Judged<()> {
    let Some((program, arguments)) = words.split_first() else {
        return Ok(());
    };
    let name = name(program);
    let operands =
        |words: &[String]| -> Vec<String> { words.iter().filter(|word| !is_option(word, language)).cloned().collect() };
    match name.as_str() {
        "do" | "call" | "&" | "@" => return one(judge, language, arguments, listed, scope),
        // What follows the condition is not found out: each word may be the program.
        "if" => {
            let starts = 1..arguments.len().min(6);
            return starts.into_iter().try_for_each(|at| one(judge, language, &arguments[at..], listed, scope));
        }
        // `start "title" program`, `Start-Process program -ArgumentList 'arguments'`
        "start" | "start-process" | "saps" => {
            let text = operands(arguments).join(" ");
            return judge.deeper(|judge| statements(judge, Language::Cmd, &text, scope));
        }
        "forfiles"
            if arguments.iter().any(|word| {
                cut(word, language).concat().iter().any(|word| REMOVERS.contains(&text::name(word).as_str()))
            }) =>
        {
            let at = arguments.iter().position(|word| word.eq_ignore_ascii_case("/p"));
            let place = at.and_then(|at| arguments.get(at + 1));
            return place.map_or(Ok(()), |place| removes(judge, "forfiles", place, scope));
        }
        // `shutdown /a` takes back what was planned, `/l` logs off.
        "shutdown" if arguments.iter().any(|word| ["/a", "-a", "/l", "-l", "/?"].contains(&&*word.to_lowercase())) => {
            return Ok(());
        }
        _ => {}
    }
    let call = Invocation { name: name.clone(), arguments: arguments.iter().map(Field::text).collect() };
    table::judge(&call)?;
    if MOVERS.contains(&name.as_str()) {
        let from = operands(arguments).first().map(|place| place_of(place, judge.context.user()));
        return from.map_or(Ok(()), |place| judge.moves_away(&place, scope));
    }
    if REMOVERS.contains(&name.as_str()) {
        let named = operands(arguments);
        let is_each = |place: &String| place.starts_with('%') && place.len() < 4 || is_variable(place);
        let places = if named.iter().all(is_each) { operands(listed) } else { named };
        return places.iter().try_for_each(|place| removes(judge, &name, place, scope));
    }
    runs(judge, language, name, arguments, scope)
}

/// Any other program, with its arguments as places where they can be some.
fn runs(
    judge: &mut Judge<'_>,
    language: Language,
    name: String,
    arguments: &[String],
    scope: &mut Scope,
) -> Judged<()> {
    let place = |word: &String| {
        if is_option(word, language) { Field::text(word) } else { place_of(word, judge.context.user()) }
    };
    let mut argv = vec![Field::text(name)];
    argv.extend(arguments.iter().map(place));
    judge.deeper(|judge| match judge.run(&argv, &mut scope.clone()) {
        Err(refusal) if refusal.rule != "unparsable" => Err(refusal),
        _ => Ok(()),
    })
}

fn removes(judge: &Judge<'_>, program: &str, word: &str, scope: &Scope) -> Judged<()> {
    judge.removes(program, &place_of(word, judge.context.user()).activated(), true, scope)
}
