//! Remembers something.

use super::{
    Memory,
    entry::{DEFAULT_SOURCE, Entry, TOO_DEEP, is_too_deep, object_text},
    store::{Added, Draft, document, same_hash},
};
use crate::{
    arguments::clean_beginning,
    blocking::blocking,
    caller::{Access, Caller},
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
    memory::about,
    permissions::{Needs, Subjects},
    policy::paths::Intent,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// Texts up to this many bytes are split into words where the call runs; longer ones on a thread of their own.
const ANALYSED_IN_PLACE: usize = 32 << 10;

/// How much of the content the history shows, in characters, and how many tags.
const SHOWN: usize = 100;
const TAGS_SHOWN: usize = 100;

/// Remember something for good.
///
/// A note or fact for later conversations. For several, memory_add_many.
///
/// It is on disk when the answer comes. With `id`, sending the same entry again changes nothing.
#[derive(Deserialize, JsonSchema)]
pub struct AddEntry {
    /// What to remember. It may be empty.
    content: String,
    /// Words to find it by.
    #[serde(default)]
    tags: Vec<String>,
    /// What else there is to say. A `date` or `timestamp` in it says when what is told took place.
    #[serde(default)]
    metadata: Map<String, Value>,
    /// Who says it.
    #[serde(default = "default_source")]
    source: String,
    /// An id of your own. One is made otherwise. The same id with another content is refused.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    id: Option<String>,
    /// When it ends: `YYYY-MM-DDTHH:MM:SS`. It is no answer from then on; never when left out.
    #[serde(default)]
    expires_at: Option<String>,
    /// Add nothing where the same is there. An entry with the same content and tags (whatever the case and the accents)
    /// is answered then.
    #[serde(default)]
    dedupe: bool,
}

fn default_source() -> String {
    DEFAULT_SOURCE.to_owned()
}

/// That it is remembered.
#[derive(Serialize, JsonSchema)]
pub struct EntryAdded {
    /// The entry's id.
    id: String,
    /// In words.
    message: String,
    /// When it was added.
    timestamp: String,
    /// True when the entry was there already and nothing was added; left out otherwise.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    existed: bool,
}

impl Capability for AddEntry {
    const NAME: &'static str = "memory_add";
    const ACCESS: Access = Access::Write;
    const EXAMPLE: &'static str = r#"{"content": "Alice prefers tea over coffee", "tags": ["alice", "preferences"], "metadata": {"project": "demo"}}"#;
    const IS_STAMPED: bool = false;
    type Service = Memory;
    type Output = EntryAdded;

    fn aside(_: &EntryAdded) -> &'static [&'static str] {
        &["message"]
    }

    fn subjects(&self, _: &Memory, _: Needs) -> Subjects {
        about::tagged([self.tags.clone()], Intent::Write)
    }

    async fn run(self, memory: &Memory, context: &Context) -> Result<EntryAdded> {
        let timestamp = clock::timestamp();
        let shown = clean_beginning(&self.content, SHOWN, &[]);
        let tags: Vec<String> = self.tags.iter().take(TAGS_SHOWN).cloned().collect();
        let Self { content, tags: own, metadata, source, id, expires_at, dedupe } = self;
        // An entry with the same tags that is not there for this caller is none that it finds.
        let dedupe = dedupe && memory.readers.read_tags(&own);
        let new = NewEntry { content, tags: own, metadata, source, id, expires_at };
        let draft = new.draft(&timestamp, dedupe).map_err(|(field, problem)| Error::invalid(field, problem))?;
        let added = memory.remember(&context.caller, vec![draft]).await?;
        let Added { id, existed } = added.into_iter().next().expect("one draft has one answer");
        context.record_as(json!({"id": &*id, "content": shown, "tags": tags}));
        let message = "Memory entry added successfully".to_owned();
        Ok(EntryAdded { id: id.to_string(), message, timestamp, existed })
    }
}

/// What to remember.
#[derive(Deserialize, JsonSchema)]
pub(crate) struct NewEntry {
    /// What to remember. It may be empty.
    pub content: String,
    /// Words to find it by.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What else there is to say. A `date` or `timestamp` in it says when what is told took place.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// Who says it.
    #[serde(default = "default_source")]
    pub source: String,
    /// An id of your own. One is made otherwise. The same id with another content is refused.
    #[serde(default)]
    #[schemars(length(min = 1, max = 200))]
    pub id: Option<String>,
    /// When it ends: `YYYY-MM-DDTHH:MM:SS`. It is no answer from then on; never when left out.
    #[serde(default)]
    pub expires_at: Option<String>,
}

impl NewEntry {
    /// Checks what the schema cannot say; the error is the field's name and a sentence.
    pub(crate) fn draft(self, timestamp: &str, dedupe: bool) -> Result<Draft, (&'static str, &'static str)> {
        if let Some(end) = &self.expires_at
            && clock::parse(end).is_none()
        {
            return Err(("expires_at", "Input should be a time as YYYY-MM-DDTHH:MM:SS"));
        }
        if is_too_deep(&self.metadata) {
            return Err(("metadata", TOO_DEEP));
        }
        let same = dedupe.then(|| same_hash(&self.content, &self.tags));
        let entry = Entry {
            id: "".into(),
            content: self.content.into(),
            tags: self.tags.into(),
            metadata: object_text(&self.metadata),
            timestamp: timestamp.into(),
            source: self.source.into(),
            expires_at: self.expires_at.map(Into::into),
            extra: None,
        };
        Ok(Draft { id: self.id, entry, terms: None, same })
    }
}

impl Memory {
    /// Adds entries, all or none; their words are found here, not on the one thread that writes.
    pub(super) async fn remember(&self, caller: &Caller, mut drafts: Vec<Draft>) -> Result<Vec<Added>> {
        drafts.iter_mut().for_each(|draft| draft.entry.added_by(caller));
        let store = self.store.clone();
        let bytes: usize = drafts.iter().map(|draft| draft.entry.content.len()).sum();
        let analyse = move || {
            let analysed = drafts.into_iter().map(|draft| {
                let terms = store.analyser().document(&document(&draft.entry));
                Draft { terms: Some(terms), ..draft }
            });
            analysed.collect()
        };
        let drafts = if bytes <= ANALYSED_IN_PLACE { analyse() } else { blocking(analyse).await? };
        self.store.add(drafts).await
    }
}
