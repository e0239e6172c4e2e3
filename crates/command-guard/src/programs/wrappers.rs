//! Programs that run what stands in their arguments in another place: another root, other namespaces, another machine.

use crate::effects::{Call, Effects};
use crate::options::Options;
use crate::scripts::{joined_text, quoted, script_text};
use crate::targets::resolve;
use crate::values::{Data, Field};

pub(super) const NAMES: &[&str] =
    &["command", "builtin", "env", "chroot", "systemd-nspawn", "nsenter", "ssh", "entr", "start-stop-daemon"];

pub(super) fn judge(call: &Call<'_>, effects: &mut Effects) {
    match call.name {
        "command" if call.first_is("-v") || call.first_is("-V") => {}
        // What these run changes this very shell: `command cd /`.
        "command" | "builtin" => {
            let (_, read) = Options::leading(call.arguments, &[]);
            effects.program(&call.arguments[read..]).in_same_shell().printing();
        }
        "env" => env(call, effects),
        "chroot" => {
            let (_, read) = Options::leading(call.arguments, &["--userspec", "--groups"]);
            changed_root(call, &call.arguments[read..], effects);
        }
        "systemd-nspawn" => {
            let valued = ["-D", "--directory", "-M", "--machine", "-i", "--image", "-u", "--user", "--bind"];
            let (options, read) = Options::leading(call.arguments, &valued);
            let root = options.value(&["-D", "--directory"]).into_iter();
            let words: Vec<Field> = root.chain(call.arguments[read..].iter().cloned()).collect();
            changed_root(call, &words, effects);
        }
        // It leaves every container: what follows is judged on the host.
        "nsenter" => {
            let valued = ["-t", "--target", "-S", "-G", "--setuid", "--setgid"];
            let (_, read) = Options::leading(call.arguments, &valued);
            let mut inner = call.scope.clone();
            inner.mounts = None;
            effects.program(&call.arguments[read..]).in_scope(&inner).printing();
        }
        "ssh" => ssh(call, effects),
        "entr" => entr(call, effects),
        _ => daemon(call, effects),
    }
}

/// `env -S 'command' argument`, and `NAME=value` in front of the command.
fn env(call: &Call<'_>, effects: &mut Effects) {
    let (options, read) = Options::leading(call.arguments, &["-u", "--unset", "-C", "--chdir", "-S", "--split-string"]);
    let rest = &call.arguments[read..];
    let inner = call.assigned(&options, rest);
    for text in options.values(&["-S", "--split-string"]) {
        let own = joined_text(rest.iter(), &quoted);
        effects.text(format!("{} {own}", script_text(text)), Data::Text(text.clone())).in_scope(&inner.0);
    }
    effects.program(inner.1).in_scope(&inner.0).printing();
}

/// `chroot DIR command`: the command's paths lie below DIR.
fn changed_root(call: &Call<'_>, words: &[Field], effects: &mut Effects) {
    let Some((root, command)) = words.split_first() else {
        return;
    };
    let mut inner = call.scope.clone();
    if let Some(target) = resolve(root, call.scope).first() {
        let below = target.shown();
        inner.mounts = (below != "/").then(|| vec![("/".to_owned(), below)]);
        inner.directories = vec![Some("/".to_owned())];
    }
    let shell = [Field::text("sh")];
    effects.program(if command.is_empty() { &shell } else { command }).in_scope(&inner).printing();
}

/// On the other machine this one's directory and variables mean nothing, and its workspace is not known here; its
/// system is like this one's.
fn ssh(call: &Call<'_>, effects: &mut Effects) {
    const VALUED: &[&str] = &[
        "-b", "-c", "-D", "-E", "-e", "-F", "-I", "-i", "-J", "-L", "-l", "-m", "-O", "-o", "-p", "-Q", "-R", "-S",
        "-W", "-w",
    ];
    let (options, read) = Options::leading(call.arguments, VALUED);
    // `-o ProxyCommand=…`, `-o LocalCommand=…`: commands that run on this machine.
    for (name, command) in options.values(&["-o"]).filter_map(|option| option.split_once('=')) {
        if name.to_lowercase().ends_with("command") {
            effects.line(&command);
        }
    }
    let mut inner = call.scope.clone();
    inner.directories = vec![None];
    let rest = call.arguments[read..].get(1..).unwrap_or_default();
    let rest = rest.strip_prefix(&[Field::text("--")]).unwrap_or(rest);
    let run = match rest {
        [] => effects.text(script_text(&call.scope.stdin.field()), call.scope.stdin.clone()),
        _ => effects.joined(rest),
    };
    run.in_scope(&inner).forgiving(|rule| rule == "rm-outside");
    effects.prints(Data::local());
}

/// entr starts its program without a shell, so each of several arguments stays one.
fn entr(call: &Call<'_>, effects: &mut Effects) {
    let (_, read) = Options::leading(call.arguments, &[]);
    match &call.arguments[read..] {
        [] => {}
        [line] => drop(effects.line(line)),
        words => drop(effects.program(words)),
    }
}

/// `start-stop-daemon --exec PROGRAM -- ARGUMENTS`
fn daemon(call: &Call<'_>, effects: &mut Effects) {
    let names = ["-x", "--exec", "-a", "--startas"];
    let own = call.arguments.iter().position(|argument| argument.is("--")).unwrap_or(call.arguments.len());
    let options = Options::read(&call.arguments[..own], &names);
    for program in options.values(&names) {
        let mut argv = vec![program.clone()];
        argv.extend_from_slice(call.arguments.get(own + 1..).unwrap_or_default());
        effects.program(&argv);
    }
}
