//! What the shell itself does: move, assign, evaluate, read.

use super::invocation::Invocation;
use super::judge::{Judge, Judged};
use super::options::Options;
use super::scope::Scope;
use super::scripts;
use super::shells;
use super::targets::resolve;
use super::values::{Data, Field, Origin, Part};
use super::work;

/// Builtins whose arguments are assignments.
pub(super) fn declares(name: &str) -> bool {
    matches!(name, "export" | "declare" | "local" | "readonly" | "typeset")
}

/// Runs a builtin; `None`: it is none.
pub(super) fn run(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<Option<Data>> {
    let arguments = &call.arguments;
    match call.name.as_str() {
        "cd" | "chdir" | "pushd" => change_directory(judge, arguments, scope),
        "popd" => scope.move_to(scope.left.clone()),
        "exit" | "return" | "break" | "continue" => {
            scope.ended = matches!(call.name.as_str(), "exit" | "return");
        }
        "eval" => {
            let (_, read) = Options::leading(arguments, &[]);
            let text = scripts::joined_text(arguments[read..].iter(), &Field::clone);
            let field = Data::Text(text_field(&arguments[read..]));
            return shells::run_text(judge, &field, &text, scope).map(Some);
        }
        "source" | "." => return shells::source(judge, arguments, scope).map(Some),
        "trap" => {
            let (_, read) = Options::leading(arguments, &[]);
            if let Some(action) = arguments.get(read).filter(|_| arguments.len() > read + 1) {
                let text = scripts::script_text(action);
                shells::run_text(judge, &Data::Text(action.clone()), &text, &mut scope.clone())?;
            }
        }
        // Run later, at each completion or key.
        "complete" => callbacks(judge, arguments, &["-C"], scope)?,
        "bind" => callbacks(judge, arguments, &["-x"], scope)?,
        "alias" => define_aliases(judge, arguments, scope)?,
        "unalias" | "unset" => {
            for name in arguments.iter().filter_map(Field::known) {
                scope.aliases.remove(&name);
                scope.functions.remove(&name);
                scope.references.remove(&name);
                // Not unknown but empty: `unset D; rm -rf "$D/"` is the root.
                scope.set_one(&name, Field::default());
            }
        }
        name if declares(name) => assign(judge, arguments, scope)?,
        "set" => {
            let (_, read) = Options::leading(arguments, &["-o", "+o"]);
            if read < arguments.len() {
                scope.positional = Some(arguments[read..].to_vec());
            }
        }
        "shift" => shift(arguments, scope),
        "read" => read(judge, arguments, scope)?,
        "mapfile" | "readarray" => {
            callbacks(judge, arguments, &["-C"], scope)?;
            read_lines(arguments, scope);
        }
        "test" | "[" | ":" | "true" | "false" | "shopt" | "hash" | "ulimit" | "umask" | "wait" | "jobs" | "bg"
        | "fg" | "disown" | "times" | "let" | "getopts" | "compgen" | "history" => {}
        _ => return Ok(None),
    }
    Ok(Some(Data::Nothing))
}

fn text_field(arguments: &[Field]) -> Field {
    let mut whole = Field::default();
    for (index, argument) in arguments.iter().enumerate() {
        if index > 0 {
            whole.push(Part::Text(" ".into()));
        }
        whole.extend(argument);
    }
    whole
}

fn change_directory(judge: &Judge<'_>, arguments: &[Field], scope: &mut Scope) {
    let (_, read) = Options::leading(arguments, &[]);
    let directories = match arguments.get(read) {
        None => vec![Some(judge.context.home.to_owned())],
        Some(to) if to.is("-") => scope.left.clone(),
        Some(to) => {
            let targets = resolve(to, scope);
            targets.iter().map(|target| target.names().map(|names| format!("/{}", names.join("/")))).collect()
        }
    };
    scope.move_to(directories);
}

fn define_aliases(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged<()> {
    for argument in arguments {
        let Some((name, value)) = argument.split_once('=') else {
            continue;
        };
        let text = scripts::script_text(&value);
        shells::run_text(judge, &Data::Text(value), &text, &mut scope.clone())?;
        scope.aliases.insert(name, text);
    }
    Ok(())
}

fn assign(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged<()> {
    let refers = arguments.iter().any(|argument| argument.is("-n"));
    for argument in arguments {
        if let Some((name, value)) = argument.split_once('=') {
            let name = name.trim_end_matches('+');
            if let Some(meant) = value.known().filter(|_| refers) {
                scope.references.insert(name.to_owned(), meant);
                continue;
            }
            judge.environment_runs(name, &vec![vec![value.clone()]], scope)?;
            scope.set_one(name, value);
        }
    }
    Ok(())
}

/// Commands in the values of options; a key binding's stands behind its key's colon.
fn callbacks(judge: &mut Judge<'_>, arguments: &[Field], names: &[&str], scope: &Scope) -> Judged<()> {
    for command in Options::read(arguments, names).values(names) {
        let command = command.split_once(':').map_or_else(|| command.clone(), |(_, command)| command);
        let text = scripts::script_text(&command);
        shells::run_text(judge, &Data::Text(command), &text, &mut scope.clone())?;
    }
    Ok(())
}

fn shift(arguments: &[Field], scope: &mut Scope) {
    let count = arguments.first().and_then(Field::known).and_then(|text| text.parse().ok()).unwrap_or(1_usize);
    if let Some(fields) = &mut scope.positional {
        fields.drain(..count.min(fields.len()));
    }
}

/// Each variable can become each word of the input.
fn read(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged<()> {
    let valued = ["-d", "-n", "-N", "-p", "-t", "-u", "-i", "-a"];
    let options = Options::read(arguments, &valued);
    let separators = judge.variable("IFS", scope).iter().flatten().map(Field::visible).collect::<String>();
    let words = match &scope.stdin {
        Data::Text(field) => field.words(&separators),
        other => other.items(),
    };
    if let Some(array) = options.value(&["-a"]).and_then(|name| name.known()) {
        scope.set(&array, vec![words.clone()]);
    }
    let items: Vec<Vec<Field>> = match &scope.stdin {
        Data::Text(_) | Data::Names(_) => {
            let mut items: Vec<_> = words.into_iter().map(|item| vec![item]).collect();
            if let Data::Text(field) = &scope.stdin {
                items.push(vec![field.clone()]);
            }
            items.truncate(super::scope::MEANINGS);
            items
        }
        other => vec![vec![Field::unknown(other.origin().unwrap_or(Origin::Local))]],
    };
    judge.pay(work::variable(&items).saturating_mul(options.operands.len()))?;
    for name in options.operands.iter().filter_map(Field::known) {
        scope.set(&name, items.clone());
    }
    scope.set("REPLY", items);
    Ok(())
}

/// The array becomes all lines of the input.
fn read_lines(arguments: &[Field], scope: &mut Scope) {
    let options = Options::read(arguments, &["-d", "-n", "-O", "-s", "-u", "-C", "-c"]);
    let name = options.operands.first().and_then(Field::known).unwrap_or_else(|| "MAPFILE".to_owned());
    let lines = match &scope.stdin {
        Data::Text(field) => field.lines(),
        other => other.items(),
    };
    scope.set(&name, vec![lines]);
}
