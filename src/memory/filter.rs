//! Which entries a request is about.

use super::{
    entry::Entry,
    readers::Readers,
    store::{State, now},
};
use crate::{
    clock,
    error::{Error, Result},
};
use chrono::{Days, NaiveDateTime};
use memory_ranking::Positions;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::{Map, Value};
use std::{borrow::Cow, fmt};

/// A request with the fields of a filter where `..Filter` stands. Serde's own `flatten` would forget where in the
/// request a wrong value stood, and be strict where all other fields are lenient.
macro_rules! filtered {
    (
        $(#[$about:meta])*
        pub struct $name:ident {
            $($(#[$before:meta])* $first:ident: $first_type:ty,)*
            ..Filter,
            $($(#[$behind:meta])* $last:ident: $last_type:ty,)*
        }
    ) => {
        $(#[$about])*
        pub struct $name {
            $($(#[$before])* $first: $first_type,)*
            /// Only entries with any of these tags.
            #[serde(default)]
            tags: Option<Vec<String>>,
            /// Only entries with all of these tags. `true` stands for those of `tags`.
            #[serde(default)]
            all_tags: Option<$crate::memory::filter::AllTags>,
            /// Only entries of this source.
            #[serde(default)]
            source: Option<String>,
            /// Only entries added from `YYYY-MM-DD` on. Or `YYYY-MM-DDTHH:MM:SS`.
            #[serde(default)]
            since: Option<String>,
            /// Only entries added until then. A day counts whole.
            #[serde(default)]
            until: Option<String>,
            /// Only entries with these values there.
            #[serde(default)]
            metadata: Option<serde_json::Map<String, serde_json::Value>>,
            $($(#[$behind])* $last: $last_type,)*
        }

        impl $name {
            /// Takes the filter out of the request.
            ///
            /// # Errors
            /// When a time cannot be read.
            fn filter(&mut self) -> $crate::error::Result<$crate::memory::filter::Filter> {
                let times = (self.since.as_deref(), self.until.as_deref());
                let (tags, all_tags) = (self.tags.take(), self.all_tags.take());
                $crate::memory::filter::Filter::new(tags, all_tags, self.source.take(), times, self.metadata.take())
            }
        }
    };
}

pub(in crate::memory) use filtered;

/// What an entry must be like. Everything given must hold.
#[derive(Default)]
pub(crate) struct Filter {
    /// Any of these tags.
    pub tags: Vec<String>,
    /// All of these tags.
    pub all_tags: Vec<String>,
    /// This source.
    pub source: Option<String>,
    /// Added then or later.
    pub since: Option<NaiveDateTime>,
    /// Added before.
    pub until: Option<NaiveDateTime>,
    /// These values in its metadata.
    pub metadata: Map<String, Value>,
    /// Who asks.
    pub readers: Readers,
}

/// The tags that an entry must all have: a list of them, or `true` for those of `tags`.
pub(crate) enum AllTags {
    /// Whether those of `tags` are meant.
    Those(bool),
    /// These.
    List(Vec<String>),
}

impl Filter {
    /// A filter from what requests bring.
    ///
    /// # Errors
    /// When a time cannot be read.
    pub(crate) fn new(
        tags: Option<Vec<String>>,
        all_tags: Option<AllTags>,
        source: Option<String>,
        times: (Option<&str>, Option<&str>),
        metadata: Option<Map<String, Value>>,
    ) -> Result<Self> {
        let (tags, all_tags) = match (tags.unwrap_or_default(), all_tags) {
            (tags, Some(AllTags::Those(true))) => (vec![], tags),
            (tags, Some(AllTags::List(all))) => (tags, all),
            (tags, _) => (tags, vec![]),
        };
        let since = times.0.map(|text| moment("since", text)).transpose()?;
        let until = times.1.map(|text| moment("until", text).map(|end| after(text, end))).transpose()?;
        Ok(Self {
            tags,
            all_tags,
            source,
            since,
            until,
            metadata: metadata.unwrap_or_default(),
            readers: Readers::default(),
        })
    }

    /// The same for what these read alone.
    pub(crate) fn read_by(self, readers: &Readers) -> Self {
        Self { readers: readers.clone(), ..self }
    }

    /// Whether it lets everything through that is read.
    pub(crate) fn is_empty(&self) -> bool {
        self.tags.is_empty() && self.all_tags.is_empty() && !self.looks_at_each()
    }

    fn looks_at_each(&self) -> bool {
        self.source.is_some() || self.since.is_some() || self.until.is_some() || !self.metadata.is_empty()
    }

    /// The positions of the entries that pass and have not expired.
    pub(crate) fn positions(&self, state: &State) -> Positions {
        let mut passing = state.live().clone();
        self.readers.keep(&mut passing, state);
        if !self.tags.is_empty() {
            passing.intersect(&state.tagged(&self.tags, false));
        }
        if !self.all_tags.is_empty() {
            passing.intersect(&state.tagged(&self.all_tags, true));
        }
        if !self.looks_at_each() && !state.has_expiring() {
            return passing;
        }
        let now = now();
        let refused: Vec<u32> = passing
            .iter()
            .filter(|position| state.at(*position).is_none_or(|entry| entry.is_expired(now) || !self.passes(entry)))
            .collect();
        refused.into_iter().for_each(|position| passing.remove(position));
        passing
    }

    /// Whether an entry passes what the tags do not say.
    fn passes(&self, entry: &Entry) -> bool {
        self.source.as_ref().is_none_or(|source| **source == *entry.source)
            && self.in_time(entry)
            && (self.metadata.is_empty() || {
                let metadata = entry.metadata();
                self.metadata.iter().all(|(key, value)| metadata.get(key).is_some_and(|present| equal(present, value)))
            })
    }

    /// An entry whose timestamp a person made unreadable is in no span of time.
    fn in_time(&self, entry: &Entry) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        let Some(written) = entry.written() else { return false };
        self.since.is_none_or(|since| written >= since) && self.until.is_none_or(|until| written < until)
    }
}

/// Whether two values are the same JSON: 1 is 1.0, and the order of an object's keys does not count.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left == right || left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let there = |(key, value): (&String, &Value)| right.get(key).is_some_and(|other| equal(value, other));
            left.len() == right.len() && left.iter().all(there)
        }
        _ => left == right,
    }
}

fn moment(field: &str, text: &str) -> Result<NaiveDateTime> {
    clock::parse(text)
        .ok_or_else(|| Error::invalid(field, "Input should be a time as YYYY-MM-DDTHH:MM:SS or a day as YYYY-MM-DD"))
}

/// The first moment that is too late: after the day, or after the microsecond.
fn after(text: &str, end: NaiveDateTime) -> NaiveDateTime {
    let is_day = !text.trim().contains(['T', ' ', ':']);
    if is_day { end.checked_add_days(Days::new(1)).unwrap_or(end) } else { end + chrono::TimeDelta::microseconds(1) }
}

impl<'de> Deserialize<'de> for AllTags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AllTagsVisitor)
    }
}

struct AllTagsVisitor;

impl<'de> Visitor<'de> for AllTagsVisitor {
    type Value = AllTags;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of tags, or true for those of `tags`")
    }

    fn visit_bool<E>(self, those: bool) -> Result<AllTags, E> {
        Ok(AllTags::Those(those))
    }

    /// As lenient as every other yes or no.
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<AllTags, E> {
        match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Ok(AllTags::Those(true)),
            "false" | "no" | "off" | "0" => Ok(AllTags::Those(false)),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<AllTags, A::Error> {
        let mut tags = Vec::new();
        while let Some(tag) = sequence.next_element()? {
            tags.push(tag);
        }
        Ok(AllTags::List(tags))
    }
}

impl JsonSchema for AllTags {
    fn schema_name() -> Cow<'static, str> {
        "AllTags".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "boolean"}]})
    }
}
