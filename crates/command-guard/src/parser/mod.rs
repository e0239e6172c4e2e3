//! A parser of shell command lines for judging them.
//!
//! It differs from a parser for running them in four ways: its depth and its work are bounded, so that
//! no input overflows the stack or takes more than linear time; it reads a line as bash or as a
//! POSIX shell would, since the two disagree on where a quote ends; what stands before a
//! mistake is kept, since a shell runs it before it meets the mistake; and a substitution is parsed
//! where it stands, so that nothing is executed that was only skipped as text.

mod compound;
mod dollar;
mod redirects;
mod words;

use super::syntax::{Dialect, Link, Pipeline, Script, Statement};
use redirects::Pending;
use std::rc::Rc;

/// Nesting (groups, substitutions, quotes in substitutions) beyond which a line is refused.
pub(super) const DEPTH: usize = 40;

/// Steps of work for each character: backtracking in `$((` is the only thing that reads twice.
const STEPS_PER_CHARACTER: usize = 32;

/// Why a text is not a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not the syntax of a shell, or one that is not followed here.
    Syntax(&'static str),
    /// Nested deeper or worked longer than is sane.
    Bounds,
}

pub(super) type Parsed<T> = Result<T, Fault>;

/// Parses as much as is well formed; the fault says why the rest is not.
pub(super) fn parse(text: &str, dialect: Dialect) -> (Script, Option<Fault>) {
    Parser::new(text.chars().collect(), dialect, 0).whole()
}

pub(super) struct Parser {
    text: Vec<char>,
    at: usize,
    depth: usize,
    steps: usize,
    dialect: Dialect,
    /// Here-documents whose bodies begin on the next line.
    pending: Vec<Pending>,
}

impl Parser {
    fn new(text: Vec<char>, dialect: Dialect, depth: usize) -> Self {
        let steps = text.len().saturating_mul(STEPS_PER_CHARACTER) + 1000;
        Self { text, at: 0, depth, steps, dialect, pending: Vec::new() }
    }

    fn whole(mut self) -> (Script, Option<Fault>) {
        let mut script = Script::default();
        let fault = match self.statements(&[], &mut script) {
            Err(fault) => Some(fault),
            Ok(()) if self.at < self.text.len() => Some(Fault::Syntax("an unexpected token")),
            Ok(()) => None,
        };
        (script, fault)
    }

    /// A script in a text of its own (back-quotes), which must be well formed as a whole.
    fn nested(text: Vec<char>, dialect: Dialect, depth: usize) -> Parsed<Script> {
        match Self::new(text, dialect, depth).whole() {
            (script, None) => Ok(script),
            (_, Some(fault)) => Err(fault),
        }
    }

    fn bash(&self) -> bool {
        self.dialect != Dialect::Posix
    }

    /// The character `ahead` of the current one; NUL past the end, which no command may hold.
    fn peek(&self, ahead: usize) -> char {
        self.text.get(self.at + ahead).copied().unwrap_or('\0')
    }

    fn ended(&self) -> bool {
        self.at >= self.text.len()
    }

