//! What a judgement may cost: everything that expands, joins or copies what is known pays for it here, so that no
//! line, however it is made, takes more than a moment or much memory. A line that would is refused as too complex.

use super::judge::{Judge, Judged};
use super::scope::{Scope, Variable};
use super::too_complex;
use super::values::{Data, Field, Part};

/// Bytes of a text for one unit, where it is only copied.
const BYTES: usize = 8;

impl Judge<'_> {
    /// Pays for `units` of work.
    pub(crate) fn pay(&mut self, units: usize) -> Judged<()> {
        let left = self.budget.units.checked_sub(units);
        // Once too much was asked for, nothing smaller is given either.
        self.budget.units = left.unwrap_or(0);
        left.map(drop).ok_or_else(too_complex)
    }

    /// Pays for one more command.
    pub(crate) fn spend(&mut self) -> Judged<()> {
        self.budget.commands = self.budget.commands.checked_sub(1).ok_or_else(too_complex)?;
        self.pay(1)
    }

    /// Pays for a program that is run with `argv`: each argument can be looked for in every directory and behind
    /// every link, and what is known is copied for what it runs in turn.
    pub(crate) fn pay_for_run(&mut self, argv: &[Field], scope: &Scope) -> Judged<()> {
        self.spend()?;
        // The letters of a directory are taken one by one, the names of a link compared.
        let place = |from: &Option<String>| 1 + from.as_ref().map_or(0, String::len) / 16 + scope.links.len() * 6;
        let ways = scope.directories.iter().map(place).sum::<usize>().max(1);
        self.pay(list(argv).saturating_add(argv.len().saturating_mul(ways)).saturating_add(scope.weight()))
    }

    /// Pays for a text that is parsed and followed with a copy of what is known.
    pub(crate) fn pay_for_text(&mut self, text: &str, scope: &Scope) -> Judged<()> {
        self.pay(text.len().saturating_add(scope.weight()))
    }

    /// A copy of what is known, for a way through the line that may not be taken.
    pub(crate) fn fork(&mut self, scope: &Scope) -> Judged<Scope> {
        self.pay(scope.weight())?;
        Ok(scope.clone())
    }

    /// Pays for a search of `pattern` in each of the texts of `value`, from as many places as `starts` says of its bytes.
    pub(crate) fn pay_for_search(
        &mut self,
        value: &Variable,
        pattern: &str,
        starts: impl Fn(usize) -> usize,
    ) -> Judged<()> {
        let lengths = value.iter().flatten().map(Field::bytes);
        let steps = lengths.map(|length| starts(length).saturating_mul(length).saturating_mul(1 + pattern.len()));
        self.pay(steps.fold(0, usize::saturating_add) / 64)
    }
}

impl Field {
    /// The bytes of its known text.
    pub(crate) fn bytes(&self) -> usize {
        let length = |part: &Part| match part {
            Part::Text(text) | Part::Glob(text) => text.len(),
            Part::Below | Part::Unknown(_) => 0,
        };
        self.0.iter().map(length).sum()
    }

    /// What a copy of it costs.
    pub(crate) fn weight(&self) -> usize {
        1 + self.0.len() + self.bytes() / BYTES
    }
}

impl Data {
    /// What a copy of it costs.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::Nothing | Self::Opaque(_) => 1,
            Self::Text(field) => field.weight(),
            Self::Names(names) => list(names),
        }
    }
}

/// What a copy of a list costs.
pub(super) fn list(fields: &[Field]) -> usize {
    1 + fields.iter().map(Field::weight).sum::<usize>()
}

/// What a copy of a variable costs.
pub(super) fn variable(value: &Variable) -> usize {
    1 + value.iter().map(|fields| list(fields)).sum::<usize>()
}

impl Scope {
    /// What a copy of it costs.
    fn weight(&self) -> usize {
        let names = self.functions.len() + self.aliases.len() + self.references.len() + self.programs.len();
        let places = self.directories.len() + self.left.len() + self.links.len() + self.mounts.iter().flatten().count();
        self.variables.values().map(variable).sum::<usize>()
            + self.files.values().map(Data::weight).sum::<usize>()
            + self.positional.as_deref().map_or(0, list)
            + self.stdin.weight()
            + self.calls.len()
            + names
            + self.attributes.len()
            + self.locals.iter().flat_map(|(_, value)| value).map(variable).sum::<usize>()
            + places
    }
}
