//! What a line would run: every program behind its lists, pipes, substitutions and wrappers, for a policy that decides by
//! more than dangers.

use super::Refusal;
use super::judge::{Judge, Judged};
use super::scope::Scope;
use super::simple::Invocation;
use super::syntax::Piece;
use super::values::Field;
use super::words::words;
use std::collections::HashSet;
use std::hash::Hash;

/// A line with more expansions than these is taken for one of which nothing is known.
const MOST_DOUBTS: usize = 64;

/// A text of more bytes is not looked through for what is in doubt: where anything is, it is.
const LONG: usize = 4096;

/// What stands for a redirection that writes: the file is its argument.
const WRITE: &str = ">";

/// Files that a redirection may always write: nothing is left of it.
const STREAMS: [&str; 5] = ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/fd"];

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

    fn bare(program: &str) -> Self {
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
    doubts: Vec<String>,
    /// How many texts around what is read now came of such.
    in_doubt: usize,
}

impl Reading {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self { executions: Vec::new(), refusals: Vec::new(), is_complete: true, doubts: Vec::new(), in_doubt: 0 }
    }

    fn add(&mut self, mut execution: Execution) {
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
    pub(crate) fn ended(mut self, done: Judged) -> Self {
        if let Err(refusal) = done {
            self.refusals.push(refusal);
            self.is_complete = false;
        }
        each_once(&mut self.executions);
        each_once(&mut self.refusals);
        self
    }
}

