//! Programs that run a command given in one of their options: pagers, editors, archivers, git.

use super::{git, tasks};
use crate::judge::{Judge, Judged};
use crate::options::Options;
use crate::runners::from_each_operand;
use crate::scope::Scope;
use crate::shells;
use crate::simple::Invocation;
use crate::values::{Data, Field, Origin};

pub(super) const NAMES: &[&str] = &[
    "tar",
    "bsdtar",
    "gtar",
    "git",
    "man",
    "less",
    "vim",
    "vi",
    "nvim",
    "ex",
    "view",
    "vimdiff",
    "emacs",
    "ed",
    "sed",
    "gsed",
    "rsync",
    "scp",
    "sftp",
    "zip",
    "sort",
    "split",
    "rg",
    "socat",
    "nc",
    "ncat",
    "tmux",
    "screen",
    "make",
    "gmake",
    "sqlite3",
    "psql",
    "mysql",
    "mariadb",
    "gdb",
    "lldb",
    "expect",
    "npm",
    "yarn",
    "pnpm",
    "bun",
    "concurrently",
    "nodemon",
    "watchexec",
    "entr",
    "start-stop-daemon",
    "capsh",
    "gcc",
    "g++",
    "cc",
    "clang",
    "nmap",
    "mutt",
    "tcpdump",
    "logrotate",
    "ionice",
    "cargo",
    "composer",
    "pip",
    "crontab",
    "kitty",
    "xterm",
    "gnome-terminal",
    "konsole",
    "alacritty",
    "dotenv",
    "run-parts",
    "ftp",
    "tclsh",
    "go",
    "hg",
    "ansible",
    "dc",
];

/// An option and the program it belongs to: its value is a command line.
const OPTIONS: &[(&[&str], &[&str])] = &[
    (
        &["tar", "bsdtar", "gtar"],
        &[
            "--to-command",
            "-I",
            "--use-compress-program",
            "--rsh-command",
            "-F",
            "--info-script",
            "--new-volume-script",
        ],
    ),
    (&["man"], &["-P", "--pager", "-H", "--html"]),
    (&["rsync"], &["-e", "--rsh", "--rsync-path"]),
    (&["scp", "sftp"], &["-S"]),
    (&["zip"], &["-TT", "--unzip-command"]),
    (&["sort"], &["--compress-program"]),
    (&["split"], &["--filter"]),
    (&["rg"], &["--pre", "--hostname-bin"]),
    (&["nc", "ncat"], &["-e", "-c", "--exec", "--sh-exec"]),
    (&["nodemon"], &["--exec", "-x"]),
    (&["capsh"], &["-c"]),
    (&["xterm", "kitty", "gnome-terminal", "konsole", "alacritty"], &["-e", "-c"]),
    (&["tcpdump"], &["-z"]),
    (&["go"], &["-exec", "-toolexec", "-vettool"]),
    (&["hg"], &["--config"]),
];

pub(super) fn judge(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let name = call.name.as_str();
    for (programs, names) in OPTIONS {
        if programs.contains(&name) {
            let mut inner = scope.clone();
            if name.starts_with("nc") {
                inner.stdin = Data::Opaque(Origin::Fetched);
            }
            for option in Options::read(&call.arguments, names).values(names) {
                run(judge, &setting(option), &inner)?;
            }
        }
    }
    let arguments = &call.arguments;
    match name {
        "tar" | "bsdtar" | "gtar" => checkpoints(judge, arguments, scope)?,
        "git" => git::judge(judge, arguments, scope)?,
        "vim" | "vi" | "nvim" | "ex" | "view" | "vimdiff" | "less" | "ed" => editor(judge, call, scope)?,
        "sed" | "gsed" => sed(judge, arguments, scope)?,
        "socat" => {
            for argument in arguments {
                let text = argument.visible();
                let lower = text.to_lowercase();
                if lower.starts_with("exec:") || lower.starts_with("system:") {
                    let start = text.find(':').map_or(0, |at| at + 1);
                    let command = text[start..].trim_matches(['\'', '"']).to_owned();
                    let mut inner = scope.clone();
                    inner.stdin = Data::Opaque(Origin::Fetched);
                    run(judge, &Field::text(command), &inner)?;
                }
            }
        }
        "gcc" | "g++" | "cc" | "clang" => {
            for wrapper in Options::read(arguments, &["-wrapper"]).values(&["-wrapper"]) {
                run(judge, &Field::text(wrapper.visible().replace(',', " ")), scope)?;
            }
        }
        "emacs" | "tclsh" | "expect" => quoted_or_executed(judge, call, scope)?,
        "tmux" | "screen" | "concurrently" | "watchexec" => terminal(judge, call, scope)?,
        "make" | "gmake" => tasks::make(judge, arguments, scope)?,
        "sqlite3" | "psql" | "mysql" | "mariadb" | "gdb" | "lldb" | "dc" => database(judge, call, scope)?,
        "start-stop-daemon" => tasks::daemon(judge, arguments, scope)?,
        "cargo" => tasks::cargo(judge, arguments, scope)?,
        "npm" | "yarn" | "pnpm" | "bun" => tasks::npm(judge, arguments, scope)?,
        "composer" => tasks::composer(judge, arguments, scope)?,
        "ansible" => tasks::ansible(judge, arguments, scope)?,
        _ => {}
    }
    Ok(())
}

/// `tar --checkpoint-action=exec=command`
fn checkpoints(judge: &mut Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    for argument in arguments {
        if let Some(action) = argument.after("--checkpoint-action=exec=") {
            run(judge, &action, scope)?;
        }
    }
    for action in Options::read(arguments, &["--checkpoint-action"]).values(&["--checkpoint-action"]) {
        if let Some(command) = action.after("exec=") {
            run(judge, &command, scope)?;
        }
    }
    Ok(())
}

