//! Takes in what an export gave.

use super::{
    Memory,
    entry::{Entry, TOO_DEEP, is_too_deep},
    readers::Readers,
    so_many,
    store::{Change, State, made_ids},
};
use crate::{
    blocking::blocking,
    caller::Access,
    capability::{Capability, Context},
    clock,
    error::{Error, Result},
    memory::about,
    permissions::{Needs, Subjects},
    policy::paths::Intent,
    problem::{Problem, described},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::{collections::HashMap, sync::Arc};

/// Import memory entries from JSON lines.
///
/// All of them, with their ids and times, or none when a line is wrong. An entry that is there already in the same words
/// is left alone.
#[derive(Deserialize, JsonSchema)]
pub struct ImportEntries {
    /// The entries, one JSON object a line, as memory_export gives them; only `content` must be there.
    content: String,
    /// What to do with an id that another entry has: `error` imports nothing, `skip` keeps the entry that is there,
    /// `replace` takes the new one.
    #[serde(default)]
    on_conflict: OnConflict,
}

/// What to do with an id that another entry has.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OnConflict {
    /// Import nothing.
    #[default]
    Error,
    /// Keep the entry that is there.
    Skip,
    /// Take the new one.
    Replace,
}

/// What was imported.
#[derive(Serialize, JsonSchema)]
pub struct Imported {
    /// How many entries were added or replaced.
    count: usize,
    /// How many were there already, or were skipped.
    skipped: usize,
    /// The change, for memory_restore, where entries were replaced; null otherwise.
    change_id: Option<String>,
    /// In words.
    message: String,
}

/// The longest id that an entry may ask for, in characters.
const ID_MAX: usize = 200;

/// How many wrong lines an answer names.
const PROBLEMS_MAX: usize = 20;

impl Capability for ImportEntries {
    const NAME: &'static str = "memory_import";
    const ACCESS: Access = Access::Write;
    const IDEMPOTENT: bool = true;
    const EXAMPLE: &'static str =
        r#"{"content": "{\"id\": \"alice-1\", \"content\": \"Alice lives in Lyon\", \"tags\": [\"alice\"]}\n"}"#;
    type Service = Memory;
    type Output = Imported;

    fn subjects(&self, _: &Memory, _: Needs) -> Subjects {
        about::any(Intent::Write)
    }

    async fn run(self, memory: &Memory, context: &Context) -> Result<Imported> {
        let Self { content, on_conflict } = self;
        // Parsing a large import is work of its own.
        let mut lines = blocking(move || parse(&content)).await??;
        lines.iter_mut().for_each(|(_, entry)| entry.added_by(&context.caller));
        let total = lines.len();
        let readers = memory.readers.clone();
        let done = memory.store.change(move |state| decide(state, &readers, lines, on_conflict)).await?;
        let (count, change_id) = (done.outcome, done.change_id);
        context.record_as(json!({"count": count, "skipped": total - count}));
        let message = format!("{} imported", so_many(count));
        Ok(Imported { count, skipped: total - count, change_id, message })
    }
}

/// The entries with the numbers of their lines, from 1.
type Lines = Vec<(usize, Entry)>;

fn parse(content: &str) -> Result<Lines> {
    let (mut entries, mut problems) = (Lines::new(), Vec::new());
    for (number, line) in (1..).zip(content.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        match entry(line) {
            Ok(entry) => entries.push((number, entry)),
            Err(problem) => problems.push(Problem::value("content", format!("line {number}: {problem}"))),
        }
        if problems.len() >= PROBLEMS_MAX {
            break;
        }
    }
    if problems.is_empty() { Ok(entries) } else { Err(Error::Invalid(problems)) }
}

/// The entry of a line, held to what an add is held to.
fn entry(line: &str) -> std::result::Result<Entry, String> {
    let entry: Entry = serde_json::from_str(line).map_err(|error| described(&error, line.as_bytes()))?;
    if entry.id.chars().count() > ID_MAX {
        return Err(format!("`id` should have at most {ID_MAX} characters"));
    }
    if is_too_deep(&entry.metadata()) || entry.extra.as_deref().is_some_and(is_too_deep) {
        return Err(TOO_DEEP.to_owned());
    }
    if entry.expires_at.as_deref().is_some_and(|end| clock::parse(end).is_none()) {
        return Err("`expires_at` should be a time as YYYY-MM-DDTHH:MM:SS".to_owned());
    }
    Ok(entry)
}

fn decide(state: &State, readers: &Readers, lines: Lines, on_conflict: OnConflict) -> Result<(Vec<Change>, usize)> {
    let mut taken: HashMap<Arc<str>, usize> = HashMap::new();
    let mut entries: Vec<Arc<Entry>> = Vec::new();
    let mut replacing = 0;
    for (number, mut entry) in lines {
        if entry.id.is_empty() {
            let free = |id: &String| state.get(id).is_none() && !taken.contains_key(id.as_str());
            let mut ids = made_ids(&entry.timestamp, state.len() + entries.len()).filter(free);
            entry.id = ids.next().expect("there are more numbers than entries").into();
        }
        let earlier = taken.get(&entry.id).map(|place| &entries[*place]);
        match earlier.or_else(|| state.get(&entry.id)) {
            // What is not there for this caller is neither compared nor replaced.
            Some(present) if !readers.read(present) => return Err(conflict(number, &entry)),
            Some(present) if **present == entry => continue,
            Some(_) if on_conflict == OnConflict::Skip => continue,
            Some(_) if on_conflict == OnConflict::Error || earlier.is_some() => return Err(conflict(number, &entry)),
            Some(_) => replacing += 1,
            None => {}
        }
        taken.insert(Arc::clone(&entry.id), entries.len());
        entries.push(Arc::new(entry));
    }
    let count = entries.len();
    if count - replacing > state.remaining_capacity() {
        return Err(Error::Full("The memory holds as many entries as it can: delete some first".into()));
    }
    Ok((if entries.is_empty() { vec![] } else { vec![Change::Add(entries)] }, count))
}

fn conflict(number: usize, entry: &Entry) -> Error {
    Error::Conflict(format!(
        "line {number}: the id {:?} belongs to another entry; nothing was imported. Set on_conflict to skip or replace",
        entry.id
    ))
}
