//! Code handed to an interpreter on its command line, its input or in a file of the same line.
//!
//! The code is not executed in thought as a shell line is: calls that run commands, remove or write files
//! are found with the literals in their arguments, and those are judged.

mod calls;
mod expressions;
mod names;
mod scan;

use super::{edits, windows};
use crate::Refusal;
use crate::effects::Write;
use crate::judge::{Judge, Judged};
use crate::options::Options;
use crate::scope::Scope;
use crate::shells;
use crate::simple::Invocation;
use crate::values::{Data, Field};

/// A family of languages that share their quotes and comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Language {
    Python,
    JavaScript,
    Perl,
    Ruby,
    Php,
    Awk,
    PowerShell,
    Other,
}

fn language(name: &str) -> Option<Language> {
    let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    Some(match name {
        "python" | "pypy" | "ipython" | "python3-dbg" => Language::Python,
        "node" | "nodejs" | "deno" | "bun" | "ts-node" | "tsx" | "qjs" | "d" => Language::JavaScript,
        "perl" => Language::Perl,
        "ruby" | "jruby" | "irb" => Language::Ruby,
        "php" | "php-cli" => Language::Php,
        "awk" | "gawk" | "mawk" | "nawk" | "original-awk" => Language::Awk,
        "pwsh" | "powershell" => Language::PowerShell,
        "lua" | "luajit" | "Rscript" | "R" | "julia" | "osascript" | "tclsh" | "wish" | "guile" | "ghc" | "scala"
        | "groovy" | "elixir" | "erl" | "jshell" | "racket" | "sbcl" | "clojure" | "swift" => Language::Other,
        _ => return None,
    })
}

pub(in super::super) fn is_interpreter(name: &str) -> bool {
    name != "d" && language(name).is_some()
}

pub(super) fn judge(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let Some(kind) = language(&call.name) else {
        return Ok(());
    };
    match kind {
        Language::Awk => return awk(judge, call, scope),
        Language::PowerShell => return windows::powershell(judge, call, scope),
        _ => {}
    }
    let valued: &[&str] = match kind {
        Language::Python => &["-c", "-m", "-W", "-X", "-Q"],
        Language::Php => &["-r", "-B", "-R", "-E", "-d", "-f", "-F", "-S", "-c"],
        Language::Perl => &["-e", "-E", "-I"],
        Language::Ruby => &["-e", "-I", "-r", "-C"],
        Language::Other => &["-e", "--eval", "-eval", "-c", "-l"],
        _ => &["-e", "--eval", "-p", "--print", "-r", "--require", "-l", "-pe"],
    };
    let (options, read) = Options::leading(&call.arguments, valued);
    let mut operands = &call.arguments[read..];
    let code_options: &[&str] = match kind {
        Language::Python => &["-c"],
        Language::Php => &["-r", "-B", "-R", "-E"],
        Language::Perl => &["-e", "-E"],
        Language::Other => &["-e", "--eval", "-eval", "-c"],
        _ => &["-e", "--eval", "-p", "--print", "-pe"],
    };
    let texts: Vec<Field> = options.values(code_options).cloned().collect();
    in_place(judge, kind, call, (&options, &texts), operands, scope)?;
    if operands.first().is_some_and(|first| first.is("eval")) && kind == Language::JavaScript {
        operands = &operands[1..];
        return fields(judge, &call.name, operands, &[], scope);
    }
    if !texts.is_empty() {
        return fields(judge, &call.name, &texts, operands, scope);
    }
    if kind == Language::Python && options.has(&["-m"]) {
        return Ok(());
    }
    match operands.split_first() {
        Some((file, rest)) if !shells::is_stdin(file) => {
            shells::refuse_origin(file.origin(), &call.name)?;
            match scope.file(file) {
                // A program that was fetched into a file is there to be read; only what flows into a shell is not.
                Some(Data::Opaque(_)) if !file.visible().starts_with("/dev/fd/") => Ok(()),
                Some(content) => data(judge, &call.name, &content, rest, scope),
                None => Ok(()),
            }
        }
        _ => {
            let input = scope.stdin.clone();
            let rest = operands.get(1..).unwrap_or_default();
            data(judge, &call.name, &input, rest, scope)
        }
    }
}

