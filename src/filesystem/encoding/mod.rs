//! Text and bytes, by the names that Python gives to encodings.
//!
//! `encoding_rs` knows the web's encodings, which differ from Python's in a few names: there `latin-1` and `ascii` mean
//! windows-1252, and bytes without meaning are let through. Those few are done here.

mod suggestion;

use crate::error::{Error, Result};
use encoding_rs::Encoding;

pub(crate) use suggestion::{is_unknown, suggestion};

/// A way to write text as bytes.
#[derive(Clone, Debug)]
pub(crate) struct Codec {
    /// As the caller named it.
    name: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Utf8,
    /// With a byte order mark, which is no part of the text.
    Utf8Signed,
    Wide(Width, Order),
    Ascii,
    Latin1,
    /// One of the web's encodings.
    Web(&'static Encoding),
    /// ISO 8859-9 and 8859-11: the web takes them for the Windows code pages, which differ at 0x80 to 0x9F.
    Iso(&'static Encoding),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Width {
    Two,
    Four,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Little,
    Big,
    /// As the byte order mark says; little without one.
    Marked,
}

impl Codec {
    /// The encoding of this name, in any case, with any of `-`, `_` and space between its parts.
    ///
    /// # Errors
    /// [`Error::Unusable`] for a name that means nothing.
    pub(crate) fn by_name(name: &str) -> Result<Self> {
        let spelled = name.trim().to_lowercase().replace(['_', ' '], "-");
        match special(&spelled).or_else(|| web(&spelled)) {
            Some(kind) => Ok(Self { name: name.to_owned(), kind }),
            None => {
                let shown: String = name.chars().take(50).collect();
                Err(Error::Unusable(format!(
                    "Unknown encoding: {shown}. Use utf-8, utf-16, latin-1, cp1252 or another"
                )))
            }
        }
    }

    /// The encoding that bytes show: Unicode with its byte order mark, UTF-8, or one of a byte a character, of which no
    /// byte is lost as latin-1.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let name = match bytes {
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => "utf-32",
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "utf-16",
            _ if std::str::from_utf8(bytes).is_ok() => "utf-8",
            _ => "latin-1",
        };
        Self::by_name(name).expect("these names are known")
    }

    /// Whether a line feed is always the byte 0x0A and that byte always a line feed, so that lines can be found in the
    /// bytes.
    pub(crate) fn has_plain_lines(&self) -> bool {
        match self.kind {
            Kind::Wide(..) => false,
            Kind::Web(encoding) => encoding.is_ascii_compatible(),
            _ => true,
        }
    }