    fn looking_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(ahead, character)| self.peek(ahead) == character)
    }

    fn accept(&mut self, text: &str) -> bool {
        let found = self.looking_at(text);
        if found {
            self.at += text.chars().count();
        }
        found
    }

    fn expect(&mut self, text: &str, fault: &'static str) -> Parsed<()> {
        if self.accept(text) { Ok(()) } else { Err(Fault::Syntax(fault)) }
    }

    fn step(&mut self) -> Parsed<()> {
        self.steps = self.steps.checked_sub(1).ok_or(Fault::Bounds)?;
        Ok(())
    }

    /// Runs `parse` one level deeper.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEPTH {
            return Err(Fault::Bounds);
        }
        self.step()?;
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Skips blanks, continuations and a comment: called only where a token may begin.
    fn blanks(&mut self) {
        loop {
            match self.peek(0) {
                ' ' | '\t' => self.at += 1,
                '\\' if self.peek(1) == '\n' => self.at += 2,
                '\r' if self.peek(1) == '\n' => self.at += 1,
                '#' => {
                    while !self.ended() && self.peek(0) != '\n' {
                        self.at += 1;
                    }
                }
                _ => return,
            }
        }
    }

    /// Skips blanks and line ends, reading the here-documents that begin there.
    fn lines(&mut self) -> Parsed<()> {
        loop {
            self.blanks();
            if self.peek(0) != '\n' || self.ended() {
                return Ok(());
            }
            self.step()?;
            self.at += 1;
            self.read_documents()?;
        }
    }

    /// The unquoted word that stands here, if it ends at a blank or an operator: how keywords are met.
    fn keyword(&self) -> Option<String> {
        let word: String = (0..)
            .map(|ahead| self.peek(ahead))
            .take_while(|character| character.is_ascii_lowercase() || "{}[]!".contains(*character))
            .take(9)
            .collect();
        let next = self.peek(word.len());
        let delimited = " \t\n\r;&|()<>\0".contains(next);
        (!word.is_empty() && delimited).then_some(word)
    }

    fn at_keyword(&self, words: &[&str]) -> bool {
        self.keyword().is_some_and(|word| words.contains(&word.as_str()))
    }

    fn expect_keyword(&mut self, word: &'static str, fault: &'static str) -> Parsed<()> {
        self.lines()?;
        if self.at_keyword(&[word]) {
            self.at += word.len();
            return Ok(());
        }
        Err(Fault::Syntax(fault))
    }

    /// A list up to one of the keywords `ends`, a `)` or a `;;`, none of which is consumed.
    fn list(&mut self, ends: &[&str]) -> Parsed<Script> {
        let mut script = Script::default();
        self.deeper(|parser| parser.statements(ends, &mut script))?;
        Ok(script)
    }

    fn statements(&mut self, ends: &[&str], script: &mut Script) -> Parsed<()> {
        loop {
            self.lines()?;
            if self.ended()
                || self.peek(0) == ')'
                || self.looking_at(";;")
                || self.looking_at(";&")
                || self.at_keyword(ends)
            {
                return Ok(());
            }
            let statement = self.statement()?;
            script.statements.push(statement);
            self.blanks();
            if self.peek(0) == '&' && self.peek(1) != '&' {
                self.at += 1;
                if let Some(last) = script.statements.last_mut() {
                    last.background = true;
                }
            } else if self.peek(0) == ';' && self.peek(1) != ';' && self.peek(1) != '&' {
                self.at += 1;
            } else if self.peek(0) != '\n' || self.ended() {
                return Ok(());
            }
        }
    }

    fn statement(&mut self) -> Parsed<Statement> {
        let first = self.pipeline()?;
        let mut rest = Vec::new();
        loop {
            self.blanks();
            let link = if self.accept("&&") {
                Link::And
            } else if self.accept("||") {
                Link::Or
            } else {
                return Ok(Statement { first, rest, background: false });
            };
            self.lines()?;
            rest.push((link, self.pipeline()?));
        }
    }

    fn pipeline(&mut self) -> Parsed<Pipeline> {
        self.prefixes();
        let mut commands = Vec::new();
        loop {
            commands.push(Rc::new(self.command()?));
            self.blanks();
            let joined = self.bash() && self.accept("|&");
            if !joined && (self.looking_at("||") || !self.accept("|")) {
                return Ok(Pipeline { commands });
            }
            self.lines()?;
        }
    }

    /// `!` and bash's `time` before a pipeline.
    fn prefixes(&mut self) {
        loop {
            self.blanks();
            if self.at_keyword(&["!"]) {
                self.at += 1;
            } else if self.bash() && self.at_keyword(&["time"]) && !self.time_is_a_program() {
                self.at += 4;
                self.blanks();
                self.accept("-p ");
            } else {
                return;
            }
        }
    }

    /// `time -v cmd` is the program of that name, not the keyword.
    fn time_is_a_program(&self) -> bool {
        let rest: String = self.text[self.at + 4..].iter().take(8).collect();
        let rest = rest.trim_start();
        rest.starts_with('-') && !rest.starts_with("-p ")
    }
}
