//! Programs that run the program named in their arguments.

use super::judge::{Judge, Judged};
use super::options::Options;
use super::runners;
use super::scope::Scope;
use super::shells;
use super::simple::Invocation;
use super::targets::resolve;
use super::values::{Data, Field, Origin};

/// How a wrapper's own arguments end and the command begins.
struct Wrapper {
    names: &'static [&'static str],
    /// Options that take a value.
    valued: &'static [&'static str],
    /// Operands of its own before the command.
    operands: usize,
}

const WRAPPERS: &[Wrapper] = &[
    Wrapper {
        names: &["sudo", "doas", "pkexec", "dzdo", "please", "run0"],
        valued: &[
            "-u",
            "-g",
            "-p",
            "-C",
            "-D",
            "-h",
            "-R",
            "-r",
            "-t",
            "-T",
            "-U",
            "--user",
            "--group",
            "--prompt",
            "--chdir",
            "--host",
            "--chroot",
            "--role",
            "--type",
            "--command-timeout",
            "--other-user",
        ],
        operands: 0,
    },
    Wrapper { names: &["env"], valued: &["-u", "--unset", "-C", "--chdir", "-S", "--split-string"], operands: 0 },
    Wrapper {
        names: &[
            "nohup",
            "setsid",
            "unbuffer",
            "fakeroot",
            "proxychains",
            "proxychains4",
            "torsocks",
            "torify",
            "dbus-run-session",
            "dbus-launch",
            "noglob",
            "nocorrect",
            "winpty",
            "catchsegv",
            "valgrind",
            "rlwrap",
            "ccache",
            "sccache",
            "firejail",
            "eatmydata",
            "chronic",
            "ifne",
            "sem",
            "-",
            "linux64",
            "linux32",
            "i386",
            "ts",
            "tsp",
            "distrobox-host-exec",
            "shx",
        ],
        valued: &[],
        operands: 0,
    },
    Wrapper { names: &["gosu", "su-exec", "faketime"], valued: &["-f", "-p"], operands: 1 },
    Wrapper { names: &["choom"], valued: &["-n", "--adjust"], operands: 0 },
    Wrapper { names: &["daemonize"], valued: &["-a", "-c", "-e", "-o", "-p", "-l", "-u", "-E"], operands: 0 },
    Wrapper { names: &["dtach"], valued: &["-a", "-A", "-c", "-n", "-N", "-p", "-e", "-r"], operands: 0 },
    Wrapper { names: &["nice", "cpulimit"], valued: &["-n", "--adjustment", "-l", "--limit"], operands: 0 },
    Wrapper { names: &["ionice"], valued: &["-n", "-c", "--class", "--classdata", "-p", "-P", "-u"], operands: 0 },
    Wrapper { names: &["stdbuf"], valued: &["-i", "-o", "-e", "--input", "--output", "--error"], operands: 0 },
    Wrapper { names: &["exec"], valued: &["-a"], operands: 0 },
    Wrapper { names: &["time"], valued: &["-f", "-o", "--format", "--output"], operands: 0 },
    Wrapper { names: &["caffeinate"], valued: &["-t", "-w"], operands: 0 },
    Wrapper { names: &["prlimit", "numactl"], valued: &["-p", "-m", "-N", "-C", "-i"], operands: 0 },
    Wrapper { names: &["timeout", "gtimeout"], valued: &["-s", "--signal", "-k", "--kill-after"], operands: 1 },
    Wrapper { names: &["taskset", "setuidgid", "envdir", "setarch"], valued: &["-p"], operands: 1 },
    Wrapper { names: &["chrt"], valued: &["-T", "-P", "-D", "-p"], operands: 1 },
    Wrapper { names: &["flock", "lockf"], valued: &["-w", "--timeout", "-E", "-t"], operands: 1 },
    Wrapper { names: &["chpst", "softlimit"], valued: &["-u", "-U", "-e", "-m", "-d", "-o", "-l"], operands: 0 },
    Wrapper { names: &["proot"], valued: &["-r", "-b", "-w", "-q", "-R", "-S", "-k", "-m"], operands: 0 },
    Wrapper { names: &["sshpass"], valued: &["-p", "-f", "-d"], operands: 0 },
    Wrapper {
        names: &["strace", "ltrace"],
        valued: &["-e", "-o", "-p", "-s", "-u", "-E", "-a", "-O", "-S", "-P", "-I", "-b", "-X", "-n", "-l", "-x"],
        operands: 0,
    },
    Wrapper {
        names: &["systemd-run", "systemd-inhibit"],
        valued: &[
            "-u",
            "-p",
            "-E",
            "-t",
            "-M",
            "-H",
            "--unit",
            "--property",
            "--setenv",
            "--uid",
            "--gid",
            "--slice",
            "--what",
            "--who",
            "--why",
            "--mode",
            "--working-directory",
            "--description",
            "--on-active",
            "--on-calendar",
        ],
        operands: 0,
    },
    Wrapper { names: &["xvfb-run"], valued: &["-n", "-s", "-f", "-e", "-p", "-w", "--server-args"], operands: 0 },
    Wrapper {
        names: &["setpriv", "unshare"],
        valued: &["-S", "-G", "-R", "-w", "--reuid", "--regid", "--groups", "--root", "--wd", "--setuid", "--setgid"],
        operands: 0,
    },
];

