//! Calls in code: what runs a command, removes, writes.

use super::Language;
use super::expressions::{Names, has_path, split};
use super::scan::Token;
use crate::effects::{Call, Effects, Write, unparsable};
use crate::places::Place;
use crate::scripts::script_text;
use crate::values::{Data, Field, Part};
use crate::words::words;

struct FunctionCall<'t> {
    /// The name without what it belongs to, in lower case.
    name: String,
    /// The name in full: `os.system`.
    full: &'t str,
    arguments: Vec<&'t [Token]>,
    /// What follows the closing parenthesis.
    after: &'t [Token],
}

/// Says what the code of a call does: its tokens, and its whole text.
pub(super) fn judge(script: &Call<'_>, language: Language, tokens: &[Token], text: &str, effects: &mut Effects) {
    let names = Names::read(script.context.home, tokens);
    let calls = calls(tokens, &names);
    refuse_disguise(&calls, text, effects);
    for call in &calls {
        one(script, language, call, &names, effects);
    }
    removes_listed(&calls, &names, effects);
    removes_each(&calls, tokens, &names, effects);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Command(command) => run(command, effects),
            Token::Literal(text) if language == Language::Awk => awk_literal(tokens, at, text, effects),
            _ => {}
        }
    }
    let literal_name = tokens.iter().any(|token| {
        matches!(token, Token::Literal(text) if matches!(text.as_str(), "system" | "popen" | "rmtree" | "execSync" | "rmSync" | "unlink"))
    });
    let runs_commands = |text: &str| {
        ["os:cmd", ".execute()", ".!", "shell/sh", "(system", "run-program"].iter().any(|call| text.contains(call))
    };
    if literal_name || language == Language::Other && runs_commands(text) {
        // `getattr(os, 'system')(…)`: which call is meant is not followed, so every literal is.
        for token in tokens {
            if let Token::Literal(text) = token {
                run(text, effects);
                effects.removes("code", &names.tilde(Field::text(text.clone()).activated()));
            }
        }
    }
    passed_arguments(&calls, text, script.arguments, effects);
}

/// `sys.argv`, `ARGV`: what follows the code on the command line can be run or removed by it.
fn passed_arguments(calls: &[FunctionCall<'_>], text: &str, arguments: &[Field], effects: &mut Effects) {
    let lower = text.to_lowercase();
    if arguments.is_empty() || !(lower.contains("argv") || lower.contains("args")) {
        return;
    }
    if calls.iter().any(|call| words("removers").contains(&call.name.as_str())) {
        for argument in arguments {
            effects.removes("code", argument);
        }
    }
    if calls.iter().any(|call| words("runners").contains(&call.name.as_str())) {
        effects.program(arguments);
    }
}

/// Every call `name(…)`, and `name "…"` for the names that matter.
fn calls<'t>(tokens: &'t [Token], names: &Names) -> Vec<FunctionCall<'t>> {
    let mut calls = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let Token::Word(full) = token else {
            continue;
        };
        let name = names.last(full);
        let rest = &tokens[at + 1..];
        let (inside, after) = match rest.first() {
            Some(Token::Symbol('(')) => balanced(rest),
            Some(Token::Literal(_) | Token::Symbol('[') | Token::Word(_)) if known(&name) => {
                let end = rest
                    .iter()
                    .position(|token| matches!(token, Token::Symbol(';' | '\n' | '}' | '{')))
                    .unwrap_or(rest.len());
                (&rest[..end], &rest[end..])
            }
            _ => continue,
        };
        calls.push(FunctionCall { name, full, arguments: split(inside), after });
    }
    calls
}

fn known(name: &str) -> bool {
    [words("runners"), words("removers"), words("writers"), &["open", "kill", "glob"]]
        .iter()
        .any(|names| names.contains(&name))
}

/// What stands in the parentheses that open `tokens`, and what follows them.
fn balanced(tokens: &[Token]) -> (&[Token], &[Token]) {
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Symbol('(') => depth += 1,
            Token::Symbol(')') => {
                depth -= 1;
                if depth == 0 {
                    return (&tokens[1..at], &tokens[at + 1..]);
                }
            }
            _ => {}
        }
    }
    (&tokens[1..], &[])
}

