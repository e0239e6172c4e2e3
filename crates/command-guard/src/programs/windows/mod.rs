//! Programs of Windows, as they are called from a Unix shell there or from the subsystem for Linux.
//!
//! `cmd` and PowerShell have grammars of their own. Their texts are cut into statements and words, which is as much as
//! an accident needs: places are those that the subsystem sees below `/mnt`, and what the words mean is judged like
//! any other call.

mod text;

use crate::effects::{Call, Code, Effects, unparsable};
use crate::knowledge::Knowledge;
use crate::places::Place;
use crate::scripts::{joined_text, script_text};
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

pub(super) fn judge(call: &Call<'_>, effects: &mut Effects) {
    let words: Vec<String> = call.arguments.iter().map(Field::visible).collect();
    let has = |names: &[&str]| words.iter().any(|word| names.contains(&word.to_lowercase().as_str()));
    match call.name {
        "cmd" => {
            let runs = ["/c", "/k", "/r", "//c", "//k", "-c"];
            let at = words.iter().position(|word| runs.contains(&word.to_lowercase().as_str()));
            let text = match at {
                Some(at) => joined_text(call.arguments[at + 1..].iter(), &Field::clone),
                None => script_text(&call.scope.stdin.field()),
            };
            statements(call, Language::Cmd, &text, effects);
        }
        "robocopy" if has(&["/mir", "/purge", "-mir", "-purge"]) => {
            words.iter().skip(1).take(1).for_each(|place| removes(call, "robocopy", place, effects));
        }
        "robocopy" if has(&["/move", "/mov", "-move", "-mov"]) => {
            words.iter().take(1).for_each(|place| removes(call, "robocopy", place, effects));
        }
        "icacls" if !has(&["/t", "-t"]) => {}
        "takeown" if !has(&["/r", "-r"]) => {}
        "icacls" | "takeown" => {
            let is_systems = |word: &String| {
                let places = call.places(&place_of(word, call.context.user()));
                places.iter().any(|(_, place)| matches!(place, Place::Root | Place::System | Place::Home))
            };
            if words.iter().any(is_systems) {
                effects.refuse("permissions", format!("`{}` would change who owns the system", call.name));
            }
        }
        _ => {}
    }
}

/// `powershell -Command text`, and on Windows the text alone; `pwsh` takes a file instead.
pub(super) fn powershell(call: &Call<'_>, effects: &mut Effects) {
    const VALUED: &[&str] = &["-ex", "-ep", "-w", "-v", "-wd", "-wo", "-co", "-i", "-o", "-settings", "-psc", "-cu"];
    let mut at = 0;
    while let Some(argument) = call.arguments.get(at) {
        let word = argument.visible().to_lowercase();
        let is = |name: &str, least: usize| word.len() >= least && name.starts_with(&word);
        at += 1;
        if is("-command", 2) {
            break;
        } else if is("-encodedcommand", 2) || word == "-ec" || is("-encodedarguments", 9) {
            return effects.refuse("decoded-shell", "a disguised text would be decoded and run by PowerShell");
        } else if is("-file", 2) {
            return file(call, call.arguments.get(at), effects);
        } else if word.starts_with('-') {
            at += usize::from(VALUED.iter().any(|name| word.starts_with(name)));
        } else if call.name == "pwsh" {
            return file(call, Some(argument), effects);
        } else {
            at -= 1;
            break;
        }
    }
    let rest = &call.arguments[at.min(call.arguments.len())..];
    if rest.is_empty() || rest[0].is("-") {
        let input = call.scope.stdin.clone();
        effects.refuse_origin(input.origin(), call.name);
        return script(call, &script_text(&input.field()), effects);
    }
    let origin = rest.iter().filter_map(Field::origin).max();
    effects.refuse_origin(origin, call.name);
    script(call, &joined_text(rest.iter(), &Field::clone), effects);
}

fn file(call: &Call<'_>, file: Option<&Field>, effects: &mut Effects) {
    match file.and_then(|file| call.scope.file(file)) {
        Some(Data::Opaque(_)) | None => {}
        Some(content) => script(call, &script_text(&content.field()), effects),
    }
}

/// A text of PowerShell. What a Unix shell makes of it counts as well, where one can read it.
pub(super) fn script(call: &Call<'_>, text: &str, effects: &mut Effects) {
    statements(call, Language::PowerShell, text, effects);
    effects.text(text, Data::Nothing).forgiving(unparsable);
}

