//! Words: quotes, escapes and what is joined to them.

use super::{Fault, Parsed, Parser};
use crate::syntax::{Piece, Word};
use std::rc::Rc;

impl Parser {
    /// The word that stands here, or `None` at a blank or an operator.
    pub(super) fn word(&mut self) -> Parsed<Option<Word>> {
        let mut word = Word::default();
        let start = self.at;
        while !self.ended() {
            self.step()?;
            match self.peek(0) {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | ')' => break,
                '\r' if self.peek(1) == '\n' => break,
                '(' if self.bash() && self.opens_extended_glob(start) => {
                    self.extended_glob(&mut word)?;
                }
                '(' => break,
                '<' | '>' if self.bash() && self.peek(1) == '(' => {
                    self.at += 2;
                    let script = self.subshell()?;
                    word.pieces.push(Piece::Process(Rc::new(script)));
                }
                '<' | '>' => break,
                _ => self.piece(&mut word)?,
            }
        }
        Ok((self.at > start && !word.pieces.is_empty()).then_some(word))
    }

    /// A word in which parentheses and bars are text: the right side of `=~`.
    pub(super) fn pattern_word(&mut self) -> Parsed<Option<Word>> {
        let mut word = Word::default();
        let mut open = 0usize;
        while !self.ended() {
            self.step()?;
            match self.peek(0) {
                ' ' | '\t' | '\n' if open == 0 => break,
                '(' => {
                    open += 1;
                    self.plain(&mut word);
                }
                ')' => {
                    open = open.saturating_sub(1);
                    self.plain(&mut word);
                }
                _ => self.piece(&mut word)?,
            }
        }
        Ok((!word.pieces.is_empty()).then_some(word))
    }

    fn plain(&mut self, word: &mut Word) {
        word.push_text(self.peek(0), false);
        self.at += 1;
    }

    /// One piece outside of double quotes.
    pub(super) fn piece(&mut self, word: &mut Word) -> Parsed<()> {
        match self.peek(0) {
            '\\' => {
                self.at += 1;
                if self.ended() {
                    word.push_text('\\', true);
                } else if !self.accept("\n") {
                    word.push_text(self.peek(0), true);
                    self.at += 1;
                }
            }
            '\'' => self.single_quotes(word)?,
            '"' => self.double_quotes(word)?,
            '$' => self.dollar(word, false)?,
            '`' => self.back_quotes(word, false)?,
            _ => self.plain(word),
        }
        Ok(())
    }

    fn single_quotes(&mut self, word: &mut Word) -> Parsed<()> {
        self.at += 1;
        word.push_empty_quote();
        loop {
            if self.ended() {
                return Err(Fault::Syntax("a single quote that is not closed"));
            }
            let character = self.peek(0);
            self.at += 1;
            if character == '\'' {
                return Ok(());
            }
            word.push_text(character, true);
        }
    }

    pub(super) fn double_quotes(&mut self, word: &mut Word) -> Parsed<()> {
        self.at += 1;
        word.push_empty_quote();
        self.deeper(|parser| {
            loop {
                if parser.ended() {
                    return Err(Fault::Syntax("a double quote that is not closed"));
                }
                if parser.accept("\"") {
                    return Ok(());
                }
                parser.quoted_piece(word, "$`\"\\")?;
            }
        })
    }

    /// One piece inside double quotes or a here-document; `escapable`: what a backslash removes itself before.
    pub(super) fn quoted_piece(&mut self, word: &mut Word, escapable: &str) -> Parsed<()> {
        self.step()?;
        match self.peek(0) {
            '\\' if self.peek(1) == '\n' => self.at += 2,
            '\\' if self.at + 1 < self.text.len() && escapable.contains(self.peek(1)) => {
                word.push_text(self.peek(1), true);
                self.at += 2;
            }
            '$' => self.dollar(word, true)?,
            '`' => self.back_quotes(word, true)?,
            character => {
                word.push_text(character, true);
                self.at += 1;
            }
        }
        Ok(())
    }

    fn back_quotes(&mut self, word: &mut Word, quoted: bool) -> Parsed<()> {
        self.at += 1;
        let mut inner = Vec::new();
        loop {
            if self.ended() {
                return Err(Fault::Syntax("a back-quote that is not closed"));
            }
            self.step()?;
            let character = self.peek(0);
            let next = self.peek(1);
            self.at += 1;
            match character {
                '`' => break,
                '\\' if "$`\\".contains(next) || (quoted && next == '"') => {
                    inner.push(next);
                    self.at += 1;
                }
                _ => inner.push(character),
            }
        }
        if self.depth >= super::DEPTH {
            return Err(Fault::Bounds);
        }
        let script = Rc::new(Self::nested(inner, self.dialect, self.depth + 1)?);
        word.pieces.push(Piece::Substitution { script, quoted });
        Ok(())
    }

    /// `@(`, `!(` and the like inside a word; `!(` that begins a command never comes here, since `!` is a
    /// keyword there.
    fn opens_extended_glob(&self, start: usize) -> bool {
        let before = self.at.checked_sub(1).map(|at| self.text[at]);
        self.at > start && matches!(before, Some('?' | '*' | '+' | '@' | '!'))
    }

    fn extended_glob(&mut self, word: &mut Word) -> Parsed<()> {
        let mut open = 0usize;
        self.deeper(|parser| {
            loop {
                if parser.ended() {
                    return Err(Fault::Syntax("a pattern that is not closed"));
                }
                parser.step()?;
                match parser.peek(0) {
                    '(' => open += 1,
                    ')' => open -= 1,
                    _ => {
                        parser.piece(word)?;
                        continue;
                    }
                }
                parser.plain(word);
                if open == 0 {
                    return Ok(());
                }
            }
        })
    }
}
