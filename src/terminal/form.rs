//! The form in which a caller wants the output of a program.

use super::drawn;
use crate::excerpt::{Bound, Parts};

/// How output is returned.
#[derive(Clone, Copy, Debug)]
pub(super) struct Form {
    /// How much of each stream; all that was kept without it.
    bound: Option<Bound>,
    /// Whether it is returned as a person reads it.
    plain: bool,
}

impl Form {
    /// Of longer output the first and the last bytes, `max` together and `tail` of them from the end: half of them when
    /// nobody says, all of them when only that is said.
    pub(crate) fn new(max: Option<usize>, tail: Option<usize>, plain: bool) -> Self {
        let bound = match (max, tail) {
            (None, None) => None,
            (Some(max), None) => Some(Bound::halves(max)),
            (None, Some(tail)) => Some(Bound { max: tail, tail }),
            (Some(max), Some(tail)) => Some(Bound { max, tail: tail.min(max) }),
        };
        Self { bound, plain }
    }

    /// Brings output into this form; `size` is that of the terminal it was written to, if there was one.
    pub(crate) fn of(self, parts: Parts, size: Option<(u16, u16)>) -> Parts {
        let parts = if self.plain { parts.map(|text| drawn::readable(&text, size)) } else { parts };
        match self.bound {
            Some(bound) => parts.bounded(bound),
            None => parts,
        }
    }
}
