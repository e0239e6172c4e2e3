//! The values of parameters and what their operations make of them.

use super::expand::directory;
use super::judge::{Judge, Judged};
use super::patterns::{atoms, longest, matches};
use super::scope::{Attribute, Scope, Variable};
use super::syntax::{Dialect, Operation, Parameter, Word};
use super::values::{Field, Origin};
use super::work;

/// Places in a text where a prefix or a suffix is tried to end.
const CUTS: usize = 512;

/// Bytes of a text in which a pattern is replaced; a longer one stays as it is.
const REPLACED: usize = 1024;

impl Judge<'_> {
    /// The lists of fields that an expansion can become, before splitting.
    pub(crate) fn parameter(&mut self, parameter: &Parameter, quoted: bool, scope: &mut Scope) -> Judged<Variable> {
        let mut value = self.lookup(parameter, quoted, scope);
        self.pay(work::variable(&value))?;
        if let Some(index) = &parameter.index {
            let indexes = self.unsplit(index, scope)?;
            self.subscript(&parameter.name, &indexes, scope)?;
            value = indexed(&value, indexes.first().unwrap_or(&Field::default()));
        } else if !matches!(parameter.name.as_str(), "@" | "*") && self.dialect != Dialect::Zsh {
            for list in &mut value {
                list.truncate(1);
            }
        }
        if parameter.indirect {
            value = match parameter.names_keys() {
                true => keys(&parameter.name, scope),
                false => self.indirect(&value, scope)?,
            };
        }
        let value = self.operate(&parameter.operation, value, scope)?;
        if matches!(parameter.operation, Operation::Assign(_)) {
            self.environment_runs(&parameter.name, &value, scope)?;
            if scope.has(&parameter.name, Attribute::Integer) {
                self.evaluates(&value.concat(), scope)?;
            }
            scope.mark(&parameter.name, Attribute::Unsure);
        }
        Ok(value)
    }

    fn lookup(&self, parameter: &Parameter, quoted: bool, scope: &Scope) -> Variable {
        let name = parameter.name.as_str();
        match name {
            "@" | "*" => {
                let fields = scope.positional.clone();
                let fields = fields.unwrap_or_else(|| vec![Field::unknown(Origin::Local)]);
                vec![if name == "*" && quoted { vec![Field::joined(&fields, " ")] } else { fields }]
            }
            "#" | "?" | "$" | "!" => one(Field::unknown(Origin::Number)),
            "-" => one(Field::text("hB")),
            "0" => scope.variables.get("0").cloned().unwrap_or_else(|| one(Field::text("sh"))),
            _ => match name.parse::<usize>() {
                Ok(index) => one(match &scope.positional {
                    None => Field::unknown(Origin::Local),
                    Some(fields) => {
                        fields.get(index.wrapping_sub(1)).cloned().unwrap_or_else(|| Field::unknown(Origin::Unset))
                    }
                }),
                Err(_) => self.variable(name, scope),
            },
        }
    }

    /// A variable: as the line set it, as the command's environment gives it, or as systems set it.
    pub(crate) fn variable(&self, name: &str, scope: &Scope) -> Variable {
        let name = scope.references.get(name).map_or(name, String::as_str);
        if let Some(value) = scope.variables.get(name) {
            return value.clone();
        }
        if name == "PWD" {
            return one(directory(scope));
        }
        if let Some(value) = self.context.environment.get(name) {
            return one(Field::text(value.clone()));
        }
        one(match name {
            "HOME" => Field::text(self.context.home),
            "USER" | "LOGNAME" | "USERNAME" => Field::text(self.context.user()),
            "PATH" => Field::text("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            "SHELL" | "BASH" => Field::text("/bin/bash"),
            "IFS" => Field::text(" \t\n"),
            "TMPDIR" | "TMP" | "TEMP" if !self.mentions(name) => Field::text("/tmp"),
            "OLDPWD" => {
                scope.left.first().cloned().flatten().map_or_else(|| Field::unknown(Origin::Local), Field::text)
            }
            "UID" | "EUID" | "PPID" | "RANDOM" | "SECONDS" | "LINENO" | "SHLVL" | "COLUMNS" | "LINES" => {
                Field::text("1000")
            }
            "HOSTNAME" | "HOSTTYPE" | "OSTYPE" | "MACHTYPE" | "LANG" | "TERM" | "EDITOR" | "DISPLAY" | "REPLY"
            | "BASH_VERSION" | "XDG_RUNTIME_DIR" | "XDG_CONFIG_HOME" | "XDG_CACHE_HOME" | "XDG_DATA_HOME"
            | "GOPATH" | "CARGO_HOME" | "VIRTUAL_ENV" | "CONDA_PREFIX" | "JAVA_HOME" | "NVM_DIR" | "SSH_AUTH_SOCK"
            | "FUNCNAME" | "BASH_SOURCE" | "PIPESTATUS" => Field::unknown(Origin::Local),
            super::scripts::UNKNOWN => Field::unknown(Origin::Local),
            // In a function that is only defined, what a caller sets is not known.
            _ if self.mentions(name) || scope.positional.is_none() => Field::unknown(Origin::Local),
            _ => Field::unknown(Origin::Unset),
        })
    }

    fn indirect(&mut self, names: &Variable, scope: &mut Scope) -> Judged<Variable> {
        self.name_variables(names, scope)?;
        let mut values = Vec::new();
        for name in names.iter().flatten().filter_map(Field::known) {
            let meant = self.variable(&name, scope);
            self.pay(work::variable(&meant))?;
            values.extend(meant);
        }
        Ok(if values.is_empty() { one(Field::unknown(Origin::Local)) } else { values })
    }

    fn operate(&mut self, operation: &Operation, value: Variable, scope: &mut Scope) -> Judged<Variable> {
        Ok(match operation {
            Operation::None => value,
            Operation::Length => one(Field::unknown(Origin::Number)),
            Operation::Default(word) | Operation::Assign(word) => self.default(word, value, scope)?,
            Operation::Alternative(word) => {
                let mut values = lists(self.unsplit(word, scope)?);
                if !value.iter().flatten().all(|field| field.origin().is_none()) {
                    values.push(vec![Field::default()]);
                }
                values
            }
            Operation::Required(word) => {
                self.unsplit(word, scope)?;
                each(&value, |field| {
                    let unset = field.origin() == Some(Origin::Unset);
                    if unset { Field::unknown(Origin::Local) } else { field.clone() }
                })
            }
            Operation::Trim { prefix, longest, pattern } => {
                let pattern = self.one_pattern(pattern, scope)?;
                self.pay_for_search(&value, &pattern, |bytes| bytes.min(CUTS))?;
                each(&value, |field| changed(field, |text| trim(text, &pattern, *prefix, *longest)))
            }
            Operation::Replace { all, pattern, with } => {
                let pattern = self.one_pattern(pattern, scope)?;
                let with = self.one(with, scope)?.visible();
                let starts = |bytes| if bytes > REPLACED { 0 } else { bytes };
                self.pay_for_search(&value, &pattern, starts)?;
                self.pay_for_search(&value, &with, |bytes| starts(bytes).min(1))?;
                each(&value, |field| changed(field, |text| replace(text, &pattern, &with, *all)))
            }
            Operation::Slice(range) => {
                let ranges = self.unsplit(range, scope)?;
                self.evaluates(&ranges, scope)?;
                let range = ranges.first().map(Field::visible).unwrap_or_default();
                each(&value, |field| changed(field, |text| slice(text, &range)))
            }
            Operation::Case { upper, all, pattern } => {
                self.unsplit(pattern, scope)?;
                each(&value, |field| changed(field, |text| recase(text, *upper, *all)))
            }
            Operation::Other(word) => {
                self.unsplit(word, scope)?;
                // As a prompt it is expanded once more.
                let runs = |field: &Field| field.known().is_none_or(|text| text.contains(['$', '`']));
                if word.literal().is_none_or(|letter| letter == "P") && value.iter().flatten().any(runs) {
                    self.note_unknown(&[]);
                }
                value
            }
        })
    }

    fn one_pattern(&mut self, word: &Word, scope: &mut Scope) -> Judged<String> {
        Ok(self.one(word, scope)?.visible())
    }

    /// `${x:-word}`: the word where x is unset, both where x is not known.
    fn default(&mut self, word: &Word, value: Variable, scope: &mut Scope) -> Judged<Variable> {
        let alternatives = lists(self.unsplit(word, scope)?);
        let unset =
            |list: &Vec<Field>| list.iter().all(|field| field.origin() == Some(Origin::Unset) || field.0.is_empty());
        let known = value.iter().flatten().all(|field| field.origin().is_none());
        if value.iter().all(unset) {
            return Ok(alternatives);
        }
        let mut values: Variable = value.into_iter().filter(|list| !unset(list)).collect();
        if !known {
            values.extend(alternatives);
        }
        Ok(values)
    }
}

