//! Entries by their position in the index.

/// A set of entries by their position in the index, one bit each: what passes the filters of a question.
#[derive(Clone, Default, Debug)]
pub struct Positions {
    blocks: Vec<u64>,
}

impl Positions {
    /// A set with room for positions below `count`, holding none.
    pub fn empty(count: usize) -> Self {
        Self { blocks: vec![0; count.div_ceil(64)] }
    }

    /// Puts a position in.
    pub fn insert(&mut self, doc: u32) {
        let block = doc as usize / 64;
        if block >= self.blocks.len() {
            self.blocks.resize(block + 1, 0);
        }
        self.blocks[block] |= 1 << (doc % 64);
    }

    /// Takes a position out.
    pub fn remove(&mut self, doc: u32) {
        if let Some(block) = self.blocks.get_mut(doc as usize / 64) {
            *block &= !(1 << (doc % 64));
        }
    }

    /// Takes every other position out.
    pub fn keep_only(&mut self, doc: u32) {
        let was_in = self.contains(doc);
        self.blocks.fill(0);
        if was_in {
            self.insert(doc);
        }
    }

    /// Whether a position is in it.
    pub fn contains(&self, doc: u32) -> bool {
        self.blocks.get(doc as usize / 64).is_some_and(|block| block & (1 << (doc % 64)) != 0)
    }

    /// How many positions are in it.
    pub fn count(&self) -> usize {
        self.blocks.iter().map(|block| block.count_ones() as usize).sum()
    }

    /// The first position behind all that are in it.
    pub(crate) fn end(&self) -> usize {
        let last = self.blocks.iter().rposition(|block| *block != 0);
        last.map_or(0, |last| last * 64 + 64 - self.blocks[last].leading_zeros() as usize)
    }

    /// Keeps what is also in `other`.
    pub fn intersect(&mut self, other: &Self) {
        for (index, block) in self.blocks.iter_mut().enumerate() {
            *block &= other.blocks.get(index).copied().unwrap_or(0);
        }
    }

    /// The positions in it, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.blocks.iter().enumerate().flat_map(|(index, &block)| {
            let mut rest = block;
            std::iter::from_fn(move || {
                (rest != 0).then(|| {
                    let bit = rest.trailing_zeros();
                    rest &= rest - 1;
                    index as u32 * 64 + bit
                })
            })
        })
    }
}
