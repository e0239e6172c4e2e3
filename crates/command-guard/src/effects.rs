//! What a call of a program does, as values: what is known of programs says it, and the judge performs it in order.

use super::options::Options;
use super::places::{Place, places};
use super::scope::Scope;
use super::scripts::{joined_text, refuse_origin, script_text};
use super::targets::{Target, resolve};
use super::values::{Data, Field, Origin};
use super::{Context, Refusal};

/// A call of a program, and what is known where it stands.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    /// The last component of what was written, without directories and `.exe`.
    pub name: &'a str,
    pub arguments: &'a [Field],
    pub scope: &'a Scope,
    pub context: &'a Context<'a>,
    /// Whether the whole line mentions a word.
    pub mentions: &'a dyn Fn(&str) -> bool,
}

impl<'a> Call<'a> {
    /// The same with other arguments.
    pub(crate) fn with(&self, arguments: &'a [Field]) -> Self {
        Self { arguments, ..*self }
    }

    /// Every place that an argument can mean, and what it is.
    pub(crate) fn places(&self, field: &Field) -> Vec<(Target, Place)> {
        places(field, self.scope, self.context)
    }

    /// The value of a variable, where it is known.
    pub(crate) fn variable(&self, name: &str) -> Option<Field> {
        let own = self.scope.variables.get(name).into_iter().flatten().flatten();
        let mut own = own;
        let own = own.find(|field| field.known().is_some()).cloned();
        own.or_else(|| self.context.environment.get(name).map(Field::text))
    }

    /// What is known behind the options and the assignments of `env` and its kin, and the command that follows them.
    pub(crate) fn assigned<'w>(&self, options: &Options, words: &'w [Field]) -> (Scope, &'w [Field]) {
        let mut inner = self.scope.clone();
        for directory in options.values(&["-C", "--chdir", "-D"]) {
            let directories = resolve(directory, self.scope);
            inner.move_to(directories.iter().map(|target| Some(target.shown())).collect());
        }
        let mut words = words;
        while let Some((name, value)) = words.first().and_then(|word| word.split_once('=')) {
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
                break;
            }
            inner.set_one(&name, value);
            words = &words[1..];
        }
        (inner, words)
    }

    pub(crate) fn first_is(&self, word: &str) -> bool {
        self.arguments.first().is_some_and(|first| first.is(word))
    }

    pub(crate) fn has_word(&self, words: &[&str]) -> bool {
        self.arguments.iter().any(|argument| words.iter().any(|word| argument.is(word)))
    }
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Write {
    /// Its content is replaced.
    Replace,
    /// It is emptied, or filled with nothing of use.
    Empty,
    Append,
    /// Edited in place.
    Edit,
}

/// What is removed of a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// A file.
    Itself,
    /// A directory with everything in it.
    Whole,
    /// A directory that is empty: the user's own are the user's to tidy.
    IfEmpty,
}

/// One thing that a call does; `by` is what the person is told does it.
pub(super) enum Effect {
    Refuse(Refusal),
    Removes {
        by: String,
        place: Field,
        extent: Extent,
    },
    MovesAway(Field),
    Writes {
        by: String,
        file: Field,
        how: Write,
    },
    /// Files are put into a directory under the names that they have in an archive.
    Unpacks {
        by: String,
        into: Field,
        over: bool,
    },
    Runs(Box<Run>),
    /// What a shell or git runs unasked, where `file` is such a place.
    RunsLater {
        file: Field,
        data: Data,
    },
    /// What a file holds from now on.
    Holds {
        file: Field,
        data: Data,
        append: bool,
    },
    /// `link` is another name of `meaning`.
    Links {
        link: Field,
        meaning: Field,
    },
    /// `copy` is another name of the program `source`.
    NamesProgram {
        source: Field,
        copy: Field,
    },
    /// What flows out of the call.
    Prints(Data),
}

/// What is run.
pub(super) enum Code {
    /// A program and its arguments.
    Program(Vec<Field>),
    /// A program and its arguments with each of the items in the place of a mark.
    Each { command: Vec<Field>, mark: String, items: Vec<Field> },
    /// A line of a shell that came from `source`.
    Line { text: String, source: Data },
    /// Code of the interpreter of this name, with arguments of its own.
    Script { interpreter: String, text: String, arguments: Vec<Field> },
    /// A text of `cmd` or PowerShell.
    Windows { is_powershell: bool, text: String },
}

/// Where it is run.
pub(super) enum Around {
    /// In a process of its own, where the call stands.
    Here,
    /// In this very shell: what it changes stays changed.
    SameShell,
    /// Where other things are known; the files that it writes are written for all.
    Other(Box<Scope>),
}

/// Something that is run by a call.
pub(super) struct Run {
    pub code: Code,
    pub around: Around,
    /// The refusals, by rule, that do not count there.
    pub forgives: fn(&str) -> bool,
    /// What it prints flows out of the call.
    pub prints: bool,
}

impl Run {
    pub(crate) fn in_scope(&mut self, scope: &Scope) -> &mut Self {
        self.around = Around::Other(Box::new(scope.clone()));
        self
    }

