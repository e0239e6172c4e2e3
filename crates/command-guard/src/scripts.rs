//! Arguments as the texts of scripts, and where a script comes from.

use super::Refusal;
use super::values::{Field, Origin, Part};

/// Stands in a script for a text that is not known.
pub(super) const UNKNOWN: &str = "SKYNET_GUARD_UNKNOWN";
/// Stands in a script for a variable that nothing sets.
const UNSET: &str = "SKYNET_GUARD_UNSET";

/// What can be known of a script made of `field`.
pub(super) fn script_text(field: &Field) -> String {
    field
        .0
        .iter()
        .map(|part| match part {
            Part::Text(text) | Part::Glob(text) => text.clone(),
            Part::Unknown(Origin::Unset) => format!("${{{UNSET}}}"),
            Part::Below | Part::Unknown(_) => format!("${{{UNKNOWN}}}"),
        })
        .collect()
}

/// The arguments as one script, joined by spaces as `eval` and `ssh` join them.
pub(super) fn joined_text<'f>(fields: impl Iterator<Item = &'f Field>, write: &dyn Fn(&Field) -> Field) -> String {
    let texts: Vec<String> = fields.map(|field| script_text(&write(field))).collect();
    texts.join(" ")
}

/// An argument as it must be written to stay one argument.
pub(super) fn quoted(field: &Field) -> Field {
    match field.known() {
        Some(text) if !field.has_glob() => Field::text(format!("'{}'", text.replace('\'', "'\\''"))),
        Some(_) => field.clone(),
        None => Field::text(format!("\"{}\"", script_text(field))),
    }
}

/// Refuses what comes from the network or was disguised, before `reader` runs it.
pub(super) fn refuse_origin(origin: Option<Origin>, reader: &str) -> Result<(), Refusal> {
    match origin {
        Some(Origin::Fetched) => Err(Refusal::new(
            "pipe-to-shell",
            format!("what comes from the network would be run by {reader} without being read"),
        )),
        Some(Origin::Decoded) => {
            Err(Refusal::new("decoded-shell", format!("a disguised text would be decoded and run by {reader}")))
        }
        _ => Ok(()),
    }
}

/// A name of the standard input.
pub(super) fn is_stdin(file: &Field) -> bool {
    ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].iter().any(|name| file.is(name))
}
