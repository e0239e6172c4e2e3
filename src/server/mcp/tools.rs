//! Every capability of the catalog as a tool.

use super::media::NamedMedium;
use crate::{
    arguments::Arguments,
    bridge::{Bridge, Catalog, Face},
    caller::Access,
    capability::{self, Capability, Context, Medium},
    error::{Error, Result},
    server::{rest::path_of, schema},
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
pub const RESULT_CURSOR: &str = "result_cursor";

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

type Run = Box<dyn Fn(Arc<Bridge>, Arc<Context>, Arguments) -> BoxFuture<'static, Result<Answer>> + Send + Sync>;

struct Entry {
    tool: Tool,
    run: Run,
}

/// The tools, in the catalog's order.
#[derive(Default)]
pub struct Tools {
    all: IndexMap<&'static str, Entry>,
    /// The tools by the routes of their capabilities.
    by_route: HashMap<String, &'static str>,
}

/// What may be a route in a sentence, with its method before it.
static ROUTE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(^|[^\w/.-])(?:(?:POST|GET) )?((?:/[a-z_]+){2,3})\b").expect("the pattern is constant")
});

impl Tools {
    /// The tools of a catalog.
    pub fn of<C: Catalog>() -> Self {
        let mut tools = Self::default();
        C::show(&mut tools);
        tools
    }

    /// Every tool as it is published.
    pub fn list(&self) -> Vec<Tool> {
        self.all.values().map(|entry| entry.tool.clone()).collect()
    }

    /// One tool as it is published.
    pub fn get(&self, name: &str) -> Option<&Tool> {
        self.all.get(name).map(|entry| &entry.tool)
    }

    /// What is wrong and how to fix it, with tools in place of their routes.
    pub fn sentence(&self, error: &Error) -> String {
        self.named(&error.hint().map_or_else(|| error.to_string(), |hint| format!("{error}. {hint}")))
    }

    /// A text with tools in place of their routes.
    pub fn named(&self, text: &str) -> String {
        let named = ROUTE.replace_all(text, |found: &Captures<'_>| match self.by_route.get(&found[2]) {
            Some(tool) => format!("{}{tool}", &found[1]),
            None => found[0].to_owned(),
        });
        named.into_owned()
    }

    /// Starts a call; `None` for a name that no capability has.
    pub fn run(
        &self,
        name: &str,
        bridge: Arc<Bridge>,
        context: Arc<Context>,
        arguments: Arguments,
    ) -> Option<BoxFuture<'static, Result<Answer>>> {
        self.all.get(name).map(|entry| (entry.run)(bridge, context, arguments))
    }
}

impl Face for Tools {
    fn show<C: Capability>(&mut self)
    where
        Bridge: AsRef<C::Service>,
    {
        let run: Run = Box::new(|bridge, context, arguments| {
            let call = async move {
                let mut output = bridge.call::<C>(&context, arguments).await?;
                let media = C::media(&mut output);
                let json = json!(capability::Answer { output, ignored: context.ignored() });
                Ok(Answer { json, media, full_media: C::FULL_MEDIA, output: C::OUTPUT })
            };
            // The SDK would leave the client of a call that panics without any answer.
            let whole = AssertUnwindSafe(call).catch_unwind();
            Box::pin(whole.map(|outcome| outcome.unwrap_or_else(|_| Err(Error::internal(anyhow!("a call panicked"))))))
        });
        self.by_route.insert(path_of::<C>(), C::NAME);
        self.all.insert(C::NAME, Entry { tool: describe::<C>(), run });
    }
}

fn describe<C: Capability>() -> Tool {
    let (title, about) = schema::words::<C>();
    Tool::new(C::NAME, about, Arc::new(input::<C>()))
        .with_title(title)
        .with_raw_output_schema(Arc::new(output::<C>()))
        .with_annotations(annotations::<C>())
}

/// The arguments, and the one with which a cut answer is continued.
fn input<C: Capability>() -> JsonObject {
    let mut input = schema::of_request::<C>();
    let properties = input.entry("properties").or_insert_with(|| json!({}));
    let about = "Goes on with a cut result: its next_result_cursor. Give the other arguments as before.";
    if let Value::Object(properties) = properties {
        properties.insert(RESULT_CURSOR.to_owned(), json!({"type": "string", "description": about}));
    }
    input
}

/// The answer, and what is said of the media that are beside it.
fn output<C: Capability>() -> JsonObject {
    let mut output = schema::of_answer::<C::Output>();
    if let (Some(Value::Object(properties)), Some(_)) = (output.get_mut("properties"), C::FULL_MEDIA) {
        properties.extend([
            ("media".to_owned(), json!(schema::of_answer::<Vec<NamedMedium>>())),
            ("media_hint".to_owned(), json!({"type": "string", "description": "How to get those that are not whole."})),
        ]);
    }
    output
}

/// The protocol's defaults (destructive, open world) are wrong for most of what the bridge does: all four are said.
fn annotations<C: Capability>() -> ToolAnnotations {
    let (read_only, open_world) = match C::ACCESS {
        Access::Read => (true, false),
        Access::Write | Access::Admin => (false, false),
        Access::Execute | Access::Network => (false, true),
    };
    let destructive = !read_only && (C::DESTRUCTIVE || matches!(C::ACCESS, Access::Execute | Access::Admin));
    ToolAnnotations::new()
        .read_only(read_only)
        .destructive(destructive)
        .idempotent(read_only || C::IDEMPOTENT)
        .open_world(open_world)
}
