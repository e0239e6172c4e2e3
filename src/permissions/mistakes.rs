//! What is wrong with a permission file.

use super::rule::Rule;
use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The line, counted from 1.
    pub line: usize,
    /// The character in it, counted from 1.
    pub column: usize,
    /// What is wrong, and how to fix it.
    pub what: String,
}

impl Mistake {
    pub(crate) fn at(rule: &Rule, what: impl Into<String>) -> Self {
        Self { line: rule.line, column: rule.column, what: what.into() }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, what } = self;
        write!(formatter, "line {line}, column {column}: {what}")
    }
}

/// All that is wrong, in the order of the lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// These; none where there are none.
    pub(crate) fn of(mut mistakes: Vec<Mistake>) -> Result<(), Self> {
        mistakes.sort_by(|one, other| (one.line, one.column, &one.what).cmp(&(other.line, other.column, &other.what)));
        mistakes.dedup();
        if mistakes.is_empty() { Ok(()) } else { Err(Self(mistakes)) }
    }

    /// Each of them.
    pub fn list(&self) -> &[Mistake] {
        &self.0
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|mistake| writeln!(formatter, "{mistake}"))
    }
}

impl std::error::Error for Mistakes {}
