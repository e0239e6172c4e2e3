//! Calls in code: what runs a command, removes, writes.

use super::Language;
use super::expressions::{Names, has_path, split};
use super::names::{EVALUATORS, REMOVERS, RUNNERS, WRITERS};
use super::scan::Token;
use crate::Refusal;
use crate::effects::Write;
use crate::judge::{Judge, Judged};
use crate::places::Place;
use crate::scope::Scope;
use crate::shells;
use crate::values::{Data, Field, Part};

struct Call<'t> {
    /// The name without what it belongs to, in lower case.
    name: String,
    /// The name in full: `os.system`.
    full: &'t str,
    arguments: Vec<&'t [Token]>,
    /// What follows the closing parenthesis.
    after: &'t [Token],
}

pub(super) fn judge(
    judge: &mut Judge<'_>,
    language: Language,
    tokens: &[Token],
    text: &str,
    arguments: &[Field],
    scope: &mut Scope,
) -> Judged<()> {
    let names = Names::read(judge.context.home, tokens);
    let calls = calls(tokens, &names);
    refuse_disguise(&calls, text)?;
    for call in &calls {
        one(judge, language, call, &names, scope)?;
    }
    removes_listed(judge, &calls, &names, scope)?;
    removes_each(judge, &calls, tokens, &names, scope)?;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Command(command) => run(judge, command, scope)?,
            Token::Literal(text) if language == Language::Awk => awk_literal(judge, tokens, at, text, scope)?,
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
                run(judge, text, scope)?;
                judge.removes("code", &names.tilde(Field::text(text.clone()).activated()), true, scope)?;
            }
        }
    }
    passed_arguments(judge, &calls, text, arguments, scope)
}

/// `sys.argv`, `ARGV`: what follows the code on the command line can be run or removed by it.
fn passed_arguments(
    judge: &mut Judge<'_>,
    calls: &[Call<'_>],
    text: &str,
    arguments: &[Field],
    scope: &mut Scope,
) -> Judged<()> {
    let lower = text.to_lowercase();
    if arguments.is_empty() || !(lower.contains("argv") || lower.contains("args")) {
        return Ok(());
    }
    if calls.iter().any(|call| REMOVERS.contains(&call.name.as_str())) {
        for argument in arguments {
            judge.removes("code", argument, true, scope)?;
        }
    }
    if calls.iter().any(|call| RUNNERS.contains(&call.name.as_str())) {
        judge.run(arguments, &mut scope.clone())?;
    }
    Ok(())
}

/// Every call `name(…)`, and `name "…"` for the names that matter.
fn calls<'t>(tokens: &'t [Token], names: &Names) -> Vec<Call<'t>> {
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
        calls.push(Call { name, full, arguments: split(inside), after });
    }
    calls
}

