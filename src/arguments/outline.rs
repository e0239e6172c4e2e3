//! Which bytes of a body are which field, found in one pass and in little memory however many fields there are.

use indexmap::IndexMap;
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt, ops::Range};

/// No capability has so many fields: of a larger object the first ones are kept, and others by their name when they are
/// asked for. Such an object is longer than what is ever sent back of one.
const MAX_FIELDS: usize = 16 * 1024;

/// The fields of an object: name and JSON text. Of a repeated field the last one counts.
pub(super) type Fields<'de> = IndexMap<Cow<'de, str>, &'de str>;

/// Where the values of an object are in its text.
#[derive(Clone, Debug, Default)]
pub(super) struct Outline {
    /// In the order sent; of a repeated field the last one counts.
    pub fields: IndexMap<String, Range<usize>>,
    /// There are more than are kept.
    is_partial: bool,
    /// How long the object's text is, in bytes.
    length: usize,
}

impl Outline {
    /// The first fields of an object.
    ///
    /// # Errors
    /// What serde_json says of anything else.
    pub(crate) fn of(json: &str) -> serde_json::Result<Self> {
        let mut outline = Self { length: json.len(), ..Self::default() };
        scan(json, &mut |name, place| {
            if let Some(known) = outline.fields.get_mut(&*name) {
                *known = place;
            } else if outline.fields.len() < MAX_FIELDS {
                outline.fields.insert(name.into_owned(), place);
            } else {
                outline.is_partial = true;
            }
        })?;
        Ok(outline)
    }

    /// Whether there are more fields than are kept.
    pub(crate) fn is_partial(&self) -> bool {
        self.is_partial
    }

    /// The same with the fields whose names are `wanted`, where the object has them. `text` begins with the object's.
    pub(crate) fn with(&self, text: &[u8], wanted: &dyn Fn(&str) -> bool) -> Cow<'_, Self> {
        if !self.is_partial {
            return Cow::Borrowed(self);
        }
        let json = std::str::from_utf8(&text[..self.length]).expect("the text was checked to be UTF-8");
        let mut whole = self.clone();
        let found = scan(json, &mut |name, place| {
            if wanted(&name) {
                whole.fields.insert(name.into_owned(), place);
            }
        });
        found.expect("it was an object before");
        Cow::Owned(whole)
    }
}

/// Where the values of these fields stand in an object's text, of a repeated field the last; `None` for what is no object.
pub fn places_of<const N: usize>(json: &str, names: [&str; N]) -> Option<[Option<Range<usize>>; N]> {
    let mut places = [const { None }; N];
    let mut note = |name: Cow<'_, str>, place| {
        if let Some(number) = names.iter().position(|wanted| *wanted == name) {
            places[number] = Some(place);
        }
    };
    scan(json, &mut note).ok()?;
    Some(places)
}

/// The fields of an object.
///
/// # Errors
/// What serde_json says of anything else.
pub(super) fn fields_of(json: &str) -> serde_json::Result<Fields<'_>> {
    let mut fields = Fields::new();
    scan(json, &mut |name, place| {
        fields.insert(name, &json[place]);
    })?;
    Ok(fields)
}

/// Shows each field of an object with the place of its value.
fn scan<'de>(json: &'de str, see: &mut dyn FnMut(Cow<'de, str>, Range<usize>)) -> serde_json::Result<()> {
    let mut reader = serde_json::Deserializer::from_str(json);
    reader.deserialize_map(Scan { start: json.as_ptr() as usize, see })?;
    reader.end()
}

struct Scan<'a, 'de> {
    start: usize,
    see: &'a mut dyn FnMut(Cow<'de, str>, Range<usize>),
}

impl<'de> Visitor<'de> for Scan<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some((Name(name), raw)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
            let from = raw.get().as_ptr() as usize - self.start;
            (self.see)(name, from..from + raw.get().len());
        }
        Ok(())
    }
}

/// A field's name, which is copied only when it has escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Name<'de>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// What a decoded value takes in memory beside its text, in bytes: a number in a tree of values, in a list that grows.
const VALUE: u64 = 200;

/// How many bytes of memory a text of JSON takes at most when it is decoded, beside the text itself.
pub fn decoded_size(json: &[u8]) -> u64 {
    values(json, false).saturating_mul(VALUE)
}

/// The same where lists and objects may also come in texts, which are decoded once more.
pub(super) fn decoded_size_with_texts(json: &[u8]) -> u64 {
    values(json, true).saturating_mul(VALUE)
}

/// How many values a text of JSON holds at most.
fn values(json: &[u8], in_texts: bool) -> u64 {
    let (mut count, mut place) = (1, 0);
    while let Some(&byte) = json.get(place) {
        place += 1;
        match byte {
            b'"' => {
                let end = end_of_string(json, place);
                if in_texts {
                    count += values_in_text(&json[place..end]);
                }
                place = end;
            }
            b',' | b'[' | b'{' => count += 1,
            _ => {}
        }
    }
    count
}

/// How many values a text holds at most, if it is decoded: any sign of JSON may be written as an escape.
fn values_in_text(text: &[u8]) -> u64 {
    let begins_one = matches!(text.trim_ascii_start().first(), Some(b'[' | b'{' | b'\\'));
    if !begins_one {
        return 0;
    }
    let signs = text.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    (signs + memchr::memmem::find_iter(text, b"\\u").count()) as u64
}

/// The place behind a string that began before `place`.
fn end_of_string(json: &[u8], mut place: usize) -> usize {
    while let Some(found) = memchr::memchr2(b'"', b'\\', &json[place..]) {
        place += found + 1;
        if json[place - 1] == b'"' {
            return place;
        }
        place = json.len().min(place + 1);
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::{MAX_FIELDS, Outline, values};

    #[test]
    fn values_are_counted_outside_of_strings() {
        assert_eq!(values(br#"{"a": [1, 2, {"b": "x,[{\",,"}], "c": 3}"#, false), 7);
        assert_eq!(values(br#""no end, \"#, false), 1);
        assert_eq!(values(br#"["a, b", "[1,2]", " {\"a\u0022: 1}"]"#, true), 4 + 2 + 2);
    }

    #[test]
    fn of_very_many_fields_a_late_one_is_found_by_its_name_and_its_last_value_counts() {
        let many: String = (0..2 * MAX_FIELDS).map(|number| format!("\"x{number}\":0,")).collect();
        let json = format!("{{{many}\"late\":1,\"l\\u0061te\":22}}");
        let outline = Outline::of(&json).unwrap();
        assert!(outline.is_partial && !outline.fields.contains_key("late"));
        let outline = outline.with(json.as_bytes(), &|name| name == "late");
        assert_eq!(&json[outline.fields["late"].clone()], "22");
        assert_eq!(outline.fields.len(), MAX_FIELDS + 1);
    }
}
