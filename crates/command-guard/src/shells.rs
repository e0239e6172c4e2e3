//! Texts that a shell runs: `sh -c`, here-documents and pipes into a shell, `eval`, `source`.

use super::grammar::{self, Grammar};
use super::invocation::Invocation;
use super::judge::{Judge, Judged};
use super::options::Options;
use super::scope::Scope;
use super::scripts::{is_stdin, refuse_origin, script_text};
use super::syntax::Dialect;
use super::values::{Data, Field};
use super::zsh;

/// Judges `text`, which came as `source`, as a shell would run it.
pub(super) fn run_text(judge: &mut Judge<'_>, source: &Data, text: &str, scope: &mut Scope) -> Judged {
    refuse_origin(source.origin(), "a shell")?;
    judge_both(judge, text, scope)
}

/// Judges a text as the shell reads it that will run it.
pub(super) fn judge_as(judge: &mut Judge<'_>, grammar: Grammar, text: &str, scope: &mut Scope) -> Judged {
    match grammar {
        Grammar::Bash => judge.text(text, Dialect::Bash, scope),
        Grammar::Posix => judge.text(text, Dialect::Posix, scope),
        Grammar::BashOrPosix => judge_both(judge, text, scope),
        Grammar::Zsh => {
            zsh::check(text)?;
            // zsh cuts at blanks where it is told to.
            judge.apart(|judge| judge.text(text, Dialect::Bash, &mut scope.clone()))?;
            judge.text(text, Dialect::Zsh, scope)
        }
    }
}

/// Judges a text in both readings where they differ.
pub(super) fn judge_both(judge: &mut Judge<'_>, text: &str, scope: &mut Scope) -> Judged {
    if !differs(text) {
        return judge.text(text, Dialect::Bash, scope);
    }
    let mut other = scope.clone();
    let (posix, bash) = judge.first_and_then(
        scope,
        |judge| judge.text(text, Dialect::Posix, &mut other),
        |judge, scope| judge.text(text, Dialect::Bash, scope),
    );
    combine(bash, posix)
}

/// Refused when either reading is dangerous; what only one shell can read is what that one runs.
pub(super) fn combine<T>(bash: Judged<T>, posix: Judged<T>) -> Judged<T> {
    match (bash, posix) {
        (Err(refusal), Ok(data)) | (Ok(data), Err(refusal)) if refusal.rule == "unparsable" => Ok(data),
        (Err(refusal), Err(other)) if refusal.rule == "unparsable" => Err(other),
        (Err(refusal), _) | (Ok(_), Err(refusal)) => Err(refusal),
        (Ok(data), Ok(_)) => Ok(data),
    }
}

/// Whether bash and a POSIX shell can read `text` differently.
pub(super) fn differs(text: &str) -> bool {
    ["$'", "$\"", "((", "[[", "&>", "<(", ">(", "|&", "<<<", "$[", "function", "coproc", "time", "=("]
        .iter()
        .any(|mark| text.contains(mark))
}

