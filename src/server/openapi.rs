//! The OpenAPI document, made from the catalog.

use super::{
    schema,
    status::{ErrorBody, ValidationErrorBody},
};
use crate::catalog::{Entry, Type};
use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, PathItem, Paths, PathsBuilder, Ref, RefOr,
    Required, ResponseBuilder, Schema, SecurityRequirement,
    extensions::ExtensionsBuilder,
    path::{HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn},
    request_body::RequestBodyBuilder,
    security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    tag::TagBuilder,
};

/// What a document says of the whole, by who reads it.
pub(crate) struct Face {
    title: &'static str,
    about: &'static str,
    modules: &'static [(&'static str, &'static str)],
    /// Whether a request may carry its key in the body.
    takes_key_in_body: bool,
}

/// For agents, and whoever holds a key.
static AGENTS: Face = Face { title: TITLE, about: ABOUT, modules: &MODULES, takes_key_in_body: true };

/// For the person, by the command line.
pub(crate) static PERSON: Face = Face {
    title: "MCP Server — Skynet Local Bridge: control",
    about: "What only the person may do, by `mcp-server` on the command line: no key opens this, and over TCP nothing does.",
    modules: &[("control", "Agents, what they may use, what runs, and how it is stopped.")],
    takes_key_in_body: false,
};

/// The title that clients of the original know.
const TITLE: &str = "MCP Server — Skynet Local Bridge";

const ABOUT: &str = "Files, terminal, long memory, internet and a Docker sandbox of the machine it runs on, for AIs \
and any HTTP client. Every capability is a POST with a JSON body; give the key as `Authorization: Bearer KEY`, as \
`Authorization: KEY` or as the body's field `auth`. In the address (`?auth=KEY`), where browsers and proxies keep it, it \
is deprecated.";

const SOCKET_SUMMARY: &str = "Watch a process live and type into it (WebSocket)";

const SOCKET: &str = "Watch a process live and type into it (WebSocket). Binary messages are bytes, typed or written; \
texts are JSON with a type: send input, resize, signal, eof; get ready, stream, missed, resized, error, exit. Without a \
header or a ticket, {\"auth\": KEY} comes first.";

const EITHER: &str = "Done. With `Accept: text/event-stream`, the output as it comes: events `stdout` and `stderr` \
with {\"text\"}, then `exit` with the rest of the answer, or `error` with {\"status\", \"detail\"}. A refusal before the \
program starts is answered as JSON with its own status.";

const EVENTS: &str = "event: stdout\ndata: {\"text\":\"hello\\n\"}\n\nevent: exit\ndata: \
{\"success\":true,\"command\":\"echo hello\",\"exit_code\":0,\"execution_time\":0.004,\
\"timestamp\":\"2025-01-01T12:00:00.000000\"}\n\n";

const MODULES: [(&str, &str); 7] = [
    ("filesystem", "Files and folders of this machine, within what the policy allows."),
    ("terminal", "Commands and programs on this machine."),
    ("memory", "What is to be remembered across conversations."),
    ("internet", "Other machines, over HTTP."),
    ("sandbox", "Code in an isolated container."),
    ("permissions", "More than an agent may: the person is asked."),
    ("status", "Whether the bridge is there and well. No key needed."),
];

/// The part of the document that the operations share: the schemas of all requests and answers.
pub(crate) struct Document {
    face: &'static Face,
    paths: Paths,
    requests: SchemaGenerator,
    answers: SchemaGenerator,
}

impl Default for Document {
    fn default() -> Self {
        Self::of(&AGENTS)
    }
}

impl Document {
    /// That of a face, without any operation yet.
    pub(crate) fn of(face: &'static Face) -> Self {
        let (requests, answers) = (schema::requests_for_openapi(), schema::answers_for_openapi());
        Self { face, paths: Paths::new(), requests, answers }
    }

    /// Adds an operation, in the order of a reader.
    pub(crate) fn add(&mut self, operation: Paths) {
        self.paths.merge(operation);
    }

    /// The operation of a capability.
    pub(crate) fn capability(&mut self, entry: &Entry) -> Paths {
        let operation = self.request(entry, described(entry));
        let mut operation = self.responses(entry.answer, operation);
        if entry.streams_output {
            let json = ContentBuilder::new().schema(Some(reference(entry.answer, &mut self.answers))).build();
            let events = ContentBuilder::new().schema(string()).example(Some(EVENTS.into())).build();
            let done = ResponseBuilder::new().description(EITHER);
            let done = done.content("application/json", json).content("text/event-stream", events);
            operation = operation.response("200", done.build());
        }
        at(&entry.route, HttpMethod::Post, operation.build())
    }