/// `perl -i`, `ruby -i` edit the files they are given; `code`: their options and what they run.
fn in_place(
    judge: &Judge<'_>,
    kind: Language,
    call: &Invocation,
    code: (&Options, &[Field]),
    files: &[Field],
    scope: &Scope,
) -> Judged<()> {
    let (options, texts) = code;
    let edits = options.options.iter().any(|option| option.name.starts_with("-i"));
    if !edits || !matches!(kind, Language::Perl | Language::Ruby) {
        return Ok(());
    }
    let keeps = call.arguments.iter().any(|argument| edits::keeps_a_copy(&argument.visible()));
    let quiet = options.has(&["-n"]);
    let empties = !keeps && texts.iter().any(|text| edits::empties_by_code(&text.visible(), quiet));
    let how = if empties { Write::Empty } else { Write::Edit };
    files.iter().try_for_each(|file| judge.writes(&call.name, file, how, scope))
}

fn fields(judge: &mut Judge<'_>, name: &str, texts: &[Field], arguments: &[Field], scope: &mut Scope) -> Judged<()> {
    for text in texts {
        data(judge, name, &Data::Text(text.clone()), arguments, scope)?;
    }
    Ok(())
}

fn data(judge: &mut Judge<'_>, name: &str, source: &Data, arguments: &[Field], scope: &mut Scope) -> Judged<()> {
    shells::refuse_origin(source.origin(), name)?;
    code(judge, name, &shells::script_text(&source.field()), arguments, scope)
}

/// Judges code by the calls in it.
pub(in super::super) fn code(
    judge: &mut Judge<'_>,
    name: &str,
    text: &str,
    arguments: &[Field],
    scope: &mut Scope,
) -> Judged<()> {
    let Some(kind) = language(name) else {
        return Ok(());
    };
    judge.spend()?;
    if kind == Language::PowerShell {
        return windows::script(judge, text, scope);
    }
    for command in text.lines().filter(|_| name == "ipython").filter_map(|line| line.trim_start().strip_prefix('!')) {
        shells::run_text(judge, &Data::Nothing, command, &mut scope.clone())?;
    }
    if forks_without_end(text) {
        return Err(Refusal::new("fork-bomb", "the code starts processes without end"));
    }
    let tokens = scan::tokens(text, kind);
    judge.deeper(|judge| calls::judge(judge, kind, &tokens, text, arguments, scope))
}

fn forks_without_end(text: &str) -> bool {
    let text = text.to_lowercase();
    let loops = ["while", "loop", "for(;;)", "for (;;)", "until", "iter(int"].iter().any(|word| text.contains(word));
    let forks =
        ["fork()", "os.fork", "fork while", "{fork}", "{ fork", "fork;", "fork }", "fork\n", "pcntl_fork", ".fork("];
    loops && forks.iter().any(|word| text.contains(word))
}

/// awk's program is its first operand, or every `-e`.
fn awk(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let options = Options::read(&call.arguments, &["-f", "-F", "-v", "-e", "--source", "--file", "-i"]);
    let mut texts: Vec<Field> = options.values(&["-e", "--source"]).cloned().collect();
    for file in options.values(&["-f", "--file"]) {
        if let Some(content) = scope.file(file) {
            texts.push(content.field());
        }
    }
    if texts.is_empty() {
        texts.extend(options.operands.first().cloned());
    }
    // `system(c)` of `-v c=…`, `system($0)` of the input.
    let program: String = texts.iter().map(Field::visible).collect();
    if program.contains("system(") {
        let set = options.values(&["-v"]).filter_map(|set| set.split_once('=')).map(|(_, value)| value);
        let input = scope.stdin.field();
        for command in set.chain(program.contains("system($").then_some(input)) {
            shells::run_text(judge, &Data::Text(command.clone()), &shells::script_text(&command), &mut scope.clone())?;
        }
    }
    if options.values(&["-i"]).any(|library| library.is("inplace")) {
        let how = if ["{}", "", "0"].contains(&program.trim()) { Write::Empty } else { Write::Edit };
        for file in options.operands.iter().skip(1) {
            judge.writes(&call.name, file, how, scope)?;
        }
    }
    fields(judge, &call.name, &texts, &[], scope)
}
