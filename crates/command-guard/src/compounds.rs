//! Lists, conditions and loops: what each of their ways may do, and what holds after all of them.

use super::Refusal;
use super::judge::{Judge, Judged};
use super::scope::{MEANINGS, Scope};
use super::syntax::{Kind, Script, Word};
use super::too_complex;
use super::values::{Data, Field, Origin};

impl Judge<'_> {
    pub(super) fn compound(&mut self, kind: &Kind, scope: &mut Scope) -> Judged {
        match kind {
            Kind::Group(script) => self.script(script, scope),
            Kind::Subshell(script) => self.subshell(script, scope),
            Kind::If { branches, otherwise } => self.branches(branches, otherwise.as_ref(), scope),
            Kind::Loop { condition, body } => self.repeat(condition, body, scope),
            Kind::For { name, words, body } => self.each(name, words.as_deref(), body, scope),
            Kind::Case { subject, arms } => self.case(subject, arms, scope),
            Kind::Test(words) => {
                self.note_tested(words, scope);
                self.test(words, scope)?;
                Ok(Data::Nothing)
            }
            Kind::Arithmetic(word) => {
                self.note_tested(std::slice::from_ref(word), scope);
                let expression = self.fields(word, scope)?;
                self.evaluates(&expression, scope)?;
                Ok(Data::Nothing)
            }
            Kind::Simple(_) | Kind::Function { .. } => Ok(Data::Nothing),
        }
    }

    /// The words of `[[ … ]]`: what stands beside a comparison of numbers is evaluated, and the subscript of a name.
    fn test(&mut self, words: &[Word], scope: &mut Scope) -> Judged<()> {
        let mut before: Vec<Field> = Vec::new();
        let mut operator = "";
        for word in words {
            let fields = self.fields(word, scope)?;
            match operator {
                "-v" | "-R" => self.name_variables(&vec![fields.clone()], scope)?,
                _ if compares_numbers(operator) => self.evaluates(&fields, scope)?,
                _ => {}
            }
            operator = word.bare().unwrap_or_default();
            if compares_numbers(operator) {
                self.evaluates(&before, scope)?;
            }
            before = fields;
        }
        Ok(())
    }

    /// A list whose changes stay in it.
    pub(super) fn subshell(&mut self, script: &Script, scope: &mut Scope) -> Judged {
        let mut inner = self.fork(scope)?;
        let output = self.script(script, &mut inner)?;
        scope.files.extend(inner.files);
        scope.join_links(inner.links);
        scope.programs.extend(inner.programs);
        Ok(output)
    }

    fn branches(&mut self, branches: &[(Script, Script)], otherwise: Option<&Script>, scope: &mut Scope) -> Judged {
        let mut output = Data::Nothing;
        let mut ways: Option<Scope> = None;
        for (condition, body) in branches {
            self.script(condition, scope)?;
            let mut way = self.fork(scope)?;
            output = output.then(self.script(body, &mut way)?);
            either(&mut ways, way);
        }
        if let Some(body) = otherwise {
            output = output.then(self.script(body, scope)?);
        }
        if let Some(ways) = ways {
            scope.merge(ways);
        }
        Ok(output)
    }

    fn repeat(&mut self, condition: &Script, body: &Script, scope: &mut Scope) -> Judged {
        if super::endless::spawns_without_end(condition, body) {
            return Err(Refusal::new(
                "fork-bomb",
                "the loop starts processes without end and without waiting for them",
            ));
        }
        let mut skipped = self.fork(scope)?;
        self.script(condition, scope)?;
        let mut output = self.script(body, scope)?;
        // A second round sees what the first one changed.
        scope.ended = false;
        self.script(condition, scope)?;
        output = output.then(self.script(body, scope)?);
        skipped.ended = false;
        scope.ended = false;
        scope.merge(skipped);
        Ok(output)
    }

    fn each(&mut self, name: &str, words: Option<&[Word]>, body: &Script, scope: &mut Scope) -> Judged {
        let mut values = Vec::new();
        match words {
            Some(words) => {
                for word in words {
                    values.extend(self.fields(word, scope)?);
                }
            }
            None => values = scope.positional.clone().unwrap_or_default(),
        }
        let values = distinct(values)?;
        if scope.references.contains_key(name) {
            // Each value is the name of another variable.
            self.note_unknown(&[]);
        }
        let values = if values.is_empty() { vec![Field::unknown(Origin::Local)] } else { values };
        self.bind(name, values.into_iter().map(|field| vec![field]).collect(), scope)?;
        let skipped = self.fork(scope)?;
        let mut output = self.script(body, scope)?;
        scope.ended = false;
        if scope.directories != skipped.directories {
            output = output.then(self.script(body, scope)?);
            scope.ended = false;
        }
        scope.merge(skipped);
        Ok(output)
    }

    fn case(&mut self, subject: &Word, arms: &[(Vec<Word>, Script)], scope: &mut Scope) -> Judged {
        self.fields(subject, scope)?;
        let mut output = Data::Nothing;
        let start = self.fork(scope)?;
        for (patterns, body) in arms {
            for pattern in patterns {
                self.fields(pattern, scope)?;
            }
            let mut way = self.fork(&start)?;
            output = output.then(self.script(body, &mut way)?);
            scope.merge(way);
        }
        Ok(output)
    }
}

fn compares_numbers(operator: &str) -> bool {
    matches!(operator, "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge")
}

/// The values that differ in what they can do: plain numbers and names are all alike.
fn distinct(values: Vec<Field>) -> Judged<Vec<Field>> {
    let mut kept: Vec<Field> = Vec::new();
    let mut plain = 0;
    for value in values {
        let is_number = |text: &str| text.chars().all(|c| c.is_ascii_digit() || ".-".contains(c));
        let is_word = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "._".contains(c));
        let harmless = value
            .known()
            .is_some_and(|text| text.starts_with(|c: char| c.is_ascii_digit()) && (is_number(&text) || is_word(&text)));
        plain += usize::from(harmless);
        if harmless && plain > 4 || kept.contains(&value) {
            continue;
        }
        kept.push(value);
        if kept.len() > MEANINGS {
            return Err(too_complex());
        }
    }
    Ok(kept)
}

/// Adds a way through the line to those that were followed so far.
pub(super) fn either(ways: &mut Option<Scope>, way: Scope) {
    match ways {
        Some(before) => before.merge(way),
        None => *ways = Some(way),
    }
}
