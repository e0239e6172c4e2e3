//! What well-known programs print, as far as it decides what a shell would then run.

use super::judge::{Judge, Judged};
use super::options::Options;
use super::programs::interpreters::is_interpreter;
use super::programs::search::Search;
use super::scope::Scope;
use super::shells;
use super::simple::Invocation;
use super::values::{Data, Field, Origin, Part};

/// Programs that print what they fetch.
const FETCHERS: &[&str] = &[
    "curl",
    "wget",
    "fetch",
    "http",
    "https",
    "xh",
    "aria2c",
    "lynx",
    "w3m",
    "links",
    "elinks",
    "nc",
    "ncat",
    "netcat",
    "socat",
    "telnet",
    "ftp",
    "tftp",
    "dig",
    "nslookup",
    "host",
    "axel",
    "lwp-request",
    "GET",
    "openssl-s_client",
];

/// Programs whose purpose is to turn one text into another that does not look like it.
const DECODERS: &[&str] = &[
    "base64",
    "base32",
    "basenc",
    "xxd",
    "uudecode",
    "openssl",
    "gpg",
    "gunzip",
    "zcat",
    "gzip",
    "bunzip2",
    "bzcat",
    "xz",
    "xzcat",
    "unxz",
    "zstd",
    "zstdcat",
    "lz4",
    "brotli",
    "rev",
    "tr",
    "rot13",
    "od",
    "hexdump",
    "iconv",
    "ascii2binary",
    "qprint",
    "uncompress",
    "ccrypt",
    "sed",
    "gsed",
    "perl",
    "python",
    "python3",
    "ruby",
    "node",
    "php",
    "cut",
    "paste",
    "fold",
    "tac",
    "jq",
    "yq",
    "column",
    "xargs",
    "dd",
    "strings",
    "gsub",
    "age",
    "caesar",
];

/// Those of them whose input is unreadable, so that nobody saw what they print.
const DISGUISES: &[&str] = &[
    "base64",
    "base32",
    "basenc",
    "xxd",
    "uudecode",
    "openssl",
    "gpg",
    "gunzip",
    "zcat",
    "bunzip2",
    "bzcat",
    "xzcat",
    "unxz",
    "zstdcat",
    "lz4",
    "uncompress",
    "ccrypt",
    "age",
];

/// Programs that pass their input on, in part or in another order.
const FILTERS: &[&str] = &[
    "tee", "head", "tail", "sort", "uniq", "grep", "egrep", "fgrep", "rg", "nl", "pv", "sponge", "less", "more", "bat",
    "cat", "ts",
];

