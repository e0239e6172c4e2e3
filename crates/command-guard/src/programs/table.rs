//! Programs that are dangerous by their words alone, as `refusals.txt` lists them.

use crate::Refusal;
use crate::judge::Judged;
use crate::patterns::matches_text;
use crate::simple::Invocation;
use std::collections::HashMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("refusals.txt");

/// What a call that fits one of the lines `if` would do.
struct Record {
    rule: &'static str,
    what: &'static str,
    conditions: Vec<Condition>,
}

/// A line `if`: the programs, and words that the arguments must hold in this order, or must not hold.
struct Condition {
    programs: Vec<&'static str>,
    words: Vec<Vec<String>>,
    without: Vec<Vec<String>>,
}

impl Condition {
    fn read(line: &'static str) -> Self {
        let mut parts = line.split_whitespace();
        let programs = parts.next().unwrap_or_default().split('|').collect();
        let (without, words): (Vec<&str>, Vec<&str>) = parts.partition(|part| part.starts_with('!'));
        let empty = |word: &str| if word == "''" { String::new() } else { word.to_lowercase() };
        let alternatives = |part: &str| part.split('|').map(empty).collect();
        Self {
            programs,
            words: words.into_iter().map(alternatives).collect(),
            without: without.iter().map(|part| alternatives(&part[1..])).collect(),
        }
    }

    fn fits(&self, arguments: &[String]) -> bool {
        let is = |patterns: &[String], argument: &String| patterns.iter().any(|known| matches_text(known, argument));
        let mut rest = arguments.iter();
        self.words.iter().all(|word| rest.any(|argument| is(word, argument)))
            && !self.without.iter().any(|word| arguments.iter().any(|argument| is(word, argument)))
    }
}

/// The whole table.
struct Table {
    records: Vec<Record>,
    /// By a program's name the records that have a condition on it.
    by_name: HashMap<&'static str, Vec<usize>>,
}

static READ: LazyLock<Table> = LazyLock::new(|| {
    let records = records(TABLE);
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, record) in records.iter().enumerate() {
        for program in record.conditions.iter().flat_map(|condition| &condition.programs) {
            by_name.entry(program).or_default().push(index);
        }
    }
    Table { records, by_name }
});

fn records(text: &'static str) -> Vec<Record> {
    let mut records: Vec<Record> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        if let Some(condition) = line.trim_start().strip_prefix("if ") {
            records.last_mut().into_iter().for_each(|record| record.conditions.push(Condition::read(condition)));
        } else if let Some((rule, what)) = line.split_once(": ").filter(|_| !line.starts_with(' ')) {
            records.push(Record { rule, what, conditions: Vec::new() });
        }
    }
    records
}

pub(in super::super) fn judge(call: &Invocation) -> Judged<()> {
    let name = call.name.as_str();
    let Some(indexes) = READ.by_name.get(name) else {
        return Ok(());
    };
    let arguments: Vec<String> = call.arguments.iter().map(|argument| argument.visible().to_lowercase()).collect();
    for record in indexes.iter().map(|index| &READ.records[*index]) {
        let fits = |condition: &Condition| condition.programs.contains(&name) && condition.fits(&arguments);
        if record.conditions.iter().any(fits) {
            return Err(Refusal::new(record.rule, format!("`{name}` would {}", record.what)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{TABLE, records};
    use crate::{Context, Grammar, Rules, judge};

    fn rule(line: &str) -> Option<&'static str> {
        let context = Context {
            home: "/home/user",
            directory: "/home/user/project",
            roots: &[],
            protected: &[],
            environment: &Default::default(),
            rules: &Rules::default(),
        };
        judge(line, Grammar::BashOrPosix, &context).err().map(|refusal| refusal.rule)
    }

    #[test]
    fn each_record_refuses_and_allows_the_lines_that_it_names() {
        let (mut rule_of_record, mut mistakes) = ("", Vec::new());
        let mut counts: Vec<[u32; 2]> = Vec::new();
        for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let Some((verb, example)) = line.strip_prefix("  ").and_then(|line| line.split_once(' ')) else {
                rule_of_record = line.split_once(": ").expect(line).0;
                counts.push([0, 0]);
                continue;
            };
            let wanted = match verb {
                "if" => continue,
                "refuse" => Some(rule_of_record),
                "allow" => None,
                other => panic!("{other} is no word of the table"),
            };
            counts.last_mut().expect("a record before it")[usize::from(wanted.is_none())] += 1;
            let found = rule(example.trim());
            if found != wanted {
                mistakes.push(format!("{example}: {found:?} and not {wanted:?}"));
            }
        }
        assert!(mistakes.is_empty(), "{mistakes:#?}");
        let records = records(TABLE);
        assert_eq!(records.len(), counts.len());
        for (record, [refused, allowed]) in records.iter().zip(counts) {
            assert!(!record.conditions.is_empty() && refused > 0 && allowed > 0, "{} lacks a line", record.what);
        }
    }
}
