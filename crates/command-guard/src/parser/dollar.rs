//! What a dollar sign begins.

use super::{Fault, Parsed, Parser};
use crate::syntax::{Operation, Parameter, Piece, Word};
use std::rc::Rc;

impl Parser {
    pub(super) fn dollar(&mut self, word: &mut Word, quoted: bool) -> Parsed<()> {
        self.at += 1;
        // A shell joins continued lines before it looks at what follows the dollar.
        while self.accept("\\\n") {}
        match self.peek(0) {
            '(' => self.substitution(word, quoted),
            '{' => {
                let piece = self.deeper(|parser| parser.braced(quoted))?;
                word.pieces.push(piece);
                Ok(())
            }
            '\'' if self.bash() && !quoted => self.ansi_quotes(word),
            '"' if self.bash() && !quoted => self.double_quotes(word),
            '[' if self.bash() => {
                self.at += 1;
                let inner = self.deeper(|parser| parser.until(']', quoted))?;
                word.pieces.push(Piece::Arithmetic(Rc::new(inner)));
                Ok(())
            }
            first => {
                if let Some(name) = self.parameter_name(first, false) {
                    word.pieces.push(plain_parameter(name, quoted));
                } else {
                    word.push_text('$', quoted);
                }
                Ok(())
            }
        }
    }

    fn substitution(&mut self, word: &mut Word, quoted: bool) -> Parsed<()> {
        if self.looking_at("((")
            && let Some(inner) = self.arithmetic_or_back(2)?
        {
            word.pieces.push(Piece::Arithmetic(Rc::new(inner)));
            return Ok(());
        }
        self.at += 1;
        let waiting = std::mem::take(&mut self.pending);
        let script = self.subshell()?;
        self.pending = waiting;
        let script = Rc::new(script);
        word.pieces.push(Piece::Substitution { script, quoted });
        Ok(())
    }

    /// The inside of `((…))` if it is closed by two parentheses; else nothing is consumed.
    pub(super) fn arithmetic_or_back(&mut self, opening: usize) -> Parsed<Option<Word>> {
        let start = self.at;
        self.at += opening;
        match self.deeper(Self::arithmetic) {
            Err(Fault::Bounds) => Err(Fault::Bounds),
            Ok(word) => Ok(Some(word)),
            Err(Fault::Syntax(_)) => {
                self.at = start;
                Ok(None)
            }
        }
    }

    fn arithmetic(&mut self) -> Parsed<Word> {
        let mut word = Word::default();
        let mut open = 0usize;
        loop {
            if self.ended() {
                return Err(Fault::Syntax("arithmetic that is not closed"));
            }
            self.step()?;
            match self.peek(0) {
                ')' if open == 0 => {
                    self.expect("))", "arithmetic that is not closed")?;
                    return Ok(word);
                }
                '(' | ')' => {
                    if self.peek(0) == '(' {
                        open += 1;
                    } else {
                        open -= 1;
                    }
                    word.push_text(self.peek(0), true);
                    self.at += 1;
                }
                _ => self.piece(&mut word)?,
            }
        }
    }

    /// A word up to an unquoted `end`, which is consumed.
    pub(super) fn until(&mut self, end: char, quoted: bool) -> Parsed<Word> {
        let mut word = Word::default();
        loop {
            if self.ended() {
                return Err(Fault::Syntax("an expansion that is not closed"));
            }
            self.step()?;
            match self.peek(0) {
                character if character == end => {
                    self.at += 1;
                    return Ok(word);
                }
                '"' if quoted => self.double_quotes(&mut word)?,
                _ if quoted => self.quoted_piece(&mut word, "$`\"\\}")?,
                _ => self.piece(&mut word)?,
            }
        }
    }

    fn braced(&mut self, quoted: bool) -> Parsed<Piece> {
        self.at += 1;
        let length = self.peek(0) == '#' && !matches!(self.peek(1), '}' | ':' | '-' | '=' | '?' | '+');
        let indirect = self.bash() && self.peek(0) == '!' && self.peek(1) != '}';
        self.at += usize::from(length || indirect);
        let name =
            self.parameter_name(self.peek(0), true).ok_or(Fault::Syntax("a parameter that is not understood"))?;
        let index = if self.bash() && self.accept("[") { Some(self.until(']', quoted)?) } else { None };
        let operation = if length {
            self.expect("}", "an expansion that is not closed")?;
            Operation::Length
        } else {
            self.operation(quoted)?
        };
        let parameter = Rc::new(Parameter { name, indirect, index, operation });
        Ok(Piece::Parameter { parameter, quoted })
    }

