//! What a line would run: every program behind its lists, pipes, substitutions and wrappers, for a policy that decides by
//! more than dangers.

use super::Refusal;
use super::invocation::Invocation;
use super::values::{Data, Field};
use std::collections::HashSet;
use std::hash::Hash;

/// A line with more expansions than these is taken for one of which nothing is known.
pub(super) const MOST_DOUBTS: usize = 64;

/// A text of more bytes is not looked through for what is in doubt: where anything is, it is.
const LONG: usize = 4096;

/// An argument, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Argument {
    /// Its text, with nothing in the place of what is not known.
    pub text: String,
    /// Whether that is all of it, whichever way the line takes.
    pub is_known: bool,
}

/// One thing that a line would run. Two kinds are no programs: `> FILE` writes to a file, and `NAME=VALUE` sets a variable
/// that decides what other programs are or do (`PATH`, `LD_PRELOAD`, `GIT_SSH`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Execution {
    /// The program as it is written; empty where it may be another one.
    pub program: String,
    /// Its last component, without `.exe`, as far as it is known.
    pub name: String,
    /// What follows it, after all expansion.
    pub arguments: Vec<Argument>,
}

impl Execution {
    pub(crate) fn of(call: &Invocation) -> Self {
        let argument = |field: &Field| match field.known() {
            Some(text) => Argument { text, is_known: true },
            None => Argument { text: field.visible(), is_known: false },
        };
        let arguments = call.arguments.iter().map(argument).collect();
        Self { program: call.program.clone(), name: call.name.clone(), arguments }
    }

    pub(super) fn bare(program: &str) -> Self {
        Self { program: program.to_owned(), name: program.to_owned(), arguments: Vec::new() }
    }
}

impl std::fmt::Display for Execution {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.program.as_str() {
            "" => write!(formatter, "{}…", self.name)?,
            program => formatter.write_str(program)?,
        }
        for argument in &self.arguments {
            match argument.is_known {
                true => write!(formatter, " {}", shlex::try_quote(&argument.text).unwrap_or_default())?,
                false => write!(formatter, " {}…", argument.text)?,
            }
        }
        Ok(())
    }
}

/// A line as it would run.
#[derive(Clone, Debug)]
pub struct Reading {
    /// All that it would run, each once.
    pub executions: Vec<Execution>,
    /// Every danger in it, the first one as [`super::judge()`] says it.
    pub refusals: Vec<Refusal>,
    /// Whether it was followed to its end. What was not may run anything.
    pub is_complete: bool,
    /// Texts that came of expansions: a variable that is set on one way through the line has another value on the other.
    pub(super) doubts: Vec<String>,
    /// How many texts around what is read now came of such.
    pub(super) in_doubt: usize,
}

impl Reading {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self { executions: Vec::new(), refusals: Vec::new(), is_complete: true, doubts: Vec::new(), in_doubt: 0 }
    }

    pub(super) fn add(&mut self, mut execution: Execution) {
        if self.in_doubt > 0 || self.doubts.len() > MOST_DOUBTS || self.is_doubtful(&execution.program) {
            execution.program.clear();
        }
        let all = execution.program.is_empty();
        for argument in &mut execution.arguments {
            argument.is_known &= !all && !self.is_doubtful(&argument.text);
        }
        self.executions.push(execution);
    }

    fn is_doubtful(&self, text: &str) -> bool {
        let is_near = |doubt: &String| doubt.contains(text) || text.len() > LONG || text.contains(doubt.as_str());
        !text.is_empty() && self.doubts.iter().any(is_near)
    }

    /// With how following the line ended; what it runs twice is told once.
    pub(crate) fn ended(mut self, done: Result<Data, Refusal>) -> Self {
        if let Err(refusal) = done {
            self.refusals.push(refusal);
            self.is_complete = false;
        }
        each_once(&mut self.executions);
        each_once(&mut self.refusals);
        self
    }
}

fn each_once<T: Eq + Hash>(list: &mut Vec<T>) {
    let mut known = HashSet::new();
    let is_new: Vec<bool> = list.iter().map(|one| known.insert(one)).collect();
    let mut is_new = is_new.into_iter();
    list.retain(|_| is_new.next().unwrap_or_default());
}
