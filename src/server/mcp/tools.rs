//! Every capability of the catalog as a tool.

use super::media::NamedMedium;
use crate::{
    arguments::Arguments,
    bridge::Bridge,
    caller::Access,
    capability::{Context, Medium},
    catalog::{Entry, Type},
    error::{Error, Result},
    server::schema,
};
use anyhow::anyhow;
use futures::{FutureExt, future::BoxFuture};
use indexmap::IndexMap;
use regex::{Captures, Regex};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, LazyLock},
};

/// The argument by which a call goes on with an answer that was cut. Only this face has it: REST never cuts.
pub(crate) const RESULT_CURSOR: &str = "result_cursor";

/// What a tool gave: its answer as JSON, and what a model can see or hear of it.
pub struct Answer {
    /// The answer, less the media.
    pub json: Value,
    /// What was taken out of it.
    pub media: Vec<Medium>,
    /// How to get a medium that is too large to be shown.
    pub full_media: Option<&'static str>,
    /// The fields of the answer that hold what a program wrote.
    pub output: &'static [&'static str],
}

/// The tools, in the catalog's order.
#[derive(Default)]
pub(crate) struct Tools {
    all: IndexMap<&'static str, (Tool, Arc<Entry>)>,
    /// The tools by the routes of their capabilities.
    by_route: HashMap<String, &'static str>,
}

/// What may be a route in a sentence, with its method before it.
static ROUTE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(^|[^\w/.-])(?:(?:POST|GET) )?((?:/[a-z_]+){2,3})\b").expect("the pattern is constant")
});

impl Tools {
    /// The tools of a catalog.
    pub(crate) fn of(catalog: &[Arc<Entry>]) -> Self {
        Self {
            all: catalog.iter().map(|entry| (entry.name, (describe(entry), entry.clone()))).collect(),
            by_route: catalog.iter().map(|entry| (entry.route.clone(), entry.name)).collect(),
        }
    }

    /// The tools that somebody has, as they are published.
    pub(crate) fn list(&self, has: impl Fn(&Entry) -> bool) -> Vec<Tool> {
        self.all.values().filter(|(_, entry)| has(entry)).map(|(tool, _)| tool.clone()).collect()
    }

    /// The names of all.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.all.keys().copied()
    }

    /// One tool as it is published.
    pub(crate) fn get(&self, name: &str) -> Option<&Tool> {
        self.all.get(name).map(|(tool, _)| tool)
    }

    /// What is wrong and how to fix it, with tools in place of their routes.
    pub(crate) fn sentence(&self, error: &Error) -> String {
        self.named(&error.hint().map_or_else(|| error.to_string(), |hint| format!("{error}. {hint}")))
    }

    /// A text with tools in place of their routes.
    pub(crate) fn named(&self, text: &str) -> String {
        let named = ROUTE.replace_all(text, |found: &Captures<'_>| match self.by_route.get(&found[2]) {
            Some(tool) => format!("{}{tool}", &found[1]),
            None => found[0].to_owned(),
        });
        named.into_owned()
    }

    /// Starts a call; `None` for a name that no capability has.
    pub(crate) fn run(
        &self,
        name: &str,
        bridge: Arc<Bridge>,
        context: Arc<Context>,
        arguments: Arguments,
    ) -> Option<BoxFuture<'static, Result<Answer>>> {
        let entry = self.all.get(name)?.1.clone();
        let call = async move {
            let mut reply = bridge.call(&entry, &context, arguments).await?;
            let media = reply.media();
            let json = reply.to_value(&context.ignored());
            Ok(Answer { json, media, full_media: entry.full_media, output: entry.output_fields })
        };
        // The SDK would leave the client of a call that panics without any answer.
        let whole = AssertUnwindSafe(call).catch_unwind();
        let whole = whole.map(|outcome| outcome.unwrap_or_else(|_| Err(Error::internal(anyhow!("a call panicked")))));
        Some(Box::pin(whole))
    }
}

fn describe(entry: &Entry) -> Tool {
    Tool::new(entry.name, entry.about.clone(), Arc::new(input(entry)))
        .with_title(entry.title.clone())
        .with_raw_output_schema(Arc::new(output(entry)))
        .with_annotations(annotations(entry))
}

/// The arguments, and the one with which a cut answer is continued.
fn input(entry: &Entry) -> JsonObject {
    let mut input = schema::of_request(entry.request);
    let properties = input.entry("properties").or_insert_with(|| json!({}));
    let about = "Goes on with a cut result: its next_result_cursor. Give the other arguments as before.";
    if let Value::Object(properties) = properties {
        properties.insert(RESULT_CURSOR.to_owned(), json!({"type": "string", "description": about}));
    }
    input
}

/// The answer, and what is said of the media that are beside it.
fn output(entry: &Entry) -> JsonObject {
    let mut output = schema::of_answer(entry.answer);
    if let (Some(Value::Object(properties)), Some(_)) = (output.get_mut("properties"), entry.full_media) {
        properties.extend([
            ("media".to_owned(), json!(schema::of_answer(Type::of::<Vec<NamedMedium>>()))),
            ("media_hint".to_owned(), json!({"type": "string", "description": "How to get those that are not whole."})),
        ]);
    }
    output
}

/// The protocol's defaults (destructive, open world) are wrong for most of what the bridge does: all four are said.
fn annotations(entry: &Entry) -> ToolAnnotations {
    let (read_only, open_world) = match entry.access {
        Access::Read => (true, false),
        Access::Write | Access::Admin => (false, false),
        Access::Execute | Access::Network => (false, true),
    };
    let destructive = !read_only && (entry.destructive || matches!(entry.access, Access::Execute | Access::Admin));
    ToolAnnotations::new()
        .read_only(read_only)
        .destructive(destructive)
        .idempotent(read_only || entry.idempotent)
        .open_world(open_world)
}
