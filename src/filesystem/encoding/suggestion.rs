//! Which encoding a file probably has, for those who named another.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

/// As much of a file's start is looked at, in bytes.
const LOOKED_AT: usize = 256 * 1024;

/// Whether nothing tells the encoding: no byte order mark, and no UTF-8.
pub(crate) fn is_unknown(bytes: &[u8]) -> bool {
    marked(bytes).is_none() && std::str::from_utf8(bytes).is_err()
}

/// The name of the encoding that bytes are probably in.
pub(crate) fn suggestion(bytes: &[u8]) -> Option<String> {
    if let Some(name) = marked(bytes).or_else(|| wide(bytes)) {
        return Some(name.to_owned());
    }
    if std::str::from_utf8(bytes).is_ok() {
        return Some("utf-8".to_owned());
    }
    let start = &bytes[..bytes.len().min(LOOKED_AT)];
    // A binary file is in none.
    if memchr::memchr(0, start).is_some() {
        return None;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(start, true);
    Some(detector.guess(None, Utf8Detection::Deny).name().to_lowercase().replace("windows-", "cp"))
}

/// The suggestion as a sentence, with its reason.
pub(crate) fn sentence(bytes: &[u8]) -> Option<String> {
    let Some(name) = suggestion(bytes) else {
        let is_document = bytes.starts_with(b"%PDF") || bytes.starts_with(b"PK\x03\x04");
        let how = if is_document { "as \"document\" gives the text of a PDF, DOCX, XLSX, …, and " } else { "" };
        return Some(format!("It is no text in an encoding that can be told: {how}as \"base64\" gives its bytes"));
    };
    Some(match marked(bytes) {
        Some(_) => format!("The file begins with the byte order mark of {name}: give encoding \"{name}\""),
        None => format!("The file looks like {name}: try encoding \"{name}\""),
    })
}

fn marked(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("utf-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("utf-16"),
        _ => None,
    }
}

/// UTF-16 without a mark: of letters from Europe every other byte is 0.
fn wide(bytes: &[u8]) -> Option<&'static str> {
    let start = &bytes[..bytes.len().min(LOOKED_AT)];
    let zeros = |odd: usize| start.iter().skip(odd).step_by(2).filter(|byte| **byte == 0).count() * 2;
    let (first, second) = (zeros(0), zeros(1));
    match start.len() {
        length if length >= 4 && second * 2 > length && first * 10 < length => Some("utf-16-le"),
        length if length >= 4 && first * 2 > length && second * 10 < length => Some("utf-16-be"),
        _ => None,
    }
}
