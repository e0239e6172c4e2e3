//! What well-known programs print, as far as it decides what a shell would then run.

use super::effects::Call;
use super::invocation::Invocation;
use super::judge::{Judge, Judged};
use super::knowledge::{Knowledge, Printed};
use super::options::Options;
use super::printing;
use super::programs::interpreters::is_interpreter;
use super::programs::processes::{every_process, lists_all, means_everything};
use super::programs::search::Search;
use super::scope::Scope;
use super::scripts;
use super::values::{Data, Field, Origin, Part};

/// What the program prints.
pub(super) fn of(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged {
    let arguments = &call.arguments;
    let name = call.name.as_str();
    Ok(match name {
        "echo" | "yes" => printing::echo(arguments),
        // Of ksh and zsh.
        "print" => printing::echo(&arguments[arguments.iter().take_while(|argument| is_option(argument)).count()..]),
        "printf" => printing::printf(judge, arguments, scope)?,
        "cat" | "tac" | "bat" => {
            pay_for_files(judge, arguments, scope)?;
            cat(arguments, scope)
        }
        // What it would run, where it only says so.
        "command" => last(arguments),
        "basename" => base(arguments),
        "dirname" => arguments.last().map_or_else(Data::local, parent),
        "git" if arguments.iter().any(|argument| argument.is("--show-toplevel")) => {
            Data::Text(super::expand::directory(scope))
        }
        "pwd" => Data::Text(super::expand::directory(scope)),
        "whoami" | "logname" => Data::Text(Field::text(judge.context.user())),
        "mktemp" => Data::Text(Field::text("/tmp/made-by-mktemp")),
        "find" | "gfind" | "bfs" => Data::Names(Search::read(arguments).found()),
        "ls" | "dir" | "vdir" => list(arguments, scope),
        "ps" if lists_all(arguments) => every_process(),
        "pgrep" if arguments.last().is_some_and(means_everything) => every_process(),
        "seq" | "nproc" => Data::Opaque(Origin::Number),
        "wc" if arguments.iter().all(is_option) => Data::Opaque(Origin::Number),
        "date" if matches!(arguments.as_slice(), [format] if format.is("+%s")) => Data::Opaque(Origin::Number),
        "id" if matches!(arguments.as_slice(), [user] if user.is("-u")) => Data::Opaque(Origin::Number),
        "date" | "id" | "wc" | "uname" | "hostname" | "pgrep" | "pidof" | "getconf" => Data::local(),
        _ if is_interpreter(name) && has_inline_code(arguments) => Data::Opaque(Origin::Decoded),
        // A search narrows the list to what is meant.
        "grep" | "egrep" | "fgrep" | "rg" if scope.stdin == every_process() => narrowed(arguments),
        "awk" | "gawk" | "mawk" | "nawk" => awk(arguments, &scope.stdin),
        _ => {
            let mentions = |word: &str| judge.mentions(word);
            let seen = Call { name, arguments, scope, context: judge.context, mentions: &mentions };
            let Some(printed) = Knowledge::built_in().printed(&seen) else {
                return Ok(Data::local());
            };
            if printed == Printed::LastOperand {
                return Ok(last(arguments));
            }
            pay_for_files(judge, arguments, scope)?;
            let input = scope.stdin.then_from(arguments, scope);
            match printed {
                Printed::Input | Printed::LastOperand => input,
                Printed::Fetched => Data::Opaque(Origin::Fetched),
                _ if input.origin() == Some(Origin::Fetched) => Data::Opaque(Origin::Fetched),
                Printed::Decoded => Data::Opaque(Origin::Decoded),
                Printed::Changed => input.disguised(),
            }
        }
    })
}

/// What a search leaves of the list of all processes.
fn narrowed(arguments: &[Field]) -> Data {
    let inverts = arguments.iter().any(|argument| argument.is("-v"));
    if inverts { every_process() } else { Data::local() }
}

/// Each argument that names a file or the input can be another copy of it.
fn pay_for_files(judge: &mut Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    let largest = scope.files.values().chain([&scope.stdin]).map(Data::weight).max().unwrap_or(1);
    let known = !scope.files.is_empty() || arguments.iter().any(scripts::is_stdin);
    judge.pay(if known { arguments.len().saturating_mul(largest) } else { 0 })
}

impl Data {
    /// The input, or a file written in this line that is named among the arguments.
    fn then_from(&self, arguments: &[Field], scope: &Scope) -> Self {
        let files = arguments.iter().filter_map(|argument| scope.file(argument));
        let read = files.fold(Self::Nothing, Self::then);
        if arguments.iter().any(super::statements::is_connection) {
            return Self::Opaque(Origin::Fetched);
        }
        match (&read, self) {
            (Self::Nothing, Self::Nothing) => Self::local(),
            (Self::Nothing, input) => input.clone(),
            _ => read,
        }
    }
}

/// Code on the command line can print anything.
fn has_inline_code(arguments: &[Field]) -> bool {
    let inline = ["-c", "-e", "-E", "-r", "-p", "-ne", "-pe", "-le", "-lne", "--eval", "--print"];
    arguments.iter().any(|argument| inline.iter().any(|option| argument.is(option)))
}

/// awk makes commands of lines in daily work, so it is no disguise: what it prints are its literals and its input.
fn awk(arguments: &[Field], input: &Data) -> Data {
    let program =
        Options::read(arguments, &["-F", "-v", "-f"]).operands.first().map(Field::visible).unwrap_or_default();
    if *input == every_process() {
        return if program.trim_start().starts_with('{') { every_process() } else { Data::local() };
    }
    let literals: Vec<&str> = program.split('"').skip(1).step_by(2).collect();
    let mut text = Field::default();
    for literal in literals {
        text.push(Part::Text(literal.to_owned()));
        text.push(Part::Unknown(input.origin().unwrap_or(Origin::Local)));
    }
    if matches!(input, Data::Text(_)) { input.disguised() } else { Data::Text(text) }
}

/// Files that this line wrote are known, others are as they are; without files the input passes.
fn cat(arguments: &[Field], scope: &Scope) -> Data {
    let operands = Options::read(arguments, &[]).operands;
    if operands.is_empty() {
        return scope.stdin.clone();
    }
    let content = |file: &Field| {
        if scripts::is_stdin(file) {
            return scope.stdin.clone();
        }
        if file.is("/dev/null") {
            return Data::Nothing;
        }
        scope.file(file).unwrap_or_else(Data::local)
    };
    operands.iter().map(content).fold(Data::Nothing, Data::then)
}

fn last(arguments: &[Field]) -> Data {
    let operand = arguments.iter().rev().find(|argument| !argument.visible().starts_with('-'));
    operand.map_or_else(Data::local, |field| Data::Text(field.clone()))
}

fn base(arguments: &[Field]) -> Data {
    let operand = arguments.iter().find(|argument| !argument.visible().starts_with('-'));
    match operand.and_then(Field::known) {
        Some(text) => {
            let trimmed = text.trim_end_matches('/');
            Data::Text(Field::text(trimmed.rsplit('/').next().unwrap_or(trimmed)))
        }
        None => Data::local(),
    }
}

fn parent(field: &Field) -> Data {
    match field.known() {
        Some(text) => {
            let trimmed = text.trim_end_matches('/');
            Data::Text(Field::text(match trimmed.rsplit_once('/') {
                Some(("", _)) => "/",
                Some((parent, _)) => parent,
                None if text.starts_with('/') => "/",
                None => ".",
            }))
        }
        None => Data::local(),
    }
}

/// The names in a directory, as far as they are names of what is there.
fn list(arguments: &[Field], scope: &Scope) -> Data {
    let options = Options::read(arguments, &["-I", "--ignore", "-w", "-T", "--hide"]);
    if options.has(&["-d", "--directory"]) {
        return Data::Names(options.operands);
    }
    if options.operands.is_empty() {
        let mut all = super::expand::directory(scope);
        all.push(Part::Text("/".into()));
        all.0.push(Part::Glob("*".into()));
        return Data::Names(vec![all]);
    }
    let globs: Vec<Field> = options.operands.iter().filter(|operand| operand.has_glob()).cloned().collect();
    if globs.is_empty() { Data::local() } else { Data::Names(globs) }
}

fn is_option(argument: &Field) -> bool {
    argument.known().is_some_and(|text| text.starts_with('-'))
}
