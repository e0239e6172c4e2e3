//! What a judge notes of a line that is read rather than judged, and how it goes on behind a danger.

use super::Refusal;
use super::invocation::{Invocation, name_of};
use super::judge::{Judge, Judged};
use super::reading::{Execution, MOST_DOUBTS};
use super::scope::Scope;
use super::syntax::Piece;
use super::values::Field;
use super::words::words;

/// What stands for a redirection that writes: the file is its argument.
const WRITE: &str = ">";

/// Files that a redirection may always write: nothing is left of it.
const STREAMS: [&str; 5] = ["/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/fd"];

impl Judge<'_> {
    /// Notes a call, where somebody wants to know.
    pub(crate) fn note(&mut self, call: &Invocation) {
        if let Some(reading) = &mut self.reading {
            reading.add(Execution::of(call));
            // `env PATH=. make CC=x`: whoever takes such an argument sets the variable for what it runs.
            for (name, value) in call.arguments.iter().filter_map(|argument| argument.split_once('=')) {
                self.note_variable(&name, Some(&value));
            }
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

/// Whether a variable decides which programs run, or what they load or run in turn.
fn decides_what_runs(name: &str) -> bool {
    let fits = |pattern: &&&str| match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (_, Some(start)) => name.starts_with(start),
        _ => name == **pattern,
    };
    words("variables-that-run").iter().any(|pattern| fits(&pattern))
}