impl Parameter {
    /// `${!array[@]}`, `${!prefix*}`
    fn names_keys(&self) -> bool {
        let is_all = |word: &Word| word.literal().is_some_and(|text| text == "@" || text == "*");
        self.index.as_ref().is_some_and(is_all)
            || matches!(&self.operation, Operation::Other(word) if word.pieces.is_empty())
    }
}

/// `${!array[@]}`: numbers, unless the array has keys.
fn keys(array: &str, scope: &Scope) -> Variable {
    let is_own = scope.variables.contains_key(array) && !scope.references.contains_key(array);
    let has_keys = scope.has(array, Attribute::Associative) || scope.has(array, Attribute::Unsure);
    one(Field::unknown(if is_own && !has_keys { Origin::Number } else { Origin::Local }))
}

fn one(field: Field) -> Variable {
    vec![vec![field]]
}

fn lists(fields: Vec<Field>) -> Variable {
    fields.into_iter().map(|field| vec![field]).collect()
}

/// `[@]` and `[*]` keep the list; a number picks one; anything else can be each of them.
fn indexed(value: &Variable, index: &Field) -> Variable {
    let index = index.known().unwrap_or_default();
    if index == "@" || index == "*" {
        return value.clone();
    }
    value
        .iter()
        .flat_map(|list| match index.trim().parse::<usize>() {
            Ok(at) => vec![list.get(at).cloned().into_iter().collect()],
            Err(_) => list.iter().map(|field| vec![field.clone()]).collect::<Vec<_>>(),
        })
        .collect()
}

