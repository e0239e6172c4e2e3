//! The MCP face: the catalog's capabilities as tools, the memory and history as resources, over Streamable HTTP at
//! `/mcp` and over standard input and output. Same policy, same history, same sentences as REST.

mod call;
mod continuations;
mod cut;
mod earlier;
mod finder;
mod http;
pub mod library;
mod media;
pub mod message;
mod patience;
#[cfg_attr(not(feature = "pictures"), path = "pictures_nothing.rs")]
mod pictures;
mod plain;
mod published;
mod sessions;
mod tools;
mod unreadable;

pub(crate) use http::PATH;
pub use http::{Endpoint, routes};
pub use unreadable::Unreadable;

use crate::{
    bridge::Bridge,
    caller::Caller,
    catalog::Entry,
    excerpt::{Bound, Parts},
    settings::OutputSchemas,
    tool_list::ToolList,
};
use continuations::ContinuationStore;
use library::Library;
use published::SAID_ONCE;
use rmcp::{
    ErrorData, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CompleteRequestParams, CompleteResult, GetPromptRequestParams,
        GetPromptResponse, Implementation, InitializeRequestParams, InitializeResult, ListPromptsResult,
        ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
        ReadResourceRequestParams, ReadResourceResponse, ServerCapabilities, ServerConfig, Tool,
    },
    service::{NotificationContext, RequestContext, RoleServer},
};
use std::sync::Arc;
use tools::Tools;

/// What a model reads first.
const INSTRUCTIONS: &str = "Files, terminal, long memory, internet and a Docker sandbox of the user's own machine. \
Look things up with memory_recall before you ask the user for what they may have told before, and keep what will \
matter later with memory_add. A refused or failed call says how to fix it.";

/// What is said beside it where more can be called than is listed.
const MORE: &str = " More tools than are listed: tools_find {query} finds them and says what each takes; call them with \
tools_read, tools_write and tools_run {name, arguments}.";

/// How much of what an agent may do stands in the instructions, in bytes; terminal_info has all of it.
const MAX_PERMISSIONS: usize = 1500;

/// The face, one for all its sessions.
#[derive(Clone)]
pub struct Mcp {
    bridge: Arc<Bridge>,
    tools: Arc<Tools>,
    continuations: Arc<ContinuationStore>,
    library: Arc<Library>,
    info: Arc<ServerConfig>,
    /// Who calls where no request carries a key.
    caller: Option<Caller>,
    /// What a client is shown whose requests have no address.
    list: Option<Arc<ToolList>>,
}

impl Mcp {
    /// The face of a bridge, with the tools of a catalog.
    pub fn new(bridge: Arc<Bridge>, catalog: &[Arc<Entry>]) -> Self {
        Self::with_library(bridge, catalog, Library::default())
    }

    /// The same with other resources and prompts.
    pub fn with_library(bridge: Arc<Bridge>, catalog: &[Arc<Entry>], library: Library) -> Self {
        let capabilities = ServerCapabilities::builder()
            .enable_completions()
            .enable_prompts()
            .enable_resources()
            .enable_tools()
            .build();
        let server =
            Implementation::new("mcp-server", env!("CARGO_PKG_VERSION")).with_title("MCP Server — Skynet Local Bridge");
        let info = ServerConfig::new(capabilities).with_server_info(server).with_instructions(INSTRUCTIONS);
        Self {
            bridge,
            tools: Arc::new(Tools::of(catalog)),
            continuations: Arc::default(),
            library: Arc::new(library),
            info: Arc::new(info),
            caller: None,
            list: None,
        }
    }

    /// The same face for one who needs no key: the process that started this one.
    pub fn for_caller(mut self, caller: Caller) -> Self {
        self.caller = Some(caller);
        self
    }

    /// The same face with the tools of a list.
    pub fn showing(mut self, list: Option<ToolList>) -> Self {
        self.list = list.map(Arc::new);
        self
    }

    /// What a client is shown: the list of its address, or what the profile of its agent names, or that of the settings.
    fn list(&self, rpc: &RequestContext<RoleServer>, caller: &Caller) -> Arc<ToolList> {
        let parts = rpc.extensions.get::<axum::http::request::Parts>();
        let named = parts.and_then(|parts| parts.extensions.get::<Arc<ToolList>>()).or(self.list.as_ref());
        let names_tools =
            |caller: &Caller| self.bridge.profile_of(caller.as_agent()?).ok().filter(|of| of.names_tools());
        named.cloned().unwrap_or_else(|| match names_tools(caller) {
            Some(_) => Arc::new(ToolList::all()),
            None => Arc::new(self.bridge.tool_list.clone()),
        })
    }

