//! Programs that run a command in a container that runs already, in a virtual machine or on another machine.

use crate::judge::{Judge, Judged};
use crate::runners::from_each_operand;
use crate::scope::Scope;
use crate::shells;
use crate::simple::Invocation;
use crate::values::{Data, Field};

pub(super) const NAMES: &[&str] = &[
    "kubectl",
    "oc",
    "crictl",
    "lxc",
    "incus",
    "multipass",
    "limactl",
    "lima",
    "colima",
    "minikube",
    "vagrant",
    "adb",
    "gcloud",
    "fly",
    "flyctl",
    "heroku",
    "salt",
    "nomad",
    "az",
    "aws",
    "mosh",
    "pdsh",
    "clush",
    "pssh",
    "parallel-ssh",
    "dsh",
];

/// The words behind which the command stands. `lima`, `mosh` and the parallel shells have none.
const WORDS: &[&str] =
    &["exec", "rsh", "shell", "ssh", "console", "run", "cmd.run", "cmd.shell", "run-command", "send-command"];

pub(super) fn judge(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let wordless = matches!(call.name.as_str(), "lima" | "mosh" | "pdsh" | "clush" | "pssh" | "parallel-ssh" | "dsh");
    let at = call.arguments.iter().position(|argument| WORDS.iter().any(|word| argument.is(word)));
    let Some(start) = at.map(|at| at + 1).or(wordless.then_some(0)) else {
        return Ok(());
    };
    // `kubectl run` starts a container of its own, which nothing stands on.
    if call.name == "kubectl" && call.arguments[start - 1].is("run") {
        return Ok(());
    }
    let arguments = &call.arguments[start..];
    for (name, text) in arguments.iter().filter_map(|argument| argument.split_once('=')) {
        if name.ends_with("command") {
            let script = shells::script_text(&text);
            inside(judge, scope, |judge, scope| shells::run_text(judge, &Data::Text(text), &script, scope).map(drop))?;
        }
    }
    for text in arguments.iter().filter(|argument| argument.visible().contains(' ')) {
        // `--parameters 'commands=["command"]'`: a list of commands.
        let script = shells::script_text(text);
        let list = script.split_once("=[").map_or("", |(_, list)| list);
        let quoted: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        for script in quoted.into_iter().chain([script.as_str()]) {
            let source = Data::Text(text.clone());
            inside(judge, scope, |judge, scope| shells::run_text(judge, &source, script, scope).map(drop))?;
        }
    }
    inside(judge, scope, |judge, scope| from_each_operand(judge, arguments, scope))
}

/// A command where nothing is known but that the top directories are a system: only the loss of one of those counts.
pub(super) fn inside(
    judge: &mut Judge<'_>,
    scope: &Scope,
    run: impl FnOnce(&mut Judge<'_>, &mut Scope) -> Judged<()>,
) -> Judged<()> {
    let mut inner = scope.clone();
    inner.is_elsewhere = true;
    inner.directories = vec![None];
    match run(judge, &mut inner) {
        Err(refusal) if !matches!(refusal.rule, "rm-root" | "rm-system") => Ok(()),
        other => other,
    }
}

/// As [`inside`], for a command whose words are known.
pub(super) fn command_inside(judge: &mut Judge<'_>, argv: &[Field], scope: &Scope) -> Judged<()> {
    inside(judge, scope, |judge, scope| judge.run(argv, scope).map(drop))
}