    /// The operations of a capability that answers with a stream of a media type: a browser's link or event source
    /// asks by GET.
    pub(crate) fn stream(&mut self, entry: &Entry, media: &str) -> Paths {
        // Raw bytes have no schema: a download of JSON is read as JSON, and events are told apart by their readers.
        let stream =
            ResponseBuilder::new().description("The stream").content(media, ContentBuilder::new().build()).build();
        let asked = no_json(described(entry)).operation_id(Some(format!("{}_by_get", entry.name)));
        let asked = asked.parameters(Some(query(entry, Required::True)));
        let sent = self.request(entry, no_json(described(entry)));
        let mut item = PathItem::default();
        item.get = Some(self.responses(entry.answer, asked).response("200", stream.clone()).build());
        item.post = Some(self.responses(entry.answer, sent).response("200", stream).build());
        PathsBuilder::new().path(&entry.route, item).build()
    }

    /// The operation of a capability that takes a form with a file.
    pub(crate) fn upload(&mut self, entry: &Entry) -> Paths {
        let mut schema = entry.request.schema();
        schema["properties"]["file"] = json!({"type": "string", "format": "binary", "description": "The bytes, last."});
        let mut example: Value = serde_json::from_str(entry.example).expect("an example is JSON");
        example["file"] = "the file's bytes".into();
        let form = json!({"type": "object", "properties": schema["properties"], "required": ["path", "file"]});
        let form: Option<Schema> = serde_json::from_value(form).ok();
        let content = ContentBuilder::new().schema(form).example(Some(example)).build();
        let body = RequestBodyBuilder::new().content("multipart/form-data", content).required(Some(Required::True));
        let operation = no_tool(described(entry)).request_body(Some(body.build()));
        let operation = self.responses(entry.answer, operation);
        at(&entry.route, HttpMethod::Post, operation.build())
    }

    /// A GET that anyone may ask.
    pub(crate) fn open(&mut self, path: &str, summary: &str, answer: Type) -> Paths {
        let content = ContentBuilder::new().schema(Some(reference(answer, &mut self.answers))).build();
        let response = ResponseBuilder::new().description("Done").content("application/json", content);
        let operation = OperationBuilder::new()
            .operation_id(Some(format!("status_{}", (answer.name)().to_lowercase())))
            .tag("status")
            .summary(Some(summary))
            .response("200", response.build());
        at(path, HttpMethod::Get, operation.build())
    }

    /// The WebSocket of a process.
    pub(crate) fn socket(&mut self, path: &str) -> Paths {
        let about = |text: &str| Some(text.to_owned());
        let argument = |name: &str, place, text: &str| {
            let string = json!({"type": if name == "cursor" { "integer" } else { "string" }});
            ParameterBuilder::new()
                .name(name)
                .parameter_in(place)
                .required(if name == "id" { Required::True } else { Required::False })
                .description(about(text))
                .schema(serde_json::from_value::<Schema>(string).ok())
        };
        let operation = no_tool(OperationBuilder::new())
            .tag("terminal")
            .summary(Some(SOCKET_SUMMARY))
            .description(Some(SOCKET))
            // The key may come in the first message, or a ticket in its place.
            .securities(Some(securities().into_iter().chain([SecurityRequirement::default()])))
            .parameter(argument("id", ParameterIn::Path, "The process."))
            .parameter(argument(
                "ticket",
                ParameterIn::Query,
                "A one-time ticket of terminal_ticket, in place of the key.",
            ))
            .parameter(argument("cursor", ParameterIn::Query, "Where in the output to begin; negative from its end."))
            .response("101", ResponseBuilder::new().description("The socket is open").build());
        let operation = self.failures(operation);
        at(path, HttpMethod::Get, operation.build())
    }

    /// The finished document around the operations that were collected.
    pub(crate) fn finish(mut self) -> Value {
        let info = InfoBuilder::new()
            .title(self.face.title)
            .version("1.0.0")
            .description(Some(self.face.about))
            .license(Some(LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build()))
            .build();
        let mut api = OpenApi::new(info, self.paths);
        // Their place in the document; they come below.
        api.components = Some(Components::new());
        let tag = |(name, about): &(&str, &str)| TagBuilder::new().name(*name).description(Some(*about)).build();
        api.tags = Some(self.face.modules.iter().map(tag).collect());
        let mut document = serde_json::to_value(api).expect("a document is plain data");
        let mut schemas = self.requests.take_definitions(true);
        for (name, answer) in self.answers.take_definitions(true) {
            let request = schemas.entry(name.clone()).or_insert_with(|| answer.clone());
            assert_eq!(*request, answer, "{name} is sent and answered in two shapes: they need two names");
        }
        document["components"] = json!({
            "schemas": schemas,
            "securitySchemes": security_schemes(),
        });
        document
    }

    fn request(&mut self, entry: &Entry, operation: OperationBuilder) -> OperationBuilder {
        let reference = reference(entry.request, &mut self.requests);
        self.accept_body_key(&(entry.request.name)());
        let example: Value = serde_json::from_str(entry.example).expect("an example is JSON");
        let content = ContentBuilder::new().schema(Some(reference)).example(Some(example)).build();
        let body = RequestBodyBuilder::new().content("application/json", content);
        if !entry.from_query {
            return operation.request_body(Some(body.required(Some(Required::True)).build()));
        }
        operation
            .request_body(Some(body.description(Some("The fields may also come in the query string.")).build()))
            .parameters(Some(query(entry, Required::False)))
    }

