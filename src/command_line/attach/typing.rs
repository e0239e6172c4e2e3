//! What the person types, and the way out: `~ .` at the beginning of a line, as in ssh.

/// Finds the way out in what is typed.
pub(crate) struct Escape {
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    LineStart,
    Tilde,
    Line,
}

/// What is to be sent, and whether the person leaves.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    /// The bytes for the process.
    pub bytes: Vec<u8>,
    /// Whether the person leaves.
    pub leaves: bool,
}

impl Default for Escape {
    fn default() -> Self {
        Self { place: Place::LineStart }
    }
}

impl Escape {
    /// Takes what was typed. A tilde at the beginning of a line waits for what comes after it; `~~` sends one.
    pub(crate) fn take(&mut self, typed: &[u8]) -> Typed {
        let mut bytes = Vec::with_capacity(typed.len());
        for byte in typed {
            match (self.place, byte) {
                (Place::Tilde, b'.') => return Typed { bytes, leaves: true },
                (Place::Tilde, b'~') => bytes.push(b'~'),
                (Place::Tilde, _) => bytes.extend([b'~', *byte]),
                (Place::LineStart, b'~') => {}
                _ => bytes.push(*byte),
            }
            self.place = match (self.place, byte) {
                // Ctrl-C begins a new line, too.
                (_, b'\r' | b'\n' | 3) => Place::LineStart,
                (Place::LineStart, b'~') => Place::Tilde,
                _ => Place::Line,
            };
        }
        Typed { bytes, leaves: false }
    }
}

#[cfg(test)]
mod tests {
    use super::{Escape, Typed};

    fn typed(parts: &[&str]) -> (String, bool) {
        let mut escape = Escape::default();
        let mut sent = Vec::new();
        for part in parts {
            let Typed { bytes, leaves } = escape.take(part.as_bytes());
            sent.extend(bytes);
            if leaves {
                return (String::from_utf8(sent).unwrap(), true);
            }
        }
        (String::from_utf8(sent).unwrap(), false)
    }

    #[test]
    fn a_tilde_and_a_dot_leave_at_the_beginning_of_a_line_only() {
        assert_eq!(typed(&["~."]), (String::new(), true));
        assert_eq!(typed(&["ls\r", "~", "."]), ("ls\r".into(), true));
        assert_eq!(typed(&["cd ~.\r"]), ("cd ~.\r".into(), false));
        assert_eq!(typed(&["~/bin/x\r"]), ("~/bin/x\r".into(), false));
        assert_eq!(typed(&["~~.\r"]), ("~.\r".into(), false));
    }
}
