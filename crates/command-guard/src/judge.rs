//! Who judges a line: what it is held against, and how much is left to it.

use super::budget::Budget;
use super::syntax::Dialect;
use super::values::Data;
use super::{Context, Reading, Refusal, too_complex};
use std::cell::OnceCell;
use std::collections::HashSet;

/// Texts inside texts (`sh -c "sh -c …"`), and calls inside calls.
const NESTING: usize = 24;

/// Programs that run programs (`npx npx …`): each takes a part of the stack.
const RUNNERS: usize = 64;

pub(super) type Judged<T = Data> = Result<T, Refusal>;

/// One reading of one line.
pub(super) struct Judge<'a> {
    pub context: &'a Context<'a>,
    pub dialect: Dialect,
    text: &'a str,
    /// The words of the text that are not the names of variables whose values are taken.
    words: OnceCell<HashSet<&'a str>>,
    pub budget: Budget,
    /// What was seen so far, where the line is read rather than judged.
    pub(crate) reading: Option<Reading>,
    nesting: usize,
    runners: usize,
}

impl<'a> Judge<'a> {
    pub(crate) fn new(context: &'a Context<'a>, dialect: Dialect, text: &'a str) -> Self {
        Self {
            context,
            dialect,
            text,
            words: OnceCell::new(),
            budget: Budget::default(),
            reading: None,
            nesting: 0,
            runners: 0,
        }
    }

    /// Whether the word stands in the line, and not as a variable whose value is taken.
    pub(crate) fn mentions(&self, name: &str) -> bool {
        self.words.get_or_init(|| mentioned(self.text)).contains(name)
    }

    /// Runs `judge` one text or call deeper.
    pub(crate) fn deeper<T>(&mut self, judge: impl FnOnce(&mut Self) -> Judged<T>) -> Judged<T> {
        if self.nesting >= NESTING {
            return Err(too_complex());
        }
        self.nesting += 1;
        let result = judge(self);
        self.nesting -= 1;
        result
    }

    /// Judges what one more program runs.
    pub(crate) fn behind_a_runner<T>(&mut self, judge: impl FnOnce(&mut Self) -> Judged<T>) -> Judged<T> {
        if self.runners >= RUNNERS {
            return Err(too_complex());
        }
        self.runners += 1;
        let result = judge(self);
        self.runners -= 1;
        result
    }
}

/// The words of a line, without the names of variables whose values are taken.
fn mentioned(text: &str) -> HashSet<&str> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut words = HashSet::new();
    let mut at = 0;
    for piece in text.split(|c| !is_word(c)) {
        let before = text[..at].chars().next_back();
        if !piece.is_empty() && !matches!(before, Some('$' | '{' | '!' | '#')) {
            words.insert(piece);
        }
        at += piece.len();
        at += text[at..].chars().next().map_or(0, char::len_utf8);
    }
    words
}
