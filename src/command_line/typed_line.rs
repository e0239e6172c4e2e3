//! A line that a person types key by key and that nobody sees.

use crate::{control::LONGEST_PASSPHRASE, settings::Secret};

/// What has been typed so far.
#[derive(Default)]
pub(super) struct TypedLine(Vec<u8>);

/// What a key came to.
pub(super) enum Typed {
    /// The line goes on.
    More,
    /// It is whole.
    Whole(Secret),
    /// The person gives no line: Ctrl-C, Ctrl-D or Esc.
    Left,
}

impl TypedLine {
    /// Takes a key.
    pub(super) fn press(&mut self, key: u8) -> Typed {
        match key {
            b'\r' | b'\n' => {
                let text = String::from_utf8(std::mem::take(&mut self.0));
                return text.map_or(Typed::Left, |text| Typed::Whole(Secret::new(text)));
            }
            0x03 | 0x04 | 0x1b => return Typed::Left,
            // Backspace takes a whole character, Ctrl-U the line.
            0x08 | 0x7f => while self.0.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            0x15 => self.0.clear(),
            // One byte more than is allowed, so that it is refused and not cut.
            key if key >= b' ' && self.0.len() <= LONGEST_PASSPHRASE => self.0.push(key),
            _ => {}
        }
        Typed::More
    }
}

#[cfg(test)]
mod tests {
    use super::{Typed, TypedLine};

    fn typed(keys: &str) -> Option<String> {
        let mut line = TypedLine::default();
        keys.bytes().find_map(|key| match line.press(key) {
            Typed::More => None,
            Typed::Whole(text) => Some(Some(text.expose().to_owned())),
            Typed::Left => Some(None),
        })?
    }

    #[test]
    fn a_line_is_typed_and_corrected_by_whole_characters() {
        assert_eq!(typed("pass é\u{7f}e\n").as_deref(), Some("pass e"));
        assert_eq!(typed("wrong\u{15}right\r").as_deref(), Some("right"));
        assert_eq!(typed("\u{7f}\u{8}a\tb\n").as_deref(), Some("ab"));
        assert_eq!(typed("half\u{3}").or(typed("half\u{1b}")).or(typed("half")), None);
    }
}