/// Code that decodes a text and code that runs one do not belong together.
fn refuse_disguise(calls: &[FunctionCall<'_>], text: &str, effects: &mut Effects) {
    let runs = calls.iter().any(|call| {
        words("runners").contains(&call.name.as_str()) || matches!(call.name.as_str(), "eval" | "function")
    });
    if runs && words("decoding-calls").iter().any(|decoder| text.contains(decoder)) {
        return effects.refuse("decoded-shell", "the code decodes a disguised text and runs commands");
    }
    let fetches = |tokens: &&[Token]| {
        tokens.iter().any(|token| matches!(token, Token::Word(word) if {
            let word = word.to_lowercase();
            ["urlopen", "uri.open", "requests.get", "urlretrieve", "fetch", "http.get", "httpx.get", "file_get_contents", "lwp::simple", "net::http"].iter().any(|name| word.contains(name))
        }))
    };
    let evaluates = |call: &&FunctionCall<'_>| matches!(call.name.as_str(), "exec" | "eval" | "system" | "function");
    if calls.iter().filter(evaluates).any(|call| call.arguments.iter().any(fetches)) {
        effects.refuse("pipe-to-shell", "the code runs what it fetches from the network");
    }
}

fn one(script: &Call<'_>, language: Language, call: &FunctionCall<'_>, names: &Names, effects: &mut Effects) {
    let name = call.name.as_str();
    let method = method_after(call);
    if words("removers").contains(&name)
        || call.name == "path" && method.as_deref().is_some_and(|name| words("removers").contains(&name))
    {
        for argument in &call.arguments {
            for field in names.list(argument) {
                effects.removes(call.full, &field.activated());
            }
        }
    }
    let writes = matches!(call.full, "File.write" | "IO.write" | "IO.binwrite")
        || words("writers").contains(&name)
        || call.name == "path" && method.as_deref().is_some_and(|name| words("writers").contains(&name));
    if (writes || name == "open" && opens_for_writing(call))
        && let Some(path) = call.arguments.iter().find(|tokens| has_path(tokens))
    {
        let path = strip_mode(names.value(path));
        effects.writes(call.full, &path, Write::Replace);
    }
    if matches!(name, "chmod" | "chown" | "chmodsync" | "chownsync" | "lchown" | "chmod_r") {
        changes_permissions(script, call, names, effects);
    }
    let moves = matches!(name, "rename" | "renames" | "renamesync" | "move") || call.full == "os.replace";
    if moves && let [from, to, ..] = call.arguments.as_slice() {
        effects.moves_away(&names.value(from));
        effects.writes(call.full, &names.value(to), Write::Replace);
    }
    if name == "open" {
        opens_pipes(call, effects);
    }
    if name == "kill" && kills_all(call) {
        return effects.refuse("kill-all", "the code would end every process");
    }
    if words("evaluators").contains(&name) && !(name == "exec" && call.full.contains('.')) && runs_code(language, name)
    {
        for argument in &call.arguments {
            if let Some(text) = names.value(argument).known().filter(|text| !text.is_empty()) {
                let language = match language {
                    Language::JavaScript => "node",
                    Language::Perl => "perl",
                    Language::Ruby => "ruby",
                    Language::Php => "php",
                    _ => "python",
                };
                super::runs(language, &Data::Text(Field::text(text)), &[], effects);
            }
        }
    } else if words("runners").contains(&name) {
        runs(call, names, effects);
    }
}

/// Perl's pipes: `open(F, "|command")`, `open(F, "command|")`.
fn opens_pipes(call: &FunctionCall<'_>, effects: &mut Effects) {
    for token in call.arguments.iter().flat_map(|tokens| tokens.iter()) {
        if let Token::Literal(text) = token
            && (text.starts_with('|') || text.ends_with('|'))
        {
            run(text.trim_matches('|'), effects);
        }
    }
}

/// Code that lists a directory and removes something removes what it listed.
fn removes_listed(calls: &[FunctionCall<'_>], names: &Names, effects: &mut Effects) {
    let removes = calls.iter().any(|call| words("removers").contains(&call.name.as_str()));
    for call in calls.iter().filter(|call| removes && words("listers").contains(&call.name.as_str())) {
        for argument in call.arguments.iter().filter(|tokens| has_path(tokens)) {
            let mut listed = names.value(argument).activated();
            if !listed.has_glob() {
                listed.push(Part::Text("/".into()));
                listed.0.push(Part::Below);
            }
            effects.removes(call.full, &listed);
        }
    }
}

/// `for d in ("/etc", "/usr"): rmtree(d)`: what a loop goes through can be what it removes.
fn removes_each(calls: &[FunctionCall<'_>], tokens: &[Token], names: &Names, effects: &mut Effects) {
    if !calls.iter().any(|call| words("removers").contains(&call.name.as_str())) {
        return;
    }
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| matches!(token, Token::Word(word) if word == "in")) {
        let list = tokens[at + 1..].iter().take_while(|token| {
            // What follows the next `in` is its own.
            !matches!(token, Token::Symbol(')' | ']' | '\n' | ':'))
                && !matches!(token, Token::Word(word) if word == "in")
        });
        for token in list {
            if let Token::Literal(text) = token {
                effects.removes("code", &names.tilde(Field::text(text.clone()).activated()));
            }
        }
    }
}

/// `exec` is a command in most languages and code in Python; `eval` is code everywhere.
fn runs_code(language: Language, name: &str) -> bool {
    name != "exec" || language == Language::Python
}

/// `Path("x").unlink()`: the method called on what was made.
fn method_after(call: &FunctionCall<'_>) -> Option<String> {
    match call.after.first()? {
        Token::Word(word) => word.strip_prefix('.').map(str::to_lowercase),
        _ => None,
    }
}

fn runs(call: &FunctionCall<'_>, names: &Names, effects: &mut Effects) {
    let mut argv = Vec::new();
    for argument in &call.arguments {
        // Keyword arguments and option objects are no part of the command, but for a list of arguments in them.
        let option =
            matches!(argument.get(1), Some(Token::Symbol('='))) || matches!(argument.first(), Some(Token::Symbol('{')));
        let list = argument.iter().position(|token| *token == Token::Symbol('['));
        match list.filter(|_| option) {
            Some(start) => {
                let end = argument.iter().rposition(|token| *token == Token::Symbol(']')).unwrap_or(argument.len());
                argv.extend(
                    split(&argument[start + 1..end.max(start + 1)]).into_iter().map(|tokens| names.value(tokens)),
                );
            }
            None if !option => argv.extend(names.list(argument)),
            None => {}
        }
    }
    // `execv("/bin/sh", ["sh", "-c", …])` names the program twice.
    if let [path, own, ..] = argv.as_slice()
        && path.known().is_some_and(|path| path.rsplit('/').next().is_some_and(|name| own.is(name)))
    {
        argv.remove(0);
    }
    let Some(first) = argv.first().cloned() else {
        return;
    };
    let text = script_text(&first);
    if text.contains(char::is_whitespace) || argv.len() == 1 {
        run(&text, effects);
    }
    effects.program(&argv);
}

/// A literal that a shell would run; a piece of one that does not parse is no command by itself.
fn run(text: &str, effects: &mut Effects) {
    effects.text(text, Data::Nothing).forgiving(unparsable);
}

/// `open(path, "w")`, and Perl's `open(F, ">path")`.
fn opens_for_writing(call: &FunctionCall<'_>) -> bool {
    call.arguments.iter().flat_map(|tokens| tokens.iter()).any(|token| {
        matches!(token, Token::Literal(text)
            if text.starts_with('>') || text.starts_with("+<")
                || text.len() <= 3 && text.contains(['w', 'a', '+', 'x']) && text.chars().all(|c| "rwabtx+".contains(c)))
    })
}

fn strip_mode(mut field: Field) -> Field {
    if let Some(Part::Text(text)) = field.0.first_mut() {
        *text = text.trim_start_matches(['>', '<', '+', ' ']).to_owned();
    }
    field
}

fn changes_permissions(script: &Call<'_>, call: &FunctionCall<'_>, names: &Names, effects: &mut Effects) {
    for argument in call.arguments.iter().filter(|tokens| has_path(tokens)) {
        for (target, place) in script.places(&names.value(argument)) {
            if matches!(place, Place::Root | Place::System | Place::Home | Place::Protected | Place::Disk) {
                return effects.refuse("permissions", format!("the code would change who may use {}", target.shown()));
            }
        }
    }
}

fn kills_all(call: &FunctionCall<'_>) -> bool {
    call.arguments.iter().any(|tokens| matches!(tokens, [Token::Symbol('-'), Token::Word(number)] if number == "1"))
        || matches!(call.arguments.first(), Some([Token::Word(number)]) if number == "1")
}

/// awk: `"cmd" | getline`, `print | "cmd"`, `print > "file"`.
fn awk_literal(tokens: &[Token], at: usize, text: &str, effects: &mut Effects) {
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    let after = tokens.get(at + 1);
    if matches!(before, Some(Token::Symbol('|'))) || matches!(after, Some(Token::Symbol('|'))) {
        run(text, effects);
        if text.split_whitespace().next().is_some_and(|program| program.ends_with("sh")) {
            return effects.refuse("decoded-shell", "the text that awk prints would be run by a shell");
        }
    }
    if matches!(before, Some(Token::Symbol('>'))) {
        effects.writes("awk", &Field::text(text), Write::Replace);
    }
}