fn each(value: &Variable, change: impl Fn(&Field) -> Field) -> Variable {
    value.iter().map(|list| list.iter().map(&change).collect()).collect()
}

/// A change to a text that is known; what is not known stays so.
fn changed(field: &Field, change: impl Fn(&str) -> String) -> Field {
    field.known().map_or_else(|| field.clone(), |text| Field::text(change(&text)))
}

fn trim(text: &str, pattern: &str, prefix: bool, longest: bool) -> String {
    let pattern = atoms(pattern);
    let mut cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
    // The shortest prefix is the first cut that fits, the shortest suffix the last one.
    if prefix == longest {
        cuts.reverse();
    }
    let fits = |cut: &usize| matches(&pattern, if prefix { &text[..*cut] } else { &text[*cut..] });
    match cuts.into_iter().take(CUTS).find(fits) {
        Some(cut) if prefix => text[cut..].to_owned(),
        Some(cut) => text[..cut].to_owned(),
        None => text.to_owned(),
    }
}

fn replace(text: &str, pattern: &str, with: &str, all: bool) -> String {
    if pattern.is_empty() || text.len() > REPLACED {
        return text.to_owned();
    }
    let (atoms, text) = (atoms(pattern), text.chars().collect::<Vec<_>>());
    let mut result = String::new();
    let mut at = 0;
    while at < text.len() {
        match longest(&atoms, &text[at..]) {
            Some(length) => {
                result.push_str(with);
                at += length;
                if !all {
                    break;
                }
            }
            None => {
                result.push(text[at]);
                at += 1;
            }
        }
    }
    result.extend(&text[at..]);
    result
}

/// `offset[:length]`, both counted in characters, an offset below zero from the end.
fn slice(text: &str, range: &str) -> String {
    let count = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
    let mut numbers = range.split(':').map(|number| number.trim().parse::<i64>().unwrap_or(0));
    let offset = numbers.next().unwrap_or(0);
    let start = if offset < 0 { (count + offset).max(0) } else { offset.min(count) };
    let end = match numbers.next() {
        None => count,
        Some(length) if length < 0 => (count + length).max(start),
        Some(length) => start.saturating_add(length).min(count),
    };
    let (start, end) = (usize::try_from(start).unwrap_or(0), usize::try_from(end).unwrap_or(0));
    text.chars().skip(start).take(end.saturating_sub(start)).collect()
}

fn recase(text: &str, upper: bool, all: bool) -> String {
    let change = |text: &str| if upper { text.to_uppercase() } else { text.to_lowercase() };
    if all {
        return change(text);
    }
    let first = text.chars().next().map_or(0, char::len_utf8);
    change(&text[..first]) + &text[first..]
}