    pub(crate) fn in_same_shell(&mut self) -> &mut Self {
        self.around = Around::SameShell;
        self
    }

    pub(crate) fn forgiving(&mut self, forgives: fn(&str) -> bool) -> &mut Self {
        self.forgives = forgives;
        self
    }

    pub(crate) fn printing(&mut self) -> &mut Self {
        self.prints = true;
        self
    }

    /// Where nothing is known but that the top directories are a system: only the loss of one of those counts.
    pub(crate) fn elsewhere(&mut self, scope: &Scope) -> &mut Self {
        let mut inner = scope.clone();
        inner.is_elsewhere = true;
        inner.directories = vec![None];
        self.in_scope(&inner).forgiving(|rule| !matches!(rule, "rm-root" | "rm-system"))
    }
}

/// What is no command line fails where it is run, and harms nothing.
pub(super) fn unparsable(rule: &str) -> bool {
    rule == "unparsable"
}

/// More effects of one call are not followed: the rest is refused.
const MOST: usize = 8000;

/// The effects of a call, in the order in which they are performed.
#[derive(Default)]
pub(super) struct Effects(pub Vec<Effect>);

impl Effects {
    fn push(&mut self, effect: Effect) {
        if self.0.len() == MOST {
            self.0.push(Effect::Refuse(super::too_complex()));
        } else if self.0.len() > MOST + 1 {
            self.0.pop();
        }
        self.0.push(effect);
    }

    /// Whether nothing more is taken.
    pub(crate) fn is_full(&self) -> bool {
        self.0.len() > MOST
    }

    pub(crate) fn refuse(&mut self, rule: &'static str, reason: impl Into<String>) {
        self.push(Effect::Refuse(Refusal::new(rule, reason)));
    }

    /// Refuses what comes from the network or was disguised, before `reader` runs it.
    pub(crate) fn refuse_origin(&mut self, origin: Option<Origin>, reader: &str) {
        if let Err(refusal) = refuse_origin(origin, reader) {
            self.push(Effect::Refuse(refusal));
        }
    }

    /// Removes a place with everything below it.
    pub(crate) fn removes(&mut self, by: &str, place: &Field) {
        self.removes_as(by, place, Extent::Whole);
    }

    pub(crate) fn removes_as(&mut self, by: &str, place: &Field, extent: Extent) {
        self.push(Effect::Removes { by: by.to_owned(), place: place.clone(), extent });
    }

    pub(crate) fn moves_away(&mut self, place: &Field) {
        self.push(Effect::MovesAway(place.clone()));
    }

    pub(crate) fn writes(&mut self, by: &str, file: &Field, how: Write) {
        self.push(Effect::Writes { by: by.to_owned(), file: file.clone(), how });
    }

    pub(crate) fn unpacks(&mut self, by: &str, into: &Field, over: bool) {
        self.push(Effect::Unpacks { by: by.to_owned(), into: into.clone(), over });
    }

    pub(crate) fn holds(&mut self, file: &Field, data: Data, append: bool) {
        self.push(Effect::Holds { file: file.clone(), data, append });
    }

    pub(crate) fn runs_later(&mut self, file: &Field, data: &Data) {
        self.push(Effect::RunsLater { file: file.clone(), data: data.clone() });
    }

    pub(crate) fn links(&mut self, link: &Field, meaning: &Field) {
        self.push(Effect::Links { link: link.clone(), meaning: meaning.clone() });
    }

    pub(crate) fn names_program(&mut self, source: &Field, copy: &Field) {
        self.push(Effect::NamesProgram { source: source.clone(), copy: copy.clone() });
    }

    pub(crate) fn prints(&mut self, data: Data) {
        self.push(Effect::Prints(data));
    }

    /// Runs code; what is said of it afterwards changes where and how.
    pub(crate) fn run(&mut self, code: Code) -> &mut Run {
        let run = Run { code, around: Around::Here, forgives: |_| false, prints: false };
        self.push(Effect::Runs(Box::new(run)));
        match self.0.last_mut() {
            Some(Effect::Runs(run)) => run,
            _ => unreachable!("it was just pushed"),
        }
    }

    pub(crate) fn program(&mut self, argv: &[Field]) -> &mut Run {
        self.run(Code::Program(argv.to_vec()))
    }

    /// An argument that is a command line.
    pub(crate) fn line(&mut self, command: &Field) -> &mut Run {
        self.text(script_text(command), Data::Text(command.clone()))
    }

    /// A command line that came from `source`.
    pub(crate) fn text(&mut self, text: impl Into<String>, source: Data) -> &mut Run {
        self.run(Code::Line { text: text.into(), source })
    }

    /// Arguments that are joined to a command line.
    pub(crate) fn joined(&mut self, words: &[Field]) -> &mut Run {
        let origin = words.iter().filter_map(Field::origin).max();
        let text = joined_text(words.iter(), &Field::clone);
        self.text(text, Data::Opaque(origin.unwrap_or(Origin::Local)))
    }
}