/// `alias.x=!command`, `!command` or the command alone.
fn setting(option: &Field) -> Field {
    let value = option.split_once('!').filter(|(name, _)| name.is_empty() || name.ends_with('='));
    value.map_or_else(|| option.clone(), |(_, command)| command)
}

pub(super) fn run(judge: &mut Judge<'_>, command: &Field, scope: &Scope) -> Judged<()> {
    let source = Data::Text(command.clone());
    let text = shells::script_text(command);
    shells::run_text(judge, &source, &text, &mut scope.clone()).map(drop)
}

/// `vim -c ':!cmd'`, `less +!cmd`, `ed` scripts with `!cmd`.
fn editor(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let mut scripts: Vec<String> = Vec::new();
    let options = Options::read(&call.arguments, &["-c", "--cmd", "-S"]);
    scripts.extend(options.values(&["-c", "--cmd"]).map(Field::visible));
    scripts.extend(call.arguments.iter().map(Field::visible).filter(|text| text.starts_with('+')));
    if matches!(call.name.as_str(), "ed" | "ex") {
        scripts.extend(scope.stdin.field().visible().lines().map(str::to_owned));
    }
    for script in scripts {
        for part in script.split('|') {
            let part = part.trim_start_matches(['+', ':', ' ']);
            let shell = part
                .find('!')
                .filter(|at| part[..*at].chars().all(|c| c.is_ascii_alphanumeric() || "%,$ ".contains(c)));
            if let Some(at) = shell {
                run(judge, &Field::text(&part[at + 1..]), scope)?;
            }
            if let Some((_, rest)) = part.split_once("system(").or_else(|| part.split_once("execute(")) {
                let command = rest.trim_start_matches(['\'', '"']).split(['\'', '"']).next().unwrap_or_default();
                run(judge, &Field::text(command), scope)?;
            }
        }
    }
    Ok(())
}

/// `sed '1e command'` and `s/…/…/e`.
fn sed(judge: &mut Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    let options = Options::read(arguments, &["-e", "--expression", "-f", "--file", "-l"]);
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
                run(judge, &Field::text(command), scope)?;
            }
            if let Some((with, flags)) = substitution(line) {
                let (flags, file) = flags.split_once('w').unwrap_or((&flags, ""));
                // `s/^/command/e` runs what the line became, `s/a/b/w file` writes it.
                if flags.contains('e') {
                    run(judge, &Field::text(with), scope)?;
                }
                if !file.trim().is_empty() {
                    let file = Field::text(file.trim());
                    judge.writes("sed", &file, crate::effects::Write::Replace, scope)?;
                }
            }
        }
        // `w /dev/sda` writes to a file.
        for line in script.split(['\n', ';']) {
            if let Some((before, file)) = line.split_once("w /")
                && before.chars().all(|c| c.is_ascii_digit() || "$, /sgp".contains(c))
            {
                let file = Field::text(format!("/{}", file.trim()));
                judge.writes("sed", &file, crate::effects::Write::Replace, scope)?;
            }
        }
    }
    Ok(())
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
fn quoted_or_executed(judge: &mut Judge<'_>, call: &Invocation, scope: &Scope) -> Judged<()> {
    let mut texts: Vec<String> = call.arguments.iter().map(Field::visible).collect();
    texts.push(scope.stdin.field().visible());
    for text in texts {
        for literal in text.split('"').skip(1).step_by(2).filter(|_| call.name == "emacs") {
            run(judge, &Field::text(literal), scope)?;
            if text.contains("delete-") {
                judge.removes("emacs", &Field::text(literal), true, scope)?;
            }
        }
        for word in ["exec ", "spawn "] {
            for command in text.split(word).skip(1).filter(|_| call.name != "emacs") {
                let end = command.find([';', '\n', ']']).unwrap_or(command.len());
                run(judge, &Field::text(&command[..end]), scope)?;
            }
        }
    }
    Ok(())
}

/// `tmux new -d 'cmd'`, `screen -dm cmd`, `concurrently 'a' 'b'`.
fn terminal(judge: &mut Judge<'_>, call: &Invocation, scope: &Scope) -> Judged<()> {
    for argument in &call.arguments {
        let text = argument.visible();
        if text.contains(' ') && !text.starts_with('#') {
            run(judge, argument, scope)?;
        }
    }
    from_each_operand(judge, &call.arguments, scope)
}

/// `\! cmd`, `.shell cmd`, `system cmd` in a database client or debugger.
fn database(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    if let Some(at) = call.arguments.iter().position(|argument| argument.is("--args")) {
        judge.run(&call.arguments[at + 1..], &mut scope.clone())?;
    }
    let mut texts: Vec<String> = call.arguments.iter().map(Field::visible).collect();
    texts.extend(scope.stdin.field().visible().lines().map(str::to_owned));
    for text in texts {
        // `!command` of the debuggers and of dc.
        let command = text.strip_prefix("--eval-command=").unwrap_or(&text).strip_prefix('!');
        if let Some(command) = command.filter(|_| matches!(call.name.as_str(), "gdb" | "lldb" | "dc")) {
            run(judge, &Field::text(command), scope)?;
        }
        // `.output /etc/passwd`
        if let Some(file) = text.strip_prefix(".output ").or_else(|| text.strip_prefix(".once ")) {
            judge.writes(&call.name, &Field::text(file.trim()), crate::effects::Write::Replace, scope)?;
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
                run(judge, &Field::text(command), scope)?;
            }
        }
    }
    Ok(())
}
