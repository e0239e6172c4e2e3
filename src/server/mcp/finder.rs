//! The tools by which those are found and called that a list does not show: one that finds, and one that calls for each
//! risk, so that a client's person can let reads pass by themselves.

use super::published::input;
use crate::{
    arguments::Arguments,
    caller::Access,
    catalog::Entry,
    error::{Error, Result},
    near::nearest,
    server::schema,
};
use bytes::Bytes;
use indexmap::IndexMap;
use memory_ranking::{Document, Index, Positions};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

/// The tool that finds others.
pub(crate) const FIND: &str = "tools_find";

/// How many tools it names at most.
const MOST_FOUND: usize = 5;

/// How many names are given where none is near by its letters.
const MOST_NAMED: usize = 3;

/// A tool that calls others.
struct Proxy {
    name: &'static str,
    title: &'static str,
    about: &'static str,
    is_of: fn(Access) -> bool,
    notes: fn() -> ToolAnnotations,
}

/// One for each risk; every access is of one.
const PROXIES: [Proxy; 3] = [
    Proxy {
        name: "tools_read",
        title: "Call a tool that only reads",
        about: "Call a tool that is not listed and only reads: tools_find names it and its arguments.",
        is_of: |access| matches!(access, Access::Read),
        notes: || notes(true, false),
    },
    Proxy {
        name: "tools_write",
        title: "Call a tool that changes files or the memory",
        about: "Call a tool that is not listed and changes files or the memory.",
        is_of: |access| matches!(access, Access::Write),
        notes: || notes(false, false),
    },
    Proxy {
        name: "tools_run",
        title: "Call a tool that runs programs or uses the network",
        about: "Call a tool that is not listed and runs programs, uses the network or clears the memory.",
        is_of: |access| matches!(access, Access::Execute | Access::Network | Access::Admin),
        notes: || notes(false, true),
    },
];

fn notes(reads: bool, is_open: bool) -> ToolAnnotations {
    ToolAnnotations::new().read_only(reads).destructive(!reads).idempotent(reads).open_world(is_open)
}

/// The tool by which a tool is called that is not listed.
fn proxy_for(access: Access) -> &'static Proxy {
    PROXIES.iter().find(|proxy| (proxy.is_of)(access)).expect("every access is of one")
}

/// What finds tools.
pub(crate) struct Finder {
    entries: IndexMap<&'static str, Arc<Entry>>,
    index: Index,
    tools: Vec<(Tool, Option<&'static Proxy>)>,
}

impl Finder {
    /// Finds those of a catalog.
    pub(crate) fn of(catalog: &[Arc<Entry>]) -> Self {
        let mut index = Index::default();
        for (position, entry) in (0..).zip(catalog) {
            index.add(position, &Document { content: &words(entry), ..Document::default() });
        }
        let callers = PROXIES.iter().map(|proxy| (proxy.tool(), Some(proxy)));
        Self {
            entries: catalog.iter().map(|entry| (entry.name, entry.clone())).collect(),
            index,
            tools: std::iter::once((finding(), None)).chain(callers).collect(),
        }
    }

    /// The tools that find and call others, less those that could call none that somebody has.
    pub(crate) fn list(&self, has: impl Fn(&Entry) -> bool) -> impl Iterator<Item = Tool> {
        let reaches = move |proxy: &Proxy| self.entries.values().any(|entry| (proxy.is_of)(entry.access) && has(entry));
        let of_use = self.tools.iter().filter(move |(_, proxy)| proxy.is_none_or(&reaches));
        of_use.map(|(tool, _)| tool.clone())
    }

    /// One of them as it is published.
    pub(crate) fn get(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().map(|(tool, _)| tool).find(|tool| tool.name == name)
    }

    /// What answers a question: the tools that fit it best, of those that somebody has, with what each takes.
    pub(crate) fn answer(&self, mut arguments: Arguments, has: impl Fn(&Entry) -> bool) -> Result<Value> {
        let query: Option<String> = arguments.take("query").and_then(|json| serde_json::from_str(&json).ok());
        let query = query.ok_or_else(|| Error::Unusable("query: Say in a few words what you want to do".to_owned()))?;
        let found = self.rank(&query, MOST_FOUND, &has);
        let described = found.iter().map(|entry| {
            json!({
                "name": entry.name,
                "call_with": proxy_for(entry.access).name,
                "description": entry.brief,
                "inputSchema": input(entry),
            })
        });
        let mut answer = json!({"tools": described.collect::<Vec<_>>()});
        if found.is_empty() {
            answer["names"] = self.entries.values().filter(|entry| has(entry)).map(|entry| entry.name).collect();
        }
        Ok(answer)
    }

