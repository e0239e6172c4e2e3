//! What the shell itself does: move, assign, evaluate, read.

use super::invocation::Invocation;
use super::judge::{Judge, Judged};
use super::options::Options;
use super::scope::{Attribute, Scope};
use super::scripts;
use super::shells;
use super::syntax::Assignment;
use super::targets::resolve;
use super::values::{Data, Field, Origin, Part};
use super::work;

/// Builtins whose arguments are assignments.
pub(super) fn declares(name: &str) -> bool {
    matches!(name, "export" | "declare" | "local" | "readonly" | "typeset")
}

/// Builtins that set variables, or run what does.
pub(super) fn sets(name: &str) -> bool {
    let reads = matches!(name, "read" | "mapfile" | "readarray" | "printf" | "getopts" | "let" | "unset" | "wait");
    declares(name) || reads || matches!(name, "eval" | "source" | "." | "command" | "builtin")
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
        "complete" | "compgen" => completions(judge, arguments, scope)?,
        "bind" => bindings(judge, arguments, scope)?,
        "alias" => define_aliases(judge, arguments, scope)?,
        "unalias" => arguments.iter().filter_map(Field::known).for_each(|name| drop(scope.aliases.remove(&name))),
        "unset" => unset(judge, arguments, scope)?,
        name if declares(name) => assign(judge, call, scope)?,
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
            read_lines(judge, arguments, scope)?;
        }
        "test" | "[" => test(judge, arguments, scope)?,
        "let" => {
            for expression in arguments {
                judge.evaluates(std::slice::from_ref(expression), scope)?;
            }
        }
        "hash" => remember(judge, arguments, scope),
        "wait" => fill(judge, Options::read(arguments, &["-p"]).values(&["-p"]), Origin::Number, scope)?,
        "getopts" => {
            fill(judge, arguments.get(1), Origin::Local, scope)?;
            fill(judge, &[Field::text("OPTARG")], Origin::Local, scope)?;
        }
        "enable" if Options::read(arguments, &[]).has(&["-f"]) => judge.note_unknown(&[]),
        ":" | "true" | "false" | "shopt" | "ulimit" | "umask" | "jobs" | "bg" | "fg" | "disown" | "times"
        | "history" | "enable" => {}
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

fn assign(judge: &mut Judge<'_>, call: &Invocation, scope: &mut Scope) -> Judged<()> {
    let (options, read) = Options::leading(&call.arguments, &[]);
    mark(Some(&call.name), &call.arguments, &[], scope);
    let refers = options.has(&["-n"]) && call.name != "export";
    let is_local =
        !scope.calls.is_empty() && !matches!(call.name.as_str(), "export" | "readonly") && !options.has(&["-g"]);
    for argument in &call.arguments[read..] {
        let (name, value) = match argument.split_once('=') {
            Some((name, value)) => (Field::text(name.trim_end_matches('+')), Some(value)),
            None => (argument.clone(), None),
        };
        let Some(plain) = judge.names_variable(&name, scope)? else {
            continue;
        };
        if is_local {
            let hidden = scope.variables.get(&plain).cloned();
            scope.locals.push((plain.clone(), hidden));
        }
        match value {
            _ if refers => {
                judge.names_variable(value.as_ref().unwrap_or(&name), scope)?;
                let meant = value.as_ref().and_then(Field::known).unwrap_or_default();
                scope.references.insert(plain, meant);
            }
            Some(value) => judge.bind_named(&name, vec![vec![value]], scope)?,
            None => {}
        }
    }
    Ok(())
}

/// Notes the attributes that `declare` and its kin give to variables.
pub(super) fn mark(name: Option<&str>, arguments: &[Field], arrays: &[Assignment], scope: &mut Scope) {
    let (options, read) = Options::leading(arguments, &[]);
    let attributes = [
        (Attribute::Integer, options.has(&["-i"])),
        (Attribute::Associative, options.has(&["-A"])),
        (Attribute::Readonly, options.has(&["-r"]) || name == Some("readonly")),
    ];
    let given = arguments[read..].iter().map(Field::visible);
    let given = given.map(|text| text.split(['=', '+', '[']).next().unwrap_or_default().to_owned());
    for name in given.chain(arrays.iter().map(|array| array.name.clone())) {
        for (attribute, _) in attributes.iter().filter(|(_, is_given)| *is_given) {
            scope.mark(&name, *attribute);
        }
    }
}

