//! What is refused, and for what.

use std::path::PathBuf;

/// What a caller wants with a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// To look.
    Read,
    /// To change, make or remove what is there.
    Write,
}

/// A place that is refused, with all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    /// Where it is, without links in it.
    pub path: PathBuf,
    /// Whether reading is refused, or only changing.
    pub reading_too: bool,
}
