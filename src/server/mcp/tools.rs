//! Every capability of the catalog as a tool.

use super::{
    finder::{FIND, Finder},
    published::describe,
};
use crate::{
    arguments::Arguments,
    bridge::Bridge,
    caller::Access,
    capability::{Context, Medium},
    catalog::Entry,
    error::{Error, Result},
};
use anyhow::anyhow;
use futures::{FutureExt, future::BoxFuture};
use indexmap::IndexMap;
use regex::{Captures, Regex};
use rmcp::model::Tool;
use serde_json::Value;
use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, LazyLock},
};

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
    /// The fields that a model needs not.
    pub aside: &'static [&'static str],
}

/// The tools, in the catalog's order.
pub(crate) struct Tools {
    all: IndexMap<&'static str, (Tool, Arc<Entry>)>,
    /// The tools by the routes of their capabilities.
    by_route: HashMap<String, &'static str>,
    /// What finds and calls those that a list does not show.
    pub finder: Arc<Finder>,
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
            finder: Arc::new(Finder::of(catalog)),
        }
    }

    /// The tools of a list, as they are published.
    pub(crate) fn list(&self, shows: impl Fn(&Entry) -> bool, with_answers: bool) -> Vec<Tool> {
        let shown = self.all.values().filter(|(_, entry)| shows(entry));
        let published = shown.map(|(tool, _)| {
            let mut tool = tool.clone();
            tool.output_schema.take_if(|_| !with_answers);
            tool
        });
        published.collect()
    }

    /// What a tool needs.
    pub(crate) fn access(&self, name: &str) -> Option<Access> {
        self.all.get(name).map(|(_, entry)| entry.access)
    }

    /// One tool as it is published.
    pub(crate) fn get(&self, name: &str) -> Option<&Tool> {
        self.all.get(name).map(|(tool, _)| tool).or_else(|| self.finder.get(name))
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
        if name == FIND {
            return Some(self.find(bridge, context, arguments).boxed());
        }
        let entry = self.all.get(name)?.1.clone();
        let call = async move {
            let mut reply = bridge.call(&entry, &context, arguments).await?;
            let media = reply.media();
            let json = reply.to_value(&context.ignored());
            Ok(Answer { json, media, full_media: entry.full_media, output: entry.output_fields, aside: reply.aside() })
        };
        // The SDK would leave the client of a call that panics without any answer.
        let whole = AssertUnwindSafe(call).catch_unwind();
        let whole = whole.map(|outcome| outcome.unwrap_or_else(|_| Err(Error::internal(anyhow!("a call panicked")))));
        Some(Box::pin(whole))
    }

    /// Finds tools, of those that the caller has.
    fn find(
        &self,
        bridge: Arc<Bridge>,
        context: Arc<Context>,
        arguments: Arguments,
    ) -> impl Future<Output = Result<Answer>> + use<> {
        let finder = self.finder.clone();
        async move {
            let json = finder.answer(arguments, |entry| bridge.has(&context.caller, entry))?;
            Ok(Answer { json, media: Vec::new(), full_media: None, output: &[], aside: &[] })
        }
    }
}
