//! What is known of programs, as tables say it: they lie beside this file, and `run.txt` explains their language.

mod conditions;
mod lists;
mod records;
mod selectors;
#[cfg(test)]
mod tests;
mod verbs;

use crate::effects::{Call, Effects};
use crate::patterns::matches_text;
use lists::Lists;
pub(crate) use records::{Example, Printed};
use records::{Reader, Record};
use std::collections::HashMap;
use std::sync::LazyLock;

/// The tables, by the names of their files.
const TABLES: [(&str, &str); 7] = [
    ("lists.txt", include_str!("lists.txt")),
    ("run.txt", include_str!("run.txt")),
    ("files.txt", include_str!("files.txt")),
    ("machine.txt", include_str!("machine.txt")),
    ("systems.txt", include_str!("systems.txt")),
    ("clusters.txt", include_str!("clusters.txt")),
    ("print.txt", include_str!("print.txt")),
];

static BUILT_IN: LazyLock<(Lists, Knowledge)> = LazyLock::new(|| {
    let mut reader = Reader::default();
    for (name, table) in TABLES {
        if let Err((line, why)) = reader.table(table) {
            unreachable!("line {line} of {name}, which the tests read: {why}");
        }
    }
    (reader.lists, Knowledge::of(reader.records))
});

/// Records by the programs that they are about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Knowledge {
    records: Vec<Record>,
    by_name: HashMap<String, Vec<usize>>,
    /// Patterns of names.
    by_pattern: Vec<(String, usize)>,
}

impl Knowledge {
    /// What comes with the guard.
    pub(crate) fn built_in() -> &'static Self {
        &BUILT_IN.1
    }

    fn of(records: Vec<Record>) -> Self {
        let mut knowledge = Self { records, ..Self::default() };
        for (index, record) in knowledge.records.iter().enumerate() {
            for name in &record.programs {
                match name.contains(['*', '?', '[']) {
                    true => knowledge.by_pattern.push((name.clone(), index)),
                    false => knowledge.by_name.entry(name.clone()).or_default().push(index),
                }
            }
        }
        knowledge
    }

    /// The records of a program: those with its name, or else those with a pattern that fits it.
    fn records<'k>(&'k self, name: &'k str) -> impl Iterator<Item = &'k Record> {
        let named = self.by_name.get(name).map(Vec::as_slice).unwrap_or_default();
        let fits = |(pattern, _): &&(String, usize)| named.is_empty() && matches_text(pattern, name);
        let pattern = self.by_pattern.iter().find(fits).map(|(_, index)| *index);
        named.iter().copied().chain(pattern).map(|index| &self.records[index])
    }

    /// Adds what a call does.
    pub(crate) fn judge(&self, call: &Call<'_>, effects: &mut Effects) {
        self.records(call.name).for_each(|record| verbs::judge(record, call, effects));
    }

    /// Adds the refusals alone.
    pub(crate) fn refusals(&self, call: &Call<'_>, effects: &mut Effects) {
        self.records(call.name).for_each(|record| verbs::refusals(record, call, effects));
    }

    /// What flows out of a call.
    pub(crate) fn printed(&self, call: &Call<'_>) -> Option<Printed> {
        self.records(call.name).find_map(|record| verbs::printed(record, call))
    }
}

/// The user's own records, read a line at a time.
#[derive(Debug, Default)]
pub(crate) struct UsersRecords(Option<Reader>);

impl UsersRecords {
    /// Whether the line begins a record, or stands in one.
    pub(crate) fn takes(&self, line: &str) -> bool {
        let is_inside = self.0.as_ref().is_some_and(Reader::is_open) && line.starts_with([' ', '\t']);
        is_inside || Reader::begins(line) || line.starts_with("list ")
    }

    /// What follows stands in no record.
    pub(crate) fn close(&mut self) {
        self.0.iter_mut().for_each(Reader::close);
    }

    /// # Errors
    /// What is wrong with the line.
    pub(crate) fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        self.0.get_or_insert_with(|| Reader::of_the_user(BUILT_IN.0.clone())).line(number, line)
    }

    /// What was read, and the examples that it must keep.
    pub(crate) fn finish(self) -> (Knowledge, Vec<Example>) {
        let reader = self.0.unwrap_or_default();
        (Knowledge::of(reader.records), reader.examples)
    }
}
