//! What a client may attach to a conversation: resources and prompts. They are read through the tools, so that the
//! policy, the history and the refusals are the same.

mod files;
mod history;
mod memory;
pub mod prompts;

pub use prompts::{Given, Prompts, Recipe};

use super::{
    Mcp, cut, media,
    tools::{Answer, Tools},
};
use crate::{
    arguments::Arguments,
    bridge::Bridge,
    caller::{Caller, MemoryBudget},
    capability::{Context, Medium},
    error::{Error, Result},
};
use futures::future::BoxFuture;
use rmcp::{
    ErrorData,
    model::{
        CompleteRequestParams, CompleteResult, CompletionInfo, ListResourceTemplatesResult, ListResourcesResult,
        ReadResourceResult, Reference, Resource, ResourceContents, ResourceTemplate,
    },
};
use serde_json::Value;
use std::sync::Arc;

/// How many completions one answer may have, as the protocol says.
const MAX_COMPLETIONS: usize = CompletionInfo::MAX_VALUES;

/// Where resources come from: one for each scheme.
pub trait Source: Send + Sync {
    /// What goes before `:` in its resources' addresses.
    fn scheme(&self) -> &'static str;

    /// The addresses that can be made, with variables.
    fn templates(&self) -> Vec<ResourceTemplate>;

    /// A page of its resources in a stable order, and the cursor of the next page.
    fn list<'a>(&'a self, asker: &'a Asker, cursor: Option<String>) -> BoxFuture<'a, Result<Page>>;

    /// What an address holds.
    fn read<'a>(&'a self, asker: &'a Asker, uri: &'a str) -> BoxFuture<'a, Result<Vec<ResourceContents>>>;

    /// What a template's variable may be.
    fn complete<'a>(&'a self, asker: &'a Asker, template: &'a str, begun: &'a str) -> BoxFuture<'a, Vec<String>>;
}

/// Some resources, and where the next ones are.
#[derive(Default)]
pub struct Page {
    /// The resources.
    pub resources: Vec<Resource>,
    /// For the next page.
    pub next: Option<String>,
}

/// Who asks, and through what.
pub struct Asker {
    bridge: Arc<Bridge>,
    tools: Arc<Tools>,
    caller: Caller,
}

impl Asker {
    /// Whether there is such a tool.
    pub fn has(&self, tool: &str) -> bool {
        self.tools.get(tool).is_some()
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// What the tool refuses; [`Error::NotFound`] when there is none of the name.
    pub async fn call(&self, tool: &str, arguments: Value) -> Result<Answer> {
        let Value::Object(arguments) = arguments else { unreachable!("arguments are written as an object") };
        let context = Arc::new(Context::new(self.caller.clone()));
        let call = self.tools.run(tool, self.bridge.clone(), context, Arguments::from_object(&arguments));
        call.ok_or_else(|| Error::NotFound(format!("This bridge has no {tool}")))?.await
    }

    /// A refusal in the protocol's terms.
    pub fn refusal(&self, error: &Error, uri: Option<&str>) -> ErrorData {
        let data = uri.map(|uri| serde_json::json!({"uri": uri}));
        let sentence = self.tools.sentence(error);
        match error.kind() {
            Error::NotFound(_) => ErrorData::resource_not_found(sentence, data),
            Error::Internal(_) => ErrorData::internal_error(sentence, data),
            _ => ErrorData::invalid_params(sentence, data),
        }
    }

    /// How long a result may be, in bytes.
    pub fn budget(&self) -> usize {
        self.bridge.settings.mcp_max_result_bytes
    }

    /// A medium as long as a result may be.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when it cannot be made so small.
    pub async fn fitting_medium(&self, medium: Medium) -> Result<Medium> {
        let holding = MemoryBudget::of(self.caller.name());
        holding.within(&self.bridge.limits);
        media::fitting(medium, self.budget(), &holding).await
    }

    /// A text as long as a result may be; one that is cut says so and where to go on.
    pub fn fitting(&self, text: String, go_on: &str) -> String {
        let (head, is_cut) = cut::shortened(text, self.budget());
        if is_cut { format!("{head}\n\n[… cut here: {go_on}]") } else { head }
    }
}

/// The sources and prompts of a face.
pub struct Library {
    sources: Vec<Box<dyn Source>>,
    /// The prompts.
    pub prompts: Prompts,
}

impl Default for Library {
    fn default() -> Self {
        let sources: Vec<Box<dyn Source>> =
            vec![Box::new(history::History), Box::new(memory::Memory), Box::new(files::Files)];
        Self { sources, prompts: Prompts::default() }
    }
}

impl Library {
    /// The same with one more source.
    pub fn with(mut self, source: Box<dyn Source>) -> Self {
        self.sources.push(source);
        self
    }

