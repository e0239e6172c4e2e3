//! Holds every record to the lines that it must refuse and those that it must let through.

use super::TABLES;
use super::records::Reader;
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
    let mut mistakes = Vec::new();
    let mut reader = Reader::default();
    for (name, table) in TABLES {
        let (groups, before) = (reader.groups, reader.examples.len());
        reader.table(table).unwrap_or_else(|(line, why)| panic!("line {line} of {name}: {why}"));
        for example in &reader.examples[before..] {
            let found = rule(&example.line);
            let is_by_another = found.is_some_and(|rule| !example.rules.is_empty() && !example.rules.contains(&rule));
            if found.is_some() != example.is_refused || is_by_another {
                mistakes.push(format!("{name}:{}: {} is {found:?}", example.number, example.line));
            }
        }
        for record in groups..reader.groups {
            let has = |is_refused| {
                let own = reader.examples.iter().filter(|example| example.record == record);
                own.clone().any(|example| example.is_refused == is_refused)
            };
            if !has(true) || !has(false) {
                mistakes.push(format!("{name}: record {} lacks a line", record - groups + 1));
            }
        }
    }
    assert!(mistakes.is_empty(), "{mistakes:#?}");
}
