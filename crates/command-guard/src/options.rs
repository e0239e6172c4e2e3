//! The options and operands of a program's arguments, as GNU programs read them.

use super::values::Field;

/// One option as written: `-r`, `--recursive`, `--owner=x`.
#[derive(Clone, Debug)]
pub(super) struct Opt {
    pub name: String,
    pub value: Option<Field>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    pub options: Vec<Opt>,
    pub operands: Vec<Field>,
}

impl Options {
    /// Reads all arguments, options and operands in any order, up to `--`.
    /// `valued`: the options that take a value (`-n`, `--suffix`).
    pub(crate) fn read(arguments: &[Field], valued: &[&str]) -> Self {
        Self::parse(arguments, valued, false).0
    }

    /// Reads the options before the first operand; the second result counts the arguments read.
    pub(crate) fn leading(arguments: &[Field], valued: &[&str]) -> (Self, usize) {
        Self::parse(arguments, valued, true)
    }

    fn parse(arguments: &[Field], valued: &[&str], leading: bool) -> (Self, usize) {
        let mut result = Self::default();
        let mut at = 0;
        while at < arguments.len() {
            let argument = &arguments[at];
            let text = argument.visible();
            if text == "--" && argument.origin().is_none() {
                at += 1;
                break;
            }
            if !text.starts_with('-') || text == "-" {
                if leading {
                    return (result, at);
                }
                result.operands.push(argument.clone());
                at += 1;
                continue;
            }
            at += 1;
            let next = arguments.get(at);
            at += usize::from(result.option(argument, &text, next, valued));
        }
        if !leading {
            result.operands.extend_from_slice(&arguments[at.min(arguments.len())..]);
        }
        (result, at.min(arguments.len()))
    }

    /// Records one argument of options; true when it took the next argument as its value.
    fn option(&mut self, argument: &Field, text: &str, next: Option<&Field>, valued: &[&str]) -> bool {
        let takes = |name: &str| valued.contains(&name);
        if text.starts_with("--") || takes(text) {
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) if text.starts_with("--") => (name, Some(value)),
                _ => (text.to_owned(), None),
            };
            let takes_next = value.is_none() && takes(&name) && next.is_some();
            let value = value.or_else(|| next.filter(|_| takes_next).cloned());
            self.options.push(Opt { name, value });
            return takes_next;
        }
        for (index, letter) in text.char_indices().skip(1) {
            let name = format!("-{letter}");
            if takes(&name) {
                let inside = argument.after(&text[..index + letter.len_utf8()]);
                let inside = inside.filter(|value| !value.0.is_empty());
                let takes_next = inside.is_none() && next.is_some();
                let value = inside.or_else(|| next.filter(|_| takes_next).cloned());
                self.options.push(Opt { name, value });
                return takes_next;
            }
            self.options.push(Opt { name, value: None });
        }
        false
    }

    /// Whether any of the options is given; long ones also by a beginning of at least three letters.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        self.options.iter().any(|option| {
            names.iter().any(|name| {
                option.name == *name
                    || (option.name.len() >= 5 && option.name.starts_with("--") && name.starts_with(&option.name))
            })
        })
    }

    /// The values of an option, in order.
    pub(crate) fn values<'o>(&'o self, names: &'o [&str]) -> impl Iterator<Item = &'o Field> {
        self.options
            .iter()
            .filter(|option| names.contains(&option.name.as_str()))
            .filter_map(|option| option.value.as_ref())
    }

    pub(crate) fn value(&self, names: &[&str]) -> Option<Field> {
        self.values(names).last().cloned()
    }
}
