//! A deserializer over raw JSON that is as lenient as pydantic's lax mode and names the place of what it refuses.

use super::outline::{Fields, fields_of};
use crate::problem::{MAX_INPUT, Problem, Segment, described, half_a_character};
use serde::{
    Deserializer,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};
use serde_json::value::RawValue;
use std::{borrow::Cow, collections::HashSet, fmt};

/// Why decoding stopped, and where.
#[derive(Debug)]
pub(super) struct Failure {
    kind: &'static str,
    message: String,
    /// The way to the value; for a missing field, to the object it is missing from.
    pub path: Vec<Segment>,
    input: Option<String>,
    /// A required field is not there. Which ones is found in the schema, all at once.
    pub missing: bool,
}

impl Failure {
    fn new(kind: &'static str, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), path: vec![], input: None, missing: false }
    }

    /// The value that failed is the innermost one. A large one is not sent back, and not copied either.
    fn of(mut self, input: &str) -> Self {
        let shown = if input.len() > MAX_INPUT { "" } else { input };
        self.input.get_or_insert_with(|| shown.to_owned());
        self
    }

    fn below(mut self, segment: Segment) -> Self {
        self.path.insert(0, segment);
        self
    }

    pub(crate) fn into_problem(self) -> Problem {
        Problem::new(self.kind, self.path, self.message, self.input.as_deref().filter(|input| !input.is_empty()))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new("value_error", message.to_string())
    }

    fn missing_field(_: &'static str) -> Self {
        Self { missing: true, ..Self::new("missing", "Field required") }
    }

    fn unknown_variant(_: &str, expected: &'static [&'static str]) -> Self {
        let expected: Vec<String> = expected.iter().map(|name| format!("'{name}'")).collect();
        Self::new("enum", format!("Input should be {}", expected.join(" or ")))
    }
}

/// The way down to the value at hand.
#[derive(Clone, Copy)]
enum JsonPath<'a> {
    Root,
    Field(&'a JsonPath<'a>, &'a str),
    Index(&'a JsonPath<'a>, usize),
}

impl JsonPath<'_> {
    /// The last steps of those paths that lead to something right in the value at hand.
    fn children<'p>(&self, paths: &'p [Vec<Segment>]) -> impl Iterator<Item = &'p Segment> {
        let inside = paths.iter().filter_map(|path| path.split_last());
        inside.filter(|(_, above)| self.is(above)).map(|(last, _)| last)
    }

    fn is(&self, path: &[Segment]) -> bool {
        match (self, path.split_last()) {
            (Self::Root, None) => true,
            (Self::Field(above, name), Some((Segment::Field(last), rest))) => name == last && above.is(rest),
            (Self::Index(above, place), Some((Segment::Index(last), rest))) => place == last && above.is(rest),
            _ => false,
        }
    }
}

/// The root object, or a value below it.
pub(super) struct LenientDeserializer<'a, 'de> {
    value: Source<'a, 'de>,
    trail: JsonPath<'a>,
    skip: &'a [Vec<Segment>],
}

#[derive(Clone, Copy)]
enum Source<'a, 'de> {
    Object(&'a Fields<'de>),
    Json(&'de str),
}

impl<'a, 'de> LenientDeserializer<'a, 'de> {
    /// Decodes the whole request, leaving out what lies at the paths in `skip`.
    pub(crate) fn root(fields: &'a Fields<'de>, skip: &'a [Vec<Segment>]) -> Self {
        Self { value: Source::Object(fields), trail: JsonPath::Root, skip }
    }

    /// One value by itself.
    pub(crate) fn value(json: &'de str) -> Self {
        Self { value: Source::Json(json), trail: JsonPath::Root, skip: &[] }
    }

    fn json(&self) -> &'de str {
        match self.value {
            Source::Json(json) => json,
            Source::Object(_) => "{}",
        }
    }

    fn fail<T>(&self, kind: &'static str, message: &str) -> Result<T, Failure> {
        Err(Failure::new(kind, message).of(self.json()))
    }

