//! Output as text: bytes that are no UTF-8 become U+FFFD, and escape sequences are left out where they disturb.

/// The text of `bytes`.
pub(crate) fn text(bytes: Vec<u8>) -> String {
    match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(broken) => String::from_utf8_lossy(broken.as_bytes()).into_owned(),
    }
}

/// What a person would read: no colours, no cursor movements, line ends as `\n`.
pub(crate) fn without_escapes(bytes: &[u8]) -> String {
    let stripped = anstream::adapter::strip_bytes(bytes).into_vec();
    let text = String::from_utf8_lossy(&stripped);
    if text.contains('\r') { text.replace("\r\n", "\n") } else { text.into_owned() }
}

#[cfg(test)]
mod tests {
    use super::{text, without_escapes};

    #[test]
    fn escapes_are_left_out_and_the_text_stays() {
        let output = "\x1b[1;31merror\x1b[0m: caf\u{e9}\r\n\x1b]0;title\x07$ \x1b[?2004hls\r\n";
        assert_eq!(without_escapes(output.as_bytes()), "error: café\n$ ls\n");
    }

    #[test]
    fn bytes_that_are_no_text_are_marked() {
        assert_eq!(text(b"a\xffb".to_vec()), "a\u{fffd}b");
        assert_eq!(text("\x1b[31mé".into()), "\x1b[31mé");
    }
}
