//! Redirections and here-documents.

use super::{Fault, Parsed, Parser};
use crate::syntax::{Piece, Redirect, Word};
use std::cell::OnceCell;
use std::rc::Rc;

/// A here-document whose body has not been reached.
pub(super) struct Pending {
    tag: String,
    /// No expansion in the body: a part of the tag was quoted.
    literal: bool,
    strip_tabs: bool,
    body: Rc<OnceCell<Word>>,
}

impl Parser {
    /// The redirection that stands here, if any.
    pub(super) fn redirect(&mut self) -> Parsed<Option<Redirect>> {
        self.blanks();
        let digits = (0..usize::MAX).take_while(|ahead| self.peek(*ahead).is_ascii_digit()).count();
        let both = self.bash() && self.looking_at("&>");
        let operator = self.peek(digits);
        if !both && !matches!(operator, '<' | '>') {
            return Ok(None);
        }
        // `>(…)` that begins a word is a process substitution.
        if !both && self.bash() && self.peek(digits + 1) == '(' {
            return Ok(None);
        }
        self.at += digits;
        if both {
            self.at += 2;
            let append = self.accept(">");
            return self.target().map(|target| Some(Redirect::Write { target, append }));
        }
        if operator == '<' { self.input().map(Some) } else { self.output().map(Some) }
    }

    fn input(&mut self) -> Parsed<Redirect> {
        if self.bash() && self.accept("<<<") {
            return self.target().map(Redirect::Text);
        }
        if self.accept("<<") {
            return self.document();
        }
        if self.accept("<&") {
            return self.target().map(Redirect::Duplicate);
        }
        if self.accept("<>") {
            let target = self.target()?;
            return Ok(Redirect::Write { target, append: true });
        }
        self.at += 1;
        self.target().map(Redirect::Read)
    }

    fn output(&mut self) -> Parsed<Redirect> {
        self.at += 1;
        let append = self.accept(">");
        if !append && self.accept("&") {
            let target = self.target()?;
            let descriptor = target
                .bare()
                .is_some_and(|text| text == "-" || text.trim_end_matches('-').chars().all(|c| c.is_ascii_digit()));
            return Ok(if descriptor { Redirect::Duplicate(target) } else { Redirect::Write { target, append } });
        }
        if !append {
            self.accept("|");
        }
        let target = self.target()?;
        Ok(Redirect::Write { target, append })
    }

    fn target(&mut self) -> Parsed<Word> {
        self.blanks();
        let word = self.word()?;
        word.ok_or(Fault::Syntax("a redirection without a file"))
    }

    fn document(&mut self) -> Parsed<Redirect> {
        let strip_tabs = self.accept("-");
        let tag = self.target()?;
        let literal = tag.pieces.iter().any(|piece| matches!(piece, Piece::Quoted(_)));
        let body = Rc::new(OnceCell::new());
        self.pending.push(Pending {
            tag: tag.literal().ok_or(Fault::Syntax("a here-document whose end is not plain"))?,
            literal,
            strip_tabs,
            body: Rc::clone(&body),
        });
        Ok(Redirect::Here(body))
    }

    /// Reads the bodies that begin on this line.
    pub(super) fn read_documents(&mut self) -> Parsed<()> {
        for pending in std::mem::take(&mut self.pending) {
            let text = self.document_text(&pending)?;
            let word = if pending.literal {
                Word::quoted(text.into_iter().collect::<String>())
            } else {
                self.expanded_document(text)?
            };
            pending.body.set(word).expect("a body is read once, when its pending entry is taken");
        }
        Ok(())
    }

    /// The lines up to the tag, or up to the end of the text, as shells take it with a warning.
    fn document_text(&mut self, pending: &Pending) -> Parsed<Vec<char>> {
        let mut body = Vec::new();
        while !self.ended() {
            self.step()?;
            let end = self.text[self.at..].iter().position(|character| *character == '\n');
            let end = end.map_or(self.text.len(), |length| self.at + length);
            let mut line = &self.text[self.at..end];
            while pending.strip_tabs && line.first() == Some(&'\t') {
                line = &line[1..];
            }
            let found = line.iter().collect::<String>() == pending.tag;
            if !found {
                body.extend_from_slice(line);
                body.push('\n');
            }
            self.at = (end + 1).min(self.text.len());
            if found {
                break;
            }
        }
        Ok(body)
    }

    fn expanded_document(&self, text: Vec<char>) -> Parsed<Word> {
        if self.depth >= super::DEPTH {
            return Err(Fault::Bounds);
        }
        let mut parser = Self::new(text, self.dialect, self.depth + 1);
        let mut word = Word::default();
        word.push_empty_quote();
        while !parser.ended() {
            parser.quoted_piece(&mut word, "$`\\")?;
        }
        Ok(word)
    }
}
