//! Reads tables of what programs do; `run.txt` explains their language at its head.

use super::conditions::Condition;
use super::lists::Lists;
use super::selectors::Selector;
use crate::effects::{Extent, Write};
use crate::refusal::RULES;

/// What a person wrote that is no part of the language: on which line, and why.
pub(super) type Mistake = (usize, String);

/// What is known of some programs.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    /// Names, or patterns of names.
    pub programs: Vec<String>,
    /// Options that have a value behind them.
    pub valued: Vec<String>,
    pub steps: Vec<Step>,
}

impl Record {
    /// Whether a part of the arguments is another program's, so that options end before it.
    pub(crate) fn has_rest(&self) -> bool {
        self.steps.iter().any(|step| matches!(step.verb, Verb::Runs { what: Selector::Rest { .. }, .. }))
    }
}

/// One thing that its programs do, where one of the conditions holds; without any, always.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub verb: Verb,
    pub conditions: Vec<Condition>,
}

#[derive(Clone, Debug)]
pub(super) enum Verb {
    /// Runs a program, or a line where `line`; on another machine where `elsewhere`.
    Runs {
        what: Selector,
        line: bool,
        elsewhere: bool,
    },
    /// Runs a program that begins with one of these words.
    Tries {
        what: Selector,
        elsewhere: bool,
    },
    Removes(Selector, Extent),
    Moves(Selector),
    Writes(Selector, Write),
    Unpacks {
        into: Selector,
        over: bool,
    },
    Prints(Printed),
    Refuse {
        rule: &'static str,
        what: String,
    },
    /// Nothing that follows is done.
    Harmless,
}

/// What flows out of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Printed {
    /// What comes from the network.
    Fetched,
    /// What nobody could read before.
    Decoded,
    /// Its input, with other letters.
    Changed,
    /// Its input.
    Input,
    LastOperand,
}

/// A line that must be refused, or run.
#[derive(Clone, Debug)]
pub(crate) struct Example {
    pub number: usize,
    pub line: String,
    pub is_refused: bool,
    /// Which of the records it stands in, counted from 0.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests ask for examples of each record"))]
    pub record: usize,
    /// The rules by which it may be refused, where its record does nothing but refuse; otherwise none.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests ask by which rule a line is refused"))]
    pub rules: Vec<&'static str>,
}

/// Tables as they are read.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub lists: Lists,
    pub records: Vec<Record>,
    pub examples: Vec<Example>,
    /// Records that begin with one line belong together, and so do their examples.
    pub groups: usize,
    list: Option<String>,
    /// What the lines `if PROGRAM …` of a group refuse.
    refusal: Option<Verb>,
    /// Whether they are the user's.
    is_users: bool,
    is_open: bool,
}

impl Reader {
    pub(crate) fn of_the_user(lists: Lists) -> Self {
        Self { lists, is_users: true, ..Self::default() }
    }

