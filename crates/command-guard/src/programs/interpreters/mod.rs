//! Code handed to an interpreter on its command line, its input or in a file of the same line.
//!
//! The code is not executed in thought as a shell line is: calls that run commands, remove or write files
//! are found with the literals in their arguments, and those are judged.

mod calls;
mod expressions;
mod scan;

use super::{edits, windows};
use crate::effects::{Call, Code, Effects, Write};
use crate::options::Options;
use crate::scripts::{is_stdin, script_text};
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

pub(super) fn judge(call: &Call<'_>, effects: &mut Effects) {
    let Some(kind) = language(call.name) else {
        return;
    };
    match kind {
        Language::Awk => return awk(call, effects),
        Language::PowerShell => return windows::powershell(call, effects),
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
    let (options, read) = Options::leading(call.arguments, valued);
    let mut operands = &call.arguments[read..];
    let code_options: &[&str] = match kind {
        Language::Python => &["-c"],
        Language::Php => &["-r", "-B", "-R", "-E"],
        Language::Perl => &["-e", "-E"],
        Language::Other => &["-e", "--eval", "-eval", "-c"],
        _ => &["-e", "--eval", "-p", "--print", "-pe"],
    };
    let texts: Vec<Field> = options.values(code_options).cloned().collect();
    in_place(call, kind, (&options, &texts), operands, effects);
    if operands.first().is_some_and(|first| first.is("eval")) && kind == Language::JavaScript {
        operands = &operands[1..];
        return fields(call.name, operands, &[], effects);
    }
    if !texts.is_empty() {
        return fields(call.name, &texts, operands, effects);
    }
    if kind == Language::Python && options.has(&["-m"]) {
        return;
    }
    match operands.split_first() {
        Some((file, rest)) if !is_stdin(file) => {
            effects.refuse_origin(file.origin(), call.name);
            match call.scope.file(file) {
                // A program that was fetched into a file is there to be read; only what flows into a shell is not.
                Some(Data::Opaque(_)) if !file.visible().starts_with("/dev/fd/") => {}
                Some(content) => runs(call.name, &content, rest, effects),
                None => {}
            }
        }
        _ => runs(call.name, &call.scope.stdin, operands.get(1..).unwrap_or_default(), effects),
    }
}

/// `perl -i`, `ruby -i` edit the files they are given; `code`: their options and what they run.
fn in_place(call: &Call<'_>, kind: Language, code: (&Options, &[Field]), files: &[Field], effects: &mut Effects) {
    let (options, texts) = code;
    let edits = options.options.iter().any(|option| option.name.starts_with("-i"));
    if !edits || !matches!(kind, Language::Perl | Language::Ruby) {
        return;
    }
    let keeps = call.arguments.iter().any(|argument| edits::keeps_a_copy(&argument.visible()));
    let quiet = options.has(&["-n"]);
    let empties = !keeps && texts.iter().any(|text| edits::empties_by_code(&text.visible(), quiet));
    let how = if empties { Write::Empty } else { Write::Edit };
    files.iter().for_each(|file| effects.writes(call.name, file, how));
}

fn fields(name: &str, texts: &[Field], arguments: &[Field], effects: &mut Effects) {
    texts.iter().for_each(|text| runs(name, &Data::Text(text.clone()), arguments, effects));
}

/// Runs code of the interpreter of this name.
fn runs(name: &str, source: &Data, arguments: &[Field], effects: &mut Effects) {
    effects.refuse_origin(source.origin(), name);
    let (interpreter, arguments) = (name.to_owned(), arguments.to_vec());
    effects.run(Code::Script { interpreter, text: script_text(&source.field()), arguments });
}

/// Says what code does, by the calls in it; the name and the arguments of `call` are the code's.
pub(in super::super) fn code(call: &Call<'_>, text: &str, effects: &mut Effects) {
    let Some(kind) = language(call.name) else {
        return;
    };
    if kind == Language::PowerShell {
        return windows::script(call, text, effects);
    }
    let is_notebook = call.name == "ipython";
    for command in text.lines().filter(|_| is_notebook).filter_map(|line| line.trim_start().strip_prefix('!')) {
        effects.text(command, Data::Nothing);
    }
    if forks_without_end(text) {
        return effects.refuse("fork-bomb", "the code starts processes without end");
    }
    calls::judge(call, kind, &scan::tokens(text, kind), text, effects);
}

fn forks_without_end(text: &str) -> bool {
    let text = text.to_lowercase();
    let loops = ["while", "loop", "for(;;)", "for (;;)", "until", "iter(int"].iter().any(|word| text.contains(word));
    let forks =
        ["fork()", "os.fork", "fork while", "{fork}", "{ fork", "fork;", "fork }", "fork\n", "pcntl_fork", ".fork("];
    loops && forks.iter().any(|word| text.contains(word))
}

/// awk's program is its first operand, or every `-e`.
fn awk(call: &Call<'_>, effects: &mut Effects) {
    let options = Options::read(call.arguments, &["-f", "-F", "-v", "-e", "--source", "--file", "-i"]);
    let mut texts: Vec<Field> = options.values(&["-e", "--source"]).cloned().collect();
    for file in options.values(&["-f", "--file"]) {
        if let Some(content) = call.scope.file(file) {
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
        let input = call.scope.stdin.field();
        for command in set.chain(program.contains("system($").then_some(input)) {
            effects.line(&command);
        }
    }
    if options.values(&["-i"]).any(|library| library.is("inplace")) {
        let how = if ["{}", "", "0"].contains(&program.trim()) { Write::Empty } else { Write::Edit };
        for file in options.operands.iter().skip(1) {
            effects.writes(call.name, file, how);
        }
    }
    fields(call.name, &texts, &[], effects);
}
