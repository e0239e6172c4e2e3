//! Commands in what build tools and task runners are given: recipes, runners, scripts, ad-hoc tasks.

use super::embedded_commands::run;
use crate::judge::{Judge, Judged};
use crate::options::Options;
use crate::scope::Scope;
use crate::shells;
use crate::values::{Data, Field};

/// `start-stop-daemon --exec PROGRAM -- ARGUMENTS`
pub(super) fn daemon(judge: &mut Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    let names = ["-x", "--exec", "-a", "--startas"];
    let own = arguments.iter().position(|argument| argument.is("--")).unwrap_or(arguments.len());
    let options = Options::read(&arguments[..own], &names);
    for program in options.values(&names) {
        let mut argv = vec![program.clone()];
        argv.extend_from_slice(arguments.get(own + 1..).unwrap_or_default());
        judge.run(&argv, &mut scope.clone())?;
    }
    Ok(())
}

/// `cargo --config 'target.….runner="command"'`
pub(super) fn cargo(judge: &mut Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    for (name, value) in Options::read(arguments, &["--config"]).values(&["--config"]).filter_map(|o| o.split_once('='))
    {
        let name = name.trim();
        if ["runner", "wrapper", "linker", "rustc", "rustdoc"].iter().any(|end| name.ends_with(end)) {
            run(judge, &Field::text(value.visible().trim_matches([' ', '"', '\''])), scope)?;
        }
    }
    Ok(())
}

/// `npm config set script-shell PROGRAM`: what runs every script from then on.
pub(super) fn npm(judge: &mut Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    let first = arguments.first().map(Field::visible).unwrap_or_default();
    // `npm pkg set scripts.x='command'`, and what older ones called `npm set-script x 'command'`.
    if arguments.iter().any(|argument| argument.is("pkg")) {
        for (name, script) in arguments.iter().filter_map(|argument| argument.split_once('=')) {
            if name.starts_with("scripts") {
                run_script(judge, &script, scope)?;
            }
        }
    } else if first == "set-script" {
        arguments.get(2).map_or(Ok(()), |script| run_script(judge, script, scope))?;
    } else if let Some(manifest) = scope.file(&Field::text("package.json")) {
        for script in scripts(&manifest.field().visible()) {
            run_script(judge, &Field::text(script), scope)?;
        }
    }
    let Some(at) =
        arguments.iter().position(|argument| argument.visible().trim_start_matches('-').starts_with("script-shell"))
    else {
        return Ok(());
    };
    let value = arguments[at].split_once('=').map(|(_, value)| value).or_else(|| arguments.get(at + 1).cloned());
    value.map_or(Ok(()), |value| run(judge, &value, scope))
}

/// `composer config scripts.x 'command'`
pub(super) fn composer(judge: &mut Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    let at = arguments.iter().position(|argument| argument.visible().starts_with("scripts."));
    at.and_then(|at| arguments.get(at + 1)).map_or(Ok(()), |script| run_script(judge, script, scope))
}

/// A script that is run later; what is no command line fails then.
fn run_script(judge: &mut Judge<'_>, script: &Field, scope: &Scope) -> Judged<()> {
    match run(judge, script, scope) {
        Err(refusal) if refusal.rule == "unparsable" => Ok(()),
        other => other,
    }
}

/// The values of `scripts` in a `package.json` that the same line wrote.
fn scripts(manifest: &str) -> Vec<String> {
    let Some((_, rest)) = manifest.split_once("\"scripts\"") else {
        return Vec::new();
    };
    let object = rest.split('}').next().unwrap_or_default().replace("\\\"", "'");
    object.split('"').skip(1).step_by(2).skip(1).step_by(2).map(str::to_owned).collect()
}

/// Ad-hoc commands of ansible: for other machines, whose workspace is not known, or for this one.
pub(super) fn ansible(judge: &mut Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    let options = Options::read(arguments, &["-a", "--args", "-m", "--module-name", "-i", "-c", "-l", "-u"]);
    let module = options.value(&["-m", "--module-name"]).map(|name| name.visible()).unwrap_or_default();
    for text in options.values(&["-a", "--args"]) {
        let judged = match module.rsplit('.').next().unwrap_or_default() {
            "file" if text.visible().contains("state=absent") => {
                let place = text.words("").iter().find_map(|word| word.after("path=").or_else(|| word.after("dest=")));
                place.map_or(Ok(()), |place| judge.removes("ansible", &place, true, scope))
            }
            "shell" | "command" | "raw" | "" => run(judge, text, scope),
            _ => Ok(()),
        };
        match judged {
            Err(refusal) if !matches!(refusal.rule, "rm-outside" | "unparsable") => return Err(refusal),
            _ => {}
        }
    }
    Ok(())
}

/// A makefile on the input or in `--eval`: its recipes are commands.
pub(super) fn make(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged<()> {
    let options = Options::read(arguments, &["-f", "--file", "--eval", "-C", "-j", "-E"]);
    let mut texts: Vec<Data> = options.values(&["--eval", "-E"]).cloned().map(Data::Text).collect();
    for file in options.values(&["-f", "--file"]) {
        texts.extend(if shells::is_stdin(file) { Some(scope.stdin.clone()) } else { scope.file(file) });
    }
    if !options.has(&["-f", "--file"]) {
        texts.extend(["Makefile", "makefile", "GNUmakefile"].iter().filter_map(|name| scope.file(&Field::text(*name))));
    }
    // `make SHELL=…`, `make CC=…`: what a variable holds is run by the recipes that use it.
    for (_, value) in arguments.iter().filter_map(|argument| argument.split_once('=')) {
        match run(judge, &value, scope) {
            Err(refusal) if refusal.rule != "unparsable" => return Err(refusal),
            _ => {}
        }
    }
    for text in texts {
        shells::refuse_origin(text.origin(), "make")?;
        for line in shells::script_text(&text.field()).lines() {
            let recipe = line.strip_prefix('\t').or_else(|| line.split_once(";").map(|(_, recipe)| recipe));
            let shell = line.split_once("$(shell ").map(|(_, rest)| rest.trim_end_matches(')'));
            for command in recipe.into_iter().chain(shell) {
                let command = command.trim_start_matches(['@', '-', '+']).replace("$$", "$");
                run(judge, &Field::text(command), scope)?;
            }
        }
    }
    Ok(())
}