/// Runs the command inside a wrapper; `None`: the program is none.
pub(super) fn run(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<Option<Data>> {
    let name = call.name.as_str();
    if let Some(output) = of_its_own(judge, call, scope)? {
        return Ok(Some(output));
    }
    if runners::NAMES.iter().any(|(runner, _)| *runner == name) {
        return runners::run(judge, call, scope);
    }
    let Some(wrapper) = WRAPPERS.iter().find(|wrapper| wrapper.names.contains(&name)) else {
        return Ok(None);
    };
    let (options, read) = Options::leading(&call.arguments, wrapper.valued);
    let mut inner = scope.clone();
    for directory in options.values(&["-C", "--chdir", "-D"]) {
        let directories = resolve(directory, scope);
        inner.move_to(directories.iter().map(|target| Some(target.shown())).collect());
    }
    let mut texts: Vec<&Field> = options.values(&["-S", "--split-string"]).filter(|_| name == "env").collect();
    if let [_, option, text, ..] = &call.arguments[read..]
        && name == "flock"
        && (option.is("-c") || option.is("--command"))
    {
        texts.push(text);
    }
    for text in texts {
        let source = Data::Text(text.clone());
        let mut line = shells::script_text(text);
        let own = if name == "flock" { &[] } else { &call.arguments[read..] };
        for argument in own {
            line.push(' ');
            line.push_str(&shells::script_text(&shells::quoted(argument)));
        }
        shells::run_text(judge, &source, &line, &mut inner)?;
    }
    let rest = &call.arguments[read..];
    let (assigned, rest) = assignments(rest, &mut inner);
    for (variable, value) in assigned {
        inner.set_one(&variable, value);
    }
    let rest = rest.get(wrapper.operands..).unwrap_or_default();
    // `sudo -s`, `sudo -i` and `sudo` alone read what they run from their input.
    let shell = rest.is_empty() && options.has(&["-s", "-i", "--shell", "--login"]);
    if shell && matches!(name, "sudo" | "doas") {
        return judge.run(&[Field::text("sh")], &mut inner).map(Some);
    }
    let output = judge.run(rest, &mut inner)?;
    scope.files.extend(inner.files);
    Ok(Some(output))
}

/// Wrappers that do more than run what follows their options.
fn of_its_own(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<Option<Data>> {
    let output = match call.name.as_str() {
        "command" if call.arguments.first().is_some_and(|first| first.is("-v") || first.is("-V")) => return Ok(None),
        // What these run changes this very shell: `command cd /`.
        "command" | "builtin" => {
            let (_, read) = Options::leading(&call.arguments, &[]);
            judge.run(&call.arguments[read..], scope)?
        }
        "busybox" | "toybox" => judge.run(&call.arguments, scope)?,
        "chroot" => changed_root(judge, &call.arguments, scope)?,
        "systemd-nspawn" => {
            let valued = ["-D", "--directory", "-M", "--machine", "-i", "--image", "-u", "--user", "--bind"];
            let (options, read) = Options::leading(&call.arguments, &valued);
            let root = options.value(&["-D", "--directory"]).into_iter();
            let words: Vec<Field> = root.chain(call.arguments[read..].iter().cloned()).collect();
            changed_root(judge, &words, scope)?
        }
        "nsenter" => other_namespaces(judge, &call.arguments, scope)?,
        "watch" | "ssh" | "hyperfine" | "entr" => joined(judge, call, scope)?,
        "scp" | "sftp" => {
            commands_of_ssh(judge, &Options::read(&call.arguments, &["-o"]), scope)?;
            return Ok(None);
        }
        "xargs" => super::programs::search::xargs(judge, &call.arguments, scope)?,
        "parallel" => super::programs::search::parallel(judge, &call.arguments, scope)?,
        _ => return Ok(None),
    };
    Ok(Some(output))
}

/// `NAME=value` before the command, as `env` and `sudo` take them.
fn assignments<'f>(arguments: &'f [Field], scope: &mut Scope) -> (Vec<(String, Field)>, &'f [Field]) {
    let mut assigned = Vec::new();
    let mut at = 0;
    while let Some((name, value)) = arguments.get(at).and_then(|field| field.split_once('=')) {
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            break;
        }
        scope.set_one(&name, value.clone());
        assigned.push((name, value));
        at += 1;
    }
    (assigned, &arguments[at..])
}

