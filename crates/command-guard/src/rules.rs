//! The user's own rules: `allow` and `deny` lines, and records of programs in the language of the guard's own tables.

use super::call_patterns::CallPattern;
use super::invocation::Invocation;
use super::knowledge::{Example, Knowledge, UsersRecords};
use super::reading::Execution;
use super::{Context, Grammar, Refusal, judge};

/// One line: whether it allows, the program, and patterns that arguments must match, all as shell patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    allows: bool,
    pattern: CallPattern,
    /// As it is written, for the answer.
    text: String,
}

impl Rule {
    fn read(line: &str) -> Result<Self, String> {
        let words = shlex::split(line).ok_or("a quote is not closed")?;
        let (verb, rest) = words.split_first().ok_or("it is empty")?;
        let allows = match verb.as_str() {
            "allow" => true,
            "deny" => false,
            _ => return Err("it must begin with allow or deny".to_owned()),
        };
        Ok(Self { allows, pattern: CallPattern::of(rest)?, text: line.trim().to_owned() })
    }

    /// Whether the program fits and each pattern fits an argument. What is not known of an argument fits a denial only.
    fn fits(&self, call: &Execution) -> bool {
        if self.allows { self.pattern.mentions_known(call) } else { self.pattern.mentions(call) }
    }
}

/// A line that is no rule; said as what is wrong with it and how to write it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RulesError {
    /// Counted from 1.
    line: usize,
    text: String,
    why: String,
}

impl std::fmt::Display for RulesError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { line, text, why } = self;
        write!(
            formatter,
            "line {line} is {text:?}, but {why}: write `allow PROGRAM PATTERN…`, `deny PROGRAM PATTERN…`, or a record of \
             a program as docs/security.md shows it"
        )
    }
}

impl std::error::Error for RulesError {}

/// The user's rules, as they were written.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    rules: Vec<Rule>,
    records: Knowledge,
}

impl Rules {
    /// Reads one rule a line, and records with the indented lines that follow their first; empty lines and those that
    /// begin with `#` say nothing.
    ///
    /// # Errors
    /// The first line that is no rule, or an example of a record that is judged otherwise.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        let mut rules = Vec::new();
        let mut records = UsersRecords::default();
        let mistake = |number: usize, why: String| {
            let text = text.lines().nth(number - 1).unwrap_or_default().trim().to_owned();
            RulesError { line: number, text, why }
        };
        for (number, line) in text.lines().enumerate().map(|(index, line)| (index + 1, line)) {
            let is_rule = ["allow ", "deny "].iter().any(|verb| line.trim_start().starts_with(verb));
            if line.trim().is_empty() || line.trim_start().starts_with('#') {
                continue;
            }
            match records.takes(line) && !is_rule {
                true => records.line(number, line).map_err(|why| mistake(number, why))?,
                false => {
                    records.close();
                    rules.push(Rule::read(line.trim()).map_err(|why| mistake(number, why))?);
                }
            }
        }
        let (records, examples) = records.finish();
        let rules = Self { rules, records };
        for example in &examples {
            rules.try_example(example).map_err(|why| mistake(example.number, why))?;
        }
        Ok(rules)
    }

    fn try_example(&self, example: &Example) -> Result<(), String> {
        let environment = std::collections::BTreeMap::default();
        let context = Context {
            home: "/home/user",
            directory: "/home/user/project",
            roots: &[],
            protected: &[],
            environment: &environment,
            rules: self,
        };
        match (judge(&example.line, Grammar::BashOrPosix, &context), example.is_refused) {
            (Ok(()), true) => Err("the rules let it run".to_owned()),
            (Err(refusal), false) => Err(format!("it is refused ({}: {})", refusal.rule, refusal.reason)),
            _ => Ok(()),
        }
    }

    /// What the records say of programs.
    pub(super) fn records(&self) -> &Knowledge {
        &self.records
    }

    /// What the rules say of a call: `Some(true)` allowed whatever the guard says. A denial wins.
    pub(super) fn verdict(&self, call: &Invocation) -> Result<bool, Refusal> {
        if self.rules.is_empty() {
            return Ok(false);
        }
        let (mut allowed, call) = (false, Execution::of(call));
        for rule in self.rules.iter().filter(|rule| rule.fits(&call)) {
            if !rule.allows {
                return Err(Refusal::new("user-rule", format!("your rule `{}` forbids it", rule.text)));
            }
            allowed = true;
        }
        Ok(allowed)
    }
}
