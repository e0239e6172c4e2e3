//! A program as it is run.

use super::values::Field;

/// A program and its arguments after all expansion.
pub(super) struct Invocation {
    /// The program as it was written.
    pub program: String,
    /// The last component of what was written, without directories and `.exe`.
    pub name: String,
    pub arguments: Vec<Field>,
}

/// The last component of a program's name, without what Windows adds to it.
pub(crate) fn name_of(program: &str) -> String {
    let name = program.rsplit('/').next().unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    // Windows does not tell capitals from small letters.
    let windows = [".exe", ".com"].iter().find_map(|end| lower.strip_suffix(end));
    windows.unwrap_or(name).to_owned()
}
