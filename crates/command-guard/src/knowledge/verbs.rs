//! Makes effects of what a record says of a call.

use super::conditions::Arguments;
use super::records::{Printed, Record, Step, Verb};
use super::selectors::Selector;
use crate::effects::{Call, Effects, unparsable};
use crate::options::Options;
use crate::scripts::script_text;
use crate::values::{Data, Field};

fn arguments<'c>(record: &Record, call: &'c Call<'c>) -> Arguments<'c> {
    let valued: Vec<&str> = record.valued.iter().map(String::as_str).collect();
    let (options, read) = match record.has_rest() {
        true => Options::leading(call.arguments, &valued),
        false => (Options::read(call.arguments, &valued), call.arguments.len()),
    };
    let words = call.arguments.iter().map(|argument| argument.visible().to_lowercase()).collect();
    Arguments { call, words, options, read }
}

impl Step {
    fn holds(&self, arguments: &Arguments<'_>) -> bool {
        self.conditions.is_empty() || self.conditions.iter().any(|condition| condition.holds(arguments))
    }
}

/// Adds what the record says that the call does.
pub(super) fn judge(record: &Record, call: &Call<'_>, effects: &mut Effects) {
    let arguments = arguments(record, call);
    for step in record.steps.iter().filter(|step| step.holds(&arguments)) {
        if matches!(step.verb, Verb::Harmless) {
            return;
        }
        perform(&step.verb, &arguments, effects);
    }
}

/// Adds its refusals alone.
pub(super) fn refusals(record: &Record, call: &Call<'_>, effects: &mut Effects) {
    let arguments = arguments(record, call);
    let refusals = record.steps.iter().filter(|step| matches!(step.verb, Verb::Refuse { .. }));
    refusals.filter(|step| step.holds(&arguments)).for_each(|step| perform(&step.verb, &arguments, effects));
}

/// What flows out of the call.
pub(super) fn printed(record: &Record, call: &Call<'_>) -> Option<Printed> {
    let arguments = arguments(record, call);
    record.steps.iter().filter(|step| step.holds(&arguments)).find_map(|step| match step.verb {
        Verb::Prints(printed) => Some(printed),
        _ => None,
    })
}

fn perform(verb: &Verb, arguments: &Arguments<'_>, effects: &mut Effects) {
    let call = arguments.call;
    let fields = |what: &Selector| what.select(arguments).unwrap_or_default();
    match verb {
        Verb::Harmless | Verb::Prints(_) => {}
        Verb::Runs { what, line, elsewhere: false } if what.is_rest() => match what.select(arguments) {
            Some(words) if *line => drop(effects.joined(&words).printing()),
            Some(words) => rest(&words, arguments, effects),
            None => {}
        },
        Verb::Runs { what, elsewhere, .. } => {
            for text in fields(what) {
                // `!` says that an alias is a command.
                let run = effects.line(&text.after("!").unwrap_or(text));
                match what {
                    _ if *elsewhere => run.elsewhere(call.scope),
                    // A script that is run later; what is no command line fails then.
                    Selector::Settings { .. } => run.forgiving(unparsable),
                    _ => run,
                };
            }
        }
        Verb::Tries { what: Selector::Rest { .. }, elsewhere } => {
            from_each_operand(call.arguments, call, *elsewhere, effects);
        }
        Verb::Tries { what, elsewhere } => {
            if let Some(words) = what.select(arguments) {
                from_each_operand(&words, call, *elsewhere, effects);
            }
        }
        Verb::Removes(what, extent) => {
            fields(what).iter().for_each(|place| effects.removes_as(call.name, place, *extent));
        }
        Verb::Moves(what) => fields(what).iter().for_each(|place| effects.moves_away(place)),
        Verb::Writes(what, how) => fields(what).iter().for_each(|file| effects.writes(call.name, file, *how)),
        Verb::Unpacks { into, over } => fields(into).iter().for_each(|place| effects.unpacks(call.name, place, *over)),
        Verb::Refuse { rule: "user-rule", what } => {
            effects.refuse("user-rule", format!("your rules say that `{}` would {what}", call.name));
        }
        Verb::Refuse { rule, what } => effects.refuse(rule, format!("`{}` would {what}", call.name)),
    }
}

/// A program behind the options of another, with `NAME=value` in front of it.
fn rest(words: &[Field], arguments: &Arguments<'_>, effects: &mut Effects) {
    let (inner, words) = arguments.call.assigned(&arguments.options, words);
    effects.program(words).in_scope(&inner).printing();
}

/// Where the options of a program differ too much to be listed, the command is what follows them, tried from each
/// operand on, since the value of an option is no dangerous program. It may be one text: `npx -c 'a && b'`.
fn from_each_operand(words: &[Field], call: &Call<'_>, elsewhere: bool, effects: &mut Effects) {
    let separator = words.iter().position(|field| field.is("--"));
    let starts: Vec<usize> = match separator {
        Some(at) => vec![at + 1],
        None => (0..words.len().min(6)).filter(|at| !words[*at].visible().starts_with('-')).collect(),
    };
    for (index, start) in starts.into_iter().enumerate() {
        let takes_text = ["-c", "-s", "--call", "--shell", "-x", "--exec", "--command", "-e"];
        let is_text = index == 0 || takes_text.iter().any(|option| words[start - 1].is(option));
        let text = words.get(start).map(script_text).unwrap_or_default();
        if is_text && text.contains(char::is_whitespace) {
            let run = effects.text(text, Data::Text(words[start].clone()));
            match elsewhere {
                true => run.elsewhere(call.scope),
                false => run.forgiving(unparsable),
            };
        }
        let run = effects.program(words.get(start..).unwrap_or_default());
        match elsewhere {
            true => run.elsewhere(call.scope),
            // What is no command line is no command: `npx deno eval 'console.log(2)'`.
            false if index > 0 => run.forgiving(unparsable),
            false => run,
        };
    }
}
