//! A start: the index file, and what the journal has beyond it.
#![expect(clippy::disallowed_methods, reason = "these are the bridge's own files, not paths that a caller names")]

use super::{
    index_file::{Content, IndexFile, Stamp},
    journal::{Found, Journal, Saved},
    publisher::{Base, Publisher},
    reconcile::with_ids,
    state::State,
};
use crate::memory::entry::Entry;
use anyhow::{Context, Result};
use memory_ranking::Analyser;
use std::{path::Path, sync::Arc};

/// A memory of at most so many entries is ranked before a start is over; a larger one just after it, so that the server
/// serves at once.
const RANKED_AT_ONCE: usize = 2000;

/// Reads a memory folder, or makes one, and leaves its files whole.
///
/// # Errors
/// When a file cannot be read or written; the message names it and how to fix it.
pub(crate) fn open(folder: &Path, analyser: &Arc<Analyser>) -> Result<Publisher> {
    remove_leftovers(folder);
    let path = folder.join("index_memory.journal");
    let failed = || format!("{} cannot be opened: it must be a file that this user may read and write", path.display());
    let (mut journal, found) = Journal::open(path.clone()).with_context(failed)?;
    say_what_is_damaged(&mut journal, &found);
    let index = IndexFile::new(folder);
    let Read { entries, through, stamp, noted } = read_index(&index, &found.saved)?;
    let entries = with_ids(&State::new(analyser, []), entries);
    let mut state = if entries.len() <= RANKED_AT_ONCE {
        State::new(analyser, entries.iter().cloned())
    } else {
        State::unranked(analyser, entries.iter().cloned())
    };
    state.applied = through;
    for (number, change) in found.changes.iter().filter(|(number, _)| *number > through) {
        state.apply(change);
        state.applied = *number;
    }
    let unchanged = noted && state.applied == through;
    let base = Base { entries, through: unchanged.then_some(through) };
    let publisher = Publisher::new(folder, state, journal, base, stamp);
    if stamp.is_none()
        && let Err(error) = publisher.publish()
    {
        tracing::warn!(%error, "memory/index_memory.json cannot be written now; the journal has every change");
    }
    Ok(publisher)
}

/// What the index file says.
struct Read {
    entries: Vec<Entry>,
    /// The number of the last change in it.
    through: u64,
    stamp: Option<Stamp>,
    /// Whether the journal knows this very version.
    noted: bool,
}

const NOTHING: Read = Read { entries: vec![], through: 0, stamp: None, noted: false };

fn read_index(index: &IndexFile, saved: &[Saved]) -> Result<Read> {
    let content =
        index.read().context("memory/index_memory.json cannot be read: it must be a file that this user may read")?;
    match content {
        Content::Missing => Ok(NOTHING),
        Content::Damaged(why) => {
            let aside = index.set_aside().context("memory/index_memory.json is damaged and cannot be put aside")?;
            tracing::warn!("memory/index_memory.json cannot be used ({why}); it is kept as {}", aside.display());
            Ok(NOTHING)
        }
        Content::Entries { entries, crc, bytes, stamp } => {
            let same = saved.iter().rev().find(|saved| (saved.crc, saved.bytes) == (crc, bytes));
            // A file that nobody noted was edited by hand, on top of the last version.
            let through = same.or(saved.last()).map_or(0, |saved| saved.through);
            Ok(Read { entries, through, stamp: Some(stamp), noted: same.is_some() })
        }
    }
}

fn say_what_is_damaged(journal: &mut Journal, found: &Found) {
    if found.torn > 0 {
        tracing::warn!(
            "the last line of memory/index_memory.journal was not finished ({} bytes) and is dropped: it was never \
             acknowledged",
            found.torn
        );
    }
    if found.damaged.is_empty() {
        return;
    }
    let kept = match journal.set_aside(&found.damaged) {
        Ok(aside) => format!("the whole is kept as {}", aside.display()),
        Err(error) => format!("it stays as it is: {error}"),
    };
    tracing::warn!(
        "memory/index_memory.journal is damaged in line {:?}; the other lines count, and {kept}",
        found.damaged
    );
}

/// What a killed process left half written.
fn remove_leftovers(folder: &Path) {
    let Ok(files) = std::fs::read_dir(folder) else { return };
    for file in files.flatten() {
        if file.file_name().to_string_lossy().starts_with(".index_memory-") {
            // One that stays is in nobody's way.
            let _ = std::fs::remove_file(file.path());
        }
    }
}