    /// Reads bytes as text.
    ///
    /// # Errors
    /// [`Error::Undecodable`] when they are not text in this encoding.
    pub(crate) fn decode(&self, bytes: Vec<u8>) -> Result<String> {
        let valid = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
        let text = match self.kind {
            // The usual one, and no copy of it is made.
            Kind::Utf8 => {
                return String::from_utf8(bytes).map_err(|error| self.undecodable(error.as_bytes()));
            }
            Kind::Utf8Signed => valid(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes)),
            Kind::Wide(Width::Two, order) => utf16(&bytes, order),
            Kind::Wide(Width::Four, order) => utf32(&bytes, order),
            Kind::Ascii => valid(&bytes).filter(|text| text.is_ascii()),
            Kind::Latin1 => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
            Kind::Web(encoding) => decode_web(encoding, &bytes),
            Kind::Iso(encoding) => Some(bytes.iter().filter_map(|byte| iso_character(encoding, *byte)).collect())
                .filter(|text: &String| text.chars().count() == bytes.len()),
        };
        text.ok_or_else(|| self.undecodable(&bytes))
    }

    fn undecodable(&self, bytes: &[u8]) -> Error {
        Error::Undecodable { encoding: self.name.clone(), suggestion: suggestion::sentence(bytes) }
    }

    /// Writes text as bytes. `before` is the beginning of what is in the file already: a byte order mark is written only
    /// at a file's start, and what follows keeps to the one that is there.
    ///
    /// # Errors
    /// [`Error::Unusable`] naming the first character that the encoding lacks.
    pub(crate) fn encode(&self, text: &str, before: &[u8]) -> Result<Vec<u8>> {
        match self.kind {
            Kind::Utf8 => Ok(text.as_bytes().to_vec()),
            Kind::Utf8Signed => Ok(with_mark(before, b"\xef\xbb\xbf", text.as_bytes())),
            Kind::Wide(width, order) => Ok(wide(text, before, width, order)),
            Kind::Ascii => self.each(text, |character| u8::try_from(character).ok().filter(u8::is_ascii)),
            Kind::Latin1 => self.each(text, |character| u8::try_from(u32::from(character)).ok()),
            Kind::Iso(encoding) => {
                self.each(text, |character| (0..=255).find(|byte| iso_character(encoding, *byte) == Some(character)))
            }
            Kind::Web(encoding) => {
                let windows = is_code_page(encoding);
                let mut foreign = text.chars().filter(|character| !character.is_ascii());
                let lacking = foreign.find(|character| {
                    let mut buffer = [0; 4];
                    let (_, _, unknown) = encoding.encode(character.encode_utf8(&mut buffer));
                    unknown || (windows && is_control(*character))
                });
                lacking.map_or_else(|| Ok(encoding.encode(text).0.into_owned()), |character| Err(self.lacks(character)))
            }
        }
    }

    /// Writes text as all that a file holds, in the place of `old`: with a byte order mark if that had one, in its byte
    /// order.
    ///
    /// # Errors
    /// As [`Self::encode`].
    pub(crate) fn encode_over(&self, old: &[u8], text: &str) -> Result<Vec<u8>> {
        let mark = self.marks().iter().find(|mark| old.starts_with(mark)).copied().unwrap_or_default();
        Ok([mark, &self.encode(text, old)?].concat())
    }

    /// The byte order marks that are no part of the text.
    fn marks(&self) -> &'static [&'static [u8]] {
        match self.kind {
            Kind::Utf8Signed => &[b"\xef\xbb\xbf"],
            Kind::Wide(Width::Two, Order::Marked) => &[b"\xff\xfe", b"\xfe\xff"],
            Kind::Wide(Width::Four, Order::Marked) => &[b"\xff\xfe\0\0", b"\0\0\xfe\xff"],
            _ => &[],
        }
    }

    /// How many bytes a text that the encoding can write takes, without a byte order mark.
    pub(crate) fn length(&self, text: &str) -> u64 {
        match self.kind {
            Kind::Utf8 | Kind::Utf8Signed => text.len() as u64,
            _ => self.encode(text, b"after a mark").map_or(0, |bytes| bytes.len() as u64),
        }
    }

    /// Its name, as it was given.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    fn each(&self, text: &str, byte: impl Fn(char) -> Option<u8>) -> Result<Vec<u8>> {
        text.chars().map(|character| byte(character).ok_or_else(|| self.lacks(character))).collect()
    }

    fn lacks(&self, character: char) -> Error {
        Error::Unusable(format!(
            "Cannot encode content with {} encoding: it has no {character:?} (U+{:04X}). Use utf-8",
            self.name,
            u32::from(character)
        ))
    }
}

