//! What a capability's schema demands beyond types is enforced here: which fields must be there, and the bounds of
//! numbers, texts and lists.

use super::{
    MAX_PROBLEMS,
    lenient::{Failure, LenientDeserializer},
    outline::{Fields, fields_of},
    resolve::Unknown,
    shape::Shape,
};
use crate::problem::{FIELD_REQUIRED, MAX_INPUT, Problem, Segment};
use serde_json::{Value, value::RawValue};

impl Shape {
    /// Adds what the fields lack or exceed, of each field as much as is ever said; what failed to decode is left alone.
    /// A missing field shows the object as it was `sent`, and names those of `unknown` that may be meant for it.
    pub(crate) fn check(&self, fields: &Fields, sent: &Fields, unknown: &[Unknown], problems: &mut Vec<Problem>) {
        self.check_missing(fields, sent, &[], &mut Found { most: MAX_PROBLEMS, problems, unknown });
        for (name, shape) in self.demanding() {
            let Some(json) = fields.get(name.as_str()) else { continue };
            let mut found = Found { most: problems.len() + MAX_PROBLEMS, problems, unknown };
            shape.check_value(json, &mut vec![Segment::Field(name.clone())], &mut found);
        }
    }

    fn demanding(&self) -> impl Iterator<Item = (&String, &Shape)> {
        self.fields.iter().filter(|(_, shape)| shape.demands)
    }

    fn check_missing(&self, fields: &Fields, sent: &Fields, path: &[Segment], found: &mut Found) {
        let missing: Vec<&String> = self.required.iter().filter(|name| !fields.contains_key(name.as_str())).collect();
        if missing.is_empty() {
            return;
        }
        let input = object(sent);
        for name in missing {
            let mut place = path.to_owned();
            place.push(Segment::Field(name.clone()));
            let message = said_of_missing(name, path, found.unknown);
            found.problems.push(Problem::new("missing", place, message, input.as_deref()));
        }
    }

    fn check_object(&self, fields: &Fields, path: &mut Vec<Segment>, found: &mut Found) {
        self.check_missing(fields, fields, path, found);
        for (name, shape) in self.demanding() {
            let Some(json) = fields.get(name.as_str()) else { continue };
            path.push(Segment::Field(name.clone()));
            shape.check_value(json, path, found);
            path.pop();
        }
    }

    fn check_value(&self, json: &str, path: &mut Vec<Segment>, found: &mut Found) {
        if json == "null" {
            return;
        }
        if let Some(known) = found.problems.iter_mut().find(|problem| problem.path() == path.as_slice()) {
            // A number that is less than its type can hold is less than the field's own bound, too.
            if let Some((kind, message)) = self.exceeded(json).filter(|(kind, _)| known.kind == *kind) {
                (known.kind, known.message) = (kind.to_owned(), message);
            }
            return;
        }
        if let Some((kind, message)) = self.exceeded(json) {
            found.problems.push(Problem::new(kind, path.clone(), message, Some(json)));
        }
        if json.starts_with('{')
            && let Ok(fields) = fields_of(json)
        {
            self.check_object(&fields, path, found);
        }
        let items = self.items.as_ref().filter(|items| items.demands);
        if let (Some(items), Ok(elements)) = (items, serde_json::from_str::<Vec<&RawValue>>(json)) {
            for (place, raw) in elements.iter().enumerate() {
                if found.problems.len() >= found.most {
                    break;
                }
                path.push(Segment::Index(place));
                items.check_value(raw.get(), path, found);
                path.pop();
            }
        }
    }

    /// The type and the sentence of the first bound that a value exceeds.
    pub(crate) fn exceeded(&self, json: &str) -> Option<(&'static str, String)> {
        if self.number.is_any()
            && let Ok(number) = number(json)
        {
            if let Some(min) = self.number.min.filter(|min| number < *min) {
                return Some(("greater_than_equal", format!("Input should be greater than or equal to {min}")));
            }
            if let Some(max) = self.number.max.filter(|max| number > *max) {
                return Some(("less_than_equal", format!("Input should be less than or equal to {max}")));
            }
        }
        if self.length.is_any()
            && let Ok(text) = serde_json::from_str::<String>(json)
        {
            let length = text.chars().count();
            if let Some(min) = self.length.min.filter(|min| length < *min) {
                return Some(("string_too_short", format!("String should have at least {min} characters")));
            }
            if let Some(max) = self.length.max.filter(|max| length > *max) {
                return Some(("string_too_long", format!("String should have at most {max} characters")));
            }
        }
        if self.count.is_any()
            && let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(json)
        {
            let count = elements.len();
            if let Some(min) = self.count.min.filter(|min| count < *min) {
                return Some(("too_short", format!("List should have at least {min} items, not {count}")));
            }
            if let Some(max) = self.count.max.filter(|max| count > *max) {
                return Some(("too_long", format!("List should have at most {max} items, not {count}")));
            }
        }
        None
    }

    /// Puts problems into the order in which the capability lists its fields.
    pub(crate) fn sort(&self, problems: &mut [Problem]) {
        let rank = |problem: &Problem| match problem.path().first() {
            Some(Segment::Field(name)) => self.fields.get_index_of(name),
            _ => None,
        };
        problems.sort_by_key(rank);
    }
}

/// The number that a value counts as where one is wanted, whatever it is written as.
fn number(json: &str) -> Result<f64, Failure> {
    let value = LenientDeserializer::value(json);
    value.integer().map(|whole| whole as f64).or_else(|_| value.float())
}

/// The problems of all fields, and how many they may be with those of the one at hand.
struct Found<'a> {
    problems: &'a mut Vec<Problem>,
    most: usize,
    unknown: &'a [Unknown],
}

/// That a field is not there, and what came that is nearly called so.
fn said_of_missing(name: &str, path: &[Segment], unknown: &[Unknown]) -> String {
    let near = unknown.iter().filter(|other| other.parent == path && other.meant.as_deref() == Some(name));
    let near: Vec<String> = near.map(|other| format!("'{}'", other.shown_name())).collect();
    match near.is_empty() {
        true => FIELD_REQUIRED.to_owned(),
        false => format!("{FIELD_REQUIRED}: {} came, did you mean '{name}'?", near.join(" and ")),
    }
}

/// The object as JSON, unless it is longer than what is sent back.
fn object(fields: &Fields) -> Option<String> {
    let size: usize = fields.iter().map(|(name, json)| name.len() + json.len()).sum();
    if size > MAX_INPUT {
        return None;
    }
    let pairs = fields.iter().map(|(name, json)| format!("{}:{json}", Value::from(&**name)));
    Some(format!("{{{}}}", pairs.collect::<Vec<_>>().join(",")))
}
