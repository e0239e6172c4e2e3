//! The entries of a tar, within bounds: how many, how long all of it, and what stands before each.

use super::{MAX_ENTRIES, damaged, metered::Metered, too_many};
use crate::error::Result;
use std::io::Read;
use tar::EntryType;

/// What a tar may have beside its files, for each that it may have, in bytes.
const PASSED_OVER: u64 = 2048;

/// What a tar may have before one of its files, in bytes: headers, long names, attributes, a table of holes. They are
/// held in memory, and a long name shrinks to next to nothing.
const HEADERS: u64 = 1024 * 1024;

/// An entry, which gives its content.
pub(crate) type Entry<'a, R> = tar::Entry<'a, &'a Metered<std::io::Take<R>>>;

/// Shows each entry to `see`, of a tar whose files have at most `most` bytes together. What `see` does not read is passed
/// over.
///
/// # Errors
/// [`crate::Error::Unusable`] for a damaged one, [`crate::Error::TooLarge`] for too many entries, and what `see` says.
pub(crate) fn each<R: Read>(reader: R, most: u64, mut see: impl FnMut(Entry<'_, R>) -> Result<()>) -> Result<()> {
    // With this bound, what is passed over does not go on without end either.
    let metered = Metered::new(reader.take(most.saturating_add(MAX_ENTRIES as u64 * PASSED_OVER)));
    let mut archive = tar::Archive::new(&metered);
    let mut entries = archive.entries().map_err(damaged)?;
    // What the last entry holds and nobody read is passed over before the next one's headers.
    let mut unread = 0;
    for number in 0.. {
        metered.allow(HEADERS.saturating_add(unread));
        let Some(entry) = entries.next() else { break };
        let entry = entry.map_err(damaged)?;
        if number >= MAX_ENTRIES {
            return too_many();
        }
        metered.allow(match entry.header().entry_type() {
            EntryType::GNUSparse => entry.header().entry_size().map_err(damaged)?,
            _ => entry.size(),
        });
        see(entry)?;
        unread = metered.left();
    }
    Ok(())
}

/// Whether an entry becomes a file.
pub(crate) fn is_file(kind: EntryType) -> bool {
    matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse)
}
