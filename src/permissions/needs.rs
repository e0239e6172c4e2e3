//! What has to be found out about a call before it is decided.

/// What a profile has rules about: the rest need not be found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The places that a call reads or changes.
    pub paths: bool,
    /// The host that it talks to.
    pub host: bool,
    /// What its command would run.
    pub command: bool,
    /// The tags of the entries of the memory that it reads or changes.
    pub tags: bool,
    /// How many files it deletes, counted up to one more than this many.
    pub deletes: Option<u64>,
    /// Whether it can be undone.
    pub undo: bool,
    /// What a person has to see who is asked about it, and what the answer is bound to.
    pub bound: bool,
}

impl Needs {
    /// Whether nothing has to be found out.
    pub fn are_none(self) -> bool {
        self == Self::default()
    }
}
