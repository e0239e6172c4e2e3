//! The tree of a shell command line, as far as a judgement needs it.
//!
//! Words keep their quoting, because quoting decides whether a glob, a tilde or a brace is active.

use std::cell::OnceCell;
use std::rc::Rc;

/// Which shell's reading of the text is meant.
///
/// A line can mean different things to them: `echo $'a\' ; rm -rf / #'` only prints under bash and removes under dash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    Bash,
    Posix,
    /// Parsed as bash; the values of variables are not cut at blanks, and of several redirections all count.
    Zsh,
}

/// A list of commands, as a whole line, a group or a substitution holds it.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub statements: Vec<Statement>,
}

/// Pipelines joined by `&&` and `||`, run in the background or not.
#[derive(Debug)]
pub(super) struct Statement {
    pub first: Pipeline,
    pub rest: Vec<(Link, Pipeline)>,
    pub background: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    And,
    Or,
}

#[derive(Debug)]
pub(super) struct Pipeline {
    pub commands: Vec<Rc<Command>>,
}

/// A command with the redirections written behind it.
#[derive(Debug)]
pub(super) struct Command {
    pub kind: Kind,
    pub redirects: Vec<Redirect>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Simple(Simple),
    Group(Script),
    Subshell(Script),
    If {
        /// Condition and body of `if` and of each `elif`.
        branches: Vec<(Script, Script)>,
        otherwise: Option<Script>,
    },
    Loop {
        condition: Script,
        body: Script,
    },
    For {
        name: String,
        /// `None`: over the positional parameters.
        words: Option<Vec<Word>>,
        body: Script,
    },
    Case {
        subject: Word,
        arms: Vec<(Vec<Word>, Script)>,
    },
    Function {
        name: String,
        body: Rc<Command>,
    },
    /// `[[ … ]]`: only its substitutions run, and what is compared as a number is evaluated.
    Test(Vec<Word>),
    /// `(( … ))`, and the head of `for (( … ))`.
    Arithmetic(Word),
}

#[derive(Debug, Default)]
pub(super) struct Simple {
    pub assignments: Vec<Assignment>,
    pub words: Vec<Word>,
}

#[derive(Clone, Debug)]
pub(super) struct Assignment {
    pub name: String,
    pub append: bool,
    /// `name[…]=`: one element of an array.
    pub index: Option<Word>,
    pub value: AssignedValue,
}

#[derive(Clone, Debug)]
pub(super) enum AssignedValue {
    Scalar(Word),
    Array(Vec<Word>),
}

#[derive(Debug)]
pub(super) enum Redirect {
    /// `< file`, `<> file`
    Read(Word),
    /// `> file`, `>> file`, `>| file`, `&> file`
    Write { target: Word, append: bool },
    /// `<< TAG`; the body is read when its line begins.
    Here(Rc<OnceCell<Word>>),
    /// `<<< word`
    Text(Word),
    /// `2>&1`, `<&-`
    Duplicate(Word),
}

/// One word before expansion.
#[derive(Clone, Debug, Default)]
pub(super) struct Word {
    pub pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
pub(super) enum Piece {
    /// Unquoted text: tilde, braces and globs in it are active.
    Plain(String),
    /// Text that stands for itself.
    Quoted(String),
    Parameter {
        parameter: Rc<Parameter>,
        quoted: bool,
    },
    /// `$( … )` and back-quotes.
    Substitution {
        script: Rc<Script>,
        quoted: bool,
    },
    /// `<( … )` and `>( … )`: the word is a file name.
    Process(Rc<Script>),
    /// `$(( … ))`: the substitutions in it run, its value is a number.
    Arithmetic(Rc<Word>),
}

/// A parameter expansion.
#[derive(Debug)]
pub(super) struct Parameter {
    pub name: String,
    /// `${!name}`
    pub indirect: bool,
    /// `${name[…]}`
    pub index: Option<Word>,
    pub operation: Operation,
}

#[derive(Debug)]
pub(super) enum Operation {
    None,
    Length,
    /// `-`: the word when unset (or empty, with a colon).
    Default(Word),
    /// `=`: the same, and the variable has that value from then on.
    Assign(Word),
    /// `+`: the word when set.
    Alternative(Word),
    /// `?`: stops when unset.
    Required(Word),
    /// `#`, `##`, `%`, `%%`
    Trim {
        prefix: bool,
        longest: bool,
        pattern: Word,
    },
    /// `/`, `//`, `/#`, `/%`
    Replace {
        all: bool,
        pattern: Word,
        with: Word,
    },
    /// `:offset:length`
    Slice(Word),
    /// `^`, `^^`, `,`, `,,`
    Case {
        upper: bool,
        all: bool,
        pattern: Word,
    },
    /// `@Q`, `@E` and other forms whose value is not followed.
    Other(Word),
}

impl Word {
    /// The text of a word made of literals only, quotes removed.
    pub(crate) fn literal(&self) -> Option<String> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Plain(part) | Piece::Quoted(part) => text.push_str(part),
                _ => return None,
            }
        }
        Some(text)
    }

    /// The text of a word without any quoting or expansion, as keywords must be.
    pub(crate) fn bare(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Plain(text)] => Some(text),
            _ => None,
        }
    }

    /// A word that is one literal.
    pub(crate) fn quoted(text: impl Into<String>) -> Self {
        Self { pieces: vec![Piece::Quoted(text.into())] }
    }

    /// Adds literal text, joined to the last piece of the same kind.
    pub(crate) fn push_text(&mut self, character: char, quoted: bool) {
        match (self.pieces.last_mut(), quoted) {
            (Some(Piece::Plain(text)), false) | (Some(Piece::Quoted(text)), true) => {
                text.push(character);
            }
            (_, true) => self.pieces.push(Piece::Quoted(character.into())),
            (_, false) => self.pieces.push(Piece::Plain(character.into())),
        }
    }

    /// Adds an empty quoted text, so that `''` is a word.
    pub(crate) fn push_empty_quote(&mut self) {
        if !matches!(self.pieces.last(), Some(Piece::Quoted(_))) {
            self.pieces.push(Piece::Quoted(String::new()));
        }
    }
}