/// What the program prints.
pub(super) fn of(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged {
    let arguments = &call.arguments;
    let name = call.name.as_str();
    Ok(match name {
        "echo" | "yes" => echo(arguments),
        "printf" => printf(arguments, scope),
        "cat" | "tac" | "bat" => cat(arguments, scope),
        "which" | "command" | "type" | "whereis" => last(arguments),
        "basename" => base(arguments),
        "dirname" => arguments.last().map_or_else(Data::local, parent),
        "realpath" | "readlink" => last(arguments),
        "pwd" => Data::Text(super::expand::directory(scope)),
        "whoami" | "logname" => Data::Text(Field::text(judge.surroundings.user())),
        "mktemp" => Data::Text(Field::text("/tmp/made-by-mktemp")),
        "find" | "gfind" | "bfs" => Data::Names(Search::read(arguments).found()),
        "ls" | "dir" | "vdir" => list(arguments, scope),
        "seq" | "date" | "id" | "nproc" | "wc" | "uname" | "hostname" | "pgrep" | "pidof" | "getconf" => Data::local(),
        _ if is_interpreter(name) && has_inline_code(arguments) => Data::Opaque(Origin::Decoded),
        "awk" | "gawk" | "mawk" | "nawk" => awk(arguments, &scope.stdin),
        _ if FETCHERS.contains(&name) || DECODERS.contains(&name) => {
            let input = scope.stdin.then_from(arguments, scope);
            if FETCHERS.contains(&name) || input.origin() == Some(Origin::Fetched) {
                Data::Opaque(Origin::Fetched)
            } else if DISGUISES.contains(&name) {
                Data::Opaque(Origin::Decoded)
            } else {
                input.disguised()
            }
        }
        _ if FILTERS.contains(&name) => filtered(arguments, scope),
        _ => Data::local(),
    })
}

impl Data {
    /// The input, or a file written in this line that is named among the arguments.
    fn then_from(&self, arguments: &[Field], scope: &Scope) -> Self {
        let files = arguments.iter().filter_map(|argument| scope.file(argument));
        let read = files.fold(Self::Nothing, Self::then);
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
    let literals: Vec<&str> = program.split('"').skip(1).step_by(2).collect();
    let mut text = Field::default();
    for literal in literals {
        text.push(Part::Text(literal.to_owned()));
        text.push(Part::Unknown(input.origin().unwrap_or(Origin::Local)));
    }
    if matches!(input, Data::Text(_)) { input.disguised() } else { Data::Text(text) }
}

fn filtered(arguments: &[Field], scope: &Scope) -> Data {
    scope.stdin.then_from(arguments, scope)
}

fn joined(fields: &[Field]) -> Field {
    let mut whole = Field::default();
    for (index, field) in fields.iter().enumerate() {
        if index > 0 {
            whole.push(Part::Text(" ".into()));
        }
        whole.extend(field);
    }
    whole
}

/// Echo with escapes decoded, as dash does always and bash with `-e`.
fn echo(arguments: &[Field]) -> Data {
    let is_option = |argument: &Field| {
        argument
            .known()
            .is_some_and(|text| text.len() > 1 && text.starts_with('-') && text[1..].chars().all(|c| "neE".contains(c)))
    };
    let options = arguments.iter().take_while(|argument| is_option(argument)).count();
    let text = joined(&arguments[options..]);
    Data::Text(Field(text.0.into_iter().map(unescaped_part).collect()))
}

fn unescaped_part(part: Part) -> Part {
    match part {
        Part::Text(text) => Part::Text(unescaped(&text)),
        Part::Glob(text) => Part::Glob(unescaped(&text)),
        other => other,
    }
}

/// `\n`, `\t`, `\\`, `\0NNN`, `\xHH` and the like, as echo and printf know them.
fn unescaped(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '\\' {
            result.push(character);
            continue;
        }
        match rest.next() {
            Some('n') => result.push('\n'),
            Some('t') => result.push('\t'),
            Some('r') => result.push('\r'),
            Some('x') => result.push(code(&mut rest, 16, 2, 0)),
            Some('u') => result.push(code(&mut rest, 16, 4, 0)),
            Some(digit @ '0'..='7') => {
                let value = digit.to_digit(8).unwrap_or(0);
                result.push(code(&mut rest, 8, if value == 0 { 3 } else { 2 }, value));
            }
            Some('c') => break,
            Some(other) if "\\\"'ab".contains(other) => result.push(other),
            Some(other) => result.extend(['\\', other]),
            None => result.push('\\'),
        }
    }
    result
}

fn code(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, radix: u32, digits: usize, start: u32) -> char {
    let mut value = start;
    for _ in 0..digits {
        let Some(digit) = rest.peek().and_then(|c| c.to_digit(radix)) else {
            break;
        };
        value = value.saturating_mul(radix).saturating_add(digit);
        rest.next();
    }
    char::from_u32(value).unwrap_or('\u{fffd}')
}

/// printf with its arguments put in the place of `%s` and its kin, the format repeated as needed.
fn printf(arguments: &[Field], scope: &mut Scope) -> Data {
    let mut arguments = arguments;
    let mut variable = None;
    if arguments.first().is_some_and(|first| first.is("-v")) {
        variable = arguments.get(1).and_then(Field::known);
        arguments = arguments.get(2..).unwrap_or_default();
    } else if arguments.first().is_some_and(|first| first.is("--")) {
        arguments = &arguments[1..];
    }
    let Some((format, values)) = arguments.split_first() else {
        return Data::Nothing;
    };
    let format = unescaped(&shells::script_text(format));
    let mut text = Field::default();
    let mut values = values.iter();
    for round in 0..16 {
        let before = values.len();
        fill(&format, &mut values, &mut text);
        if values.len() == 0 || values.len() == before || round == 15 {
            break;
        }
    }
    if let Some(name) = variable {
        scope.set_one(&name, text);
        return Data::Nothing;
    }
    Data::Text(text)
}

fn fill<'f>(format: &str, values: &mut impl ExactSizeIterator<Item = &'f Field>, text: &mut Field) {
    let mut parts = format.split('%');
    text.push(Part::Text(parts.next().unwrap_or_default().to_owned()));
    let mut literal = false;
    for part in parts {
        if literal {
            literal = false;
            text.push(Part::Text(part.to_owned()));
            continue;
        }
        if part.is_empty() {
            text.push(Part::Text("%".into()));
            literal = true;
            continue;
        }
        let flags = part.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(part.len());
        if let Some(value) = values.next() {
            let escapes = part[flags..].starts_with('b');
            let value =
                if escapes { Field(value.0.iter().cloned().map(unescaped_part).collect()) } else { value.clone() };
            text.extend(&value);
        }
        let rest = part.get(flags + 1..).unwrap_or_default();
        text.push(Part::Text(rest.to_owned()));
    }
}

/// Files that this line wrote are known, others are as they are; without files the input passes.
fn cat(arguments: &[Field], scope: &Scope) -> Data {
    let operands = Options::read(arguments, &[]).operands;
    if operands.is_empty() {
        return scope.stdin.clone();
    }
    let content = |file: &Field| {
        if shells::is_stdin(file) {
            return scope.stdin.clone();
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