fn special(name: &str) -> Option<Kind> {
    use Order::{Big, Little, Marked};
    use Width::{Four, Two};
    Some(match name {
        "utf-8" | "utf8" | "u8" | "utf" | "cp65001" => Kind::Utf8,
        "utf-8-sig" | "utf8-sig" => Kind::Utf8Signed,
        "utf-16" | "utf16" | "u16" => Kind::Wide(Two, Marked),
        "utf-16-le" | "utf-16le" | "utf16-le" | "utf16le" => Kind::Wide(Two, Little),
        "utf-16-be" | "utf-16be" | "utf16-be" | "utf16be" => Kind::Wide(Two, Big),
        "utf-32" | "utf32" | "u32" => Kind::Wide(Four, Marked),
        "utf-32-le" | "utf-32le" | "utf32-le" | "utf32le" => Kind::Wide(Four, Little),
        "utf-32-be" | "utf-32be" | "utf32-be" | "utf32be" => Kind::Wide(Four, Big),
        "ascii" | "us-ascii" | "646" | "us" | "iso646-us" | "cp367" | "ansi-x3.4-1968" => Kind::Ascii,
        "latin-1" | "latin1" | "latin" | "l1" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819" => Kind::Latin1,
        "latin-5" | "latin5" | "l5" | "iso-8859-9" | "iso8859-9" => Kind::Iso(encoding_rs::WINDOWS_1254),
        "iso-8859-11" | "iso8859-11" | "thai" => Kind::Iso(encoding_rs::WINDOWS_874),
        _ => return None,
    })
}

/// Python's other spellings of names that the web has too.
fn web(name: &str) -> Option<Kind> {
    let label = match name {
        "932" | "cp932" | "ms932" | "mskanji" | "ms-kanji" | "s-jis" | "sjis" => "shift_jis",
        "936" | "cp936" | "ms936" => "gbk",
        "949" | "cp949" | "ms949" | "uhc" => "euc-kr",
        "950" | "cp950" | "ms950" | "big5-tw" => "big5",
        "eucjp" | "ujis" | "u-jis" => "euc-jp",
        "iso2022-jp" | "iso2022jp" => "iso-2022-jp",
        "mac-roman" | "macroman" => "macintosh",
        "mac-cyrillic" | "maccyrillic" => "x-mac-cyrillic",
        "1250" | "1251" | "1252" | "1253" | "1254" | "1255" | "1256" | "1257" | "1258" => &format!("windows-{name}"),
        other => &other.replacen("latin-", "latin", 1),
    };
    let encoding = Encoding::for_label(label.as_bytes())?;
    // What the web replaces as a whole, and what it keeps for its own forms, is no encoding of files.
    let is_one = encoding != encoding_rs::REPLACEMENT && encoding != encoding_rs::X_USER_DEFINED;
    is_one.then_some(Kind::Web(encoding))
}

/// In a Windows code page, what decodes to a control character is a byte without meaning.
fn is_code_page(encoding: &'static Encoding) -> bool {
    encoding.name().starts_with("windows-")
}

fn is_control(character: char) -> bool {
    ('\u{80}'..='\u{9f}').contains(&character)
}

fn decode_web(encoding: &'static Encoding, bytes: &[u8]) -> Option<String> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?;
    let meaningless = is_code_page(encoding) && text.chars().any(is_control);
    (!meaningless).then(|| text.into_owned())
}

fn iso_character(encoding: &'static Encoding, byte: u8) -> Option<char> {
    if byte < 0xa0 {
        return Some(char::from(byte));
    }
    let bytes = [byte];
    let text = encoding.decode_without_bom_handling_and_without_replacement(&bytes)?;
    text.chars().next()
}

fn utf16(bytes: &[u8], order: Order) -> Option<String> {
    let (order, bytes) = match (order, bytes) {
        (Order::Marked, [0xff, 0xfe, rest @ ..]) => (Order::Little, rest),
        (Order::Marked, [0xfe, 0xff, rest @ ..]) => (Order::Big, rest),
        (order, bytes) => (order, bytes),
    };
    let (units, rest) = bytes.as_chunks::<2>();
    let unit = |pair: &[u8; 2]| if order == Order::Big { u16::from_be_bytes(*pair) } else { u16::from_le_bytes(*pair) };
    let text = char::decode_utf16(units.iter().map(unit)).collect::<Result<String, _>>().ok()?;
    rest.is_empty().then_some(text)
}

