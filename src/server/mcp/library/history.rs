//! `history://date`: what was asked of the bridge on a day, one call a line.

use super::{Asker, Page, Source, path_of};
use crate::error::Result;
use futures::future::BoxFuture;
use rmcp::model::{Resource, ResourceContents, ResourceTemplate};
use serde_json::json;

const TODAY: &str = "history://today";

const MIME_TYPE: &str = "application/x-ndjson";

/// The history; only today's is listed.
pub(crate) struct History;

impl Source for History {
    fn scheme(&self) -> &'static str {
        "history"
    }

    fn templates(&self) -> Vec<ResourceTemplate> {
        let template = ResourceTemplate::new("history://{date}", "history").with_title("The calls of a day");
        vec![template.with_description("The day as YYYY-MM-DD, or today").with_mime_type(MIME_TYPE)]
    }

    fn list<'a>(&'a self, asker: &'a Asker, _: Option<String>) -> BoxFuture<'a, Result<Page>> {
        let today = Resource::new(TODAY, "today").with_title("What was done today").with_mime_type(MIME_TYPE);
        let today = today.with_description("Every call of the bridge today, oldest first, one JSON object a line");
        let resources = if asker.has("memory_history") { vec![today] } else { vec![] };
        Box::pin(async { Ok(Page { resources, next: None }) })
    }

    fn read<'a>(&'a self, asker: &'a Asker, uri: &'a str) -> BoxFuture<'a, Result<Vec<ResourceContents>>> {
        Box::pin(async move {
            let date = Some(path_of(uri)?).filter(|date| date != "today");
            let answer = asker.call("memory_history", json!({"date": date})).await?.json;
            let entries = answer["entries"].as_array().into_iter().flatten();
            let lines: String = entries.map(|entry| format!("{entry}\n")).collect();
            let text = asker.fitting(lines, "memory_history has all of it");
            Ok(vec![ResourceContents::text(text, uri).with_mime_type(MIME_TYPE)])
        })
    }

    fn complete<'a>(&'a self, _: &'a Asker, _: &'a str, begun: &'a str) -> BoxFuture<'a, Vec<String>> {
        let values = ["today".to_owned(), crate::clock::today()];
        Box::pin(async move { values.into_iter().filter(|value| value.starts_with(begun)).collect() })
    }
}
