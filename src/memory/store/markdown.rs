//! `memory_index.md`: the memory for a person to read.

use crate::{clock, memory::entry::Entry};
use serde::Serialize;
use serde_json::ser::Formatter;
use std::{
    fmt::Write as _,
    io::{self, Write},
    sync::Arc,
};

/// The newest entries are shown; past this many nobody reads on, and the file stays quick to write and open.
const SHOWN: usize = 1000;

/// The whole file for `entries`, oldest first.
pub(crate) fn render(entries: &[Arc<Entry>]) -> String {
    let mut text = format!(
        "# 🧠 Mémoire IA — Index\n\n**Dernière mise à jour:** {}\n\n**Total d'entrées:** {}\n\n---\n\n",
        clock::timestamp(),
        entries.len()
    );
    for entry in entries.iter().rev().take(SHOWN) {
        block(&mut text, entry);
    }
    if let Some(more) = entries.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        text.push_str(&format!("… {more} entrées plus anciennes : voir `index_memory.json`\n"));
    }
    text
}

fn block(text: &mut String, entry: &Entry) {
    let _ = write!(text, "## {}\n\n**Date:** {}\n\n**Source:** {}\n\n", entry.id, entry.timestamp, entry.source);
    if !entry.tags.is_empty() {
        let _ = write!(text, "**Tags:** {}\n\n", entry.tags.join(", "));
    }
    let _ = write!(text, "{}\n\n", entry.content);
    if &*entry.metadata != "{}" {
        let _ = write!(text, "**Métadonnées:** `{}`\n\n", spaced(entry));
    }
    text.push_str("---\n\n");
}

/// The metadata on one line, with a space behind each colon and comma.
fn spaced(entry: &Entry) -> String {
    let mut bytes = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, Spaced);
    entry.metadata().serialize(&mut serializer).expect("an object can be written as JSON");
    String::from_utf8(bytes).expect("JSON is UTF-8")
}

struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { writer.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
    }
}
