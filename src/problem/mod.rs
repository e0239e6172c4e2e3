//! What is wrong with one argument, and where.
//!
//! The types of problems and their sentences are pydantic's, since clients of the server that this one ports know them.

mod position;

pub(crate) use position::described;

use position::offset;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;
use std::fmt;

/// The longest wrong value that is sent back, in bytes of JSON.
pub(crate) const MAX_INPUT: usize = 64 * 1024;

/// What is said of a field that is not there.
pub(crate) const FIELD_REQUIRED: &str = "Field required";

/// Where arguments came from, as the first part of a problem's `loc`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The request's JSON body.
    #[default]
    Body,
    /// The query string.
    Query,
}

/// One step of the way to a value: a field's name or a place in a list.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(untagged)]
pub(crate) enum Segment {
    /// The field of this name.
    Field(String),
    /// The element at this place, counted from 0.
    Index(usize),
}

/// What is wrong with one argument, and where.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "ValidationProblem")]
pub struct Problem {
    /// What kind of problem: `missing`, `string_type`, `int_parsing`, `json_invalid`, …
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// Where it is: `body` or `query`, then the field, then places in it.
    #[serde(rename = "loc")]
    location: Vec<Segment>,
    /// What is wrong, in a sentence.
    #[serde(rename = "msg")]
    pub(crate) message: String,
    /// The value that was sent, or the object in which the field is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "serde_json::Value")]
    input: Option<Box<RawValue>>,
}

impl Problem {
    pub(crate) fn new(kind: &str, path: Vec<Segment>, message: impl Into<String>, input: Option<&str>) -> Self {
        Self {
            kind: kind.to_owned(),
            location: located(Origin::Body, path),
            message: message.into(),
            input: input.and_then(echo),
        }
    }

    /// A value that decodes and is wrong anyway.
    pub fn value(field: &str, message: impl Into<String>) -> Self {
        Self::new("value_error", vec![Segment::Field(field.to_owned())], message, None)
    }

    /// A field that is not there; `object` is what it is missing from.
    pub(crate) fn missing(path: Vec<Segment>, object: Option<&str>) -> Self {
        Self::new("missing", path, FIELD_REQUIRED, object.or(Some("null")))
    }

    /// A body whose content type is not JSON: a page of another site can send such a one without asking.
    pub(crate) fn wrong_media_type() -> Self {
        let message =
            "Input should be a valid dictionary or object to extract fields from: send it as application/json";
        Self::new("model_attributes_type", vec![], message, None)
    }

    /// A value of the query string that is no whole number.
    pub(crate) fn no_integer_in_query(field: &str) -> Self {
        let message = "Input should be a valid integer, unable to parse string as an integer";
        let mut problem = Self::new("int_parsing", vec![Segment::Field(field.to_owned())], message, None);
        problem.came_from(Origin::Query);
        problem
    }

    /// A body that is no JSON, and the character at which that shows.
    pub(crate) fn malformed(error: &serde_json::Error, json: &str) -> Self {
        let said = described(error, json.as_bytes());
        let message = half_a_character(&said).unwrap_or_else(|| format!("JSON decode error: {said}"));
        Self::new("json_invalid", vec![Segment::Index(offset(error, json.as_bytes()))], message, None)
    }

    /// Whether the body as a whole is wrong: none, no JSON, or no object.
    pub fn is_about_body(&self) -> bool {
        self.path().is_empty() || self.kind == "json_invalid"
    }

    /// The way to the value, without where the arguments came from.
    pub(crate) fn path(&self) -> &[Segment] {
        &self.location[1..]
    }

    /// Says that the arguments came from `origin`.
    pub(crate) fn came_from(&mut self, origin: Origin) {
        self.location[0] = name(origin);
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut steps = self.path().iter().peekable();
        if steps.peek().is_some() && self.kind != "json_invalid" {
            for (i, step) in steps.enumerate() {
                match step {
                    Segment::Field(name) if i == 0 => write!(f, "{name}")?,
                    Segment::Field(name) => write!(f, ".{name}")?,
                    Segment::Index(place) => write!(f, "[{place}]")?,
                }
            }
            write!(f, ": ")?;
        }
        f.write_str(&self.message)
    }
}

/// What to say of JSON with an escape for half of a character, of which serde_json says `text`; `None` for any other error.
pub(crate) fn half_a_character(text: &str) -> Option<String> {
    { text.contains("surrogate") || text.contains("hex escape") }.then(|| {
        format!(
            "It holds half of a character, such as \\ud83d alone ({text}): that is what is left when a text is cut inside \
             an emoji. Send whole characters"
        )
    })
}

fn name(origin: Origin) -> Segment {
    Segment::Field(match origin {
        Origin::Body => "body".to_owned(),
        Origin::Query => "query".to_owned(),
    })
}

fn located(origin: Origin, path: Vec<Segment>) -> Vec<Segment> {
    std::iter::once(name(origin)).chain(path).collect()
}

/// Sends a wrong value back, unless it is so large or so deep that it would hurt the one who reads it.
fn echo(json: &str) -> Option<Box<RawValue>> {
    if json.len() > MAX_INPUT || serde_json::from_str::<serde_json::Value>(json).is_err() {
        return None;
    }
    RawValue::from_string(json.to_owned()).ok()
}
