//! What was sent, as what was meant: `null` where a default stands is absence, a list or object in a text is decoded, a
//! field by another of its names counts. What is left over is told, and refused only where it asks for care (`safeguards.rs`);
//! two names of one field that say different things are refused, since to choose between them would be to guess.

use super::{
    outline::{Fields, fields_of},
    safeguards,
    shape::{Shape, structure_in},
    synonyms::{self, Meaning},
};
use crate::problem::{Problem, Segment};
use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use std::{borrow::Cow, fmt};

/// As many fields that no capability knows are told of one call.
const MAX_UNKNOWN: usize = 50;

/// The longest part of a name that is told, in characters.
const MAX_NAME: usize = 100;

/// The longest part of a value that is told, in characters.
const MAX_VALUE: usize = 60;

/// A field that was sent and did not count.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[schemars(rename = "IgnoredField")]
pub struct Ignored {
    /// Its name, and before it the way to the object that it stands in: `edits[0].line`.
    pub field: String,
    /// The field that may have been meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub did_you_mean: Option<String>,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.did_you_mean {
            Some(meant) => write!(f, "{} (did you mean {meant}?)", self.field),
            None => f.write_str(&self.field),
        }
    }
}

/// The same with its place.
#[derive(Debug)]
pub(super) struct Unknown {
    /// The way to the object that it stands in.
    pub parent: Vec<Segment>,
    name: String,
    /// The field that may have been meant.
    pub meant: Option<String>,
}

impl Unknown {
    /// Its name, as far as it is told.
    pub(crate) fn shown_name(&self) -> Cow<'_, str> {
        shortened(&self.name, MAX_NAME)
    }

    pub(crate) fn told(&self) -> Ignored {
        let mut field = String::new();
        for step in &self.parent {
            match step {
                Segment::Field(name) if field.is_empty() => field.push_str(name),
                Segment::Field(name) => field.extend([".", name]),
                Segment::Index(place) => field.push_str(&format!("[{place}]")),
            }
        }
        if !field.is_empty() {
            field.push('.');
        }
        field.push_str(&self.shown_name());
        Ignored { field, did_you_mean: self.meant.clone() }
    }
}

/// How requests are read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reading {
    /// An empty text in an optional field is absence: there are clients that fill in every field of a form.
    pub empty_is_absent: bool,
    /// Whether the call changes something: then no field that asks for care is passed over.
    pub is_change: bool,
}

/// An object as it was meant.
type Object<'a> = IndexMap<Cow<'a, str>, Cow<'a, str>>;

/// What became of a request.
pub(super) struct Resolved<'a> {
    /// The fields that count.
    pub object: Object<'a>,
    /// Those that did not.
    pub unknown: Vec<Unknown>,
    /// Those that were said twice, and not alike, and those that ask for care and do not count.
    pub refused: Vec<Problem>,
}

/// Puts a request right, and says which fields did not count.
pub(super) fn resolve<'a>(fields: &Fields<'a>, shape: &'a Shape, reading: Reading) -> Resolved<'a> {
    let mut resolver = Resolver { reading, unknown: Vec::new(), refused: Vec::new(), path: Vec::new() };
    let (object, _) = resolver.object(fields.iter().map(|(name, json)| (name.clone(), *json)), shape);
    Resolved { object, unknown: resolver.unknown, refused: resolver.refused }
}

struct Resolver {
    reading: Reading,
    unknown: Vec<Unknown>,
    refused: Vec<Problem>,
    path: Vec<Segment>,
}

