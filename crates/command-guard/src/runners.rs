//! Task runners and package managers that run the program named somewhere in their arguments.

use super::judge::{Judge, Judged};
use super::scope::Scope;
use super::shells;
use super::simple::Invocation;
use super::values::{Data, Field};

/// Runners whose command follows a word of their own (`poetry run …`), or their options when there is no word.
pub(super) const NAMES: &[(&str, &[&str])] = &[
    ("npx", &[]),
    ("bunx", &[]),
    ("pnpx", &[]),
    ("uvx", &[]),
    ("pipx", &[]),
    ("bwrap", &[]),
    ("wsl", &[]),
    ("microk8s", &[]),
    ("k3s", &[]),
    ("k0s", &[]),
    ("perf", &["record", "stat", "trace"]),
    ("rr", &["record"]),
    ("lerna", &["exec"]),
    ("cargo", &["watch"]),
    ("sops", &["exec-env", "exec-file"]),
    ("toolbox", &["run"]),
    ("distrobox", &["enter"]),
    ("schroot", &["--"]),
    ("pueue", &["add"]),
    ("poetry", &["run"]),
    ("uv", &["run"]),
    ("pipenv", &["run"]),
    ("pdm", &["run"]),
    ("hatch", &["run"]),
    ("rye", &["run"]),
    ("conda", &["run"]),
    ("mamba", &["run"]),
    ("bundle", &["exec"]),
    ("npm", &["exec", "x"]),
    ("pnpm", &["exec", "dlx"]),
    ("yarn", &["exec", "dlx"]),
    ("rbenv", &["exec"]),
    ("pyenv", &["exec"]),
    ("asdf", &["exec"]),
    ("mise", &["exec", "x"]),
    ("direnv", &["exec"]),
    ("rustup", &["run"]),
    ("dotenv", &["run", "--"]),
    ("doppler", &["run"]),
    ("op", &["run"]),
    ("aws-vault", &["exec"]),
    ("nix", &["develop"]),
    ("flatpak-spawn", &["--host"]),
    ("chezmoi", &["execute"]),
    ("git-bisect", &["run"]),
];

/// Runs what follows the runner's word; `None`: it does not stand there.
pub(super) fn run(judge: &mut Judge<'_>, call: &Invocation, scope: &Scope) -> Judged<Option<Data>> {
    let words = NAMES.iter().find(|(name, _)| *name == call.name).map_or(&[][..], |(_, words)| *words);
    let arguments = call.arguments.as_slice();
    let at = arguments.iter().position(|field| words.iter().any(|word| field.is(word)));
    // `npm run x` is no `npm x`.
    let is_first = |at: &usize| arguments[..*at].iter().all(|field| field.visible().starts_with('-'));
    let at = at.filter(|at| !matches!(call.name.as_str(), "npm" | "pnpm" | "yarn") || is_first(at));
    let Some(start) = at.map(|at| at + 1).or_else(|| words.is_empty().then_some(0)) else {
        return Ok(None);
    };
    from_each_operand(judge, &arguments[start..], scope)?;
    Ok(Some(Data::local()))
}

/// Options of a runner differ too much to be listed: the command is what follows them, tried from each
/// operand on, since a value of an option is no dangerous program. It may be one text: `npx -c 'a && b'`.
pub(super) fn from_each_operand(judge: &mut Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    let separator = arguments.iter().position(|field| field.is("--"));
    let starts: Vec<usize> = match separator {
        Some(at) => vec![at + 1],
        None => (0..arguments.len().min(6)).filter(|at| !arguments[*at].visible().starts_with('-')).collect(),
    };
    for (index, start) in starts.into_iter().enumerate() {
        let takes_text = ["-c", "-s", "--call", "--shell", "-x", "--exec", "--command", "-e"];
        let is_text = index == 0 || takes_text.iter().any(|option| arguments[start - 1].is(option));
        let text = arguments.get(start).map(shells::script_text).unwrap_or_default();
        if is_text && text.contains(char::is_whitespace) {
            match shells::run_text(judge, &Data::Text(arguments[start].clone()), &text, &mut scope.clone()) {
                Err(refusal) if refusal.rule != "unparsable" => return Err(refusal),
                _ => {}
            }
        }
        match judge.run(arguments.get(start..).unwrap_or_default(), &mut scope.clone()) {
            // What is no command line is no command: `npx deno eval 'console.log(2)'`.
            Err(refusal) if index > 0 && refusal.rule == "unparsable" => {}
            other => drop(other?),
        }
    }
    Ok(())
}