    fn rank(&self, query: &str, most: usize, has: impl Fn(&Entry) -> bool) -> Vec<&Arc<Entry>> {
        let mut among = Positions::default();
        (0..)
            .zip(self.entries.values())
            .filter(|(_, entry)| has(entry))
            .for_each(|(position, _)| among.insert(position));
        let ranked = self.index.rank(query, &among, None, most);
        let places = ranked.iter().filter_map(|ranked| usize::try_from(ranked.position).ok());
        places.filter_map(|place| Some(self.entries.get_index(place)?.1)).collect()
    }

    /// The tools that may be meant by a name that none has: those that are written nearly so, or are about the same.
    pub(crate) fn near(&self, name: &str) -> Vec<&'static str> {
        let near = nearest(name, self.entries.keys().copied());
        if !near.is_empty() {
            return near;
        }
        self.rank(&spaced(name), MOST_NAMED, |_| true).iter().map(|entry| entry.name).collect()
    }

    /// Which tool a call means, with its arguments: its own, or of one that calls others the tool that it names.
    ///
    /// # Errors
    /// [`Error::Unusable`] where none is named, or one that another of these tools calls; the message says what to do instead.
    pub(crate) async fn aim(&self, name: &str, mut arguments: Arguments) -> Result<(String, Arguments)> {
        let Some(proxy) = PROXIES.iter().find(|proxy| proxy.name == name) else {
            return Ok((name.to_owned(), arguments));
        };
        let named = arguments.take("name").and_then(|json| serde_json::from_str::<String>(&json).ok());
        let named = named.ok_or_else(|| Error::Unusable("name: Say which tool; tools_find names them".to_owned()))?;
        let Some(entry) = self.entries.get(&*named) else {
            return Err(Error::Unusable(format!("Unknown tool: {named} ({})", self.meant(&named))));
        };
        let right = proxy_for(entry.access);
        if right.name != proxy.name {
            return Err(Error::Unusable(format!("{name} does not call {named}: call it with {}", right.name)));
        }
        // Models put what the tool takes beside its name, too.
        let inner = match arguments.take_bytes("arguments") {
            Some(inner) => Arguments::from_body(object(inner)).await?.with_empty_as_absent(),
            None => arguments,
        };
        Ok((named, inner))
    }

    /// The end of a sentence about a name that no tool has.
    pub(crate) fn meant(&self, name: &str) -> String {
        match self.near(name) {
            near if near.is_empty() => format!("{FIND} finds them"),
            near => format!("did you mean {}?", near.join(" or ")),
        }
    }
}

/// Models send an object as a text that holds its JSON, or nothing for none.
fn object(sent: Bytes) -> Bytes {
    let text = match sent.first() {
        Some(b'"') => serde_json::from_slice::<String>(&sent).unwrap_or_default(),
        Some(b'n') => String::new(),
        _ => return sent,
    };
    if text.trim().is_empty() { Bytes::from_static(b"{}") } else { text.into() }
}

/// What other programs call what a tool does.
static OTHER_NAMES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let lines = include_str!("other_names.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(": ")).collect()
});

/// What a tool is found by.
fn words(entry: &Entry) -> String {
    let others = OTHER_NAMES.get(entry.name).copied().unwrap_or_default();
    let mut words = format!("{}. {}. {}. ", spaced(entry.name), entry.about, spaced(others));
    let request = schema::of_request(entry.request);
    let arguments = request.get("properties").and_then(Value::as_object);
    for (name, argument) in arguments.into_iter().flatten() {
        let about = argument["description"].as_str().unwrap_or_default();
        words.push_str(&format!("{}: {about} ", spaced(name)));
    }
    words
}

fn spaced(name: &str) -> String {
    name.replace(['_', '-', '.', '/'], " ")
}

fn finding() -> Tool {
    let about = "Find tools that are not listed, by what you want to do: more for files (copy, move, stat, archives, changes), \
                 processes, memory, notebooks and sandbox sessions. Answers with their arguments, and which of tools_read, \
                 tools_write and tools_run calls each.";
    let properties = json!({"query": {"type": "string", "description": "What you want to do."}});
    Tool::new(FIND, about, Arc::new(takes(properties, &["query"])))
        .with_title("Find tools")
        .with_annotations(notes(true, false))
}

impl Proxy {
    fn tool(&self) -> Tool {
        let properties = json!({"name": {"type": "string"}, "arguments": {"type": "object"}});
        Tool::new(self.name, self.about, Arc::new(takes(properties, &["name"])))
            .with_title(self.title)
            .with_annotations((self.notes)())
    }
}

fn takes(properties: Value, required: &[&str]) -> JsonObject {
    let takes = json!({"type": "object", "properties": properties, "required": required});
    takes.as_object().cloned().unwrap_or_default()
}
