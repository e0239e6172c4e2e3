//! Where a text stops being JSON, in characters. serde_json counts the bytes of a line.

use memchr::memchr_iter;

/// What serde_json says of a text, with the column in characters.
pub(crate) fn described(error: &serde_json::Error, text: &[u8]) -> String {
    let said = error.to_string();
    match said.strip_suffix(&format!(" column {}", error.column())) {
        Some(said) => {
            let (line, place) = place(error, text);
            let before = characters(text, line, place);
            format!("{said} column {}", if error.column() == 0 { 0 } else { before + 1 })
        }
        None => said,
    }
}

/// The character at which serde_json stopped, counted from 0.
pub(super) fn offset(error: &serde_json::Error, text: &[u8]) -> usize {
    characters(text, 0, place(error, text).1)
}

/// Where the line begins at which serde_json stopped, and the place in it, both in bytes from the start of the text.
fn place(error: &serde_json::Error, text: &[u8]) -> (usize, usize) {
    // Lines and columns count from 1; a column is 0 where the line before it ends too early.
    let line = match error.line() {
        0 | 1 => 0,
        line => memchr_iter(b'\n', text).nth(line - 2).map_or(text.len(), |end| end + 1),
    };
    (line, text.len().min(line + error.column().saturating_sub(1)))
}

/// How many characters lie between two places; one in whose midst the second lies does not count.
fn characters(text: &[u8], from: usize, to: usize) -> usize {
    let continues = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
    let begun = text[from..to].iter().filter(|byte| !continues(byte)).count();
    begun.saturating_sub(usize::from(text.get(to).is_some_and(continues)))
}

#[cfg(test)]
mod tests {
    use super::{described, offset};
    use serde_json::Value;

    fn of(text: &str) -> (usize, String) {
        let error = serde_json::from_str::<Value>(text).unwrap_err();
        (offset(&error, text.as_bytes()), described(&error, text.as_bytes()))
    }

    #[test]
    fn places_are_counted_in_characters_as_they_are_in_a_text_of_ascii() {
        for text in [
            r#"{"e": x}"#,
            "{\"e\": 1,\n \"e\": 2,\n \"eee\" 5}",
            "[\"e\",\n\"ee\u{1}\"]",
            r#"{"ee": "e"#,
            r#"{"ee": "\ud800"}"#,
            "[\"e\"\n",
            "",
        ] {
            let plain = of(text);
            for wide in ["é", "字", "😀"] {
                assert_eq!(of(&text.replace('e', wide)).0, plain.0, "{text} with {wide}");
                assert_eq!(of(&text.replace('e', wide)).1, plain.1, "{text} with {wide}");
            }
        }
        assert_eq!(of("[\"字字\",\n\"é\" 5]").1, "expected `,` or `]` at line 2 column 5");
    }
}
