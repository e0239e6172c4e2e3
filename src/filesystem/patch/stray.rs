//! Lines that look like a part of a diff and stand where none is read: passed over, half of the patch would be lost.

/// What is said of such a line.
pub(super) const STRAY: &str = "it looks like a part of a diff, and no file's head that begins its line stands above it: \
    send the diff as it is, not indented, quoted or with text before it, or leave the line out";

/// What git says of a file between its head and its names. `index` is not among them: left out, it loses nothing.
const OF_GIT: [&str; 7] = [
    "similarity index ",
    "dissimilarity index ",
    "rename from ",
    "rename to ",
    "copy from ",
    "copy to ",
    "GIT binary patch",
];

/// Whether a line that was taken for talk is one; `next` follows it.
pub(super) fn is_stray(line: &str, next: Option<&str>) -> bool {
    let (line, next) = (bare(line), next.map_or("", bare));
    let is_names = line.starts_with("--- ") && next.starts_with("+++ ");
    let is_hunk = line.strip_prefix("@@ -").is_some_and(|rest| rest.contains(" @@"));
    let is_binary = line.starts_with("Binary files ") && line.trim_end().ends_with(" differ");
    let is_context_diff = line.trim_end() == "***************";
    is_names
        || is_hunk
        || is_binary
        || is_context_diff
        || is_mode(line)
        || line.contains("diff --git ")
        || OF_GIT.iter().any(|start| line.starts_with(start))
}

fn is_mode(line: &str) -> bool {
    let value = ["old mode ", "new mode ", "new file mode ", "deleted file mode "]
        .iter()
        .find_map(|key| line.strip_prefix(key));
    value.is_some_and(|value| value.starts_with(|first: char| first.is_ascii_digit()))
}

/// A line without what may stand before it: blanks, a mail's signs of a quotation, byte order marks.
fn bare(line: &str) -> &str {
    line.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '>' | '|' | '\u{feff}' | '\u{200b}'))
}
