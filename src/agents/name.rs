//! The names of agents.

use crate::error::{Error, Result};

/// The longest, in characters.
const MAX: usize = 64;

/// Those that mean somebody else in the history.
const TAKEN: [&str; 5] = ["person", "unknown", "owner", "stdio", "all"];

/// Takes a name: it stands in files, tables and on command lines, so that it is plain.
///
/// # Errors
/// [`Error::Invalid`] for any other.
pub(crate) fn check(name: &str) -> Result<()> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    let starts_well = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !starts_well || name.len() > MAX || !name.chars().all(is_plain) || name.contains("..") {
        return Err(Error::invalid(
            "name",
            format!(
                "Input should be 1 to {MAX} of a-z, 0-9, -, _ and dots, and begin with a letter or digit, as claude-code does"
            ),
        ));
    }
    if TAKEN.contains(&name) {
        return Err(Error::invalid("name", format!("Input should be another name: {name} means somebody else")));
    }
    Ok(())
}
