//! Expressions in code, as far as literals make them.

use super::scan::Token;
use crate::policy::commands::judge::Judge;
use crate::policy::commands::values::{Field, Origin, Part};

/// The elements of a list, or the value itself.
pub(super) fn list(judge: &Judge<'_>, tokens: &[Token]) -> Vec<Field> {
    if let [Token::Symbol('['), inner @ .., Token::Symbol(']')] = tokens {
        return split(inner).into_iter().map(|element| value(judge, element)).collect();
    }
    vec![value(judge, tokens)]
}

/// An expression as far as literals make it; what is not one is unknown.
pub(super) fn value(judge: &Judge<'_>, tokens: &[Token]) -> Field {
    let joins = tokens
        .iter()
        .any(|token| matches!(token, Token::Word(word) if word.ends_with("join") || word.ends_with("resolve")))
        || tokens.windows(2).any(|pair| matches!(pair, [_, Token::Symbol('/')]));
    let mut field = Field::default();
    let mut literals = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token {
            Token::Literal(text) => {
                if joins && literals > 0 {
                    field.push(Part::Text("/".into()));
                }
                literals += 1;
                field.push(Part::Text(text.clone()));
            }
            Token::Word(word) => {
                let calls = matches!(tokens.get(at + 1), Some(Token::Symbol('(')));
                let harmless = [
                    "path",
                    "str",
                    "string",
                    "expanduser",
                    "abspath",
                    "realpath",
                    "join",
                    "resolve",
                    "normpath",
                    "fspath",
                    "file",
                    "encode",
                ];
                let last = word.rsplit(['.', ':']).next().unwrap_or_default().to_lowercase();
                if !(calls && harmless.contains(&last.as_str())) {
                    field.push(Part::Unknown(Origin::Local));
                }
            }
            Token::Command(_) => field.push(Part::Unknown(Origin::Local)),
            Token::Symbol(_) => {}
        }
    }
    tilde(judge, field)
}

/// `~` at the beginning is the home, since code says so with `expanduser` and its kin.
pub(super) fn tilde(judge: &Judge<'_>, field: Field) -> Field {
    match field.0.first() {
        Some(Part::Text(text)) if text == "~" || text.starts_with("~/") => {
            let mut whole = Field::text(judge.surroundings.home.clone());
            if let Some(rest) = field.after("~") {
                whole.extend(&rest);
            }
            whole
        }
        _ => field,
    }
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
