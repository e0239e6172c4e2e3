//! Every capability of the catalog as a tool.

use crate::{
    arguments::Arguments,
    bridge::{Bridge, Catalog, Face},
    caller::Access,
    capability::{Capability, Context, Medium},
    error::{Error, Result},
    server::schema,
};
use anyhow::anyhow;
use futures::{FutureExt, future::BoxFuture};
use indexmap::IndexMap;
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use std::{panic::AssertUnwindSafe, sync::Arc};

/// The argument by which a call goes on with an answer that was cut. Only this face has it: REST never cuts.
pub const RESULT_CURSOR: &str = "result_cursor";

/// What a tool gave: its answer as JSON, and what a model can see or hear of it.
pub struct Answer {
    /// The answer, less the media.
    pub json: Value,
    /// What was taken out of it.
    pub media: Vec<Medium>,
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
}

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
                Ok(Answer { json: json!(output), media })
            };
            // The SDK would leave the client of a call that panics without any answer.
            let whole = AssertUnwindSafe(call).catch_unwind();
            Box::pin(whole.map(|outcome| outcome.unwrap_or_else(|_| Err(Error::internal(anyhow!("a call panicked"))))))
        });
        self.all.insert(C::NAME, Entry { tool: describe::<C>(), run });
    }
}

fn describe<C: Capability>() -> Tool {
    let (title, description) = schema::words::<C>();
    let about = if description.is_empty() { title.clone() } else { format!("{title}. {description}") };
    Tool::new(C::NAME, about, Arc::new(input::<C>()))
        .with_title(title)
        .with_raw_output_schema(Arc::new(schema::of_answer::<C::Output>()))
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