/// What a text does that another one starts.
pub(in super::super) fn text(call: &Call<'_>, is_powershell: bool, text: &str, effects: &mut Effects) {
    statements(call, if is_powershell { Language::PowerShell } else { Language::Cmd }, text, effects);
}

fn statements(call: &Call<'_>, language: Language, text: &str, effects: &mut Effects) {
    let lower = text.to_lowercase();
    let holds =
        |names: &[&str]| lower.split(|c: char| !c.is_alphanumeric() && c != '-').any(|word| names.contains(&word));
    if language == Language::PowerShell && holds(EVALUATORS) && holds(FETCHERS) {
        return effects.refuse("pipe-to-shell", "what comes from the network would be run by PowerShell unread");
    }
    // The places that a removal without any takes: `for /d %i in (C:\*) do rd %i`, `Get-ChildItem C:\ | Remove-Item`.
    let mut listed: Vec<String> = Vec::new();
    let mut deletes = false;
    for words in cut(text, language) {
        if effects.is_full() {
            return;
        }
        if deletes {
            // `[System.IO.Directory]::Delete('C:\Users', $true)`
            removes(call, "Delete", &words[0], effects);
        }
        Statement { call, language, listed: &listed }.judge(&words, NESTED_CONDITIONS, effects);
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
}

/// Conditions inside conditions whose statements are looked at.
const NESTED_CONDITIONS: usize = 3;

/// One statement.
struct Statement<'s> {
    call: &'s Call<'s>,
    language: Language,
    /// The places that the statement in front of it names.
    listed: &'s [String],
}

impl Statement<'_> {
    fn judge(&self, words: &[String], depth: usize, effects: &mut Effects) {
        let Some((program, arguments)) = words.split_first() else {
            return;
        };
        let name = name(program);
        match name.as_str() {
            "do" | "call" | "&" | "@" => self.judge(arguments, depth, effects),
            // What follows the condition is not found out: each word may be the program.
            "if" if depth > 0 => {
                (1..arguments.len().min(6)).for_each(|at| self.judge(&arguments[at..], depth - 1, effects));
            }
            // `start "title" program`, `Start-Process program -ArgumentList 'arguments'`
            "start" | "start-process" | "saps" => {
                let text = self.operands(arguments).join(" ");
                effects.run(Code::Windows { is_powershell: false, text });
            }
            "forfiles" if arguments.iter().any(|word| self.names_a_remover(word)) => {
                let at = arguments.iter().position(|word| word.eq_ignore_ascii_case("/p"));
                let place = at.and_then(|at| arguments.get(at + 1));
                place.into_iter().for_each(|place| removes(self.call, "forfiles", place, effects));
            }
            // `shutdown /a` takes back what was planned, `/l` logs off.
            "shutdown"
                if arguments.iter().any(|word| ["/a", "-a", "/l", "-l", "/?"].contains(&&*word.to_lowercase())) => {}
            _ => self.program(&name, arguments, effects),
        }
    }

    fn operands(&self, words: &[String]) -> Vec<String> {
        words.iter().filter(|word| !is_option(word, self.language)).cloned().collect()
    }

    fn names_a_remover(&self, word: &str) -> bool {
        cut(word, self.language).concat().iter().any(|word| REMOVERS.contains(&name(word).as_str()))
    }

    fn program(&self, name: &str, arguments: &[String], effects: &mut Effects) {
        let user = self.call.context.user();
        let words: Vec<Field> = arguments.iter().map(Field::text).collect();
        Knowledge::built_in().refusals(&Call { name, arguments: &words, ..*self.call }, effects);
        let named = self.operands(arguments);
        if MOVERS.contains(&name) {
            return named.iter().take(1).for_each(|place| effects.moves_away(&place_of(place, user)));
        }
        if REMOVERS.contains(&name) {
            let is_each = |place: &String| place.starts_with('%') && place.len() < 4 || is_variable(place);
            let places = if named.iter().all(is_each) { self.operands(self.listed) } else { named };
            return places.iter().for_each(|place| removes(self.call, name, place, effects));
        }
        // Any other program, with its arguments as places where they can be some.
        let place = |word: &String| {
            if is_option(word, self.language) { Field::text(word) } else { place_of(word, user) }
        };
        let mut argv = vec![Field::text(name)];
        argv.extend(arguments.iter().map(place));
        effects.program(&argv).forgiving(unparsable);
    }
}

fn removes(call: &Call<'_>, program: &str, word: &str, effects: &mut Effects) {
    effects.removes(program, &place_of(word, call.context.user()).activated());
}