/// `chroot DIR command`: the command's paths lie below DIR.
fn changed_root(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged {
    let valued = ["--userspec", "--groups"];
    let (_, read) = Options::leading(arguments, &valued);
    let Some((root, command)) = arguments[read..].split_first() else {
        return Ok(Data::Nothing);
    };
    let mut inner = scope.clone();
    if let Some(target) = resolve(root, scope).first() {
        let below = target.shown();
        inner.mounts = (below != "/").then(|| vec![("/".to_owned(), below)]);
        inner.directories = vec![Some("/".to_owned())];
    }
    if command.is_empty() {
        return judge.run(&[Field::text("sh")], &mut inner);
    }
    judge.run(command, &mut inner)
}

/// `nsenter -t 1 …` leaves every container: what follows is judged on the host.
fn other_namespaces(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged {
    let valued = ["-t", "--target", "-S", "-G", "--setuid", "--setgid"];
    let (_, read) = Options::leading(arguments, &valued);
    let mut inner = scope.clone();
    inner.mounts = None;
    judge.run(&arguments[read..], &mut inner)
}

/// `watch`, `ssh`: the rest of the arguments is a script.
fn joined(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged {
    const VALUED: &[&str] = &[
        "-n",
        "--interval",
        "-b",
        "-c",
        "-D",
        "-E",
        "-e",
        "-F",
        "-I",
        "-i",
        "-J",
        "-L",
        "-l",
        "-m",
        "-O",
        "-o",
        "-p",
        "-Q",
        "-R",
        "-S",
        "-W",
        "-w",
        "-r",
    ];
    let (options, read) = Options::leading(&call.arguments, if call.name == "entr" { &[] } else { VALUED });
    let own = usize::from(call.name == "ssh");
    let mut rest = call.arguments[read..].get(own..).unwrap_or_default();
    if rest.first().is_some_and(|first| first.is("--")) {
        rest = &rest[1..];
    }
    let mut inner = scope.clone();
    if call.name == "ssh" {
        commands_of_ssh(judge, &options, &inner)?;
        // On the other machine this one's directory and variables mean nothing.
        inner.directories = vec![None];
    }
    if rest.is_empty() {
        let source = inner.stdin.clone();
        if call.name == "ssh" {
            shells::run_text(judge, &source, &shells::script_text(&source.field()), &mut inner)?;
        }
        return Ok(Data::local());
    }
    let origin = rest.iter().filter_map(Field::origin).max();
    let source = Data::Opaque(origin.unwrap_or(Origin::Local));
    // entr starts its program without a shell, so each argument stays one.
    let one_each = call.name == "entr" && rest.len() > 1;
    let text = shells::joined_text(rest.iter(), if one_each { &shells::quoted } else { &Field::clone });
    match shells::run_text(judge, &source, &text, &mut inner) {
        // The workspace of another machine is not known here; its system is like this one's.
        Err(refusal) if call.name == "ssh" && refusal.rule == "rm-outside" => Ok(Data::local()),
        Err(refusal) => Err(refusal),
        Ok(_) => Ok(Data::local()),
    }
}

/// `-o ProxyCommand=…`, `-o LocalCommand=…`: commands that run on this machine.
fn commands_of_ssh(judge: &mut Judge<'_>, options: &Options, scope: &Scope) -> Judged<()> {
    for option in options.values(&["-o"]) {
        if let Some((name, command)) = option.split_once('=')
            && name.to_lowercase().ends_with("command")
        {
            let source = Data::Text(command.clone());
            shells::run_text(judge, &source, &shells::script_text(&command), &mut scope.clone())?;
        }
    }
    Ok(())
}
