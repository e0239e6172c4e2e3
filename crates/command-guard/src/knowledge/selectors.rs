//! Which of a call's arguments a verb is about.

use super::conditions::Arguments;
use crate::patterns::matches_text;
use crate::values::Field;

#[derive(Clone, Debug)]
pub(super) enum Selector {
    /// What stands behind the options, and behind as many words of the program's own.
    Rest {
        own: usize,
    },
    /// What stands behind one of the words, which is the first of all where `first`.
    Behind {
        words: Vec<String>,
        first: bool,
    },
    /// Operands, counted from 1.
    Operands {
        from: usize,
        but_last: bool,
    },
    Operand(usize),
    Last,
    /// The values of options.
    Values(Vec<String>),
    /// `NAME=value` among the values of options, or among all arguments: the value where the name fits.
    Settings {
        name: String,
        options: Vec<String>,
    },
    /// The operands that look like paths.
    Places,
    /// The arguments in which a blank stands.
    Texts,
    Input,
    /// What another selects, or where the call stands.
    OrHere(Box<Selector>),
}

impl Selector {
    /// # Errors
    /// When the text selects nothing.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(other) = text.strip_suffix(" or here") {
            return Self::read(other).map(|other| Self::OrHere(Box::new(other)));
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        let number = |text: &str| text.parse::<usize>().map_err(|_| format!("{text:?} is no number"));
        let alternatives = |text: &str| text.split('|').map(str::to_owned).collect();
        let names = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Ok(match words.as_slice() {
            ["rest"] => Self::Rest { own: 0 },
            ["rest", "from", from] => Self::Rest { own: number(from)?.saturating_sub(1) },
            ["rest", "behind", "first", words] => Self::Behind { words: alternatives(words), first: true },
            ["rest", "behind", words] => Self::Behind { words: alternatives(words), first: false },
            ["operands"] => Self::Operands { from: 1, but_last: false },
            ["operands", "but", "last"] => Self::Operands { from: 1, but_last: true },
            ["operands", "from", from] => Self::Operands { from: number(from)?, but_last: false },
            ["operands", "from", from, "but", "last"] => Self::Operands { from: number(from)?, but_last: true },
            ["operand", which] => Self::Operand(number(which)?),
            ["last", "operand"] => Self::Last,
            ["values", "of", options @ ..] if !options.is_empty() => Self::Values(names(options)),
            ["settings", name, "of", options @ ..] => {
                Self::Settings { name: name.to_lowercase(), options: names(options) }
            }
            ["settings", name] => Self::Settings { name: name.to_lowercase(), options: Vec::new() },
            ["places"] => Self::Places,
            ["texts"] => Self::Texts,
            ["input"] => Self::Input,
            _ => return Err(format!("{text:?} is no part of a call")),
        })
    }

    /// Whether it is what stands behind the program's own arguments.
    pub(crate) fn is_rest(&self) -> bool {
        matches!(self, Self::Rest { .. } | Self::Behind { .. })
    }

    /// The arguments that are meant; of a rest, its words. `None`: it does not stand there.
    pub(crate) fn select(&self, arguments: &Arguments<'_>) -> Option<Vec<Field>> {
        let Arguments { call, options, read, .. } = arguments;
        let operands = &options.operands;
        Some(match self {
            Self::Rest { own } => call.arguments[*read..].get(*own..).unwrap_or_default().to_vec(),
            Self::Behind { words, first } => {
                let at = call.arguments.iter().position(|argument| words.iter().any(|word| argument.is(word)))?;
                // `npm run x` is no `npm x`.
                let is_first = call.arguments[..at].iter().all(|argument| argument.visible().starts_with('-'));
                if *first && !is_first {
                    return None;
                }
                call.arguments[at + 1..].to_vec()
            }
            Self::Operands { from, but_last } => {
                let end = operands.len() - usize::from(*but_last && !operands.is_empty());
                operands.get(from - 1..end).unwrap_or_default().to_vec()
            }
            Self::Operand(number) => operands.get(number - 1).into_iter().cloned().collect(),
            Self::Last => operands.last().into_iter().cloned().collect(),
            Self::Values(names) => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                options.values(&names).cloned().collect()
            }
            Self::Settings { name, options: names } => {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                let all = if names.is_empty() { call.arguments } else { &[] };
                let settings = options.values(&names).chain(all).filter_map(|setting| setting.split_once('='));
                let meant = |found: &str| matches_text(name, &found.trim().to_lowercase());
                settings.filter(|(found, _)| meant(found)).map(|(_, value)| unquoted(value)).collect()
            }
            Self::Places => operands.iter().filter(|operand| operand.visible().contains(['/', '.'])).cloned().collect(),
            Self::Texts => {
                let is_text = |text: &str| text.contains(' ') && !text.starts_with('#');
                call.arguments.iter().filter(|argument| is_text(&argument.visible())).cloned().collect()
            }
            Self::Input => vec![call.scope.stdin.field()],
            Self::OrHere(other) => {
                let found = other.select(arguments)?;
                if found.is_empty() { vec![Field::text(".")] } else { found }
            }
        })
    }
}

/// A value without the quotes of a file of settings, and without the `!` that says that it is a command.
fn unquoted(value: Field) -> Field {
    let text = value.visible();
    let trimmed = text.trim();
    let inside = ['"', '\''].iter().find_map(|quote| trimmed.strip_prefix(*quote)?.strip_suffix(*quote));
    let plain = inside.unwrap_or(trimmed).trim_start_matches('!');
    if plain == text || value.origin().is_some() { value } else { Field::text(plain) }
}
