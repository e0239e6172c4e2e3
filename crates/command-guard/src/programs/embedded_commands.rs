//! Programs with languages of their own that can run commands: editors, database clients, debuggers, connections.

use crate::effects::{Call, Effects, Write};
use crate::options::Options;
use crate::values::{Data, Field, Origin};

pub(super) const NAMES: &[&str] = &[
    "vim", "vi", "nvim", "view", "vimdiff", "less", "ed", "ex", "sed", "gsed", "socat", "nc", "ncat", "gcc", "g++",
    "cc", "clang", "emacs", "tclsh", "expect", "sqlite3", "psql", "mysql", "mariadb", "gdb", "lldb", "dc", "aws", "az",
];

pub(super) fn judge(call: &Call<'_>, effects: &mut Effects) {
    match call.name {
        "sed" | "gsed" => sed(call, effects),
        "socat" | "nc" | "ncat" => connections(call, effects),
        "gcc" | "g++" | "cc" | "clang" => {
            for wrapper in Options::read(call.arguments, &["-wrapper"]).values(&["-wrapper"]) {
                effects.line(&Field::text(wrapper.visible().replace(',', " ")));
            }
        }
        "emacs" | "tclsh" | "expect" => quoted_or_executed(call, effects),
        "sqlite3" | "psql" | "mysql" | "mariadb" | "gdb" | "lldb" | "dc" => database(call, effects),
        "aws" | "az" => sent(call, effects),
        _ => editor(call, effects),
    }
}

/// `nc -e command`, `socat exec:command …`: what comes from the network is the command's input.
fn connections(call: &Call<'_>, effects: &mut Effects) {
    let names = ["-e", "-c", "--exec", "--sh-exec"];
    let mut commands = Vec::new();
    if call.name == "socat" {
        for text in call.arguments.iter().map(Field::visible) {
            let kind = text.split_once(':').map(|(kind, command)| (kind.to_lowercase(), command));
            if let Some((_, command)) = kind.filter(|(kind, _)| kind == "exec" || kind == "system") {
                commands.push(Field::text(command.trim_matches(['\'', '"'])));
            }
        }
    } else {
        commands.extend(Options::read(call.arguments, &names).values(&names).cloned());
    }
    let mut inner = call.scope.clone();
    inner.stdin = Data::Opaque(Origin::Fetched);
    for command in &commands {
        effects.line(command).in_scope(&inner);
    }
}

/// `aws ssm send-command --parameters 'commands=["command"]'`: a list of commands for other machines.
fn sent(call: &Call<'_>, effects: &mut Effects) {
    for text in call.arguments.iter().map(Field::visible) {
        let list = text.split_once("=[").map_or("", |(_, list)| list);
        for command in list.split('"').skip(1).step_by(2) {
            effects.text(command, Data::Text(Field::text(command))).elsewhere(call.scope);
        }
    }
}

/// `vim -c ':!cmd'`, `less +!cmd`, `ed` scripts with `!cmd`.
fn editor(call: &Call<'_>, effects: &mut Effects) {
    let mut scripts: Vec<String> = Vec::new();
    let options = Options::read(call.arguments, &["-c", "--cmd", "-S"]);
    scripts.extend(options.values(&["-c", "--cmd"]).map(Field::visible));
    scripts.extend(call.arguments.iter().map(Field::visible).filter(|text| text.starts_with('+')));
    if matches!(call.name, "ed" | "ex") {
        scripts.extend(call.scope.stdin.field().visible().lines().map(str::to_owned));
    }
    for script in scripts {
        for part in script.split('|') {
            let part = part.trim_start_matches(['+', ':', ' ']);
            let shell = part
                .find('!')
                .filter(|at| part[..*at].chars().all(|c| c.is_ascii_alphanumeric() || "%,$ ".contains(c)));
            if let Some(at) = shell {
                effects.line(&Field::text(&part[at + 1..]));
            }
            if let Some((_, rest)) = part.split_once("system(").or_else(|| part.split_once("execute(")) {
                let command = rest.trim_start_matches(['\'', '"']).split(['\'', '"']).next().unwrap_or_default();
                effects.line(&Field::text(command));
            }
        }
    }
}

