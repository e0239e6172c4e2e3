//! What a pattern and the paths that it fits have in common.

/// Something in every path that a pattern fits: a name of it, or how one begins or ends.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Feature {
    /// A whole name.
    Is(Box<[u8]>),
    /// The start of one.
    Begins(Box<[u8]>),
    /// The end of one.
    Ends(Box<[u8]>),
}