    /// Whether a client that is shown a list is told the schemas of answers.
    fn publishes_schemas(&self, list: &ToolList) -> bool {
        match self.bridge.settings.output_schemas {
            OutputSchemas::Auto => list.is_whole(),
            OutputSchemas::On => true,
            OutputSchemas::Off => false,
        }
    }

    /// What a model reads first: what it may not, too, so that it does not try.
    fn instructions(&self, caller: &Caller, list: &ToolList) -> String {
        let all = format!("{INSTRUCTIONS} {SAID_ONCE}{}", if list.finds_others() { MORE } else { "" });
        let agent = caller.as_agent();
        let profile = agent.and_then(|agent| Some((agent, self.bridge.profile_of(agent).ok()?)));
        let Some((agent, profile)) = profile.filter(|(_, profile)| !profile.in_words().is_empty()) else {
            return all;
        };
        let said = Parts { head: profile.in_words().join("; "), ..Parts::default() };
        let said = said.bounded(Bound::halves(MAX_PERMISSIONS)).join();
        format!(
            "{all} You are the agent {}, with the permissions {}: {said}. What these refuse stays refused whatever \
             way you try; permissions_request asks the user for more. A call that the user is asked about waits for the answer.",
            agent.name(),
            profile.name()
        )
    }

    /// Who sent a request: the key check left it there.
    fn caller(&self, rpc: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
        let parts = rpc.extensions.get::<axum::http::request::Parts>();
        let checked = parts.and_then(|parts| parts.extensions.get::<Caller>()).or(self.caller.as_ref());
        checked.cloned().ok_or_else(|| ErrorData::internal_error("The request passed no key check", None))
    }
}

impl ServerHandler for Mcp {
    async fn on_initialized(&self, told: NotificationContext<RoleServer>) {
        let parts = told.extensions.get::<axum::http::request::Parts>();
        let caller = parts.and_then(|parts| parts.extensions.get::<Caller>()).or(self.caller.as_ref());
        if let (Some(caller), Some(peer)) = (caller, told.peer.peer_info()) {
            caller.saw(Some(&format!("{} {}", peer.client_info.name, peer.client_info.version)));
        }
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        rpc: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        rpc.peer.set_peer_info(request.clone());
        let mut result = self.negotiate_initialize(&request)?;
        let caller = self.caller(&rpc)?;
        result.instructions = Some(self.instructions(&caller, &self.list(&rpc, &caller)));
        Ok(result)
    }

    fn get_info(&self) -> ServerConfig {
        ServerConfig::clone(&self.info)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.get(name).cloned()
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        rpc: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let caller = self.caller(&rpc)?;
        let list = self.list(&rpc, &caller);
        let has = |entry: &Entry| self.bridge.has(&caller, entry);
        let mut tools = self.tools.list(|entry| list.shows(entry) && has(entry), self.publishes_schemas(&list));
        if list.finds_others() {
            tools.extend(self.tools.finder.list(has));
        }
        Ok(ListToolsResult::with_all_items(tools))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        rpc: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.call(request, rpc).await.map(Into::into)
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        rpc: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let asker = self.asker(self.caller(&rpc)?);
        self.resources(&asker, request.and_then(|request| request.cursor)).await
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(self.templates())
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        rpc: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let asker = self.asker(self.caller(&rpc)?);
        tokio::select! {
            read = self.resource(&asker, &request.uri) => read.map(Into::into),
            () = rpc.ct.cancelled() => Err(ErrorData::internal_error("Cancelled", None)),
        }
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Ok(ListPromptsResult::with_all_items(self.library.prompts.list()))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        rpc: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        let asker = self.asker(self.caller(&rpc)?);
        let given = request.arguments.unwrap_or_default();
        self.library.prompts.get(&asker, &request.name, given).await.map(Into::into)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        rpc: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let asker = self.asker(self.caller(&rpc)?);
        Ok(self.completions(&asker, request).await)
    }
}