    /// Hands a value that needs no leniency to serde_json.
    fn strictly<V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Failure> {
        let json = self.json();
        let mut reader = serde_json::Deserializer::from_str(json);
        reader.deserialize_any(visitor).map_err(|error| unusable(&error, json))
    }

    fn walk_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let parsed;
        let fields = match self.value {
            Source::Object(fields) => fields,
            Source::Json(json) => {
                if !json.starts_with('{') {
                    return self.fail("dict_type", "Input should be a valid dictionary");
                }
                parsed = fields_of(json).map_err(|error| unusable(&error, json))?;
                &parsed
            }
        };
        let skipped = self.trail.children(self.skip).filter_map(|step| match step {
            Segment::Field(name) => Some(name.as_str()),
            Segment::Index(_) => None,
        });
        let entries = Entries { lax: &self, fields: fields.iter(), current: None, skipped: skipped.collect() };
        visitor.visit_map(entries).map_err(|failure| failure.of(self.json()))
    }

    pub(crate) fn integer(&self) -> Result<i128, Failure> {
        let json = self.json();
        let text = match json.as_bytes()[0] {
            b'"' => serde_json::from_str::<String>(json).unwrap_or_default().trim().to_owned(),
            b't' => "1".to_owned(),
            b'f' => "0".to_owned(),
            b'-' | b'0'..=b'9' => json.to_owned(),
            _ => return self.fail("int_type", "Input should be a valid integer"),
        };
        if let Ok(whole) = text.parse() {
            return Ok(whole);
        }
        match text.parse::<f64>() {
            // Whole numbers up to 2^53 are exact in a float.
            Ok(float) if float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0 => Ok(float as i128),
            Ok(float) if float.is_finite() && float.fract() != 0.0 && !json.starts_with('"') => {
                self.fail("int_from_float", "Input should be a valid integer, got a number with a fractional part")
            }
            Ok(float) if float.is_finite() && float.fract() == 0.0 => {
                self.fail("int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size")
            }
            _ => self.fail("int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
        }
    }

    pub(crate) fn float(&self) -> Result<f64, Failure> {
        let json = self.json();
        let text = match json.as_bytes()[0] {
            b'"' => serde_json::from_str::<String>(json).unwrap_or_default().trim().to_owned(),
            b'-' | b'0'..=b'9' => json.to_owned(),
            _ => return self.fail("float_type", "Input should be a valid number"),
        };
        match text.parse::<f64>() {
            Ok(float) if float.is_finite() => Ok(float),
            _ => self.fail("float_parsing", "Input should be a valid number, unable to parse string as a number"),
        }
    }

    pub(crate) fn boolean(&self) -> Result<bool, Failure> {
        let json = self.json();
        let text = match json.as_bytes()[0] {
            b'"' => serde_json::from_str::<String>(json).unwrap_or_default().to_lowercase(),
            b'n' | b'[' | b'{' => return self.fail("bool_type", "Input should be a valid boolean"),
            _ => json.to_owned(),
        };
        match text.as_str() {
            "true" | "yes" | "on" | "1" | "1.0" | "t" | "y" => Ok(true),
            "false" | "no" | "off" | "0" | "0.0" | "f" | "n" => Ok(false),
            _ => self.fail("bool_parsing", "Input should be a valid boolean, unable to interpret input"),
        }
    }
}

/// Visits an integer in the widest type that holds it; a negative one where none is allowed is said as pydantic says it.
macro_rules! integers {
    ($($method:ident: $type:ty => $visit:ident),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            let number = self.integer()?;
            match <$type>::try_from(number) {
                Ok(number) => visitor.$visit(number).map_err(|failure: Failure| failure.of(self.json())),
                Err(_) if number < 0 && <$type>::MIN == 0 => {
                    self.fail("greater_than_equal", "Input should be greater than or equal to 0")
                }
                Err(_) => self.fail("int_parsing_size", "Input is too large for an integer of this field"),
            }
        }
    )*};
}

