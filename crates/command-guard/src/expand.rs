//! From a word to the arguments it becomes.

use super::braces;
use super::judge::{Judge, Judged};
use super::scope::Scope;
use super::syntax::{Dialect, Piece, Word};
use super::too_complex;
use super::values::{Data, Field, Origin, Part, active};
use super::work;
use std::collections::HashSet;

/// Meanings of one word followed before it is refused as too complex.
const MEANINGS: usize = 64;

/// A word on its way: the arguments finished so far and the one being built.
#[derive(Clone, Default, PartialEq)]
struct Draft {
    done: Vec<Field>,
    current: Option<Field>,
}

impl Draft {
    fn push(&mut self, part: Part) {
        self.current.get_or_insert_default().push(part);
    }

    /// Joins the first of `fields` to the current argument and begins a new one for each other.
    /// `splits`: an empty field only marks that blanks stood there, as in `rm${IFS}-rf`.
    fn join(&mut self, fields: &[Field], splits: bool) {
        for (index, field) in fields.iter().enumerate() {
            if index > 0 {
                self.done.extend(self.current.take());
            }
            if !(splits && field.0.is_empty()) {
                self.current.get_or_insert_default().extend(field);
            }
        }
    }

    fn weight(&self) -> usize {
        work::list(&self.done) + self.current.as_ref().map_or(0, Field::weight)
    }

    fn finish(mut self) -> Vec<Field> {
        self.done.extend(self.current);
        self.done
    }
}

/// `NAME=` in front of a tilde, which bash reads in arguments as in assignments: `dd of=~/file`.
fn assigned(text: &str) -> (&str, &str) {
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let at = text.find("=~").filter(|at| is_name(&text[..*at]));
    text.split_at(at.map_or(0, |at| at + 1))
}

impl Judge<'_> {
    /// All arguments that a word can become, its alternatives one after the other.
    pub(crate) fn fields(&mut self, word: &Word, scope: &mut Scope) -> Judged<Vec<Field>> {
        let mut all: Vec<Field> = self.meanings(word, scope)?.into_iter().flatten().collect();
        let mut seen = HashSet::new();
        let new: Vec<bool> = all.iter().map(|field| seen.insert(field)).collect();
        let mut new = new.into_iter();
        all.retain(|_| new.next() == Some(true));
        Ok(all)
    }

    /// A word where no splitting happens: the value of an assignment, a here-document.
    pub(crate) fn one(&mut self, word: &Word, scope: &mut Scope) -> Judged<Field> {
        let mut meanings = self.unsplit(word, scope)?;
        Ok(if meanings.is_empty() { Field::default() } else { meanings.swap_remove(0) })
    }

    /// Every value that a word can have where no splitting happens.
    pub(crate) fn unsplit(&mut self, word: &Word, scope: &mut Scope) -> Judged<Vec<Field>> {
        let mut values = Vec::new();
        for draft in self.drafts(&word.pieces, scope, true)? {
            let mut joined = Field::default();
            for (index, field) in draft.finish().iter().enumerate() {
                if index > 0 {
                    joined.push(Part::Text(" ".into()));
                }
                joined.extend(field);
            }
            values.push(joined);
        }
        self.note_expanded(&word.pieces, values.iter());
        Ok(values)
    }

    /// The lists of arguments that a word can become.
    pub(crate) fn meanings(&mut self, word: &Word, scope: &mut Scope) -> Judged<Vec<Vec<Field>>> {
        let words = braces::expand(&word.pieces).ok_or_else(too_complex)?;
        let mut meanings: Vec<Vec<Field>> = vec![Vec::new()];
        for pieces in words {
            let drafts = self.drafts(&pieces, scope, false)?;
            if meanings.len() * drafts.len() > MEANINGS {
                return Err(too_complex());
            }
            if let ([list], [_]) = (&mut *meanings, &*drafts) {
                list.extend(drafts.into_iter().flat_map(Draft::finish));
                continue;
            }
            let lists = drafts.into_iter().map(Draft::finish).collect::<Vec<_>>();
            self.pay(weight(&meanings, &lists))?;
            meanings = meanings
                .iter()
                .flat_map(|before| lists.iter().map(|after| [before.as_slice(), after].concat()))
                .collect();
        }
        self.note_expanded(&word.pieces, meanings.iter().flatten());
        Ok(meanings)
    }

    fn drafts(&mut self, pieces: &[Piece], scope: &mut Scope, whole: bool) -> Judged<Vec<Draft>> {
        let mut drafts = vec![Draft::default()];
        for (index, piece) in pieces.iter().enumerate() {
            match piece {
                Piece::Plain(text) => {
                    let rest = if index == 0 {
                        let (name, text) = assigned(text);
                        let (home, rest) = self.tilde(text, pieces.len() == 1, scope);
                        for draft in &mut drafts {
                            draft.push(active(name, !whole));
                            home.iter().for_each(|home| draft.current.get_or_insert_default().extend(home));
                        }
                        rest
                    } else {
                        text
                    };
                    for draft in &mut drafts {
                        draft.push(active(rest, !whole));
                    }
                }
                Piece::Quoted(text) => {
                    for draft in &mut drafts {
                        draft.push(Part::Text(text.clone()));
                    }
                }
                other => {
                    let values = self.values(other, scope, whole)?;
                    self.pay(work::variable(&values))?;
                    let splits = !whole && self.splits(other);
                    if let ([draft], [value]) = (&mut *drafts, &*values) {
                        draft.join(value, splits);
                        continue;
                    }
                    let so_far: usize = drafts.iter().map(Draft::weight).sum();
                    self.pay(so_far.saturating_mul(values.len()))?;
                    self.pay(work::variable(&values).saturating_mul(drafts.len()))?;
                    drafts = product(&drafts, &values, splits)?;
                }
            }
        }
        Ok(drafts)
    }

    /// `~`, `~user`, `~+` at the beginning of a word, and what follows it.
    fn tilde<'t>(&self, text: &'t str, only: bool, scope: &Scope) -> (Option<Field>, &'t str) {
        let Some(after) = text.strip_prefix('~') else {
            return (None, text);
        };
        // bash also ends a tilde's name at a colon, as in `-v ~:/data`.
        let end = after.find(['/', ':']).unwrap_or(after.len());
        if end == after.len() && !only && end > 0 {
            // `~"x"`: a tilde before a quote stands for itself.
            return (None, text);
        }
        let home = match &after[..end] {
            "" => self.home(scope),
            "+" => directory(scope),
            "-" => scope.left.first().cloned().flatten().map_or_else(|| Field::unknown(Origin::Local), Field::text),
            "root" => Field::text("/root"),
            user if self.context.user() == user => self.home(scope),
            user if user.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) => {
                Field::text(format!("/home/{user}"))
            }
            _ => return (None, text),
        };
        (Some(home), &after[end..])
    }

    fn home(&self, scope: &Scope) -> Field {
        scope
            .variables
            .get("HOME")
            .and_then(|value| value.first()?.first().cloned())
            .unwrap_or_else(|| Field::text(self.context.home))
    }

    /// What one piece that is not a literal can be: lists of fields, to be joined to its neighbours.
    fn values(&mut self, piece: &Piece, scope: &mut Scope, whole: bool) -> Judged<Vec<Vec<Field>>> {
        match piece {
            Piece::Parameter { parameter, quoted } => {
                let values = self.parameter(parameter, *quoted, scope)?;
                let separators = separators(scope);
                Ok(if *quoted || whole || self.dialect == Dialect::Zsh {
                    values
                } else {
                    let split = |list: &Vec<Field>| split(list, &separators);
                    values.iter().map(split).collect()
                })
            }
            Piece::Substitution { script, quoted } => {
                let output = self.subshell(script, scope)?;
                let field = trimmed(&output);
                Ok(vec![if *quoted || whole {
                    vec![field]
                } else {
                    match &output {
                        Data::Names(names) => names.clone(),
                        _ => split(&[field], &separators(scope)),
                    }
                }])
            }
            Piece::Process(script) => {
                let output = self.subshell(script, scope)?;
                Ok(vec![vec![scope.virtual_file(output)]])
            }
            Piece::Arithmetic(word) => {
                let expression = self.fields(word, scope)?;
                self.evaluates(&expression, scope)?;
                let number = arithmetic(word);
                Ok(vec![vec![number.map_or_else(|| Field::unknown(Origin::Number), Field::text)]])
            }
            Piece::Plain(text) | Piece::Quoted(text) => Ok(vec![vec![Field::text(text.clone())]]),
        }
    }
}

