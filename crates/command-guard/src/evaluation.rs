//! What a shell evaluates once more: the values of the variables in arithmetic, and the subscripts of names. Both can
//! hold substitutions: `x='a[$(rm f)]'; echo $((x))` runs `rm`.

use super::judge::{Judge, Judged};
use super::scope::{Attribute, MEANINGS, Scope, Variable};
use super::syntax::Dialect;
use super::values::{Field, Origin, Part};
use super::{work, zsh};
use std::collections::HashSet;

/// Stands in an expression for a number that is not known.
const NUMBER: char = '\0';

/// Other names of other names are followed so far.
const REFERENCES: usize = 8;

/// Variables that are numbers by nature: what they are given is evaluated.
const NUMBERS: [&str; 6] = ["RANDOM", "SRANDOM", "SECONDS", "LINENO", "HISTCMD", "OPTIND"];

impl Judge<'_> {
    /// Evaluates arithmetic, whose own expansions are done.
    pub(crate) fn evaluates(&mut self, expression: &[Field], scope: &mut Scope) -> Judged<()> {
        let (text, is_known) = written(expression);
        self.pay(work::list(expression))?;
        let mut runs = !is_known;
        for clause in text.split(';') {
            let may_stop = ["&&", "||", "?", "/", "%", "**"].iter().any(|mark| clause.contains(mark));
            runs |= holds_code(clause);
            for part in clause.split(',') {
                let names = names(part, scope);
                for used in names.iter().filter(|used| used.is_read) {
                    runs |= self.leads_to_code(used.name, scope)?;
                }
                for used in names.iter().filter(|used| used.is_set && !used.name.contains(NUMBER)) {
                    self.counts(used.name, may_stop, scope)?;
                }
            }
        }
        if runs {
            self.note_unknown(&[]);
        }
        Ok(())
    }

    /// A variable becomes a number, or stays what it is where the evaluation does not come so far.
    fn counts(&mut self, name: &str, may_stop: bool, scope: &mut Scope) -> Judged<()> {
        let number = vec![Field::unknown(Origin::Number)];
        let before = scope.variables.get(name).cloned();
        let was_unsure = scope.has(name, Attribute::Unsure) || before.is_none() && may_stop;
        let mut value = before.unwrap_or_default();
        if !value.contains(&number) && value.len() < MEANINGS {
            value.push(number);
        }
        self.bind(name, value, scope)?;
        if was_unsure {
            scope.mark(name, Attribute::Unsure);
        }
        Ok(())
    }

    /// Whether the value of a variable may be more than a number, or than names that lead to numbers.
    fn leads_to_code(&mut self, name: &str, scope: &Scope) -> Judged<bool> {
        let mut seen = HashSet::from([name.to_owned()]);
        let mut left = vec![name.to_owned()];
        while let Some(name) = left.pop() {
            if name.contains(NUMBER) || scope.has(&name, Attribute::Unsure) {
                return Ok(true);
            }
            let value = self.variable(&name, scope);
            self.pay(work::variable(&value))?;
            for field in value.iter().flatten() {
                let (text, is_known) = written(std::slice::from_ref(field));
                if !is_known || holds_code(&text) {
                    return Ok(true);
                }
                let new = names(&text, scope).into_iter().map(|used| used.name.to_owned());
                left.extend(new.filter(|name| seen.insert(name.clone())));
            }
        }
        Ok(false)
    }

    /// The name of a variable as a builtin is given it: its subscript is evaluated. `None`: it is not known.
    pub(crate) fn names_variable(&mut self, name: &Field, scope: &mut Scope) -> Judged<Option<String>> {
        let (text, is_known) = written(std::slice::from_ref(name));
        let (base, subscript) = text.split_once('[').unwrap_or((&text, ""));
        if !is_known || base.contains(NUMBER) || holds_code(subscript) {
            self.note_unknown(&[]);
            return Ok(None);
        }
        self.subscript(base, &[Field::text(subscript.trim_end_matches(']').replace(NUMBER, "0"))], scope)?;
        Ok(Some(text.replace(NUMBER, "0")))
    }

    /// Evaluates the subscript of an array, unless it is a key.
    pub(crate) fn subscript(&mut self, array: &str, index: &[Field], scope: &mut Scope) -> Judged<()> {
        let is_all = matches!(index, [index] if index.is("@") || index.is("*"));
        if is_all || scope.has(&meant(array, scope), Attribute::Associative) {
            return Ok(());
        }
        self.evaluates(index, scope)
    }

    /// The values of a variable are the names of others.
    pub(crate) fn name_variables(&mut self, names: &Variable, scope: &mut Scope) -> Judged<()> {
        for name in names.iter().flatten() {
            self.names_variable(name, scope)?;
        }
        Ok(())
    }

    /// Gives a variable a value, whichever way a line does it.
    pub(crate) fn bind(&mut self, name: &str, value: Variable, scope: &mut Scope) -> Judged<()> {
        let name = meant(name, scope);
        if name.is_empty() || self.dialect == Dialect::Zsh && zsh::check_assignment(&name).is_err() {
            // The first value of such a reference is the name that it refers to.
            self.note_unknown(&[]);
        }
        self.environment_runs(&name, &value, scope)?;
        if scope.has(&name, Attribute::Integer) || NUMBERS.contains(&name.as_str()) {
            for field in value.iter().flatten() {
                self.evaluates_apart(field, scope)?;
            }
        }
        match scope.variables.get(&name).filter(|_| scope.has(&name, Attribute::Readonly)).cloned() {
            Some(mut kept) => {
                kept.extend(value);
                kept.truncate(MEANINGS);
                scope.set(&name, kept);
            }
            None => scope.set(&name, value),
        }
        Ok(())
    }

    /// What is assigned to a number is evaluated; what it sets itself is not followed.
    fn evaluates_apart(&mut self, field: &Field, scope: &Scope) -> Judged<()> {
        let mut apart = self.fork(scope)?;
        apart.attributes.retain(|(_, attribute)| *attribute != Attribute::Integer);
        self.evaluates(std::slice::from_ref(field), &mut apart)
    }

    /// The same where a builtin is given the name.
    pub(crate) fn bind_named(&mut self, name: &Field, value: Variable, scope: &mut Scope) -> Judged<()> {
        let Some(name) = self.names_variable(name, scope)? else {
            return Ok(());
        };
        let Some((array, _)) = name.split_once('[') else {
            // The builtin may fail, and leave what was there.
            let is_unsure = scope.variables.contains_key(&name) && self.leads_to_code(&name, scope)?;
            self.bind(&name, value, scope)?;
            if is_unsure {
                scope.mark(&name, Attribute::Unsure);
            }
            return Ok(());
        };
        let before = scope.variables.get(array).cloned();
        let is_unsure = before.is_none() || scope.has(array, Attribute::Unsure);
        let mut all = before.unwrap_or_default();
        all.extend(value);
        all.truncate(MEANINGS);
        self.bind(array, all, scope)?;
        if is_unsure {
            scope.mark(array, Attribute::Unsure);
        }
        Ok(())
    }

    /// What may not have happened since `before` leaves in doubt what was more than a number then.
    pub(crate) fn keeps_doubts(&mut self, before: &Scope, scope: &mut Scope) -> Judged<()> {
        let has_changed = |(name, value): &(&String, &Variable)| before.variables.get(*name) != Some(value);
        let changed: Vec<String> = scope.variables.iter().filter(has_changed).map(|(name, _)| name.clone()).collect();
        for name in changed {
            if !before.variables.contains_key(&name) || self.leads_to_code(&name, before)? {
                scope.mark(&name, Attribute::Unsure);
            }
        }
        Ok(())
    }
}

