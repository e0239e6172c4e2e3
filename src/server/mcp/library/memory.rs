//! `memory://id`: what is remembered.

use super::{Asker, Page, Source, path_of};
use crate::error::Result;
use futures::future::BoxFuture;
use rmcp::model::{Resource, ResourceContents, ResourceTemplate};
use serde_json::{Value, json};

/// How many entries a page has.
const PAGE: usize = 100;

/// How much of an entry its title shows, in characters.
const TITLE: usize = 80;

/// The memory's entries, newest first.
pub(crate) struct Memory;

impl Source for Memory {
    fn scheme(&self) -> &'static str {
        "memory"
    }

    fn templates(&self) -> Vec<ResourceTemplate> {
        let template = ResourceTemplate::new("memory://{id}", "memory_entry").with_title("A memory entry");
        vec![template.with_description("What was remembered under an id").with_mime_type("text/plain")]
    }

    fn list<'a>(&'a self, asker: &'a Asker, cursor: Option<String>) -> BoxFuture<'a, Result<Page>> {
        Box::pin(async move {
            if !asker.has("memory_list") {
                return Ok(Page::default());
            }
            let answer = asker.call("memory_list", json!({"limit": PAGE, "cursor": cursor})).await?.json;
            let entries = answer["items"].as_array().into_iter().flatten();
            let next = answer["next_cursor"].as_str().map(str::to_owned);
            Ok(Page { resources: entries.filter_map(resource).collect(), next })
        })
    }

    fn read<'a>(&'a self, asker: &'a Asker, uri: &'a str) -> BoxFuture<'a, Result<Vec<ResourceContents>>> {
        Box::pin(async move {
            let id = path_of(uri)?;
            let answer = asker.call("memory_get", json!({"id": id})).await?.json;
            let content = answer["entry"]["content"].as_str().unwrap_or_default().to_owned();
            let text = asker.fitting(content, &format!("memory_get with id {id} has all of it"));
            Ok(vec![ResourceContents::text(text, uri)])
        })
    }

    fn complete<'a>(&'a self, asker: &'a Asker, _: &'a str, begun: &'a str) -> BoxFuture<'a, Vec<String>> {
        Box::pin(async move {
            let Ok(answer) = asker.call("memory_list", json!({"limit": 10 * PAGE})).await else { return vec![] };
            let entries = answer.json["items"].as_array().into_iter().flatten();
            let ids = entries.filter_map(|entry| entry["id"].as_str());
            ids.filter(|id| id.starts_with(begun)).map(str::to_owned).collect()
        })
    }
}

fn resource(entry: &Value) -> Option<Resource> {
    let (id, content) = (entry["id"].as_str()?, entry["content"].as_str()?);
    let first = content.lines().next().unwrap_or_default();
    let title: String = first.chars().take(TITLE).collect();
    let tags = entry["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ");
    let about = [entry["timestamp"].as_str().unwrap_or_default(), &tags];
    let about: Vec<&str> = about.into_iter().filter(|part| !part.is_empty()).collect();
    let encoded = percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string();
    // Underscores and dashes are in every id and need no encoding.
    let uri = format!("memory://{}", encoded.replace("%5F", "_").replace("%2D", "-"));
    let resource = Resource::new(uri, id).with_title(if title.is_empty() { id.to_owned() } else { title });
    let size = u64::try_from(content.len()).ok()?;
    Some(resource.with_description(about.join(" · ")).with_mime_type("text/plain").with_size(size))
}