impl Judge<'_> {
    /// Notes a call, where somebody wants to know.
    pub(crate) fn note(&mut self, call: &Invocation) {
        if let Some(reading) = &mut self.reading {
            reading.add(Execution::of(call));
        }
    }

    /// Notes a program of which only a part is known, or nothing.
    pub(crate) fn note_unknown(&mut self, arguments: &[Field]) {
        self.note_program("", arguments);
    }

    /// Notes a program by how it is written, whatever it turns out to be.
    pub(crate) fn note_program(&mut self, program: &str, arguments: &[Field]) {
        if self.reading.is_some() {
            let name = name_of(program);
            self.note(&Invocation { program: program.to_owned(), name, arguments: arguments.to_vec() });
        }
    }

    /// Notes what a word became by an expansion: it may become something else.
    pub(crate) fn note_expanded<'a>(&mut self, word: &[Piece], fields: impl Iterator<Item = &'a Field>) {
        let is_literal = |piece: &Piece| matches!(piece, Piece::Plain(_) | Piece::Quoted(_));
        if let Some(reading) = &mut self.reading
            && !word.iter().all(is_literal)
            && reading.doubts.len() <= MOST_DOUBTS
        {
            let texts = fields.map(Field::visible).filter(|text| !text.is_empty());
            reading.doubts.extend(texts);
        }
    }

    /// Reads a text that is run, which may have come of an expansion.
    pub(crate) fn in_text<T>(&mut self, text: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let doubtful = self.reading.as_ref().is_some_and(|reading| {
            reading.doubts.len() > MOST_DOUBTS || reading.doubts.iter().any(|doubt| text.contains(doubt.as_str()))
        });
        let count = |judge: &mut Self, doubt: fn(usize) -> usize| {
            if let Some(reading) = judge.reading.as_mut().filter(|_| doubtful) {
                reading.in_doubt = doubt(reading.in_doubt);
            }
        };
        count(self, |before| before + 1);
        let result = read(self);
        count(self, |before| before.saturating_sub(1));
        result
    }

    /// Reads a text that will be read once more: of what it expands nothing is in doubt the second time.
    pub(crate) fn apart<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.reading.as_ref().map_or(0, |reading| reading.doubts.len());
        let result = read(self);
        if let Some(reading) = &mut self.reading {
            reading.doubts.truncate(before);
        }
        result
    }

    /// Notes a connection by one of bash's own names.
    pub(crate) fn note_connection(&mut self, file: &Field) {
        if let Some(reading) = &mut self.reading {
            reading.add(Execution::bare(&file.visible()));
        }
    }

    /// Notes a redirection to a file.
    pub(crate) fn note_write(&mut self, file: &Field) {
        let is_stream = || file.known().is_some_and(|file| STREAMS.iter().any(|stream| file.starts_with(stream)));
        if self.reading.is_some() && !is_stream() {
            let call = Invocation { program: WRITE.into(), name: WRITE.into(), arguments: vec![file.clone()] };
            self.note(&call);
        }
    }

    /// Notes the value of a variable by which programs are found, loaded or told what to run.
    pub(crate) fn note_variable(&mut self, name: &str, value: Option<&Field>) {
        if let Some(reading) = &mut self.reading
            && decides_what_runs(name)
        {
            let value = value.map(Field::visible).unwrap_or_default();
            reading.add(Execution::bare(&format!("{name}={value}")));
        }
    }

    /// What is refused while a line is only read is noted, and the reading goes on: behind a danger may stand another
    /// one. What cannot be followed ends it.
    pub(crate) fn refused<T>(&mut self, refusal: Refusal, instead: T) -> Judged<T> {
        match &mut self.reading {
            Some(reading) if !matches!(refusal.rule, "unparsable" | "too-complex") => {
                reading.refusals.push(refusal);
                Ok(instead)
            }
            _ => Err(refusal),
        }
    }

    /// The same where what stands behind the danger was not looked at.
    pub(crate) fn refused_in_part<T>(&mut self, refusal: Refusal, instead: T) -> Judged<T> {
        let instead = self.refused(refusal, instead)?;
        if let Some(reading) = &mut self.reading {
            reading.is_complete = false;
        }
        Ok(instead)
    }

    /// Forgets those refusals that were noted by `read` and do not count.
    pub(crate) fn forgiving<T>(&mut self, forgives: fn(&str) -> bool, read: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.reading.as_ref().map_or(0, |reading| reading.refusals.len());
        let result = read(self);
        if let Some(reading) = &mut self.reading {
            let counted: Vec<Refusal> = reading.refusals.drain(before..).filter(|it| !forgives(it.rule)).collect();
            reading.refusals.extend(counted);
        }
        result
    }

    /// Notes what stands behind a call that is allowed with all that it runs.
    pub(crate) fn look_behind(&mut self, read: impl FnOnce(&mut Self) -> Judged) {
        if self.reading.is_some() {
            let done = self.forgiving(|_| true, read).is_ok();
            self.reading.as_mut().expect("it is still there").is_complete &= done;
        }
    }

    /// Takes one of two readings of the same text first, whose refusals come after those of the other.
    pub(crate) fn first_and_then<T>(
        &mut self,
        scope: &mut Scope,
        first: impl FnOnce(&mut Self) -> T,
        second: impl FnOnce(&mut Self, &mut Scope) -> T,
    ) -> (T, T) {
        let before = self.reading.as_ref().map_or(0, |reading| reading.refusals.len());
        let first = self.apart(first);
        let late = self.reading.as_mut().map(|reading| reading.refusals.split_off(before));
        let second = second(self, scope);
        if let Some(reading) = &mut self.reading {
            reading.refusals.extend(late.unwrap_or_default());
        }
        (first, second)
    }
}

fn each_once<T: Eq + Hash>(list: &mut Vec<T>) {
    let mut known = HashSet::new();
    let is_new: Vec<bool> = list.iter().map(|one| known.insert(one)).collect();
    let mut is_new = is_new.into_iter();
    list.retain(|_| is_new.next().unwrap_or_default());
}

/// The last component of a program's name, without what Windows adds to it.
pub(crate) fn name_of(program: &str) -> String {
    let name = program.rsplit('/').next().unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    // Windows does not tell capitals from small letters.
    let windows = [".exe", ".com"].iter().find_map(|end| lower.strip_suffix(end));
    windows.unwrap_or(name).to_owned()
}

/// Whether a variable decides which programs run, or what they load or run in turn.
fn decides_what_runs(name: &str) -> bool {
    let fits = |pattern: &&&str| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (_, Some(start)) => name.starts_with(start),
        _ => name == **pattern,
    };
    words("variables-that-run").iter().any(|pattern| fits(&pattern))
}