    fn source(&self, uri: &str) -> Option<&dyn Source> {
        let (scheme, _) = uri.split_once(':')?;
        self.sources.iter().find(|source| source.scheme().eq_ignore_ascii_case(scheme)).map(AsRef::as_ref)
    }
}

impl Mcp {
    pub(super) fn asker(&self, caller: Caller) -> Asker {
        Asker { bridge: self.bridge.clone(), tools: self.tools.clone(), caller }
    }

    /// One source after the other; the cursor is `place:cursor of the source`.
    pub(super) async fn resources(
        &self,
        asker: &Asker,
        cursor: Option<String>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let unknown = || ErrorData::invalid_params("Unknown cursor: list without one to begin again", None);
        let (mut place, mut inner) = match &cursor {
            None => (0, None),
            Some(cursor) => {
                let (place, inner) = cursor.split_once(':').ok_or_else(unknown)?;
                (place.parse().map_err(|_| unknown())?, Some(inner.to_owned()).filter(|inner| !inner.is_empty()))
            }
        };
        let mut found = ListResourcesResult::default();
        while let Some(source) = self.library.sources.get(place) {
            let page = source.list(asker, inner.take()).await.map_err(|error| asker.refusal(&error, None))?;
            found.resources.extend(page.resources);
            if let Some(next) = page.next {
                found.next_cursor = Some(format!("{place}:{next}"));
                break;
            }
            place += 1;
        }
        Ok(found)
    }

    pub(super) fn templates(&self) -> ListResourceTemplatesResult {
        let templates = self.library.sources.iter().flat_map(|source| source.templates());
        ListResourceTemplatesResult::with_all_items(templates.collect())
    }

    pub(super) async fn resource(&self, asker: &Asker, uri: &str) -> Result<ReadResourceResult, ErrorData> {
        let unknown = || Error::NotFound(format!("Resource not found: {uri}"));
        let read = match self.library.source(uri) {
            Some(source) => source.read(asker, uri).await,
            None => Err(unknown()),
        };
        read.map(ReadResourceResult::new).map_err(|error| asker.refusal(&error, Some(uri)))
    }

    pub(super) async fn completions(&self, asker: &Asker, request: CompleteRequestParams) -> CompleteResult {
        let (name, begun) = (&request.argument.name, &request.argument.value);
        let mut values = match &request.r#ref {
            Reference::Prompt(prompt) => self.library.prompts.complete(asker, &prompt.name, name, begun).await,
            Reference::Resource(template) => match self.library.source(&template.uri) {
                Some(source) => source.complete(asker, &template.uri, begun).await,
                None => vec![],
            },
            _ => vec![],
        };
        let (total, more) = (u32::try_from(values.len()).ok(), values.len() > MAX_COMPLETIONS);
        values.truncate(MAX_COMPLETIONS);
        let info = CompletionInfo::with_pagination(values, total, more).expect("they were cut to the limit");
        CompleteResult::new(info)
    }
}

/// What follows `scheme:` or `scheme://` in an address, percent-decoded.
///
/// # Errors
/// When that is no UTF-8.
pub fn path_of(uri: &str) -> Result<String> {
    let (_, rest) = uri.split_once(':').unwrap_or(("", uri));
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let decoded = percent_encoding::percent_decode_str(rest).decode_utf8();
    decoded.map(Into::into).map_err(|_| Error::Unusable("The address is not UTF-8".to_owned()))
}
