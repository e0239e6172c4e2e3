//! Programs that remove files.

use crate::Refusal;
use crate::judge::{Judge, Judged};
use crate::options::Options;
use crate::scope::Scope;
use crate::simple::Invocation;
use crate::values::{Field, Part};

pub(super) const NAMES: &[&str] = &[
    "rm",
    "rmdir",
    "unlink",
    "shred",
    "srm",
    "wipe",
    "rimraf",
    "del-cli",
    "del",
    "rd",
    "gio",
    "trash",
    "trash-put",
    "rmtrash",
    "gvfs-trash",
    "kioclient",
    "kioclient5",
    "btrfs",
    "cmake",
    "git",
    "Remove-Item",
    "remove-item",
    "ri",
];

pub(super) fn judge(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let arguments = &call.arguments;
    match call.name.as_str() {
        "rmdir" => return empty_directories(judge, call, scope),
        "git" => return git(judge, arguments, scope),
        "trash" | "trash-put" | "rmtrash" | "gvfs-trash" => return trashed(judge, arguments, scope),
        "gio" if arguments.first().is_some_and(|first| first.is("trash")) => {
            return trashed(judge, &arguments[1..], scope);
        }
        "kioclient" | "kioclient5" if arguments.first().is_some_and(|first| first.is("move")) => {
            return trashed(judge, arguments.get(1..arguments.len() - 1).unwrap_or_default(), scope);
        }
        "kioclient" | "kioclient5" => return Ok(()),
        "gio" if !arguments.first().is_some_and(|first| first.is("remove")) => return Ok(()),
        "btrfs" if !arguments.get(1).is_some_and(|second| second.is("delete")) => return Ok(()),
        "cmake" if !is_cmakes_removal(arguments) => return Ok(()),
        _ => {}
    }
    let options = Options::read(arguments, &["-n", "-s", "--iterations", "--size", "--random-source"]);
    // shred and its kin destroy what they are given, directory or not.
    let whole = call.name != "rm" && call.name != "unlink" || options.has(&["-r", "-R", "--recursive"]);
    for operand in &options.operands {
        judge.removes(&call.name, operand, whole, scope)?;
    }
    Ok(())
}

/// What lies in the trash can be had again, like what was moved.
fn trashed(judge: &Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    Options::read(arguments, &[]).operands.iter().try_for_each(|operand| judge.moves_away(operand, scope))
}

/// `cmake -E rm -rf place`, and its older names.
fn is_cmakes_removal(arguments: &[Field]) -> bool {
    let names = ["rm", "remove", "remove_directory"];
    arguments.first().is_some_and(|first| first.is("-E"))
        && arguments.get(1).is_some_and(|second| names.iter().any(|name| second.is(name)))
}

/// Only empty directories go, so the user's own are his to tidy; the system's are not.
fn empty_directories(judge: &Judge<'_>, call: &Invocation, scope: &Scope) -> Judged<()> {
    for operand in Options::read(&call.arguments, &[]).operands {
        match judge.removes("rmdir", &operand, true, scope) {
            Err(refusal) if refusal.rule != "rm-outside" => return Err(refusal),
            _ => {}
        }
    }
    Ok(())
}

/// git removes files of the directory that it is pointed at; commands in its options are judged elsewhere.
fn git(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged<()> {
    let valued = ["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path"];
    let (options, read) = Options::leading(arguments, &valued);
    let rest = &arguments[read..];
    let flags = Options::read(rest, &["-e", "--exclude"]);
    let set = judge.variable("GIT_WORK_TREE", scope).into_iter().flatten().find(|field| field.known().is_some());
    let elsewhere = options.value(&["--work-tree"]).or(set);
    let here = elsewhere.clone().or(options.value(&["-C"])).unwrap_or_else(|| Field::text("."));
    if let Some(task) = discards(rest)
        && let Some(target) = judge.users_own(&here, scope)
    {
        let what = format!("`git {task}` would discard changes in {}, outside of the workspace", target.shown());
        return Err(Refusal::new("overwrite", what));
    }
    let removes = match rest.first().map(Field::visible).as_deref() {
        Some("clean") => flags.has(&["-f", "--force"]) && !flags.has(&["-n", "--dry-run"]),
        // Where another place plays the work tree, its files make room for those of the commit.
        Some("checkout" | "restore" | "reset") => elsewhere.is_some() && (flags.has(&["-f", "--force", "--hard"])),
        _ => false,
    };
    if !removes {
        return Ok(());
    }
    let mut place = here;
    place.push(Part::Text("/".into()));
    place.0.push(Part::Below);
    judge.removes("git clean", &place, true, scope)
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
        _ => false,
    };
    loses.then_some(task)
}
