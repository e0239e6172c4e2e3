//! The language in which a person names calls: a program and its arguments, each as a shell pattern.

use super::patterns::{Atom, atoms, matches};
use super::reading::{Argument, Execution};

/// Folders whose programs are meant by their names alone.
const SYSTEM: [&str; 6] = ["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];

/// A program and patterns of its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallPattern {
    program: Word,
    arguments: Vec<Word>,
}

/// One word of it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    text: String,
    /// None where it means itself.
    atoms: Option<Vec<Atom>>,
}

impl Word {
    fn read(text: &str) -> Self {
        let atoms = atoms(text);
        Self { text: text.to_owned(), atoms: atoms.iter().any(Atom::is_wild).then_some(atoms) }
    }

    fn fits(&self, text: &str) -> bool {
        match &self.atoms {
            None => self.text == text,
            Some(atoms) => matches(atoms, text),
        }
    }

    fn fits_all(&self) -> bool {
        self.text == "*"
    }
}

impl CallPattern {
    /// Reads `PROGRAM PATTERN…`; a word may stand in quotes, as in a shell.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words = shlex::split(text).ok_or("a quote is not closed")?;
        Self::of(&words)
    }

    pub(crate) fn of(words: &[String]) -> Result<Self, String> {
        let (program, arguments) = words.split_first().ok_or("it names no program")?;
        Ok(Self { program: Word::read(program), arguments: arguments.iter().map(|word| Word::read(word)).collect() })
    }

    /// The words of it that mean themselves: a call that it fits has each of them.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        let words = std::iter::once(&self.program).chain(&self.arguments);
        words.filter(|word| word.atoms.is_none()).map(|word| word.text.as_str())
    }

    /// Whether a call is of this program and has an argument for each pattern, wherever it stands: so a denial is meant. An
    /// argument that is known in part may be one of those.
    pub fn mentions(&self, call: &Execution) -> bool {
        self.fits_with(call, |word, argument| word.fits(&argument.text))
    }

    /// The same of arguments that are known as a whole.
    pub(crate) fn mentions_known(&self, call: &Execution) -> bool {
        self.fits_with(call, |word, argument| argument.is_known && word.fits(&argument.text))
    }

    fn fits_with(&self, call: &Execution, fits: impl Fn(&Word, &Argument) -> bool) -> bool {
        let program = self.program.fits(&call.name) || self.program.fits(&call.program) && !call.program.is_empty();
        program && self.arguments.iter().all(|word| call.arguments.iter().any(|argument| fits(word, argument)))
    }

    /// Whether it describes a call as a whole: the program as it is written, and the arguments one by one, a `*` at the end
    /// standing for all that follow. So a permission is meant: what it does not mention is not permitted. A program
    /// that is written with its folder is one of the system's, or the pattern names the folder, too.
    pub fn describes(&self, call: &Execution) -> bool {
        let is_systems = || call.program.rsplit_once('/').is_some_and(|(folder, _)| SYSTEM.contains(&folder));
        let program = match self.program.text.contains('/') {
            true => self.program.fits(&call.program),
            false => (!call.program.contains('/') || is_systems()) && self.program.fits(&call.name),
        };
        let (exact, rest) = match self.arguments.split_last() {
            Some((last, before)) if last.fits_all() => (before, true),
            _ => (self.arguments.as_slice(), false),
        };
        let length = if rest { call.arguments.len() >= exact.len() } else { call.arguments.len() == exact.len() };
        let mut pairs = exact.iter().zip(&call.arguments);
        program && !call.program.is_empty() && length && pairs.all(|(word, it)| it.is_known && word.fits(&it.text))
    }
}