/// What is said of JSON that serde_json does not take.
fn unusable(error: &serde_json::Error, json: &str) -> Failure {
    let kind = if json.contains("\\u") { "string_unicode" } else { "value_error" };
    let said = described(error, json.as_bytes());
    let message = half_a_character(&said).unwrap_or_else(|| format!("Input is not usable: {said}"));
    Failure::new(kind, message).of(json)
}

impl<'de> Deserializer<'de> for LenientDeserializer<'_, 'de> {
    type Error = Failure;

    integers! {
        deserialize_u8: u8 => visit_u8, deserialize_u16: u16 => visit_u16, deserialize_u32: u32 => visit_u32,
        deserialize_u64: u64 => visit_u64, deserialize_i8: i8 => visit_i8, deserialize_i16: i16 => visit_i16,
        deserialize_i32: i32 => visit_i32, deserialize_i64: i64 => visit_i64,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value {
            Source::Object(_) => self.walk_map(visitor),
            Source::Json(_) => self.strictly(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_bool(self.boolean()?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if !self.json().starts_with('"') {
            return self.fail("string_type", "Input should be a valid string");
        }
        self.strictly(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.value {
            Source::Json("null") => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(self.json()) else {
            return self.fail("list_type", "Input should be a valid list");
        };
        let skipped = self.trail.children(self.skip).filter_map(|step| match step {
            Segment::Index(place) => Some(*place),
            Segment::Field(_) => None,
        });
        let skipped = skipped.collect();
        visitor.visit_seq(Elements { lax: &self, elements: elements.into_iter().enumerate(), skipped })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.walk_map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.walk_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        let Ok(name) = serde_json::from_str::<String>(self.json()) else {
            return self.fail("string_type", "Input should be a valid string");
        };
        visitor.visit_enum(name.into_deserializer()).map_err(|failure: Failure| failure.of(self.json()))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! { i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier }
}

struct Entries<'a, 'b, 'de, I> {
    lax: &'a LenientDeserializer<'b, 'de>,
    fields: I,
    current: Option<(&'a str, &'de str)>,
    /// The names that are left out.
    skipped: HashSet<&'a str>,
}

impl<'a, 'de: 'a, I: Iterator<Item = (&'a Cow<'de, str>, &'a &'de str)>> MapAccess<'de> for Entries<'a, '_, 'de, I> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        let skipped = &self.skipped;
        let next = self.fields.find(|(name, _)| !skipped.contains(&***name));
        let Some((name, json)) = next else { return Ok(None) };
        self.current = Some((name, json));
        match name {
            Cow::Borrowed(name) => seed.deserialize(de::value::BorrowedStrDeserializer::new(name)).map(Some),
            // A name with an escape in it.
            Cow::Owned(name) => seed.deserialize(name.as_str().into_deserializer()).map(Some),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let (name, json) = self.current.take().expect("a value is asked for after its key");
        let trail = JsonPath::Field(&self.lax.trail, name);
        let value = LenientDeserializer { value: Source::Json(json), trail, skip: self.lax.skip };
        seed.deserialize(value).map_err(|failure| failure.of(json).below(Segment::Field(name.to_owned())))
    }
}

struct Elements<'a, 'b, 'de, I> {
    lax: &'a LenientDeserializer<'b, 'de>,
    elements: I,
    /// The places that are left out.
    skipped: HashSet<usize>,
}

impl<'de, I: Iterator<Item = (usize, &'de RawValue)>> SeqAccess<'de> for Elements<'_, '_, 'de, I> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        let (lax, skipped) = (self.lax, &self.skipped);
        let next = self.elements.find(|(place, _)| !skipped.contains(place));
        let Some((place, raw)) = next else { return Ok(None) };
        let trail = JsonPath::Index(&lax.trail, place);
        let value = LenientDeserializer { value: Source::Json(raw.get()), trail, skip: lax.skip };
        let found = seed.deserialize(value).map_err(|failure| failure.of(raw.get()).below(Segment::Index(place)))?;
        Ok(Some(found))
    }
}