    /// Every request may carry the key in its body.
    fn accept_body_key(&mut self, schema: &str) {
        if !self.face.takes_key_in_body {
            return;
        }
        let Some(definition) = self.requests.definitions_mut().get_mut(schema) else { return };
        let key = json!({"type": ["string", "null"], "description": "The API key, where no header can be sent."});
        let properties = definition.as_object_mut().map(|object| object.entry("properties").or_insert(json!({})));
        if let Some(Value::Object(properties)) = properties {
            properties.insert("auth".to_owned(), key);
        }
    }

    fn responses(&mut self, answer: Type, operation: OperationBuilder) -> OperationBuilder {
        let done = reference(answer, &mut self.answers);
        schema::name_ignored(answer, &mut self.answers);
        let content = ContentBuilder::new().schema(Some(done)).build();
        let done = ResponseBuilder::new().description("Done").content("application/json", content).build();
        self.failures(operation.response("200", done))
    }

    /// What any route that asks for the key can answer when it fails.
    fn failures(&mut self, operation: OperationBuilder) -> OperationBuilder {
        let failed = reference(Type::of::<ErrorBody>(), &mut self.answers);
        let invalid = reference(Type::of::<ValidationErrorBody>(), &mut self.answers);
        let answer = |about: &str, schema: &RefOr<Schema>| {
            let content = ContentBuilder::new().schema(Some(schema.clone())).build();
            ResponseBuilder::new().description(about).content("application/json", content).build()
        };
        operation
            .response("401", answer("No key was given", &failed))
            .response("403", answer("The key is wrong, or the policy refuses", &failed))
            .response("422", answer("Arguments do not fit; every problem is listed", &invalid))
            .response("default", answer("Failed; the detail says why and how to fix it", &failed))
    }
}

fn reference(of: Type, schemas: &mut SchemaGenerator) -> RefOr<Schema> {
    let schema = (of.reference)(schemas);
    // Of two types of one name the second gets another.
    let name = schema.as_value()["$ref"].as_str().and_then(|reference| reference.rsplit('/').next());
    Ref::from_schema_name(name.unwrap_or(&(of.name)())).into()
}

/// What an operation says of itself.
fn described(entry: &Entry) -> OperationBuilder {
    let (module, _) = entry.name.split_once('_').expect("a capability is named module_action");
    OperationBuilder::new()
        .operation_id(Some(entry.name))
        .tag(module)
        .summary(Some(entry.title.clone()))
        .description(Some(entry.about.clone()))
        .securities(Some(securities()))
}

fn string() -> Option<Schema> {
    serde_json::from_value(json!({"type": "string"})).ok()
}

fn at(path: &str, method: HttpMethod, operation: Operation) -> Paths {
    PathsBuilder::new().path(path, PathItem::new(method, operation)).build()
}

/// The fields of a request as they may stand in a query string. `required` is said of those without a default: where the
/// request may have a body, they may also be there.
fn query(entry: &Entry, required: Required) -> Vec<Parameter> {
    let schema = entry.request.schema();
    let needed = schema["required"].as_array().cloned().unwrap_or_default();
    let required = |name: &str| if needed.iter().any(|one| one == name) { required.clone() } else { Required::False };
    let fields = schema["properties"].as_object().into_iter().flatten();
    fields.map(|(name, node)| parameter(name, node, required(name))).collect()
}

fn parameter(name: &str, node: &Value, required: Required) -> Parameter {
    let mut plain: Map<String, Value> = node.as_object().cloned().unwrap_or_default();
    let about = plain.remove("description");
    let schema: Option<Schema> = serde_json::from_value(Value::Object(plain)).ok();
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(required)
        .description(about.and_then(|about| about.as_str().map(str::to_owned)))
        .schema(schema)
        .build()
}

/// Marks an operation that answers with something else than JSON, so that generators of tools skip it.
fn no_json(operation: OperationBuilder) -> OperationBuilder {
    operation.extensions(Some(ExtensionsBuilder::new().add("x-mcp", false).build()))
}

/// The same for one that takes something else than JSON, which no tool can send: Open WebUI and its like skip what has
/// no id.
fn no_tool(operation: OperationBuilder) -> OperationBuilder {
    no_json(operation).operation_id(None::<String>)
}

/// One way of giving the key is offered, so that whoever authorizes in a page has one box to fill.
fn securities() -> [SecurityRequirement; 1] {
    ["bearer"].map(|name| SecurityRequirement::new(name, Vec::<String>::new()))
}

fn security_schemes() -> Value {
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some("The API key.")).build();
    json!({"bearer": SecurityScheme::Http(bearer)})
}
