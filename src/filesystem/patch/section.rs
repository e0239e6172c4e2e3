//! What a patch says, whichever way it is written.

/// Why a patch cannot be read: the line of the patch, counted from 1, and what is the matter with it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misread {
    /// The line, counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl Misread {
    /// At a line counted from 0.
    pub(crate) fn at(line: usize, what: impl Into<String>) -> Self {
        Self { line: line + 1, what: what.into() }
    }
}

/// What a patch does to one file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Section {
    /// The file's name before; `None` where it is made.
    pub old: Option<String>,
    /// Its name afterwards; `None` where it is deleted.
    pub new: Option<String>,
    /// How the two names belong together.
    pub kind: Kind,
    /// Whether it is made executable, or no longer is.
    pub executable: Option<bool>,
    /// Who writes names so.
    pub manner: Manner,
    /// Whether it is no file in the patch but a link, or another repository.
    pub is_link: bool,
    /// Whether the time behind the new name says that the file is not there afterwards (`diff -N`).
    pub ends_absent: bool,
    /// The changes of its text.
    pub hunks: Vec<Hunk>,
}

impl Section {
    /// Whether the file is deleted whatever it holds.
    pub(crate) fn goes_whole(&self) -> bool {
        self.manner == Manner::Envelope && self.new.is_none()
    }
}

/// Whose manner a patch has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Manner {
    /// That of `diff -u`.
    #[default]
    Plain,
    /// Git's, with a `diff --git` above each file.
    Git,
    /// That of `*** Begin Patch`, with the names as they are.
    Envelope,
}

/// What happens to a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its text changes, or its mode; or it is made or deleted, as the missing name says.
    #[default]
    Change,
    /// It gets another name.
    Rename,
    /// A changed copy of it is made.
    Copy,
}

/// Lines to replace.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Hunk {
    /// Where it says that its lines are, counted from 1; without old lines, the line before.
    pub start: Option<usize>,
    /// Whether it says that it expects no lines.
    pub expects_nothing: bool,
    /// Lines that stand somewhere before it, outermost first.
    pub anchors: Vec<String>,
    /// Whether its lines are the last ones of the file.
    pub at_end: bool,
    /// Whether lines without a place are added at the file's end.
    pub appends: bool,
    /// Whether it ends the patch with fewer lines than its head counts.
    pub may_be_cut: bool,
    /// Its lines.
    pub lines: Vec<Line>,
}

impl Hunk {
    /// How many lines it expects and leaves.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let count = |is_on: fn(&&Line) -> bool| self.lines.iter().filter(is_on).count();
        (count(|line| !matches!(line, Line::Insert(_))), count(|line| !matches!(line, Line::Delete(_))))
    }
}

/// A line of a hunk, with its line end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// It stays.
    Context(String),
    /// It goes.
    Delete(String),
    /// It comes.
    Insert(String),
}

impl Line {
    /// By its sign; `None` for a line that is none of a hunk. Editors cut the space of an empty context line off.
    pub(crate) fn of(line: &str) -> Option<Self> {
        match line.as_bytes().first() {
            Some(b' ') => Some(Self::Context(line[1..].to_owned())),
            Some(b'-') => Some(Self::Delete(line[1..].to_owned())),
            Some(b'+') => Some(Self::Insert(line[1..].to_owned())),
            Some(b'\n') => Some(Self::Context(line.to_owned())),
            Some(b'\r') if line == "\r\n" => Some(Self::Context(line.to_owned())),
            _ => None,
        }
    }

    /// Its text.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Context(text) | Self::Delete(text) | Self::Insert(text) => text,
        }
    }

    /// Takes its line end away.
    pub(crate) fn end_file(&mut self) {
        let (Self::Context(text) | Self::Delete(text) | Self::Insert(text)) = self;
        if text.ends_with('\n') {
            text.pop();
        }
    }
}
