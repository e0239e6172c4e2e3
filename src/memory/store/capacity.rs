//! How much may be remembered: what is kept of it in the process grows with it.

use super::{
    journal::Change,
    state::{State, size},
};
use crate::error::{Error, Result};

const MIB: u64 = 1024 * 1024;

/// How many bytes all entries may have together, as [`size`] counts them; none is no bound.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity(Option<usize>);

impl Capacity {
    /// So many MiB; 0 is no bound.
    pub(crate) fn of_mib(mib: u64) -> Self {
        Self((mib > 0).then(|| usize::try_from(mib.saturating_mul(MIB)).unwrap_or(usize::MAX)))
    }

    /// Whether entries of `size` bytes may become larger by `growth`. What shrinks always may.
    ///
    /// # Errors
    /// [`Error::Full`], which says how to make room.
    pub(crate) fn admit(self, size: usize, growth: isize) -> Result<()> {
        let Some(most) = self.0.filter(|most| growth > 0 && size.saturating_add_signed(growth) > *most) else {
            return Ok(());
        };
        let mib = |bytes: usize| bytes as f64 / MIB as f64;
        Err(Error::Full(format!(
            "The memory is full: it holds {:.1} MiB, {:.1} MiB more were to be kept, and MEMORY_MAX_MIB allows {:.0} MiB. \
             Nothing was changed. Delete entries that are no longer needed (memory_delete), or raise MEMORY_MAX_MIB",
            mib(size),
            mib(growth.unsigned_abs()),
            mib(most),
        )))
    }
}

/// By how many bytes changes make the entries of a state larger; negative when they shrink.
pub(crate) fn growth(state: &State, changes: &[Change]) -> isize {
    let of_entry = |id: &str| state.get(id).map_or(0, |entry| size(entry).cast_signed());
    let of_change = |change: &Change| match change {
        Change::Add(entries) => entries.iter().map(|entry| size(entry).cast_signed() - of_entry(&entry.id)).sum(),
        Change::Update(entry) => size(entry).cast_signed() - of_entry(&entry.id),
        Change::Delete(ids) => -ids.iter().map(|id| of_entry(id)).sum::<isize>(),
        Change::Clear => -state.size().cast_signed(),
    };
    changes.iter().map(of_change).sum()
}
