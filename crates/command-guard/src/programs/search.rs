//! Programs that act on what they find or are given in lists: find, fd, xargs, parallel.

use crate::judge::{Judge, Judged};
use crate::options::Options;
use crate::scope::Scope;
use crate::shells;
use crate::simple::Invocation;
use crate::values::{Data, Field, Origin, Part};

pub(super) const NAMES: &[&str] = &["find", "gfind", "bfs", "fd", "fdfind"];

pub(super) fn judge(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    if call.name.starts_with("fd") {
        return fd(judge, &call.arguments, scope);
    }
    let search = Search::read(&call.arguments);
    for (at, argument) in call.arguments.iter().enumerate() {
        let rest = &call.arguments[at + 1..];
        match argument.visible().as_str() {
            "-delete" => {
                for found in search.found() {
                    judge.removes("find -delete", &found, true, scope)?;
                }
            }
            "-exec" | "-execdir" | "-ok" | "-okdir" => {
                let command = until_end(rest);
                for found in search.found() {
                    judge.run(&filled(command, "{}", &found), &mut scope.clone())?;
                }
            }
            "-fprint" | "-fprint0" | "-fls" | "-fprintf" => {
                if let Some(file) = rest.first() {
                    judge.writes("find", file, crate::effects::Write::Replace, scope)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The command of `-exec`, up to `;` or `+`.
fn until_end(arguments: &[Field]) -> &[Field] {
    let end = arguments.iter().position(|argument| argument.is(";") || argument.is("+")).unwrap_or(arguments.len());
    &arguments[..end]
}

/// The command with `mark` replaced by what was found, wherever it stands in an argument.
fn filled(command: &[Field], mark: &str, found: &Field) -> Vec<Field> {
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
    pub fn read(arguments: &[Field]) -> Self {
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
    pub fn found(&self) -> Vec<Field> {
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
            let mut below = start.clone();
            below.push(Part::Text("/".into()));
            below.0.push(Part::Below);
            found.push(below);
        }
        found
    }
}

/// `find /tmp … -delete` never removes `/tmp` while something else uses it.
fn is_scratch(text: &str) -> bool {
    matches!(text.trim_end_matches('/'), "/tmp" | "/var/tmp" | "/dev/shm")
}

/// Names of what tools leave behind and make again.
fn is_temp_artifact(pattern: &str) -> bool {
    const LITTER: &[&str] = &[
        "*.pyc",
        "*.pyo",
        "__pycache__",
        "*.orig",
        "*.rej",
        "*.swp",
        "*.swo",
        "*~",
        ".DS_Store",
        "Thumbs.db",
        "*.o",
        "*.obj",
        "*.class",
        "*.tmp",
        "*.temp",
        "node_modules",
        "target",
        ".pytest_cache",
        ".mypy_cache",
        "*.bak",
        "*.log.*",
        "*.log.gz",
        "core.*",
        "*.crdownload",
        "*.part",
        "._*",
        ".cache",
        "dist",
        "build",
        ".next",
        "*.egg-info",
        "desktop.ini",
        "*.pid",
    ];
    LITTER.contains(&pattern)
}

fn fd(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged<()> {
    let runs = ["-x", "-X", "--exec", "--exec-batch"];
    let Some(at) = arguments.iter().position(|argument| runs.iter().any(|option| argument.is(option))) else {
        return Ok(());
    };
    let options = Options::read(&arguments[..at], &["-e", "-t", "-d", "-E", "-c", "--base-directory", "--search-path"]);
    let command = until_end(&arguments[at + 1..]);
    let mut starts: Vec<Field> = options.operands.iter().skip(1).cloned().collect();
    starts.extend(options.values(&["--base-directory", "--search-path"]).cloned());
    if starts.is_empty() {
        starts.push(Field::text("."));
    }
    for start in starts {
        let mut found = start.clone();
        found.push(Part::Text("/".into()));
        found.0.push(Part::Below);
        let mut argv = filled(command, "{}", &found);
        if !command.iter().any(|argument| argument.visible().contains('{')) {
            argv.push(found);
        }
        judge.run(&argv, &mut scope.clone())?;
    }
    Ok(())
}

/// The options of xargs that take a value.
const XARGS_VALUED: [&str; 19] = [
    "-I",
    "-L",
    "-n",
    "-P",
    "-s",
    "-d",
    "-a",
    "-E",
    "-R",
    "-J",
    "--max-args",
    "--max-procs",
    "--delimiter",
    "--arg-file",
    "--max-lines",
    "--max-chars",
    "--replace",
    "--eof",
    "--process-slot-var",
];

pub(in super::super) fn xargs(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged {
    let (options, read) = Options::leading(arguments, &XARGS_VALUED);
    let command = &arguments[read..];
    if command.is_empty() {
        return Ok(scope.stdin.clone());
    }
    let input = match options.value(&["-a", "--arg-file"]) {
        Some(file) if !shells::is_stdin(&file) => scope.file(&file).unwrap_or_else(Data::local),
        _ => scope.stdin.clone(),
    };
    let nul = options.has(&["-0", "--null"]).then(|| "\\0".to_owned());
    let delimiter = options.value(&["-d", "--delimiter"]).and_then(|field| field.known()).or(nul);
    let items = match (&input, delimiter) {
        (Data::Text(field), Some(delimiter)) => {
            let delimiter = delimiter.replace("\\n", "\n").replace("\\0", "\0").replace("\\t", "\t");
            field.cut(&delimiter)
        }
        _ => input.items(),
    };
    let mark = options.value(&["-I", "-J", "--replace"]).and_then(|field| field.known());
    let mark = mark.or_else(|| options.has(&["-i"]).then(|| "{}".to_owned()));
    let mut inner = scope.clone();
    inner.stdin = Data::Nothing;
    let mut output = Data::Nothing;
    if let Some(mark) = mark {
        // With a mark each line is one item.
        let lines = if matches!(input, Data::Text(_)) { input.field().lines() } else { items };
        for item in lines.iter().take(super::super::scope::MEANINGS) {
            output = judge.run(&filled(command, &mark, item), &mut inner)?;
        }
        return Ok(output);
    }
    let mut argv = command.to_vec();
    // Items become arguments of a shell's script too: `xargs sh -c`.
    argv.extend(items.iter().cloned());
    let program = argv.first().and_then(Field::known).unwrap_or_default();
    let disguised = input.origin().filter(|origin| *origin > Origin::Local);
    if matches!(program.rsplit('/').next(), Some("sh" | "bash" | "zsh" | "dash" | "eval" | "env" | "sudo")) {
        shells::refuse_origin(disguised, "a shell")?;
    }
    judge.run(&argv, &mut inner)
}

pub(in super::super) fn parallel(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged {
    let valued = [
        "-j",
        "--jobs",
        "-n",
        "-N",
        "--colsep",
        "-a",
        "--arg-file",
        "--joblog",
        "--delay",
        "--timeout",
        "-I",
        "-S",
        "--tmpdir",
        "--results",
    ];
    let (_, read) = Options::leading(arguments, &valued);
    let rest = &arguments[read..];
    let end = rest.iter().position(|argument| argument.visible().starts_with(":::")).unwrap_or(rest.len());
    let command = &rest[..end];
    let items: Vec<Field> = if end < rest.len() {
        rest[end + 1..].iter().filter(|argument| !argument.visible().starts_with(":::")).cloned().collect()
    } else {
        scope.stdin.items()
    };
    for item in items.iter().take(super::super::scope::MEANINGS) {
        // Put into a command, an item stays one argument; alone, it is the command.
        let word = if command.is_empty() { item.clone() } else { shells::quoted(item) };
        let mut argv = filled(command, "{}", &word);
        if !command.iter().any(|argument| argument.visible().contains('{')) {
            argv.push(word);
        }
        let text = shells::joined_text(argv.iter(), &Field::clone);
        let source = Data::Text(item.clone());
        shells::run_text(judge, &source, &text, &mut scope.clone())?;
    }
    Ok(Data::local())
}
