//! What git discards and removes, and commands in its settings and subcommands.

use crate::effects::{Call, Effects};
use crate::options::Options;
use crate::places::users_own;
use crate::scripts::joined_text;
use crate::values::{Field, Origin, Part};
use crate::words::words;

/// Settings and subcommands of git that hold commands.
fn commands(call: &Call<'_>, effects: &mut Effects) {
    let arguments = call.arguments;
    let valued = ["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env"];
    let (options, read) = Options::leading(arguments, &valued);
    if options.values(&["--config-env"]).next().is_some() {
        effects.program(&[Field::unknown(Origin::Local)]);
    }
    for setting in options.values(&["-c"]) {
        if let Some((name, value)) = setting.split_once('=') {
            setting_runs(&name, &value, effects);
        }
    }
    let rest = &arguments[read..];
    let subcommand = rest.first().map(Field::visible).unwrap_or_default();
    let after = rest.get(1..).unwrap_or_default();
    match subcommand.as_str() {
        "config" => {
            let operands = Options::read(after, &["-f", "--file", "--type"]).operands;
            if let [name, value, ..] = operands.as_slice() {
                setting_runs(&name.visible(), value, effects);
            }
        }
        "rebase" | "filter-branch" | "clone" | "fetch" | "pull" | "push" | "ls-remote" | "difftool" | "mergetool"
        | "archive" | "grep" => {
            let valued = command_options(&subcommand);
            let options = Options::read(after, valued);
            for command in options.values(valued) {
                effects.line(command);
            }
            // `ext::sh -c …` is a transport that runs a command.
            for operand in &options.operands {
                if let Some(command) = operand.after("ext::") {
                    effects.line(&command);
                }
            }
        }
        "bisect" if after.first().is_some_and(|first| first.is("run")) => {
            effects.program(&after[1..]);
        }
        "submodule" if after.iter().any(|field| field.is("foreach")) => {
            let at = after.iter().position(|field| field.is("foreach")).map_or(0, |at| at + 1);
            let command = after[at..].iter().filter(|field| !field.visible().starts_with("--"));
            let text = joined_text(command, &Field::clone);
            effects.line(&Field::text(text));
        }
        _ => {}
    }
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

fn setting_runs(name: &str, value: &Field, effects: &mut Effects) {
    let name = name.to_lowercase();
    let alias = name.starts_with("alias.");
    let value_runs = words("git-commands").iter().any(|end| name.ends_with(end)) || name.starts_with("pager.");
    let text = value.visible();
    match text.strip_prefix('!').filter(|_| alias || value_runs) {
        Some(command) => drop(effects.line(&Field::text(command))),
        // What an alias is called with follows it, and it may have been called with anything.
        None if alias => drop(effects.program(&[Field::unknown(Origin::Local)])),
        None if value_runs => drop(effects.line(value)),
        None => {}
    }
}

/// git removes files of the directory that it is pointed at; commands in its options are judged elsewhere.
pub(super) fn judge(call: &Call<'_>, effects: &mut Effects) {
    let arguments = call.arguments;
    let valued = ["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path"];
    let (options, read) = Options::leading(arguments, &valued);
    let rest = &arguments[read..];
    let flags = Options::read(rest, &["-e", "--exclude"]);
    let set = call.variable("GIT_WORK_TREE");
    let elsewhere = options.value(&["--work-tree"]).or(set);
    let here = elsewhere.clone().or(options.value(&["-C"])).unwrap_or_else(|| Field::text("."));
    if let Some(task) = discards(rest)
        && let Some(target) = users_own(&here, call.scope, call.context)
    {
        let what = format!("`git {task}` would discard changes in {}, outside of the workspace", target.shown());
        return effects.refuse("overwrite", what);
    }
    let removes = match rest.first().map(Field::visible).as_deref() {
        Some("clean") => flags.has(&["-f", "--force"]) && !flags.has(&["-n", "--dry-run"]),
        // Where another place plays the work tree, its files make room for those of the commit.
        Some("checkout" | "restore" | "reset") => elsewhere.is_some() && (flags.has(&["-f", "--force", "--hard"])),
        _ => false,
    };
    if removes {
        let mut place = here;
        place.push(Part::Text("/".into()));
        place.0.push(Part::Below);
        effects.removes("git clean", &place);
    }
    commands(call, effects);
}

/// The task of git that loses changes which were never committed, if this is one.
fn discards(rest: &[Field]) -> Option<String> {
    let task = rest.first()?.visible();
    let options = Options::read(&rest[1..], &["-b", "-B", "-s", "--source", "-m", "--message", "--pathspec-from-file"]);
    let operand = |text: &str| options.operands.iter().any(|operand| operand.is(text));
    let behind_dashes = rest.iter().position(|field| field.is("--")).is_some_and(|at| at + 1 < rest.len());
    let loses = match task.as_str() {
        "reset" => options.has(&["--hard"]),
        "checkout" => options.has(&["-f", "--force"]) || behind_dashes || operand("."),
        "restore" => !options.has(&["-S", "--staged"]) || options.has(&["-W", "--worktree"]),
        "switch" => options.has(&["-f", "--force", "--discard-changes"]),
        "stash" => operand("drop") || operand("clear"),
        "rm" => options.has(&["-f", "--force"]) && !options.has(&["--cached"]),
        "worktree" => operand("remove") && options.has(&["-f", "--force"]),
        _ => false,
    };
    loses.then_some(task)
}