impl Resolver {
    /// The fields that count, and whether they are others than those sent.
    fn object<'a>(
        &mut self,
        fields: impl Iterator<Item = (Cow<'a, str>, &'a str)>,
        shape: &'a Shape,
    ) -> (Object<'a>, bool) {
        let (mut object, mut others, mut changed) = (Object::new(), Vec::new(), false);
        for (name, json) in fields {
            let Some(field) = shape.fields.get(&*name) else {
                others.push((name, json));
                continue;
            };
            if self.is_absent(json) && !shape.required.iter().any(|required| *required == *name) {
                changed = true;
                continue;
            }
            let value = match field.is_structured {
                true => self.below(Segment::Field(name.clone().into_owned()), |resolver| resolver.value(json, field)),
                false => None,
            };
            changed |= value.is_some();
            object.insert(name, value.map_or(Cow::Borrowed(json), Cow::Owned));
        }
        changed |= self.count_element(&mut others, shape, &mut object);
        changed |= self.count_synonyms(others, shape, &mut object);
        (object, changed)
    }

    fn is_absent(&self, json: &str) -> bool {
        json == "null" || (self.reading.empty_is_absent && json == "\"\"")
    }

    /// Adds a list of one object whose fields were sent beside the others.
    fn count_element<'a>(
        &mut self,
        others: &mut Vec<(Cow<'a, str>, &'a str)>,
        shape: &'a Shape,
        object: &mut Object<'a>,
    ) -> bool {
        let found = others.iter().find_map(|(name, _)| synonyms::list_of(name, shape));
        let Some((list, item)) = found.filter(|(list, _)| !object.contains_key(*list)) else { return false };
        let is_of_it = |(name, _): &(Cow<'a, str>, &'a str)| {
            synonyms::list_of(name, shape).is_some_and(|(other, _)| other == list)
        };
        let demanded = |(name, _): &(Cow<'a, str>, &'a str)| {
            synonyms::field(name, item).is_some_and(|field| item.required.iter().any(|required| required == field))
        };
        if !others.iter().any(|other| is_of_it(other) && demanded(other)) {
            return false;
        }
        let fields = others.extract_if(.., |other| is_of_it(other));
        let pairs: Vec<String> = fields.map(|(name, json)| format!("{}:{json}", Value::from(&*name))).collect();
        let json = format!("[{{{}}}]", pairs.join(","));
        let meant = self.below(Segment::Field(list.to_owned()), |resolver| resolver.value(&json, &shape.fields[list]));
        object.insert(Cow::Borrowed(list), meant.unwrap_or(json).into());
        true
    }

    /// Adds what goes by another name, where its own name was not sent.
    fn count_synonyms<'a>(
        &mut self,
        others: Vec<(Cow<'a, str>, &'a str)>,
        shape: &'a Shape,
        object: &mut Object<'a>,
    ) -> bool {
        let mut meant: IndexMap<&str, Vec<Said<'_>>> = IndexMap::new();
        for (place, (name, json)) in others.iter().enumerate().filter(|(_, (_, json))| !self.is_absent(json)) {
            if let Some(Meaning { field, value }) = synonyms::meaning(name, json, shape) {
                meant.entry(field).or_default().push(Said { place, name, json, value });
            }
        }
        let mut counted = vec![false; others.len()];
        for (field, sent) in meant {
            let (field, kind) = shape.fields.get_key_value(field).expect("it is a field");
            let own = object.get(field.as_str()).cloned();
            if own.as_deref().is_some_and(|json| !kind.takes(json)) {
                continue;
            }
            sent.iter().for_each(|said| counted[said.place] = true);
            let first = own.as_deref().unwrap_or(&sent[0].value);
            if let Some(other) = sent.iter().find(|said| !kind.is_same(first, &said.value)) {
                let first = own.as_deref().map_or_else(|| sent[0].told(), |json| told(field, json));
                self.contradict(field, &first, other);
            }
            if own.is_none() {
                let place = Segment::Field(field.to_owned());
                let value = self.below(place, |resolver| resolver.value(&sent[0].value, kind));
                let value = value.unwrap_or_else(|| sent[0].value.clone().into_owned());
                object.insert(Cow::Borrowed(field), value.into());
            }
        }
        let has_counted = counted.contains(&true);
        for ((name, json), counted) in others.into_iter().zip(counted) {
            if counted {
                continue;
            }
            // A form has an empty place for it.
            if self.reading.empty_is_absent && self.is_absent(json) && synonyms::field(&name, shape).is_some() {
                continue;
            }
            self.refuse_guard(&name, json, shape, object);
            // Where every name is one of the caller's own, all count; elsewhere nobody decodes what nobody knows.
            if shape.fields.is_empty() {
                object.insert(name, json.into());
            } else if self.unknown.len() < MAX_UNKNOWN {
                let meant = synonyms::nearest(&name, shape).map(str::to_owned);
                self.unknown.push(Unknown { parent: self.path.clone(), name: name.into_owned(), meant });
            }
        }
        has_counted
    }

    /// Refuses a field that asks for care and does not count.
    fn refuse_guard(&mut self, name: &str, json: &str, shape: &Shape, object: &Object<'_>) {
        if !self.reading.is_change || shape.fields.is_empty() || self.refused.len() >= MAX_UNKNOWN {
            return;
        }
        if let Some(advice) = safeguards::advice(name, json, |field| object.contains_key(field)) {
            let path = self.path.iter().cloned().chain([Segment::Field(name.to_owned())]).collect();
            self.refused.push(Problem::new("value_error", path, advice, None));
        }
    }

    fn contradict(&mut self, field: &str, first: &str, other: &Said<'_>) {
        if self.refused.len() < MAX_UNKNOWN {
            let path = self.path.iter().cloned().chain([Segment::Field(field.to_owned())]).collect();
            let message = format!("{first}, and {}: both are {field}, so send one of them", other.told());
            self.refused.push(Problem::new("value_error", path, message, None));
        }
    }

    /// The value as it was meant; nothing where it is that already.
    fn value(&mut self, json: &str, shape: &Shape) -> Option<String> {
        let decoded = if shape.wants_structure() { structure_in(json) } else { None };
        let json = decoded.as_deref().unwrap_or(json);
        let inside = match json.as_bytes().first() {
            Some(b'{') if !shape.fields.is_empty() => self.fields_of(json, shape),
            Some(b'[') => self.elements_of(json, shape),
            _ => None,
        };
        inside.or(decoded)
    }

    fn fields_of(&mut self, json: &str, shape: &Shape) -> Option<String> {
        let fields = fields_of(json).ok()?;
        let pairs = fields.iter().map(|(name, json)| (Cow::Borrowed(&**name), *json));
        let (object, changed) = self.object(pairs, shape);
        let pairs = || object.iter().map(|(name, json)| format!("{}:{json}", Value::from(&**name)));
        changed.then(|| format!("{{{}}}", pairs().collect::<Vec<_>>().join(",")))
    }

    fn elements_of(&mut self, json: &str, shape: &Shape) -> Option<String> {
        let items = shape.items.as_deref().filter(|items| items.is_structured)?;
        let elements: Vec<&RawValue> = serde_json::from_str(json).ok()?;
        let mut changed = false;
        let mut all = Vec::with_capacity(elements.len());
        for (place, raw) in elements.iter().enumerate() {
            let value = self.below(Segment::Index(place), |resolver| resolver.value(raw.get(), items));
            changed |= value.is_some();
            all.push(value.map_or(Cow::Borrowed(raw.get()), Cow::Owned));
        }
        changed.then(|| format!("[{}]", all.join(",")))
    }

    fn below<T>(&mut self, step: Segment, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step);
        let done = work(self);
        self.path.pop();
        done
    }
}

/// What a field of another name says.
struct Said<'a> {
    /// Its place among those that the shape does not have.
    place: usize,
    name: &'a str,
    json: &'a str,
    /// What that means for the field.
    value: Cow<'a, str>,
}

impl Said<'_> {
    fn told(&self) -> String {
        let said = told(self.name, self.json);
        match self.value == self.json {
            true => said,
            false => format!("{said}, which is {}", shortened(&self.value, MAX_VALUE)),
        }
    }
}

fn told(name: &str, json: &str) -> String {
    format!("{} says {}", shortened(name, MAX_NAME), shortened(json, MAX_VALUE))
}

fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}