/// `sh`, `bash -c`, `su -c` and their kin; `None`: the program is none of them.
pub(super) fn run(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<Option<Data>> {
    let name = call.name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    match name.trim_start_matches('-') {
        "bash" | "zsh" | "ksh" | "mksh" | "rbash" | "fish" | "csh" | "tcsh" | "sh" | "dash" | "ash" | "yash" => {
            shell(judge, grammar::of_shell(name.trim_start_matches('-')), &call.arguments, scope).map(Some)
        }
        "su" | "runuser" | "script" | "nix-shell" | "sg" | "newgrp" => user_shell(judge, call, scope),
        _ => Ok(None),
    }
}

fn shell(judge: &mut Judge<'_>, grammar: Grammar, arguments: &[Field], scope: &mut Scope) -> Judged {
    let valued = ["-o", "-O", "--rcfile", "--init-file"];
    // `+x` switches off what `-x` switches on.
    let arguments: Vec<Field> =
        arguments.iter().filter(|argument| !argument.visible().starts_with('+')).cloned().collect();
    let (options, read) = Options::leading(&arguments, &valued);
    let mut operands = &arguments[read..];
    let mut inner = scope.clone();
    inner.calls.clear();
    inner.functions.clear();
    if options.has(&["-n"]) && !options.has(&["-c"]) {
        // Only the syntax is checked.
        return Ok(Data::Nothing);
    }
    for file in options.values(&["--rcfile", "--init-file"]) {
        if let Some(content) = scope.file(file) {
            run_file(judge, &content, &[], &mut inner.clone())?;
        }
    }
    if options.has(&["-c", "--command"]) {
        let Some((text, rest)) = operands.split_first() else {
            return Ok(Data::Nothing);
        };
        inner.positional = Some(rest.iter().skip(1).cloned().collect());
        if let Some(name) = rest.first() {
            inner.set_one("0", name.clone());
        }
        refuse_origin(text.origin(), "a shell")?;
        return judge_as(judge, grammar, &script_text(text), &mut inner);
    }
    while operands.first().is_some_and(|first| first.is("-")) {
        operands = &operands[1..];
    }
    let reads_input = options.has(&["-s"]);
    match operands.split_first() {
        Some((file, rest)) if !reads_input && !is_stdin(file) => {
            let content = scope.file(file);
            inner.positional = Some(rest.to_vec());
            match content {
                Some(content) => run_file(judge, &content, rest, &mut inner),
                None => {
                    refuse_origin(file.origin(), "a shell")?;
                    Ok(Data::local())
                }
            }
        }
        _ => {
            inner.positional = Some(operands.to_vec());
            let source = std::mem::take(&mut inner.stdin);
            refuse_origin(source.origin(), "a shell")?;
            judge_as(judge, grammar, &script_text(&source.field()), &mut inner)
        }
    }
}

fn user_shell(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<Option<Data>> {
    let valued = ["-c", "--command", "-s", "--shell", "-g", "-G", "-u", "--run", "-p", "-I", "-O", "-T", "-E"];
    let options = Options::read(&call.arguments, &valued);
    let mut output = Data::local();
    for text in options.values(&["-c", "--command", "--run"]) {
        let source = Data::Text(text.clone());
        output = run_text(judge, &source, &script_text(text), &mut scope.clone())?;
    }
    // `runuser -u name -- command`
    let separator = call.arguments.iter().position(|argument| argument.is("--"));
    if let Some(at) = separator {
        output = judge.run(&call.arguments[at + 1..], &mut scope.clone())?;
    } else if call.name != "script" && !scope.stdin.items().is_empty() && !options.has(&["-c", "--command"]) {
        let source = scope.stdin.clone();
        output = run_text(judge, &source, &script_text(&source.field()), &mut scope.clone())?;
    }
    Ok(Some(output))
}

/// `source file`: the file runs in this shell.
pub(super) fn source(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged {
    let Some(file) = arguments.first() else {
        return Ok(Data::Nothing);
    };
    refuse_origin(file.origin(), "this shell")?;
    let content = if is_stdin(file) { Some(scope.stdin.clone()) } else { scope.file(file) };
    match content {
        Some(content) => run_text(judge, &content, &script_text(&content.field()), scope),
        None => Ok(Data::local()),
    }
}

/// Runs a file that the same line wrote: as a script, of the interpreter that its first line names.
pub(super) fn run_file(judge: &mut Judge<'_>, content: &Data, arguments: &[Field], scope: &mut Scope) -> Judged {
    refuse_origin(content.origin(), "this machine")?;
    let text = script_text(&content.field());
    let interpreter = text
        .lines()
        .next()
        .and_then(|line| line.strip_prefix("#!"))
        .and_then(|line| line.split_whitespace().last())
        .and_then(|program| program.rsplit('/').next());
    let mut inner = scope.clone();
    inner.positional = Some(arguments.to_vec());
    if let Some(name) = interpreter
        && super::programs::interpreters::is_interpreter(name)
    {
        return judge.script_of(name, &text, arguments, &mut inner);
    }
    judge_both(judge, &text, &mut inner)
}
