//! In place of making pictures smaller, in a build that cannot: what is too large is left out.

/// No dots are decoded.
pub(super) const MAX_DOTS: u64 = 0;

/// Nothing is decoded.
pub(super) const BYTES_A_DOT: u64 = 0;

/// A picture that was made smaller: there is none.
pub(super) struct Scaled {
    /// Its bytes.
    pub(super) jpeg: Vec<u8>,
    /// Its width, in dots.
    pub(super) width: u32,
    /// Its height, in dots.
    pub(super) height: u32,
}

/// Not known.
pub(super) fn dimensions(_: &[u8]) -> Option<(u32, u32)> {
    None
}

/// There is none.
pub(super) fn scaled(_: &[u8], _: usize) -> Option<Scaled> {
    None
}