    fn operation(&mut self, quoted: bool) -> Parsed<Operation> {
        let colon = self.peek(0) == ':' && matches!(self.peek(1), '-' | '=' | '?' | '+');
        self.at += usize::from(colon);
        let sign = self.peek(0);
        self.at += 1;
        Ok(match sign {
            '}' => Operation::None,
            '-' => Operation::Default(self.until('}', quoted)?),
            '=' => Operation::Assign(self.until('}', quoted)?),
            '+' => Operation::Alternative(self.until('}', quoted)?),
            '?' => Operation::Required(self.until('}', quoted)?),
            // In a pattern quotes quote, even between double quotes.
            '#' | '%' => {
                let longest = self.accept(if sign == '#' { "#" } else { "%" });
                Operation::Trim { prefix: sign == '#', longest, pattern: self.until('}', false)? }
            }
            '/' if self.bash() => self.replacement()?,
            ':' if self.bash() => Operation::Slice(self.until('}', quoted)?),
            '^' | ',' if self.bash() => {
                let all = self.accept(if sign == '^' { "^" } else { "," });
                Operation::Case { upper: sign == '^', all, pattern: self.until('}', false)? }
            }
            '@' | '*' if self.bash() => Operation::Other(self.until('}', quoted)?),
            _ => return Err(Fault::Syntax("an expansion that is not understood")),
        })
    }

    fn replacement(&mut self) -> Parsed<Operation> {
        let all = self.accept("/");
        let _anchored = !all && (self.accept("#") || self.accept("%"));
        let mut pattern = Word::default();
        while !matches!(self.peek(0), '/' | '}') && !self.ended() {
            self.step()?;
            self.piece(&mut pattern)?;
        }
        let with = if self.accept("/") {
            self.until('}', false)?
        } else {
            self.expect("}", "an expansion that is not closed")?;
            Word::default()
        };
        Ok(Operation::Replace { all, pattern, with })
    }

    /// Consumes the name of a parameter, if one begins with `first`.
    fn parameter_name(&mut self, first: char, braced: bool) -> Option<String> {
        let mut name = String::from(first);
        if first.is_ascii_alphabetic() || first == '_' {
            while self.peek(name.len()).is_ascii_alphanumeric() || self.peek(name.len()) == '_' {
                name.push(self.peek(name.len()));
            }
        } else if first.is_ascii_digit() {
            while braced && self.peek(name.len()).is_ascii_digit() {
                name.push(self.peek(name.len()));
            }
        } else if !"@*#?-$!".contains(first) || self.ended() {
            return None;
        }
        self.at += name.len();
        Some(name)
    }

    /// `$'…'`, decoded as bash decodes it.
    fn ansi_quotes(&mut self, word: &mut Word) -> Parsed<()> {
        self.at += 1;
        word.push_empty_quote();
        loop {
            if self.ended() {
                return Err(Fault::Syntax("a quote that is not closed"));
            }
            self.step()?;
            let character = self.peek(0);
            self.at += 1;
            match character {
                '\'' => return Ok(()),
                '\\' => {
                    let decoded = self.ansi_escape();
                    word.push_text(decoded, true);
                }
                _ => word.push_text(character, true),
            }
        }
    }

    fn ansi_escape(&mut self) -> char {
        let letter = self.peek(0);
        self.at += 1;
        match letter {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\x07',
            'b' => '\x08',
            'e' | 'E' => '\x1b',
            'f' => '\x0c',
            'v' => '\x0b',
            'x' => self.code(16, 2),
            'u' => self.code(16, 4),
            'U' => self.code(16, 8),
            'c' => {
                let control = (self.peek(0) as u32) & 0x1f;
                self.at += 1;
                char::from_u32(control).unwrap_or('\u{fffd}')
            }
            '0'..='7' => {
                self.at -= 1;
                self.code(8, 3)
            }
            other => other,
        }
    }

    fn code(&mut self, radix: u32, digits: usize) -> char {
        let mut value = 0u32;
        for _ in 0..digits {
            let Some(digit) = self.peek(0).to_digit(radix) else {
                break;
            };
            value = value.saturating_mul(radix).saturating_add(digit);
            self.at += 1;
        }
        char::from_u32(value).unwrap_or('\u{fffd}')
    }
}

fn plain_parameter(name: String, quoted: bool) -> Piece {
    let parameter = Rc::new(Parameter { name, indirect: false, index: None, operation: Operation::None });
    Piece::Parameter { parameter, quoted }
}