fn known(name: &str) -> bool {
    [RUNNERS, REMOVERS, WRITERS, &["open", "kill", "glob"]].iter().any(|names| names.contains(&name))
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
fn refuse_disguise(calls: &[Call<'_>], text: &str) -> Judged<()> {
    let runs = calls
        .iter()
        .any(|call| RUNNERS.contains(&call.name.as_str()) || matches!(call.name.as_str(), "eval" | "function"));
    const DECODERS: &[&str] = &[
        "b64decode",
        "b32decode",
        "a85decode",
        "fromhex",
        "unhexlify",
        "codecs.decode",
        "rot13",
        "rot_13",
        "atob(",
        "fromCharCode",
        "pack(",
        "chr(",
        "decode_base64",
        "base64_decode",
        "Base64.decode64",
        "decode64",
        "zlib.decompress",
        "marshal.loads",
        "gzinflate",
        "[::-1]",
        ".reverse()",
        "'base64')",
        "\"base64\")",
        "'hex')",
        "\"hex\")",
        "hex2bin",
        "str_rot13",
        "strrev",
        "unpack(",
    ];
    if runs && DECODERS.iter().any(|decoder| text.contains(decoder)) {
        return Err(Refusal::new("decoded-shell", "the code decodes a disguised text and runs commands"));
    }
    let fetches = |tokens: &&[Token]| {
        tokens.iter().any(|token| matches!(token, Token::Word(word) if {
            let word = word.to_lowercase();
            ["urlopen", "uri.open", "requests.get", "urlretrieve", "fetch", "http.get", "httpx.get", "file_get_contents", "lwp::simple", "net::http"].iter().any(|name| word.contains(name))
        }))
    };
    let evaluates = |call: &&Call<'_>| matches!(call.name.as_str(), "exec" | "eval" | "system" | "function");
    if calls.iter().filter(evaluates).any(|call| call.arguments.iter().any(fetches)) {
        return Err(Refusal::new("pipe-to-shell", "the code runs what it fetches from the network"));
    }
    Ok(())
}

fn one(judge: &mut Judge<'_>, language: Language, call: &Call<'_>, names: &Names, scope: &mut Scope) -> Judged<()> {
    let name = call.name.as_str();
    let method = method_after(call);
    if REMOVERS.contains(&name) || call.name == "path" && method.as_deref().is_some_and(|name| REMOVERS.contains(&name))
    {
        for argument in &call.arguments {
            for field in names.list(argument) {
                judge.removes(call.full, &field.activated(), true, scope)?;
            }
        }
    }
    let writes = matches!(call.full, "File.write" | "IO.write" | "IO.binwrite")
        || WRITERS.contains(&name)
        || call.name == "path" && method.as_deref().is_some_and(|name| WRITERS.contains(&name));
    if (writes || name == "open" && opens_for_writing(call))
        && let Some(path) = call.arguments.iter().find(|tokens| has_path(tokens))
    {
        let path = strip_mode(names.value(path));
        judge.writes(call.full, &path, Write::Replace, scope)?;
    }
    if matches!(name, "chmod" | "chown" | "chmodsync" | "chownsync" | "lchown" | "chmod_r") {
        changes_permissions(judge, call, names, scope)?;
    }
    let moves = matches!(name, "rename" | "renames" | "renamesync" | "move") || call.full == "os.replace";
    if moves && let [from, to, ..] = call.arguments.as_slice() {
        judge.moves_away(&names.value(from), scope)?;
        judge.writes(call.full, &names.value(to), Write::Replace, scope)?;
    }
    if name == "open" {
        let literals = call.arguments.iter().flat_map(|tokens| tokens.iter());
        for token in literals {
            // Perl's pipes: `open(F, "|command")`, `open(F, "command|")`.
            if let Token::Literal(text) = token
                && (text.starts_with('|') || text.ends_with('|'))
            {
                run(judge, text.trim_matches('|'), scope)?;
            }
        }
    }
    if name == "kill" && kills_all(call) {
        return Err(Refusal::new("kill-all", "the code would end every process"));
    }
    if EVALUATORS.contains(&name) && !(name == "exec" && call.full.contains('.')) && runs_code(language, name) {
        for argument in &call.arguments {
            if let Some(text) = names.value(argument).known().filter(|text| !text.is_empty()) {
                let language = match language {
                    Language::JavaScript => "node",
                    Language::Perl => "perl",
                    Language::Ruby => "ruby",
                    Language::Php => "php",
                    _ => "python",
                };
                super::code(judge, language, &text, &[], scope)?;
            }
        }
    } else if RUNNERS.contains(&name) {
        runs(judge, call, names, scope)?;
    }
    Ok(())
}

/// Code that lists a directory and removes something removes what it listed.
fn removes_listed(judge: &Judge<'_>, calls: &[Call<'_>], names: &Names, scope: &Scope) -> Judged<()> {
    let removes = calls.iter().any(|call| REMOVERS.contains(&call.name.as_str()));
    const LISTERS: &[&str] = &[
        "glob",
        "iglob",
        "listdir",
        "walk",
        "scandir",
        "readdir",
        "readdirsync",
        "children",
        "entries",
        "rglob",
        "iterdir",
    ];
    for call in calls.iter().filter(|call| removes && LISTERS.contains(&call.name.as_str())) {
        for argument in call.arguments.iter().filter(|tokens| has_path(tokens)) {
            let mut listed = names.value(argument).activated();
            if !listed.has_glob() {
                listed.push(Part::Text("/".into()));
                listed.0.push(Part::Below);
            }
            judge.removes(call.full, &listed, true, scope)?;
        }
    }
    Ok(())
}

/// `for d in ("/etc", "/usr"): rmtree(d)`: what a loop goes through can be what it removes.
fn removes_each(judge: &Judge<'_>, calls: &[Call<'_>], tokens: &[Token], names: &Names, scope: &Scope) -> Judged<()> {
    if !calls.iter().any(|call| REMOVERS.contains(&call.name.as_str())) {
        return Ok(());
    }
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| matches!(token, Token::Word(word) if word == "in")) {
        let list = tokens[at + 1..].iter().take_while(|token| !matches!(token, Token::Symbol(')' | ']' | '\n' | ':')));
        for token in list {
            if let Token::Literal(text) = token {
                judge.removes("code", &names.tilde(Field::text(text.clone()).activated()), true, scope)?;
            }
        }
    }
    Ok(())
}

