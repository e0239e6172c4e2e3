//! Programs that act on what they find or are given in lists: find, fd, xargs, parallel.

use crate::effects::{Call, Code, Effects, Write};
use crate::options::Options;
use crate::scope::MEANINGS;
use crate::scripts::{is_stdin, joined_text, quoted};
use crate::values::{Data, Field, Origin, Part};
use crate::words::words;

pub(super) const NAMES: &[&str] = &["find", "gfind", "bfs", "fd", "fdfind", "xargs", "parallel"];

pub(super) fn judge(call: &Call<'_>, effects: &mut Effects) {
    match call.name {
        "fd" | "fdfind" => fd(call, effects),
        "xargs" => xargs(call, effects),
        "parallel" => parallel(call, effects),
        _ => find(call, effects),
    }
}

fn find(call: &Call<'_>, effects: &mut Effects) {
    let found = Search::read(call.arguments).found();
    let each =
        |command: &[Field]| Code::Each { command: command.to_vec(), mark: "{}".to_owned(), items: found.clone() };
    if call.has_word(&["-delete"]) {
        found.iter().for_each(|found| effects.removes("find -delete", found));
    }
    for (at, argument) in call.arguments.iter().enumerate() {
        let rest = &call.arguments[at + 1..];
        match argument.visible().as_str() {
            "-exec" | "-execdir" | "-ok" | "-okdir" => drop(effects.run(each(until_end(rest)))),
            "-fprint" | "-fprint0" | "-fls" | "-fprintf" => {
                rest.iter().take(1).for_each(|file| effects.writes("find", file, Write::Replace));
            }
            _ => {}
        }
    }
}

/// The command of `-exec`, up to `;` or `+`.
fn until_end(arguments: &[Field]) -> &[Field] {
    let end = arguments.iter().position(|argument| argument.is(";") || argument.is("+")).unwrap_or(arguments.len());
    &arguments[..end]
}

/// The command with `mark` replaced by what was found, wherever it stands in an argument.
pub(in super::super) fn filled(command: &[Field], mark: &str, found: &Field) -> Vec<Field> {
    command
        .iter()
        .map(|argument| {
            let text = argument.visible();
            let Some((before, after)) = text.split_once(mark).filter(|_| !mark.is_empty()) else {
                return argument.clone();
            };
            let mut field = Field::default();
            field.push(Part::Text(before.to_owned()));
            field.extend(found);
            // What follows "everything below" is still below.
            if !matches!(found.0.last(), Some(Part::Below)) {
                field.push(Part::Text(after.to_owned()));
            }
            field
        })
        .collect()
}

/// Where a `find` looks, and whether what it takes is narrowed to what nobody misses.
pub(in super::super) struct Search {
    starts: Vec<Field>,
    narrow: bool,
    /// The starting points themselves are found too.
    with_start: bool,
}

impl Search {
    pub(crate) fn read(arguments: &[Field]) -> Self {
        let starts: Vec<Field> = arguments
            .iter()
            .skip_while(|argument| {
                let text = argument.visible();
                ["-H", "-L", "-P", "-E", "-X"].contains(&text.as_str()) || text.starts_with("-O")
            })
            .take_while(|argument| {
                let text = argument.visible();
                argument.origin().is_some() || !text.starts_with('-') && text != "(" && text != "!"
            })
            .cloned()
            .collect();
        let after = |name: &str| {
            let at = arguments.iter().position(|argument| argument.is(name))?;
            arguments.get(at + 1).map(Field::visible)
        };
        let names = ["-name", "-iname"].iter().filter_map(|name| after(name));
        let narrow = names.into_iter().any(|name| is_temp_artifact(&name)) || arguments.iter().any(|a| a.is("-empty"));
        let negated = arguments.iter().any(|a| a.is("!") || a.is("-not") || a.is("-o") || a.is("-or"));
        Self {
            starts: if starts.is_empty() { vec![Field::text(".")] } else { starts },
            narrow: narrow && !negated,
            with_start: !arguments.iter().any(|a| a.is("-mindepth")),
        }
    }

    /// What is found; narrowed to litter it can be anywhere but in the system itself.
    pub(crate) fn found(&self) -> Vec<Field> {
        let mut found = Vec::new();
        for start in &self.starts {
            let text = start.visible();
            let system = text.starts_with('/')
                && ["/home", "/tmp", "/var/tmp", "/root", "/Users"].iter().all(|path| !text.starts_with(path));
            if self.narrow && !(system && start.origin().is_none()) {
                found.push(Field::unknown(Origin::Local));
                continue;
            }
            if self.with_start && text != "." && !text.ends_with("/.") && !self.narrow && !is_scratch(&text) {
                found.push(start.clone());
            }
            found.push(all_below(start.clone()));
        }
        found
    }
}

/// Everything below a place.
pub(super) fn all_below(mut place: Field) -> Field {
    place.push(Part::Text("/".into()));
    place.0.push(Part::Below);
    place
}