/// The variable that a name stands for (`declare -n`).
fn meant(name: &str, scope: &Scope) -> String {
    let mut name = name.split('[').next().unwrap_or_default();
    for _ in 0..REFERENCES {
        match scope.references.get(name) {
            Some(other) => name = other.split('[').next().unwrap_or_default(),
            None => break,
        }
    }
    name.to_owned()
}

/// The text of an expression with marks for unknown numbers, and whether nothing else in it is unknown.
fn written(expression: &[Field]) -> (String, bool) {
    let mut text = String::new();
    let mut is_known = true;
    for field in expression {
        for part in &field.0 {
            match part {
                Part::Text(piece) | Part::Glob(piece) => text.push_str(piece),
                Part::Unknown(origin) => {
                    is_known &= *origin == Origin::Number;
                    text.push(NUMBER);
                }
                Part::Below => is_known = false,
            }
        }
        text.push(' ');
    }
    text.pop();
    (text, is_known)
}

fn holds_code(text: &str) -> bool {
    text.contains(['$', '`'])
}

/// A variable in an expression.
struct Used<'t> {
    name: &'t str,
    is_read: bool,
    is_set: bool,
}

/// The variables of an expression, in the order in which they stand there.
fn names<'t>(text: &'t str, scope: &Scope) -> Vec<Used<'t>> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_#@".contains(c) || c == NUMBER));
        let (word, after) = rest.split_at(length.unwrap_or(rest.len()).max(first.len_utf8()));
        if first.is_ascii_alphabetic() || first == '_' {
            let name = word.trim_end_matches(['#', '@']);
            let before = text[..text.len() - rest.len()].trim_end();
            let is_associative = scope.has(&meant(name, scope), Attribute::Associative);
            let behind = behind_subscript(after);
            names.push(used(name, before, behind));
            rest = if is_associative { behind } else { after };
        } else {
            rest = after;
        }
    }
    names
}

fn used<'t>(name: &'t str, before: &str, behind: &str) -> Used<'t> {
    let behind = behind.trim_start();
    let is_pure = behind.starts_with('=') && !behind.starts_with("==");
    let changes = ["++", "--", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "<<=", ">>="];
    let is_changed =
        changes.iter().any(|sign| behind.starts_with(sign)) || before.ends_with("++") || before.ends_with("--");
    Used { name, is_read: !is_pure, is_set: is_pure || is_changed }
}

/// What follows `[…]`, if that stands here.
fn behind_subscript(text: &str) -> &str {
    let mut open = 0_usize;
    for (at, character) in text.char_indices() {
        match character {
            '[' => open += 1,
            ']' if open == 1 => return &text[at + 1..],
            ']' => open = open.saturating_sub(1),
            _ if open == 0 => break,
            _ => {}
        }
    }
    text
}