/// `exec` is a command in most languages and code in Python; `eval` is code everywhere.
fn runs_code(language: Language, name: &str) -> bool {
    name != "exec" || language == Language::Python
}

/// `Path("x").unlink()`: the method called on what was made.
fn method_after(call: &Call<'_>) -> Option<String> {
    match call.after.first()? {
        Token::Word(word) => word.strip_prefix('.').map(str::to_lowercase),
        _ => None,
    }
}

fn runs(judge: &mut Judge<'_>, call: &Call<'_>, names: &Names, scope: &mut Scope) -> Judged<()> {
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
        return Ok(());
    };
    let text = shells::script_text(&first);
    if text.contains(char::is_whitespace) || argv.len() == 1 {
        run(judge, &text, scope)?;
    }
    judge.run(&argv, &mut scope.clone()).map(drop)
}

/// A literal that a shell would run; a piece of one that does not parse is no command by itself.
fn run(judge: &mut Judge<'_>, text: &str, scope: &mut Scope) -> Judged<()> {
    let source = Data::Nothing;
    match shells::run_text(judge, &source, text, &mut scope.clone()) {
        Err(refusal) if refusal.rule != "unparsable" => Err(refusal),
        _ => Ok(()),
    }
}

/// `open(path, "w")`, and Perl's `open(F, ">path")`.
fn opens_for_writing(call: &Call<'_>) -> bool {
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

fn changes_permissions(judge: &Judge<'_>, call: &Call<'_>, names: &Names, scope: &Scope) -> Judged<()> {
    for argument in call.arguments.iter().filter(|tokens| has_path(tokens)) {
        for (target, place) in judge.places(&names.value(argument), scope) {
            if matches!(place, Place::Root | Place::System | Place::Home | Place::Protected | Place::Disk) {
                return Err(Refusal::new(
                    "permissions",
                    format!("the code would change who may use {}", target.shown()),
                ));
            }
        }
    }
    Ok(())
}

fn kills_all(call: &Call<'_>) -> bool {
    call.arguments.iter().any(|tokens| matches!(tokens, [Token::Symbol('-'), Token::Word(number)] if number == "1"))
        || matches!(call.arguments.first(), Some([Token::Word(number)]) if number == "1")
}

/// awk: `"cmd" | getline`, `print | "cmd"`, `print > "file"`.
fn awk_literal(judge: &mut Judge<'_>, tokens: &[Token], at: usize, text: &str, scope: &mut Scope) -> Judged<()> {
    let before = at.checked_sub(1).and_then(|at| tokens.get(at));
    let after = tokens.get(at + 1);
    if matches!(before, Some(Token::Symbol('|'))) || matches!(after, Some(Token::Symbol('|'))) {
        run(judge, text, scope)?;
        if text.split_whitespace().next().is_some_and(|program| program.ends_with("sh")) {
            return Err(Refusal::new("decoded-shell", "the text that awk prints would be run by a shell"));
        }
    }
    if matches!(before, Some(Token::Symbol('>'))) {
        judge.writes("awk", &Field::text(text), Write::Replace, scope)?;
    }
    Ok(())
}
