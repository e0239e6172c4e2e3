//! Commands in git's settings and subcommands.

use super::embedded_commands::run;
use crate::judge::{Judge, Judged};
use crate::options::Options;
use crate::scope::Scope;
use crate::shells;
use crate::values::Field;

/// Settings and subcommands of git that hold commands.
pub(super) fn judge(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged<()> {
    let valued = ["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env"];
    let (options, read) = Options::leading(arguments, &valued);
    for setting in options.values(&["-c"]) {
        if let Some((name, value)) = setting.split_once('=') {
            setting_runs(judge, &name, &value, scope)?;
        }
    }
    let rest = &arguments[read..];
    let subcommand = rest.first().map(Field::visible).unwrap_or_default();
    let after = rest.get(1..).unwrap_or_default();
    match subcommand.as_str() {
        "config" => {
            let operands = Options::read(after, &["-f", "--file", "--type"]).operands;
            if let [name, value, ..] = operands.as_slice() {
                setting_runs(judge, &name.visible(), value, scope)?;
            }
        }
        "rebase" | "filter-branch" | "clone" | "fetch" | "pull" | "push" | "ls-remote" | "difftool" | "mergetool"
        | "archive" | "grep" => {
            let valued = command_options(&subcommand);
            let options = Options::read(after, valued);
            for command in options.values(valued) {
                run(judge, command, scope)?;
            }
            // `ext::sh -c …` is a transport that runs a command.
            for operand in &options.operands {
                if let Some(command) = operand.after("ext::") {
                    run(judge, &command, scope)?;
                }
            }
        }
        "bisect" if after.first().is_some_and(|first| first.is("run")) => {
            judge.run(&after[1..], &mut scope.clone())?;
        }
        "submodule" if after.iter().any(|field| field.is("foreach")) => {
            let at = after.iter().position(|field| field.is("foreach")).map_or(0, |at| at + 1);
            let command = after[at..].iter().filter(|field| !field.visible().starts_with("--"));
            let text = shells::joined_text(command, &Field::clone);
            run(judge, &Field::text(text), scope)?;
        }
        _ => {}
    }
    Ok(())
}

/// The options of a subcommand whose values are commands.
fn command_options(subcommand: &str) -> &'static [&'static str] {
    match subcommand {
        "rebase" | "filter-branch" => {
            &["-x", "--exec", "--tree-filter", "--index-filter", "--env-filter", "--msg-filter", "--commit-filter"]
        }
        "difftool" => &["-x", "--extcmd"],
        "grep" => &["-O", "--open-files-in-pager"],
        "archive" => &["--exec"],
        _ => &["--upload-pack"],
    }
}

fn setting_runs(judge: &mut Judge<'_>, name: &str, value: &Field, scope: &Scope) -> Judged<()> {
    let name = name.to_lowercase();
    let alias = name.starts_with("alias.");
    let runs = [
        "pager",
        "editor",
        "sshcommand",
        "fsmonitor",
        "askpass",
        ".cmd",
        "textconv",
        "command",
        "external",
        "gitproxy",
        ".process",
        ".clean",
        ".smudge",
        "hookspath",
        "helper",
        ".program",
    ];
    let value_runs = runs.iter().any(|end| name.ends_with(end)) || name.starts_with("pager.");
    let text = value.visible();
    let command = text.strip_prefix('!');
    if let Some(command) = command.filter(|_| alias || value_runs) {
        return run(judge, &Field::text(command), scope);
    }
    if value_runs && !alias { run(judge, value, scope) } else { Ok(()) }
}