/// `find /tmp … -delete` never removes `/tmp` while something else uses it.
fn is_scratch(text: &str) -> bool {
    matches!(text.trim_end_matches('/'), "/tmp" | "/var/tmp" | "/dev/shm")
}

/// Names of what tools leave behind and make again.
fn is_temp_artifact(pattern: &str) -> bool {
    words("litter").contains(&pattern)
}

fn fd(call: &Call<'_>, effects: &mut Effects) {
    let runs = ["-x", "-X", "--exec", "--exec-batch"];
    let Some(at) = call.arguments.iter().position(|argument| runs.iter().any(|option| argument.is(option))) else {
        return;
    };
    let valued = ["-e", "-t", "-d", "-E", "-c", "--base-directory", "--search-path"];
    let options = Options::read(&call.arguments[..at], &valued);
    let mut starts: Vec<Field> = options.operands.iter().skip(1).cloned().collect();
    starts.extend(options.values(&["--base-directory", "--search-path"]).cloned());
    if starts.is_empty() {
        starts.push(Field::text("."));
    }
    let items = starts.into_iter().map(all_below).collect();
    let mut command = until_end(&call.arguments[at + 1..]).to_vec();
    if !command.iter().any(|argument| argument.visible().contains('{')) {
        command.push(Field::text("{}"));
    }
    effects.run(Code::Each { command, mark: "{}".to_owned(), items });
}

/// The options of xargs that take a value.
const XARGS_VALUED: &str = "-I -L -n -P -s -d -a -E -R -J --max-args --max-procs --delimiter --arg-file --max-lines \
                            --max-chars --replace --eof --process-slot-var";

fn xargs(call: &Call<'_>, effects: &mut Effects) {
    let (options, read) = Options::leading(call.arguments, &XARGS_VALUED.split(' ').collect::<Vec<_>>());
    let command = &call.arguments[read..];
    if command.is_empty() {
        return effects.prints(call.scope.stdin.clone());
    }
    let input = match options.value(&["-a", "--arg-file"]) {
        Some(file) if !is_stdin(&file) => call.scope.file(&file).unwrap_or_else(Data::local),
        _ => call.scope.stdin.clone(),
    };
    let nul = options.has(&["-0", "--null"]).then(|| "\\0".to_owned());
    let delimiter = options.value(&["-d", "--delimiter"]).and_then(|field| field.known()).or(nul);
    let mut items = match (&input, delimiter) {
        (Data::Text(field), Some(delimiter)) => {
            let delimiter = delimiter.replace("\\n", "\n").replace("\\0", "\0").replace("\\t", "\t");
            field.cut(&delimiter)
        }
        _ => input.items(),
    };
    let mark = options.value(&["-I", "-J", "--replace"]).and_then(|field| field.known());
    let mark = mark.or_else(|| options.has(&["-i"]).then(|| "{}".to_owned()));
    let mut inner = call.scope.clone();
    inner.stdin = Data::Nothing;
    if let Some(mark) = mark {
        // With a mark each line is one item.
        items = if matches!(input, Data::Text(_)) { input.field().lines() } else { items };
        items.truncate(MEANINGS);
        effects.run(Code::Each { command: command.to_vec(), mark, items }).in_scope(&inner).printing();
        return;
    }
    let mut argv = command.to_vec();
    // Items become arguments of a shell's script too: `xargs sh -c`.
    argv.extend(items);
    let program = argv.first().and_then(Field::known).unwrap_or_default();
    if matches!(program.rsplit('/').next(), Some("sh" | "bash" | "zsh" | "dash" | "eval" | "env" | "sudo")) {
        effects.refuse_origin(input.origin(), "a shell");
    }
    effects.program(&argv).in_scope(&inner).printing();
}

fn parallel(call: &Call<'_>, effects: &mut Effects) {
    const VALUED: &str = "-j --jobs -n -N --colsep -a --arg-file --joblog --delay --timeout -I -S --tmpdir --results";
    let (_, read) = Options::leading(call.arguments, &VALUED.split(' ').collect::<Vec<_>>());
    let rest = &call.arguments[read..];
    let end = rest.iter().position(|argument| argument.visible().starts_with(":::")).unwrap_or(rest.len());
    let command = &rest[..end];
    let items: Vec<Field> = if end < rest.len() {
        rest[end + 1..].iter().filter(|argument| !argument.visible().starts_with(":::")).cloned().collect()
    } else {
        call.scope.stdin.items()
    };
    for item in items.iter().take(MEANINGS) {
        // Put into a command, an item stays one argument; alone, it is the command.
        let word = if command.is_empty() { item.clone() } else { quoted(item) };
        let mut argv = filled(command, "{}", &word);
        if !command.iter().any(|argument| argument.visible().contains('{')) {
            argv.push(word);
        }
        effects.text(joined_text(argv.iter(), &Field::clone), Data::Text(item.clone()));
    }
    effects.prints(Data::local());
}