impl Judge<'_> {
    /// Whether the shell cuts the value of the piece at blanks.
    fn splits(&self, piece: &Piece) -> bool {
        match piece {
            Piece::Parameter { quoted: false, .. } => self.dialect != Dialect::Zsh,
            Piece::Substitution { quoted: false, .. } => true,
            _ => false,
        }
    }
}

/// The value of constant arithmetic of one operation.
fn arithmetic(word: &Word) -> Option<String> {
    let text: String = word.literal()?.chars().filter(|c| !c.is_whitespace()).collect();
    let minus = text.strip_prefix("0-").and_then(|rest| rest.parse::<i64>().ok());
    let number = text.parse::<i64>().ok().or_else(|| minus.map(|number| -number));
    number.map(|number| number.to_string())
}

/// The current directory, if it is known.
pub(super) fn directory(scope: &Scope) -> Field {
    scope.directories.first().cloned().flatten().map_or_else(|| Field::unknown(Origin::Local), Field::text)
}

/// The characters of `IFS` beyond white space.
fn separators(scope: &Scope) -> String {
    scope.variables.get("IFS").and_then(|value| value.first()?.first()?.known()).unwrap_or_default()
}

/// Cuts at blanks; an empty field at an end says that there were blanks.
fn split(fields: &[Field], separators: &str) -> Vec<Field> {
    let cuts = |c: char| c.is_ascii_whitespace() || separators.contains(c);
    let mut words = Vec::new();
    for field in fields {
        let text = field.visible();
        let whole = field.origin().is_none();
        words.extend((whole && text.starts_with(cuts)).then(Field::default));
        words.extend(field.activated().words(separators));
        words.extend((whole && text.ends_with(cuts)).then(Field::default));
    }
    words
}

fn trimmed(output: &Data) -> Field {
    let mut field = output.field();
    if let Some(Part::Text(text)) = field.0.last_mut() {
        text.truncate(text.trim_end_matches('\n').len());
    }
    field
}

fn product(drafts: &[Draft], values: &[Vec<Field>], splits: bool) -> Judged<Vec<Draft>> {
    let mut next: Vec<Draft> = Vec::new();
    for draft in drafts {
        for value in values {
            let mut longer = draft.clone();
            longer.join(value, splits);
            if !next.contains(&longer) {
                next.push(longer);
            }
            if next.len() > MEANINGS {
                return Err(too_complex());
            }
        }
    }
    Ok(next)
}

/// What it costs to put each list behind each of the others.
fn weight(before: &[Vec<Field>], after: &[Vec<Field>]) -> usize {
    let all = |lists: &[Vec<Field>]| lists.iter().map(|list| work::list(list)).sum::<usize>();
    all(before).saturating_mul(after.len()).saturating_add(all(after).saturating_mul(before.len()))
}