fn utf32(bytes: &[u8], order: Order) -> Option<String> {
    let (order, bytes) = match (order, bytes) {
        (Order::Marked, [0xff, 0xfe, 0, 0, rest @ ..]) => (Order::Little, rest),
        (Order::Marked, [0, 0, 0xfe, 0xff, rest @ ..]) => (Order::Big, rest),
        (order, bytes) => (order, bytes),
    };
    let (units, rest) = bytes.as_chunks::<4>();
    let unit = |four: &[u8; 4]| if order == Order::Big { u32::from_be_bytes(*four) } else { u32::from_le_bytes(*four) };
    let text = units.iter().map(|four| char::from_u32(unit(four))).collect::<Option<String>>()?;
    rest.is_empty().then_some(text)
}

fn wide(text: &str, before: &[u8], width: Width, order: Order) -> Vec<u8> {
    let big = match order {
        Order::Big => true,
        Order::Little => false,
        Order::Marked => before.starts_with(&[0xfe, 0xff]) || before.starts_with(&[0, 0, 0xfe, 0xff]),
    };
    let mark = (order == Order::Marked && before.is_empty()).then_some('\u{feff}');
    let characters = mark.into_iter().chain(text.chars());
    let mut bytes = Vec::with_capacity(text.len() * 2);
    for character in characters {
        match width {
            Width::Two => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    bytes.extend(if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
                }
            }
            Width::Four => {
                let unit = u32::from(character);
                bytes.extend(if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
            }
        }
    }
    bytes
}

fn with_mark(before: &[u8], mark: &[u8], bytes: &[u8]) -> Vec<u8> {
    if before.is_empty() { [mark, bytes].concat() } else { bytes.to_vec() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(name: &str, bytes: &[u8]) -> Option<String> {
        Codec::by_name(name).unwrap().decode(bytes.to_vec()).ok()
    }

    #[test]
    fn names_mean_what_python_means_by_them() {
        assert_eq!(decoded("latin-1", b"\x80\xe9").unwrap(), "\u{80}é");
        assert_eq!(decoded("cp1252", b"\x80").unwrap(), "€");
        assert_eq!(decoded("cp1252", b"\x81"), None);
        assert_eq!(decoded("ascii", b"\xe9"), None);
        assert_eq!(decoded("UTF_8", b"\xef\xbb\xbfa").unwrap(), "\u{feff}a");
        assert_eq!(decoded("utf-8-sig", b"\xef\xbb\xbfa").unwrap(), "a");
        assert_eq!(decoded("utf-16", b"\xff\xfea\0").unwrap(), "a");
        assert_eq!(decoded("utf-16", b"\xfe\xff\0a").unwrap(), "a");
        assert_eq!(decoded("utf-16", b"\xff\xfea"), None);
        assert_eq!(decoded("iso8859-9", b"\xf0\x80").unwrap(), "ğ\u{80}");
        assert_eq!(decoded("cp932", b"\x82\xa0").unwrap(), "あ");
        assert!(Codec::by_name("klingon").is_err() && Codec::by_name("").is_err());
    }

    #[test]
    fn what_is_written_reads_back() {
        for name in ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "gb18030"] {
            let codec = Codec::by_name(name).unwrap();
            let mut bytes = codec.encode("é€😀\r\n", b"").unwrap();
            let more = codec.encode("ü", &bytes).unwrap();
            bytes.extend(more);
            assert_eq!(codec.decode(bytes).unwrap(), "é€😀\r\nü", "{name}");
        }
        let big = b"\xfe\xff\0a";
        assert_eq!(Codec::by_name("utf-16").unwrap().encode_over(big, "b").unwrap(), b"\xfe\xff\0b");
        for (name, text) in
            [("ascii", "é"), ("latin-1", "€"), ("cp1252", "あ"), ("cp1252", "\u{81}"), ("latin-5", "あ")]
        {
            let refusal = Codec::by_name(name).unwrap().encode(text, b"").unwrap_err();
            assert!(refusal.to_string().starts_with("Cannot encode content"), "{refusal}");
        }
    }
}