/// Commands in the values of options, which are run with more arguments.
fn callbacks(judge: &mut Judge<'_>, arguments: &[Field], names: &[&str], scope: &Scope) -> Judged<()> {
    for command in Options::read(arguments, names).values(names) {
        let text = format!("{} \"${}\"", scripts::script_text(command), scripts::UNKNOWN);
        shells::run_text(judge, &Data::Text(command.clone()), &text, &mut scope.clone())?;
    }
    Ok(())
}

/// The command of a key stands behind the key's colon.
fn bindings(judge: &mut Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    for command in Options::read(arguments, &["-x"]).values(&["-x"]) {
        let command = command.split_once(':').map_or_else(|| command.clone(), |(_, command)| command);
        let text = scripts::script_text(&command);
        shells::run_text(judge, &Data::Text(command), &text, &mut scope.clone())?;
    }
    Ok(())
}

/// What completes a word: commands, functions, and words that are expanded.
fn completions(judge: &mut Judge<'_>, arguments: &[Field], scope: &Scope) -> Judged<()> {
    callbacks(judge, arguments, &["-C", "-F"], scope)?;
    let options = Options::read(arguments, &["-W"]);
    if options.values(&["-W"]).any(|words| words.known().is_none_or(|text| text.contains(['$', '`']))) {
        judge.note_unknown(&[]);
    }
    Ok(())
}

/// `test -v NAME`
fn test(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged<()> {
    for (operator, name) in arguments.iter().zip(arguments.iter().skip(1)) {
        let asks = operator.is("-v") || operator.is("-R");
        if asks || operator.known().is_none() && name.known().is_some() {
            judge.names_variable(name, scope)?;
        }
    }
    Ok(())
}

/// `hash -p PROGRAM NAME`: from then on the name means the program.
fn remember(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) {
    let options = Options::read(arguments, &["-p"]);
    if let Some(program) = options.value(&["-p"]) {
        judge.note_unknown(&[]);
        for name in options.operands.iter().filter_map(Field::known) {
            scope.aliases.insert(name, scripts::script_text(&scripts::quoted(&program)));
        }
    }
}

/// Gives a value that is not known to each of the variables.
fn fill<'f>(
    judge: &mut Judge<'_>,
    names: impl IntoIterator<Item = &'f Field>,
    origin: Origin,
    scope: &mut Scope,
) -> Judged<()> {
    for name in names {
        judge.bind_named(name, vec![vec![Field::unknown(origin)]], scope)?;
    }
    Ok(())
}

fn unset(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged<()> {
    let options = Options::read(arguments, &[]);
    let is_other = options.has(&["-f", "-n"]);
    for argument in &options.operands {
        let Some(name) = judge.names_variable(argument, scope)? else {
            continue;
        };
        scope.aliases.remove(&name);
        scope.functions.remove(&name);
        scope.references.remove(&name);
        if is_other || scope.has(&name, Attribute::Readonly) {
            continue;
        }
        if name == "PATH" {
            // Without it, programs are looked for where the shell is.
            judge.note_variable(&name, None);
        }
        scope.attributes.retain(|(marked, _)| *marked != name);
        // Not unknown but empty: `unset D; rm -rf "$D/"` is the root.
        scope.set_one(&name, Field::default());
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
    for array in options.values(&["-a"]) {
        judge.bind_named(array, vec![words.clone()], scope)?;
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
    for name in &options.operands {
        judge.bind_named(name, items.clone(), scope)?;
    }
    scope.set("REPLY", items);
    Ok(())
}

/// The array becomes all lines of the input.
fn read_lines(judge: &mut Judge<'_>, arguments: &[Field], scope: &mut Scope) -> Judged<()> {
    let options = Options::read(arguments, &["-d", "-n", "-O", "-s", "-u", "-C", "-c"]);
    let name = options.operands.first().cloned().unwrap_or_else(|| Field::text("MAPFILE"));
    let lines = match &scope.stdin {
        Data::Text(field) => field.lines(),
        other => other.items(),
    };
    judge.bind_named(&name, vec![lines], scope)
}
