//! Expressions in code, as far as literals make them.

use super::scan::Token;
use crate::values::{Field, Origin, Part};
use crate::words::words;
use std::collections::HashMap;

/// What the names in a piece of code stand for.
pub(super) struct Names {
    home: String,
    /// Variables that were given a value made of literals.
    values: HashMap<String, Field>,
    /// `import x as y`: y, and the x it stands for.
    aliases: HashMap<String, String>,
}

impl Names {
    pub(crate) fn read(home: &str, tokens: &[Token]) -> Self {
        let mut names = Self { home: home.to_owned(), values: HashMap::new(), aliases: HashMap::new() };
        for (at, token) in tokens.iter().enumerate() {
            let Token::Word(name) = token else { continue };
            match (tokens.get(at + 1), tokens.get(at + 2)) {
                (Some(Token::Word(word)), Some(Token::Word(alias))) if word == "as" => {
                    names.aliases.insert(alias.clone(), name.clone());
                }
                (Some(Token::Symbol('=')), Some(next)) if *next != Token::Symbol('=') => {
                    let value = &tokens[at + 2..];
                    let end = value.iter().position(|token| matches!(token, Token::Symbol(';' | '\n')));
                    // `run = os.system` is a second name of a function.
                    if let [Token::Word(function)] = &value[..end.unwrap_or(value.len())] {
                        names.aliases.insert(name.clone(), function.clone());
                    }
                    let value = names.value(&value[..end.unwrap_or(value.len())]);
                    if !value.0.is_empty() && names.values.len() < 256 {
                        names.values.insert(name.clone(), value);
                    }
                }
                _ => {}
            }
        }
        names
    }

    /// The last part of a name in lower case, an alias replaced by what it stands for.
    pub(crate) fn last(&self, full: &str) -> String {
        let full = self.aliases.get(full).map_or(full, String::as_str);
        full.rsplit(['.', ':']).next().unwrap_or_default().to_lowercase()
    }

    /// The elements of a list, or the value itself.
    pub(crate) fn list(&self, tokens: &[Token]) -> Vec<Field> {
        if let [Token::Symbol('['), inner @ .., Token::Symbol(']')] = tokens {
            return split(inner).into_iter().map(|element| self.value(element)).collect();
        }
        vec![self.value(tokens)]
    }

    /// An expression as far as literals make it; what is not one is unknown.
    pub(crate) fn value(&self, tokens: &[Token]) -> Field {
        if let [Token::Literal(separator), Token::Word(join), list @ ..] = tokens
            && join == ".join"
        {
            return joined(list, separator);
        }
        let paths = tokens
            .iter()
            .any(|token| matches!(token, Token::Word(word) if word.ends_with("join") || word.ends_with("resolve")))
            || tokens.windows(2).any(|pair| matches!(pair, [_, Token::Symbol('/')]));
        let formats = tokens.iter().any(|token| *token == Token::Symbol('%') || is_format(token));
        let mut field = Field::default();
        for (at, token) in tokens.iter().enumerate() {
            match token {
                Token::Literal(text) if formats && !field.0.is_empty() => insert(&mut field, text),
                Token::Literal(text) => {
                    if paths && !field.0.is_empty() {
                        field.push(Part::Text("/".into()));
                    }
                    field.push(Part::Text(text.clone()));
                }
                Token::Word(word) => {
                    let calls = matches!(tokens.get(at + 1), Some(Token::Symbol('(')));
                    if let Some(value) = self.values.get(word).filter(|_| !calls) {
                        field.extend(value);
                    } else if !(calls && words("transparent").contains(&self.last(word).as_str())) {
                        field.push(Part::Unknown(Origin::Local));
                    }
                }
                Token::Command(_) => field.push(Part::Unknown(Origin::Local)),
                Token::Symbol(_) => {}
            }
        }
        self.tilde(field)
    }

    /// `~` at the beginning is the home, since code says so with `expanduser` and its kin.
    pub(crate) fn tilde(&self, field: Field) -> Field {
        match field.0.first() {
            Some(Part::Text(text)) if text == "~" || text.starts_with("~/") => {
                let mut whole = Field::text(self.home.clone());
                if let Some(rest) = field.after("~") {
                    whole.extend(&rest);
                }
                whole
            }
            _ => field,
        }
    }
}

fn is_format(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word == ".format")
}

/// `' '.join(['rm', '-rf', '/'])`
fn joined(list: &[Token], separator: &str) -> Field {
    let literals: Vec<&str> = list
        .iter()
        .filter_map(|token| match token {
            Token::Literal(text) => Some(text.as_str()),
            _ => None,
        })
        .collect();
    Field::text(literals.join(separator))
}

/// `'rm -rf %s' % '/'`, `'rm -rf {}'.format('/')`
fn insert(field: &mut Field, text: &str) {
    if let Some(Part::Text(format)) = field.0.first_mut() {
        for place in ["%s", "{}", "{0}", "%r"] {
            if format.contains(place) {
                *format = format.replacen(place, text, 1);
                return;
            }
        }
    }
    field.push(Part::Text(text.to_owned()));
}

pub(super) fn has_path(tokens: &[Token]) -> bool {
    tokens.iter().any(|token| matches!(token, Token::Literal(text) if text.contains('/') || text.starts_with('~')))
}

/// Cuts at the commas that stand in no parenthesis.
pub(super) fn split(tokens: &[Token]) -> Vec<&[Token]> {
    let mut parts = Vec::new();
    let mut depth = 0usize;
    let mut start = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Symbol('(' | '[' | '{') => depth += 1,
            Token::Symbol(')' | ']' | '}') => depth = depth.saturating_sub(1),
            Token::Symbol(',') if depth == 0 => {
                parts.push(&tokens[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tokens[start..]);
    parts
}
