//! What the process had written before the person came: shown as text, and the modes that it left set are set again.
//!
//! Written as it was it would ask the person's terminal again what it asked then, and the answers would be typed into
//! the process.

use crate::terminal::{plain, processes::modes::Modes};
use std::collections::BTreeMap;

/// How much of the end is shown, in bytes: about a screen.
const SHOWN: usize = 4096;

/// The mode that shows the cursor (DECTCEM), the only one of interest that is set to begin with.
const CURSOR: u32 = 25;

/// The modes that switch to the alternate screen, as editors do.
const ALTERNATE: [u32; 3] = [47, 1047, 1049];

/// The modes that change the screen or what is typed: cursor keys, cursor, mouse, focus, alternate screen, pasting.
const KEPT: [u32; 13] = [1, CURSOR, 47, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1047, 1049, 2004];

/// The modes of the person's terminal, as the process set them.
#[derive(Default)]
pub(crate) struct Left {
    modes: Modes,
    set: BTreeMap<u32, bool>,
}

impl Left {
    /// Takes note of what the process writes.
    pub(crate) fn watch(&mut self, output: &[u8]) {
        let set = &mut self.set;
        self.modes.watch(output, |mode, on| {
            if KEPT.contains(&mode) {
                set.insert(mode, on);
            }
        });
    }

    fn changed(&self) -> impl Iterator<Item = (u32, bool)> {
        self.set.iter().map(|(mode, on)| (*mode, *on)).filter(|(mode, on)| *on != (*mode == CURSOR))
    }

    fn is_alternate(&self) -> bool {
        self.changed().any(|(mode, _)| ALTERNATE.contains(&mode))
    }

    /// What sets the modes that the process set.
    pub(crate) fn again(&self) -> String {
        self.changed().map(|(mode, on)| sequence(mode, on)).collect()
    }

    /// What gives the person's terminal back as it was: plain text, and no mode left.
    pub(crate) fn undone(&self) -> String {
        self.changed().map(|(mode, on)| sequence(mode, !on)).chain(["\x1b[0m".to_owned()]).collect()
    }
}

fn sequence(mode: u32, on: bool) -> String {
    format!("\x1b[?{mode}{}", if on { 'h' } else { 'l' })
}

/// Collects what was written before.
#[derive(Default)]
pub(crate) struct Replay {
    output: Vec<u8>,
}

impl Replay {
    /// Takes a part of it.
    pub(crate) fn take(&mut self, output: &[u8]) {
        self.output.extend_from_slice(output);
    }

    /// What to show for it in a raw terminal; `left` learns the modes.
    pub(crate) fn finish(self, left: &mut Left) -> String {
        left.watch(&self.output);
        if left.is_alternate() {
            return left.again();
        }
        let text = plain::without_escapes(&self.output);
        let start = text.floor_char_boundary(text.len().saturating_sub(SHOWN));
        let start = text[start..].find('\n').map_or(start, |end| if start == 0 { 0 } else { start + end + 1 });
        text[start..].replace('\n', "\r\n") + &left.again()
    }
}

#[cfg(test)]
mod tests {
    use super::{Left, Replay};

    fn shown(output: &str) -> (String, Left) {
        let (mut replay, mut left) = (Replay::default(), Left::default());
        replay.take(output.as_bytes());
        (replay.finish(&mut left), left)
    }

    #[test]
    fn questions_to_the_terminal_are_not_asked_again() {
        let (shown, left) = shown("\x1b[6n\x1b[>c\x1b[?2004h$ ls\r\n\x1b[31mfile\x1b[0m\r\n$ ");
        assert_eq!(shown, "$ ls\r\nfile\r\n$ \x1b[?2004h");
        assert_eq!(left.undone(), "\x1b[?2004l\x1b[0m");
    }

    #[test]
    fn an_editor_finds_its_screen_again_and_leaves_none_behind() {
        let (shown, left) = shown("\x1b[?1049h\x1b[?1h\x1b[?25lmany words\x1b[?25h");
        assert_eq!(shown, "\x1b[?1h\x1b[?1049h");
        assert_eq!(left.undone(), "\x1b[?1l\x1b[?1049l\x1b[0m");
    }
}
