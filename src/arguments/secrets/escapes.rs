//! Letters that are written as codes although nothing asks for it: `p\u0061ssword`, `p%61ssword`.

use regex::{Captures, Regex};
use std::{ops::Range, sync::LazyLock};

/// A text with such letters as themselves.
pub(crate) struct Plain {
    pub text: String,
    /// For each letter that was a code: where it stands now, and where its code ended in the original.
    ends: Vec<(usize, usize)>,
}

/// The text with plain letters and digits for their codes in JSON and in addresses; none where there are no such codes.
pub(crate) fn plain(text: &str) -> Option<Plain> {
    static CODE: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(?:\\+u00|\\+x|%)([2-7][0-9A-Fa-f])").expect("the pattern is written here"));
    let (mut plain, mut ends, mut from) = (String::new(), Vec::new(), 0);
    for (found, letter) in CODE.captures_iter(text).filter_map(|found| Some((found.get(0)?, letter(&found)?))) {
        plain.push_str(&text[from..found.start()]);
        ends.push((plain.len(), found.end()));
        plain.push(letter);
        from = found.end();
    }
    plain.push_str(&text[from..]);
    (!ends.is_empty()).then_some(Plain { text: plain, ends })
}

fn letter(found: &Captures<'_>) -> Option<char> {
    let byte = u8::from_str_radix(&found[1], 16).ok()?;
    byte.is_ascii_alphanumeric().then_some(byte.into())
}

impl Plain {
    /// Where the same stands in the original.
    pub(crate) fn in_the_original(&self, place: Range<usize>) -> Range<usize> {
        self.original(place.start)..self.original(place.end)
    }

    fn original(&self, at: usize) -> usize {
        let before = self.ends.partition_point(|(place, _)| *place < at);
        before.checked_sub(1).map_or(at, |last| self.ends[last].1 + at - self.ends[last].0 - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_again_in_the_original() {
        let original = r#"{"p\u0061ss%77ord": "\u0078y%7a", "é": 1}"#;
        let plain = plain(original).unwrap();
        assert_eq!(plain.text, r#"{"password": "xyz", "é": 1}"#);
        let places = [("password", r"p\u0061ss%77ord"), ("xyz", r"\u0078y%7a"), ("é", "é")];
        for (now, before) in places {
            let start = plain.text.find(now).unwrap();
            assert_eq!(&original[plain.in_the_original(start..start + now.len())], before);
        }
        assert!(super::plain("nothing%20of\\u00e9 it").is_none());
    }
}
