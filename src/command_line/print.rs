//! Lines for a person at a terminal.

use std::io::{self, Write};

/// What a reader's eye should be drawn to: in red, where the terminal shows colours and `NO_COLOR` does not decline them.
pub(crate) fn alarming(text: &str) -> String {
    format!("\x1b[31m{text}\x1b[0m")
}

/// Prints a line. Its colours are taken out where they would not be shown.
///
/// # Errors
/// When nobody reads any more.
pub(crate) fn line(text: &str) -> io::Result<()> {
    let mut output = anstream::stdout().lock();
    writeln!(output, "{text}")?;
    output.flush()
}

/// A text of a program's or a caller's, which must not steer the terminal: its control characters and those that turn
/// the direction of writing are left out, and a long one is cut.
pub(crate) fn plain(text: &str, max: usize) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let shown: String = text.replace(['\n', '\t'], " ").chars().filter(|c| !c.is_control() && !turns(*c)).collect();
    if shown.chars().count() <= max {
        return shown;
    }
    shown.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}

/// A moment as a person reads it, to the second.
pub(crate) fn moment(timestamp: &str) -> String {
    plain(&timestamp.replace('T', " ").chars().take(19).collect::<String>(), 19)
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn a_text_cannot_steer_the_terminal_and_is_cut_with_a_mark() {
        assert_eq!(plain("a\x1b[2Jb\u{9b}c\u{202e}d\ne", 20), "a[2Jbcd e");
        assert_eq!(plain("ééééé", 4), "ééé…");
    }
}
