//! Commands in what build tools and task runners are given: recipes, scripts, ad-hoc tasks, scheduled jobs.

use crate::effects::{Call, Effects, unparsable};
use crate::options::Options;
use crate::scripts::{is_stdin, script_text};
use crate::values::{Data, Field};

pub(super) const NAMES: &[&str] = &["npm", "yarn", "pnpm", "bun", "ansible", "make", "gmake", "crontab"];

pub(super) fn judge(call: &Call<'_>, effects: &mut Effects) {
    match call.name {
        "ansible" => ansible(call, effects),
        "make" | "gmake" => make(call, effects),
        "crontab" => crontab(call, effects),
        _ => {
            if let Some(manifest) = call.scope.file(&Field::text("package.json")) {
                for script in scripts(&manifest.field().visible()) {
                    // What is no command line fails when it is run.
                    effects.line(&Field::text(script)).forgiving(unparsable);
                }
            }
        }
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
fn ansible(call: &Call<'_>, effects: &mut Effects) {
    let options = Options::read(call.arguments, &["-a", "--args", "-m", "--module-name", "-i", "-c", "-l", "-u"]);
    let module = options.value(&["-m", "--module-name"]).map(|name| name.visible()).unwrap_or_default();
    let forgives = |rule: &str| matches!(rule, "rm-outside" | "unparsable");
    for text in options.values(&["-a", "--args"]) {
        match module.rsplit('.').next().unwrap_or_default() {
            "file" if text.visible().contains("state=absent") => {
                let place = text.words("").iter().find_map(|word| word.after("path=").or_else(|| word.after("dest=")));
                if let Some(place) = place {
                    effects.program(&[Field::text("rm"), Field::text("-r"), place]).forgiving(forgives);
                }
            }
            "shell" | "command" | "raw" | "" => drop(effects.line(text).forgiving(forgives)),
            _ => {}
        }
    }
}

/// A makefile on the input or in `--eval`: its recipes are commands.
fn make(call: &Call<'_>, effects: &mut Effects) {
    let options = Options::read(call.arguments, &["-f", "--file", "--eval", "-C", "-j", "-E"]);
    let mut texts: Vec<Data> = options.values(&["--eval", "-E"]).cloned().map(Data::Text).collect();
    for file in options.values(&["-f", "--file"]) {
        texts.extend(if is_stdin(file) { Some(call.scope.stdin.clone()) } else { call.scope.file(file) });
    }
    if !options.has(&["-f", "--file"]) {
        texts.extend(
            ["Makefile", "makefile", "GNUmakefile"].iter().filter_map(|name| call.scope.file(&Field::text(*name))),
        );
    }
    // `make SHELL=…`, `make CC=…`: what a variable holds is run by the recipes that use it.
    for (_, value) in call.arguments.iter().filter_map(|argument| argument.split_once('=')) {
        effects.line(&value).forgiving(unparsable);
    }
    for text in texts {
        effects.refuse_origin(text.origin(), "make");
        for line in script_text(&text.field()).lines() {
            let recipe = line.strip_prefix('\t').or_else(|| line.split_once(';').map(|(_, recipe)| recipe));
            let shell = line.split_once("$(shell ").map(|(_, rest)| rest.trim_end_matches(')'));
            for command in recipe.into_iter().chain(shell) {
                let command = command.trim_start_matches(['@', '-', '+']).replace("$$", "$");
                effects.line(&Field::text(command));
            }
        }
    }
}

/// Listing and editing by hand are fine; removing the table is not, and a new one is judged line by line.
fn crontab(call: &Call<'_>, effects: &mut Effects) {
    let options = Options::read(call.arguments, &["-u"]);
    let file = options.operands.first();
    if options.has(&["-r"]) || file.is_some_and(|file| file.is("/dev/null")) {
        return effects.refuse("account", "`crontab` would remove all scheduled jobs");
    }
    if options.has(&["-l", "-e"]) {
        return;
    }
    let source = match file {
        Some(file) if !is_stdin(file) => call.scope.file(file).unwrap_or_else(Data::local),
        _ => call.scope.stdin.clone(),
    };
    effects.refuse_origin(source.origin(), "cron");
    for line in script_text(&source.field()).lines() {
        let fields = if line.starts_with('@') { 1 } else { 5 };
        let job = line.split_whitespace().skip(fields).collect::<Vec<_>>().join(" ");
        effects.text(job, Data::Nothing);
    }
}
