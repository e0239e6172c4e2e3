//! What one word is indexed under.

/// One word's terms.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Word {
    pub surface: u64,
    pub english: u64,
    pub french: u64,
    pub grams: Vec<u64>,
    pub stop: bool,
}
