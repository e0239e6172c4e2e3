//! What a program asked of its terminal: the private modes of DEC and xterm, `ESC [ ? number h` and `l`.

/// Application cursor keys (DECCKM): arrows are sent as `ESC O letter`.
pub const CURSOR_KEYS: u32 = 1;

/// Finds the modes that output sets and resets; it may be cut anywhere.
#[derive(Default)]
pub struct Modes {
    state: State,
    numbers: Vec<u32>,
}

/// More modes than one sequence sets.
const MAX_NUMBERS: usize = 32;

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Escape,
    Bracket,
    Private,
}

impl Modes {
    /// Calls `found` with each mode that the output sets (true) or resets (false).
    pub fn watch(&mut self, mut output: &[u8], mut found: impl FnMut(u32, bool)) {
        while !output.is_empty() {
            if self.state == State::Text {
                let Some(place) = output.iter().position(|byte| *byte == 0x1b) else { return };
                output = &output[place..];
            }
            self.step(output[0], &mut found);
            output = &output[1..];
        }
    }

    fn step(&mut self, byte: u8, found: &mut impl FnMut(u32, bool)) {
        self.state = match (self.state, byte) {
            (_, 0x1b) => State::Escape,
            (State::Escape, b'[') => State::Bracket,
            (State::Escape, b'c') => {
                // A full reset (RIS).
                found(CURSOR_KEYS, false);
                State::Text
            }
            (State::Bracket, b'?') => {
                self.numbers = vec![0];
                State::Private
            }
            (State::Private, b'0'..=b'9') => {
                let number = self.numbers.last_mut().expect("there is one from the start");
                *number = number.saturating_mul(10).saturating_add(u32::from(byte - b'0'));
                State::Private
            }
            (State::Private, b';') if self.numbers.len() < MAX_NUMBERS => {
                self.numbers.push(0);
                State::Private
            }
            (State::Private, b'h' | b'l') => {
                self.numbers.drain(..).for_each(|number| found(number, byte == b'h'));
                State::Text
            }
            _ => State::Text,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{CURSOR_KEYS, Modes};

    #[test]
    fn modes_are_seen_however_the_output_is_cut() {
        for (output, on) in [
            ("\x1b[?1h\x1b=", true),
            ("\x1b[?1h\x1b[?1l", false),
            ("\x1b[?25;1;2004h", true),
            ("\x1b[?12h", false),
            ("\x1b[1h", false),
            ("text \x1b[31m \x1b[?1h more", true),
            ("\x1b[?1h\x1bc", false),
        ] {
            for cut in 0..output.len() {
                let (mut modes, mut is_on) = (Modes::default(), false);
                for part in [&output.as_bytes()[..cut], &output.as_bytes()[cut..]] {
                    modes.watch(part, |mode, on| is_on = if mode == CURSOR_KEYS { on } else { is_on });
                }
                assert_eq!(is_on, on, "{output:?} cut at {cut}");
            }
        }
    }
}
