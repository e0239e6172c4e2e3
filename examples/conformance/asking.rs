//! Tools and a prompt of the suite that ask the client back. The bridge itself never does, so they stand before its
//! face; what is tested with them is that its sessions carry what is asked and answered.

use rmcp::{
    ErrorData, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ClientCapabilities, CompleteRequestParams,
        CompleteResult, ContentBlock, ElicitRequestParams, GetPromptRequestParams, GetPromptResponse, GetPromptResult,
        InputRequiredResult, InputResponses, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult,
        ListToolsResult, PaginatedRequestParams, PromptMessage, ReadResourceRequestParams, ReadResourceResponse, Role,
        ServerConfig, Tool,
    },
    service::{RequestContext, RoleServer},
};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use skynet_bridge::server::mcp::Mcp;
use std::sync::Arc;

/// The tools that want a capability of the client that it may not have declared.
const NEEDY: &str = "test_missing_capability";

const PROMPT: &str = "test_input_required_result_prompt";

/// The face, with what asks before it.
#[derive(Clone)]
pub(crate) struct Asking {
    face: Mcp,
}

/// What a tool asks for, round by round, and whether it hands out a state.
struct Rounds {
    asked: Vec<Value>,
    stateful: bool,
}

fn form(message: &str, field: &str, kind: &str) -> Value {
    let schema = json!({"type": "object", "properties": {field: {"type": kind}}, "required": [field]});
    json!({"method": "elicitation/create", "params": {"mode": "form", "message": message, "requestedSchema": schema}})
}

fn sample(question: &str) -> Value {
    let message = json!({"role": "user", "content": {"type": "text", "text": question}});
    json!({"method": "sampling/createMessage", "params": {"messages": [message], "maxTokens": 100}})
}

fn rounds(name: &str) -> Option<Rounds> {
    let roots = json!({"method": "roots/list", "params": {}});
    let who = form("What is your name?", "name", "string");
    let confirm = form("Please confirm", "ok", "boolean");
    let (asked, stateful) = match name.strip_prefix("test_input_required_result_").unwrap_or(name) {
        "elicitation" | "test_streaming_elicitation" => (vec![json!({"user_name": who})], false),
        "sampling" => (vec![json!({"capital_question": sample("What is the capital of France?")})], false),
        "list_roots" => (vec![json!({"client_roots": roots})], false),
        "request_state" | "tampered_state" => (vec![json!({"confirm": confirm})], true),
        "multiple_inputs" => {
            let all = json!({"user_name": who, "greeting": sample("Generate a greeting"), "client_roots": roots});
            (vec![all], true)
        }
        "multi_round" => {
            let color = form("Step 2: What is your favorite color?", "color", "string");
            (vec![json!({"step1": who}), json!({"step2": color})], true)
        }
        "capabilities" => (vec![json!({"user_name": who, "greeting": sample("Generate a greeting")})], false),
        "prompt" => {
            (vec![json!({"user_context": form("What context should the prompt use?", "context", "string")})], false)
        }
        _ => return None,
    };
    Some(Rounds { asked, stateful })
}

/// The state of a round, which nobody else can make.
fn state(round: usize) -> String {
    let digest = Sha256::digest(format!("known to this process alone: {round} {}", std::process::id()));
    format!("{round}-{digest:x}")
}

impl Rounds {
    /// What to ask next; `None` when everything was answered.
    fn next(
        &self,
        given: &InputResponses,
        echoed: Option<&str>,
        able: Option<&ClientCapabilities>,
    ) -> Result<Option<InputRequiredResult>, ErrorData> {
        let mut round = match echoed {
            None => 0,
            Some(echoed) => (0..self.asked.len())
                .find(|round| state(*round) == echoed)
                .ok_or_else(|| ErrorData::invalid_params("The requestState was changed", None))?,
        };
        let names = |round: usize| self.asked[round].as_object().into_iter().flat_map(Map::keys);
        if names(round).all(|name| given.get(name).is_some_and(Value::is_object)) {
            round += 1;
        }
        let Some(asked) = self.asked.get(round) else { return Ok(None) };
        let mut asked = asked.as_object().cloned().unwrap_or_default();
        if let Some(able) = able {
            asked.retain(|_, request| match request["method"].as_str() {
                Some("sampling/createMessage") => able.sampling.is_some(),
                _ => able.elicitation.is_some(),
            });
        }
        let requests = serde_json::from_value(asked.into()).expect("the fixtures are requests");
        Ok(Some(InputRequiredResult::new(Some(requests), self.stateful.then(|| state(round)))))
    }
}

/// What the older revision asks in the middle of a call.
fn question(request: &CallToolRequestParams) -> Option<Value> {
    let text = json!({"type": "string"});
    let three = json!(["option1", "option2", "option3"]);
    let (message, properties, required) = match &*request.name {
        "test_elicitation" => {
            let message = request.arguments.as_ref().and_then(|given| given.get("message")?.as_str());
            (message.unwrap_or_default(), json!({"username": text, "email": text}), json!(["username", "email"]))
        }
        "test_elicitation_sep1034_defaults" => {
            let properties = json!({
                "name": {"type": "string", "default": "John Doe"},
                "age": {"type": "integer", "default": 30},
                "score": {"type": "number", "default": 95.5},
                "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
                "verified": {"type": "boolean", "default": true},
            });
            ("Please check", properties, json!([]))
        }
        "test_elicitation_sep1330_enums" => {
            let titled = json!([{"const": "value1", "title": "First"}, {"const": "value2", "title": "Second"}]);
            let properties = json!({
                "untitledSingle": {"type": "string", "enum": three},
                "titledSingle": {"type": "string", "oneOf": titled},
                "legacyEnum": {"type": "string", "enum": ["opt1", "opt2"], "enumNames": ["Option One", "Option Two"]},
                "untitledMulti": {"type": "array", "items": {"type": "string", "enum": three}},
                "titledMulti": {"type": "array", "items": {"anyOf": titled}},
            });
            ("Please choose", properties, json!([]))
        }
        _ => return None,
    };
    let schema = json!({"type": "object", "properties": properties, "required": required});
    Some(json!({"mode": "form", "message": message, "requestedSchema": schema}))
}