/// `sed '1e command'` and `s/…/…/e`.
fn sed(call: &Call<'_>, effects: &mut Effects) {
    let options = Options::read(call.arguments, &["-e", "--expression", "-f", "--file", "-l"]);
    let mut scripts: Vec<String> = options.values(&["-e", "--expression"]).map(Field::visible).collect();
    if scripts.is_empty() {
        scripts.extend(options.operands.first().map(Field::visible));
    }
    for script in scripts {
        for line in script.split(['\n', ';']) {
            let line = line.trim_start_matches(|c: char| c.is_ascii_digit() || "$,~!{ ".contains(c));
            let command = line.strip_prefix("e ").or_else(|| {
                let (_, after) = line.strip_prefix('/')?.split_once('/')?;
                after.strip_prefix('e').map(str::trim_start)
            });
            if let Some(command) = command {
                effects.line(&Field::text(command));
            }
            if let Some((with, flags)) = substitution(line) {
                let (flags, file) = flags.split_once('w').unwrap_or((&flags, ""));
                // `s/^/command/e` runs what the line became, `s/a/b/w file` writes it.
                if flags.contains('e') {
                    effects.line(&Field::text(with));
                }
                if !file.trim().is_empty() {
                    let file = Field::text(file.trim());
                    effects.writes("sed", &file, Write::Replace);
                }
            }
        }
        // `w /dev/sda` writes to a file.
        for line in script.split(['\n', ';']) {
            if let Some((before, file)) = line.split_once("w /")
                && before.chars().all(|c| c.is_ascii_digit() || "$, /sgp".contains(c))
            {
                let file = Field::text(format!("/{}", file.trim()));
                effects.writes("sed", &file, Write::Replace);
            }
        }
    }
}

/// The replacement and the flags of `s/…/…/…`, with any delimiter.
fn substitution(line: &str) -> Option<(String, String)> {
    let mut rest = line.strip_prefix('s')?.chars();
    let delimiter = rest.next().filter(|c| !c.is_alphanumeric() && !c.is_whitespace())?;
    let mut parts = vec![String::new()];
    while let Some(character) = rest.next() {
        if character == '\\' {
            let escaped = rest.next()?;
            let part = parts.last_mut().expect("it begins with one");
            part.extend((escaped != delimiter).then_some('\\'));
            part.push(escaped);
        } else if character == delimiter && parts.len() < 3 {
            parts.push(String::new());
        } else {
            parts.last_mut().expect("it begins with one").push(character);
        }
    }
    let [_, with, flags] = <[String; 3]>::try_from(parts).ok()?;
    Some((with, flags))
}

/// Lisp's `(shell-command "…")` and Tcl's `exec …`, `spawn …`: every literal and every such word.
fn quoted_or_executed(call: &Call<'_>, effects: &mut Effects) {
    let mut texts: Vec<String> = call.arguments.iter().map(Field::visible).collect();
    texts.push(call.scope.stdin.field().visible());
    for text in texts {
        for literal in text.split('"').skip(1).step_by(2).filter(|_| call.name == "emacs") {
            effects.line(&Field::text(literal));
            if text.contains("delete-") {
                effects.removes("emacs", &Field::text(literal));
            }
        }
        for word in ["exec ", "spawn "] {
            for command in text.split(word).skip(1).filter(|_| call.name != "emacs") {
                let end = command.find([';', '\n', ']']).unwrap_or(command.len());
                effects.line(&Field::text(&command[..end]));
            }
        }
    }
}

/// `\! cmd`, `.shell cmd`, `system cmd` in a database client or debugger.
fn database(call: &Call<'_>, effects: &mut Effects) {
    if let Some(at) = call.arguments.iter().position(|argument| argument.is("--args")) {
        effects.program(&call.arguments[at + 1..]);
    }
    let mut texts: Vec<String> = call.arguments.iter().map(Field::visible).collect();
    texts.extend(call.scope.stdin.field().visible().lines().map(str::to_owned));
    for text in texts {
        // `!command` of the debuggers and of dc.
        let command = text.strip_prefix("--eval-command=").unwrap_or(&text).strip_prefix('!');
        if let Some(command) = command.filter(|_| matches!(call.name, "gdb" | "lldb" | "dc")) {
            effects.line(&Field::text(command));
        }
        // `.output /etc/passwd`
        if let Some(file) = text.strip_prefix(".output ").or_else(|| text.strip_prefix(".once ")) {
            effects.writes(call.name, &Field::text(file.trim()), Write::Replace);
        }
        for mark in
            ["\\!", ".shell ", ".system ", "system ", "shell ", "TO PROGRAM '", "to program '", "FROM PROGRAM '"]
        {
            if let Some(at) = text.find(mark)
                && text[..at]
                    .trim_end()
                    .chars()
                    .next_back()
                    .is_none_or(|c| !c.is_alphanumeric() || mark.contains("PROGRAM"))
            {
                let command = text[at + mark.len()..].trim_end_matches(['\'', ';']);
                effects.line(&Field::text(command));
            }
        }
    }
}