    /// Whether an indented line would belong to a record.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    pub(crate) fn close(&mut self) {
        self.is_open = false;
    }

    /// Whether a line begins a record.
    pub(crate) fn begins(line: &str) -> bool {
        !line.starts_with([' ', '\t', '#']) && line.trim_end().ends_with(':') || line.starts_with("refuse")
    }

    /// Reads a whole table.
    ///
    /// # Errors
    /// The first line that says nothing.
    pub(crate) fn table(&mut self, text: &str) -> Result<(), Mistake> {
        for (index, line) in text.lines().enumerate() {
            self.line(index + 1, line).map_err(|why| (index + 1, why))?;
        }
        Ok(())
    }

    pub(crate) fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            return Ok(());
        }
        if !line.starts_with([' ', '\t']) {
            return self.head(text);
        }
        if let Some(list) = &self.list {
            self.lists.add(list, text);
            return Ok(());
        }
        let (verb, rest) = text.split_once(' ').map_or((text, ""), |(verb, rest)| (verb, rest.trim()));
        match verb {
            "no" | "ok" => {
                let (record, rules) = (self.groups.saturating_sub(1), self.rules());
                self.examples.push(Example { number, line: rest.to_owned(), is_refused: verb == "no", record, rules });
                Ok(())
            }
            "if" if self.refusal.is_some() => self.refused_program(rest),
            "if" => {
                let condition = Condition::read(rest, &self.lists)?;
                let step = self.records.last_mut().and_then(|record| record.steps.last_mut());
                step.ok_or("nothing stands above it that it could be a condition of")?.conditions.push(condition);
                Ok(())
            }
            _ => self.step(verb, rest),
        }
    }

    fn head(&mut self, text: &str) -> Result<(), String> {
        (self.list, self.refusal) = (None, None);
        self.is_open = true;
        if let Some(rest) = text.strip_prefix("list ") {
            let (name, words) = rest.split_once(' ').unwrap_or((rest, ""));
            self.lists.add(name, words);
            self.list = Some(name.to_owned());
            return Ok(());
        }
        self.groups += 1;
        if let Some(rest) = text.strip_prefix("refuse ").or_else(|| text.strip_prefix("refuse:")) {
            self.refusal = Some(self.refusal(rest)?);
            return Ok(());
        }
        let names = text.strip_suffix(':').ok_or("a record begins with the names of programs and a colon")?;
        let programs: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
        self.records.push(Record { programs, ..Record::default() });
        Ok(())
    }

    /// The rules of a record that does nothing but refuse.
    fn rules(&self) -> Vec<&'static str> {
        let steps = self.records.last().map_or(&[][..], |record| &record.steps);
        let rules = steps.iter().filter(|step| !matches!(step.verb, Verb::Harmless)).map(|step| match step.verb {
            Verb::Refuse { rule, .. } => Some(rule),
            _ => None,
        });
        rules.collect::<Option<_>>().unwrap_or_default()
    }

    /// `RULE: what it would do`; the user's have no rule of their own.
    fn refusal(&self, text: &str) -> Result<Verb, String> {
        if self.is_users {
            return Ok(Verb::Refuse { rule: "user-rule", what: text.trim_start_matches(':').trim().to_owned() });
        }
        let (name, what) = text.split_once(':').ok_or("it must be a rule, a colon, and what the call would do")?;
        let rule = RULES.iter().find(|rule| **rule == name.trim()).ok_or_else(|| format!("there is no rule {name}"))?;
        Ok(Verb::Refuse { rule, what: what.trim().to_owned() })
    }

    /// `if PROGRAM|PROGRAM CONDITION`
    fn refused_program(&mut self, text: &str) -> Result<(), String> {
        let (names, condition) = text.split_once(' ').unwrap_or((text, ""));
        let verb = self.refusal.clone().ok_or("it stands in no group")?;
        let conditions = vec![Condition::read(condition, &self.lists)?];
        let programs = names.split('|').map(str::to_owned).collect();
        self.records.push(Record { programs, steps: vec![Step { verb, conditions }], ..Record::default() });
        Ok(())
    }

    fn step(&mut self, verb: &str, rest: &str) -> Result<(), String> {
        let parts = format!("{rest} ");
        let (rest, condition) = match verb {
            // Its sentence may hold the word.
            "refuse" | "refuse:" => (rest, None),
            _ if rest.starts_with("if ") => ("", Some(&rest[3..])),
            _ => match parts.split_once(" if ") {
                Some((rest, condition)) => (rest, Some(condition)),
                None => (rest, None),
            },
        };
        let conditions = condition.map(|text| Condition::read(text, &self.lists)).transpose()?;
        if verb == "takes" {
            let record = self.records.last_mut().ok_or("it stands in no record")?;
            record.valued.extend(rest.split_whitespace().map(str::to_owned));
            return Ok(());
        }
        let verb = self.verb(verb, rest)?;
        let record = self.records.last_mut().ok_or("it stands in no record")?;
        record.steps.push(Step { verb, conditions: conditions.into_iter().collect() });
        Ok(())
    }

    fn verb(&self, verb: &str, rest: &str) -> Result<Verb, String> {
        let (rest, elsewhere) = rest.strip_suffix("elsewhere").map_or((rest, false), |rest| (rest, true));
        let (rest, below) = rest.strip_suffix("and below").map_or((rest, false), |rest| (rest, true));
        let (rest, over) = rest.strip_suffix("over what is there").map_or((rest, false), |rest| (rest, true));
        let (rest, line) = rest.strip_suffix("as a line").map_or((rest, false), |rest| (rest, true));
        let (rest, empty) = rest.strip_prefix("empty ").map_or((rest, false), |rest| (rest, true));
        let what = || Selector::read(rest);
        Ok(match verb {
            "runs" => Verb::Runs { what: what()?, line, elsewhere },
            "tries" => Verb::Tries { what: what()?, elsewhere },
            "removes" if empty => Verb::Removes(what()?, Extent::IfEmpty),
            "removes" => Verb::Removes(what()?, if below { Extent::Whole } else { Extent::Itself }),
            "moves" => Verb::Moves(what()?),
            "writes" => Verb::Writes(what()?, Write::Replace),
            "edits" => Verb::Writes(what()?, Write::Edit),
            "empties" => Verb::Writes(what()?, Write::Empty),
            "appends" => Verb::Writes(what()?, Write::Append),
            "unpacks" => Verb::Unpacks { into: what()?, over },
            "prints" => Verb::Prints(match rest.trim() {
                "what it fetches" => Printed::Fetched,
                "what it decodes" => Printed::Decoded,
                "its input changed" => Printed::Changed,
                "its input" => Printed::Input,
                "its last operand" => Printed::LastOperand,
                other => return Err(format!("{other:?} is nothing that is printed")),
            }),
            "refuse" | "refuse:" => self.refusal(rest)?,
            "harmless" => Verb::Harmless,
            other => return Err(format!("{other:?} is no verb of a record")),
        })
    }
}
