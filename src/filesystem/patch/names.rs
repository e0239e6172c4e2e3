//! The names of files, as patches write them.

/// The name after `---` or `+++`, and the time behind it; no name for `/dev/null`.
pub(super) fn name(text: &str) -> (Option<String>, &str) {
    let text = text.trim_end_matches(['\n', '\r']);
    let (name, stamp) = match text.strip_prefix('"').and_then(quoted) {
        Some((name, rest)) => (name, rest.trim_start_matches('\t')),
        None => text.split_once('\t').map_or((text.to_owned(), ""), |(name, stamp)| (name.to_owned(), stamp)),
    };
    (Some(name).filter(|name| name != "/dev/null"), stamp)
}

/// A name in quotes as C writes them, after the first one, and what follows it.
pub(super) fn quoted(text: &str) -> Option<(String, &str)> {
    let (mut name, mut bytes) = (Vec::new(), text.bytes().enumerate());
    while let Some((place, byte)) = bytes.next() {
        match byte {
            b'"' => return Some((String::from_utf8(name).ok()?, &text[place + 1..])),
            b'\\' => name.push(match bytes.next()?.1 {
                b'n' => b'\n',
                b't' => b'\t',
                b'r' => b'\r',
                first @ b'0'..=b'3' => {
                    let mut digit = || bytes.next().map(|(_, byte)| byte.wrapping_sub(b'0')).filter(|digit| *digit < 8);
                    (first - b'0') * 64 + digit()? * 8 + digit()?
                }
                other => other,
            }),
            other => name.push(other),
        }
    }
    None
}
