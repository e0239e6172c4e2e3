//! What a judgement may cost.

/// Commands followed in one line; a line that needs more is refused as too complex.
const COMMANDS: usize = 4000;

/// Units of work: a field, a part or a name that is made or looked at is one, and so are eight bytes of text. A script
/// of hundreds of lines takes some ten thousand.
const UNITS: usize = 600_000;

/// What is left to a judgement.
pub(super) struct Budget {
    pub commands: usize,
    pub units: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { commands: COMMANDS, units: UNITS }
    }
}
