//! An entry of the memory: what is kept of it, on disk and in the process.

use crate::{agents::DEFAULT, caller::Caller, clock};
use chrono::NaiveDateTime;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
    ser::SerializeMap,
};
use serde_json::{Map, Value, value::RawValue};
use std::{fmt, sync::Arc};

/// Who wrote an entry when nobody says.
pub(crate) const DEFAULT_SOURCE: &str = "ai";

/// The key under which an entry says which agent added it.
const AGENT: &str = "agent";

/// How deep metadata may be nested. A reader of JSON stops at 128, and the journal and the index file lay their own levels
/// around it: what is deeper could be written and never read again.
const DEPTH_MAX: usize = 100;

/// What is said of metadata that is deeper.
pub(crate) const TOO_DEEP: &str = "Input should be nested at most 100 levels deep";

/// One remembered thing. Texts are boxed without room to grow: a hundred thousand of them stay resident.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// Unique in the memory.
    pub id: Arc<str>,
    /// What is remembered.
    pub content: Box<str>,
    /// Words to find it by.
    pub tags: Box<[String]>,
    /// A JSON object, as compact text.
    pub metadata: Box<str>,
    /// When it was added, in the form of [`clock::timestamp`]; a person who edits the file may write another.
    pub timestamp: Box<str>,
    /// Who added it.
    pub source: Box<str>,
    /// When it stops being an answer.
    pub expires_at: Option<Box<str>>,
    /// Keys of a hand-edited entry that mean nothing to the bridge, and are kept.
    pub extra: Option<Box<Map<String, Value>>>,
}

impl Entry {
    /// The agent that added it, as the bridge knows it; none for the agent `default`, as in older entries.
    pub(crate) fn agent(&self) -> Option<&str> {
        self.extra.as_ref()?.get(AGENT)?.as_str()
    }

    /// Notes who changes what it says.
    pub(crate) fn changed_by(&mut self, caller: &Caller) {
        if let Some(extra) = &mut self.extra {
            extra.shift_remove(AGENT);
        }
        self.extra = self.extra.take().filter(|extra| !extra.is_empty());
        self.added_by(caller);
    }

    /// Notes who adds it, whatever it says itself. What the default agent brings may be a copy of another memory.
    pub(crate) fn added_by(&mut self, caller: &Caller) {
        if caller.as_agent().is_some_and(|agent| agent.name() != DEFAULT) {
            self.extra.get_or_insert_default().insert(AGENT.to_owned(), caller.name().into());
        }
    }

    /// The metadata as an object.
    pub fn metadata(&self) -> Map<String, Value> {
        serde_json::from_str(&self.metadata).expect("it was written from an object")
    }

    /// When it was added, where its timestamp can be read.
    pub fn written(&self) -> Option<NaiveDateTime> {
        clock::parse(&self.timestamp)
    }

    /// Whether it has expired at `now`.
    pub fn is_expired(&self, now: NaiveDateTime) -> bool {
        self.expires_at.as_deref().and_then(clock::parse).is_some_and(|end| end <= now)
    }

    /// Writes the entry as a JSON object, metadata and all in the serializer's own layout.
    fn write<S: Serializer, M: Serialize>(&self, serializer: S, metadata: &M) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &*self.id)?;
        map.serialize_entry("content", &self.content)?;
        map.serialize_entry("tags", &self.tags)?;
        map.serialize_entry("metadata", metadata)?;
        map.serialize_entry("timestamp", &self.timestamp)?;
        map.serialize_entry("source", &self.source)?;
        if let Some(end) = &self.expires_at {
            map.serialize_entry("expires_at", end)?;
        }
        for (key, value) in self.extra.iter().flat_map(|extra| extra.iter()) {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// In full, for a file that people read: the metadata is laid out like the rest.
impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.write(serializer, &self.metadata())
    }
}

/// On one line, the metadata copied as it is.
pub(crate) struct Compact<'entry>(pub &'entry Entry);

impl Serialize for Compact<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let metadata: &RawValue = serde_json::from_str(&self.0.metadata).map_err(serde::ser::Error::custom)?;
        self.0.write(serializer, &metadata)
    }
}

/// Lenient where a person may have left something out: tags, metadata, source, timestamp and id have defaults.
impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a memory entry: an object with at least `content`")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
        let (mut id, mut content, mut tags) = (None::<Option<String>>, None::<String>, None::<Option<Vec<String>>>);
        let (mut metadata, mut timestamp) = (None::<Option<Map<String, Value>>>, None::<Option<String>>);
        let (mut source, mut expires_at) = (None::<Option<String>>, None::<Option<String>>);
        let mut extra = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "id" => id = Some(map.next_value()?),
                "content" => content = Some(map.next_value()?),
                "tags" => tags = Some(map.next_value()?),
                "metadata" => metadata = Some(map.next_value()?),
                "timestamp" => timestamp = Some(map.next_value()?),
                "source" => source = Some(map.next_value()?),
                "expires_at" => expires_at = Some(map.next_value()?),
                _ => {
                    extra.insert(key, map.next_value()?);
                }
            }
        }
        let content = content.ok_or_else(|| A::Error::missing_field("content"))?;
        let timestamp = timestamp.flatten().filter(|text| !text.is_empty()).unwrap_or_else(clock::timestamp);
        Ok(Entry {
            id: id.flatten().unwrap_or_default().into(),
            content: content.into(),
            tags: tags.flatten().unwrap_or_default().into(),
            metadata: object_text(&metadata.flatten().unwrap_or_default()),
            timestamp: timestamp.into(),
            source: source.flatten().unwrap_or_else(|| DEFAULT_SOURCE.to_owned()).into(),
            expires_at: expires_at.flatten().map(Into::into),
            extra: (!extra.is_empty()).then(|| Box::new(extra)),
        })
    }
}

/// Whether an object is nested deeper than metadata may be.
pub(crate) fn is_too_deep(object: &Map<String, Value>) -> bool {
    object.values().any(|value| is_deeper(value, DEPTH_MAX - 1))
}

fn is_deeper(value: &Value, levels: usize) -> bool {
    match value {
        Value::Object(object) => levels == 0 || object.values().any(|value| is_deeper(value, levels - 1)),
        Value::Array(list) => levels == 0 || list.iter().any(|value| is_deeper(value, levels - 1)),
        _ => false,
    }
}

/// An object as compact JSON.
pub(crate) fn object_text(object: &Map<String, Value>) -> Box<str> {
    serde_json::to_string(object).expect("an object can be written as JSON").into()
}

/// A content's own number, the same at every start (FNV-1a, 64 bits).
pub(crate) fn key(content: &str) -> u64 {
    content
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
