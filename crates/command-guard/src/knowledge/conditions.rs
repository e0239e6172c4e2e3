//! The conditions of a record: words, options and places in the order of a call's arguments.

use super::lists::{Alternatives, Lists};
use crate::effects::Call;
use crate::options::Options;
use crate::values::Field;

/// A call's arguments as the conditions of a record see them.
pub(super) struct Arguments<'c> {
    pub call: &'c Call<'c>,
    /// In lower case.
    pub words: Vec<String>,
    pub options: Options,
    /// How many of the arguments were read as options; the others follow.
    pub read: usize,
}

/// All of its tests must hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Condition(Vec<Test>);

#[derive(Clone, Debug)]
struct Test {
    is_negated: bool,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    /// An argument, behind those that earlier words of the condition were.
    Word(Alternatives),
    /// An option, alone or among others behind one dash.
    Option(Vec<String>),
    /// The value of an option.
    Value(Vec<String>, Alternatives),
    /// The operand of this number.
    Operand(usize, Alternatives),
    Last(Alternatives),
    /// An operand of which something is not known.
    Unknown,
    /// Nothing follows the options.
    Alone,
    /// A word anywhere in the line.
    Line(String),
}

impl Condition {
    /// Reads what stands behind `if`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) fn read(text: &str, lists: &Lists) -> Result<Self, String> {
        text.split_whitespace().map(|word| Test::read(word, lists)).collect::<Result<_, _>>().map(Self)
    }

    pub(crate) fn holds(&self, arguments: &Arguments<'_>) -> bool {
        let mut rest = arguments.words.iter();
        self.0.iter().all(|test| match (&test.what, test.is_negated) {
            (What::Word(word), false) => rest.any(|argument| word.fit(argument)),
            (what, is_negated) => what.holds(arguments) != is_negated,
        })
    }
}

impl Test {
    fn read(word: &str, lists: &Lists) -> Result<Self, String> {
        let (is_negated, word) = word.strip_prefix('!').map_or((false, word), |word| (true, word));
        let alternatives = |text: &str| Alternatives::read(text, lists);
        let what = match word.split_once('=') {
            _ if word == "unknown" => What::Unknown,
            _ if word == "alone" => What::Alone,
            Some(("last", text)) => What::Last(alternatives(text)?),
            Some((names, text)) if are_options(names) => What::Value(option_names(names), alternatives(text)?),
            Some((number, text)) if number.parse::<usize>().is_ok_and(|number| number > 0) => {
                What::Operand(number.parse().unwrap_or(1), alternatives(text)?)
            }
            _ if are_options(word) => What::Option(option_names(word)),
            _ => match word.strip_prefix("line:") {
                Some(word) => What::Line(word.to_owned()),
                None => What::Word(alternatives(word)?),
            },
        };
        Ok(Self { is_negated, what })
    }
}

impl What {
    fn holds(&self, arguments: &Arguments<'_>) -> bool {
        let Arguments { call, words, options, .. } = arguments;
        let fits = |field: &Field, word: &Alternatives| word.fit(&field.visible().to_lowercase());
        match self {
            Self::Word(word) => words.iter().any(|argument| word.fit(argument)),
            Self::Option(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                options.has(&names) || call.with(&call.arguments[..arguments.read]).has_word(&names)
            }
            Self::Value(names, word) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                options.values(&names).any(|value| fits(value, word))
            }
            Self::Operand(number, word) => options.operands.get(number - 1).is_some_and(|operand| fits(operand, word)),
            Self::Last(word) => options.operands.last().is_some_and(|operand| fits(operand, word)),
            Self::Unknown => options.operands.iter().any(|operand| operand.origin().is_some()),
            Self::Alone => arguments.read == call.arguments.len() && options.operands.is_empty(),
            Self::Line(word) => (call.mentions)(word),
        }
    }
}

/// `-x`, `--long`, or several of them.
fn are_options(text: &str) -> bool {
    let is_option = |name: &str| {
        let long = name.len() > 3 && name.starts_with("--");
        let short = name.len() == 2 && name.starts_with('-') && name != "--";
        (long || short) && !name.contains(['*', '?', '['])
    };
    text.split('|').all(is_option)
}

fn option_names(text: &str) -> Vec<String> {
    text.split('|').map(str::to_owned).collect()
}
