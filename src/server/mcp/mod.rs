//! The MCP face: the catalog's capabilities as tools, the memory and history as resources, over Streamable HTTP at
//! `/mcp` and over standard input and output. Same policy, same history, same sentences as REST.

mod call;
mod cut;
mod http;
mod sessions;
mod tools;

pub use http::{Endpoint, routes};

use crate::{
    bridge::{Bridge, Catalog},
    caller::Caller,
};
use cut::Rests;
use rmcp::{
    ErrorData, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, Implementation, ListToolsResult, PaginatedRequestParams,
        ServerCapabilities, ServerConfig, Tool,
    },
    service::{RequestContext, RoleServer},
};
use std::sync::Arc;
use tools::Tools;

/// What a model reads first.
const INSTRUCTIONS: &str = "Files, terminal, long memory, internet and a Docker sandbox of the user's own machine. \
Look things up with memory_query before you ask the user for what they may have told before, and keep what will \
matter later with memory_add. A refused or failed call says how to mend it. A long result is cut: its \
next_result_cursor goes on.";

/// The face, one for all its sessions.
#[derive(Clone)]
pub struct Mcp {
    bridge: Arc<Bridge>,
    tools: Arc<Tools>,
    rests: Arc<Rests>,
    info: Arc<ServerConfig>,
    /// Who calls where no request carries a key.
    caller: Option<Caller>,
}

impl Mcp {
    /// The face of a bridge, with the tools of a catalog.
    pub fn new<C: Catalog>(bridge: Arc<Bridge>) -> Self {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        let server =
            Implementation::new("mcp-server", env!("CARGO_PKG_VERSION")).with_title("MCP Server — Skynet Local Bridge");
        let info = ServerConfig::new(capabilities).with_server_info(server).with_instructions(INSTRUCTIONS);
        Self {
            bridge,
            tools: Arc::new(Tools::of::<C>()),
            rests: Arc::new(Rests::default()),
            info: Arc::new(info),
            caller: None,
        }
    }

    /// The same face for one who needs no key: the process that started this one.
    pub fn for_caller(mut self, caller: Caller) -> Self {
        self.caller = Some(caller);
        self
    }

    /// Who sent a request: the key check left it there.
    fn caller(&self, rpc: &RequestContext<RoleServer>) -> Result<Caller, ErrorData> {
        let parts = rpc.extensions.get::<axum::http::request::Parts>();
        let checked = parts.and_then(|parts| parts.extensions.get::<Caller>()).or(self.caller.as_ref());
        checked.cloned().ok_or_else(|| ErrorData::internal_error("The request passed no key check", None))
    }
}

impl ServerHandler for Mcp {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::clone(&self.info)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.get(name).cloned()
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.list()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        rpc: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        self.call(request, rpc).await.map(Into::into)
    }
}
