//! Where a rule stands.

use std::fmt;

/// The presets, from what may most to what may least.
pub const PRESETS: [&str; 3] = ["trusted", "careful", "read-only"];

/// The file that a rule is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The person's own.
    Own,
    /// That of the bridge's presets, in this one.
    Preset(&'static str),
}

/// A line that decides.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Which file it is in.
    pub source: Source,
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What it says, with the key before it: `commands.deny: curl *`.
    pub text: String,
}

impl fmt::Display for Rule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, text, .. } = self;
        match self.source {
            Source::Own => write!(formatter, "permissions.toml, line {line}: {text}"),
            Source::Preset(name) => write!(formatter, "the preset {name}: {text}"),
        }
    }
}

/// Something that a file says, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said<T> {
    pub value: T,
    pub rule: Rule,
}