impl Asking {
    pub(crate) fn new(face: Mcp) -> Self {
        Self { face }
    }

    fn tool(name: &str) -> Option<Tool> {
        let needy = name == NEEDY;
        let asks = question(&CallToolRequestParams::new(name.to_owned())).is_some() || rounds(name).is_some();
        let schema = json!({"type": "object", "properties": {}});
        let schema = schema.as_object().cloned().unwrap_or_default();
        (needy || asks).then(|| Tool::new(name.to_owned(), "A tool of the suite that asks back", Arc::new(schema)))
    }

    fn tools() -> impl Iterator<Item = Tool> {
        let kinds = [
            "elicitation",
            "sampling",
            "list_roots",
            "request_state",
            "tampered_state",
            "multiple_inputs",
            "multi_round",
            "capabilities",
        ];
        let names = kinds.map(|kind| format!("test_input_required_result_{kind}")).into_iter().chain(
            [
                NEEDY,
                "test_streaming_elicitation",
                "test_elicitation",
                "test_elicitation_sep1034_defaults",
                "test_elicitation_sep1330_enums",
            ]
            .map(str::to_owned),
        );
        names.filter_map(|name| Self::tool(&name))
    }
}

type Rpc = RequestContext<RoleServer>;
type Paging = Option<PaginatedRequestParams>;

fn said(text: String) -> CallToolResponse {
    CallToolResult::success(vec![ContentBlock::text(text)]).into()
}

impl ServerHandler for Asking {
    fn get_info(&self) -> ServerConfig {
        self.face.get_info()
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        Self::tool(name).or_else(|| self.face.get_tool(name))
    }

    async fn list_tools(&self, page: Paging, rpc: Rpc) -> Result<ListToolsResult, ErrorData> {
        let mut all = self.face.list_tools(page, rpc).await?;
        all.tools.extend(Self::tools());
        Ok(all)
    }

    async fn call_tool(&self, request: CallToolRequestParams, rpc: Rpc) -> Result<CallToolResponse, ErrorData> {
        let able = rpc.client_capabilities().unwrap_or_default();
        if request.name == NEEDY && able.sampling.is_none() {
            let needed = serde_json::from_value(json!({"sampling": {}})).expect("it is a capability");
            return Err(ErrorData::missing_required_client_capability(needed));
        }
        if let Some(question) = question(&request) {
            let question: ElicitRequestParams = serde_json::from_value(question).expect("the fixtures are questions");
            let answer = rpc.peer.create_elicitation(question).await;
            let answer = answer.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
            return Ok(said(format!("Elicitation completed: {}", json!(answer))));
        }
        let Some(rounds) = rounds(&request.name) else { return self.face.call_tool(request, rpc).await };
        let limited = request.name.ends_with("_capabilities").then_some(&able);
        let given = request.input_responses.unwrap_or_default();
        match rounds.next(&given, request.request_state.as_deref(), limited)? {
            Some(asked) => Ok(asked.into()),
            None => Ok(said(format!("state-ok: {}", json!(given)))),
        }
    }

    async fn list_resources(&self, page: Paging, rpc: Rpc) -> Result<ListResourcesResult, ErrorData> {
        self.face.list_resources(page, rpc).await
    }

    async fn list_resource_templates(&self, page: Paging, rpc: Rpc) -> Result<ListResourceTemplatesResult, ErrorData> {
        self.face.list_resource_templates(page, rpc).await
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        rpc: Rpc,
    ) -> Result<ReadResourceResponse, ErrorData> {
        self.face.read_resource(request, rpc).await
    }

    async fn list_prompts(&self, page: Paging, rpc: Rpc) -> Result<ListPromptsResult, ErrorData> {
        self.face.list_prompts(page, rpc).await
    }

    async fn get_prompt(&self, request: GetPromptRequestParams, rpc: Rpc) -> Result<GetPromptResponse, ErrorData> {
        let rounds = rounds(&request.name).filter(|_| request.name == PROMPT);
        let Some(rounds) = rounds else { return self.face.get_prompt(request, rpc).await };
        let given = request.input_responses.unwrap_or_default();
        match rounds.next(&given, request.request_state.as_deref(), None)? {
            Some(asked) => Ok(asked.into()),
            None => {
                let message = PromptMessage::new_text(Role::User, format!("Use this context: {}", json!(given)));
                Ok(GetPromptResult::new(vec![message]).into())
            }
        }
    }

    async fn complete(&self, request: CompleteRequestParams, rpc: Rpc) -> Result<CompleteResult, ErrorData> {
        self.face.complete(request, rpc).await
    }
}
