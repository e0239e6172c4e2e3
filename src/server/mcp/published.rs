//! A capability as models see it: its words, what it takes and gives, and what its calls may do.

use super::media::NamedMedium;
use crate::{
    caller::Access,
    catalog::{Entry, Type},
    server::schema,
};
use rmcp::model::{JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use std::sync::Arc;

/// The argument by which a call goes on with an answer that was cut. Only this face has it: REST never cuts.
pub(crate) const RESULT_CURSOR: &str = "result_cursor";

/// What many tools take: it is said once, in [`SAID_ONCE`], unless a tool cannot do without it.
const COMMON: [&str; 10] = [
    "cursor",
    "digest",
    "encoding",
    "expected_sha256",
    "force",
    "max_bytes",
    "plain",
    "session",
    "shell_program",
    "tail_bytes",
];

/// What those are for.
pub(crate) const SAID_ONCE: &str = "Arguments of many tools: expected_sha256, from an earlier read, refuses to change a file \
that was changed since; force changes a read-only file; session is a label: filesystem_undo takes back all changes of one; \
cursor is the next_cursor of the page before; max_bytes bounds what is returned, and tail_bytes is how much of that is the \
end; encoding is one of Python's names. A long result is cut: call again with its next_result_cursor as result_cursor.";

/// The tool of a capability.
pub(crate) fn describe(entry: &Entry) -> Tool {
    Tool::new(entry.name, entry.brief.clone(), Arc::new(input(entry)))
        .with_title(entry.title.clone())
        .with_raw_output_schema(Arc::new(output(entry)))
        .with_annotations(annotations(entry))
}

/// The arguments, and the one with which a cut answer is continued.
pub(crate) fn input(entry: &Entry) -> JsonObject {
    let mut input = schema::of_request(entry.request);
    let required = input.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|all| all.iter().any(|one| one == name));
    let properties = input.entry("properties").or_insert_with(|| json!({}));
    if let Value::Object(properties) = properties {
        for name in COMMON.into_iter().filter(|name| !is_required(name)) {
            let common = properties.get_mut(name).and_then(Value::as_object_mut);
            common.map(|common| common.remove("description"));
        }
        properties.insert(RESULT_CURSOR.to_owned(), json!({"type": "string"}));
    }
    input
}

/// The answer, and what is said of the media that are beside it.
fn output(entry: &Entry) -> JsonObject {
    let mut output = schema::of_answer(entry.answer);
    if let (Some(Value::Object(properties)), Some(_)) = (output.get_mut("properties"), entry.full_media) {
        properties.extend([
            ("media".to_owned(), json!(schema::of_answer(Type::of::<Vec<NamedMedium>>()))),
            ("media_hint".to_owned(), json!({"type": "string", "description": "How to get those that are not whole."})),
        ]);
    }
    output
}

/// The protocol's defaults (destructive, open world) are wrong for most of what the bridge does: all four are said.
fn annotations(entry: &Entry) -> ToolAnnotations {
    let (read_only, open_world) = match entry.access {
        Access::Read => (true, false),
        Access::Write | Access::Admin => (false, false),
        Access::Execute | Access::Network => (false, true),
    };
    let destructive = !read_only && (entry.destructive || matches!(entry.access, Access::Execute | Access::Admin));
    ToolAnnotations::new()
        .read_only(read_only)
        .destructive(destructive)
        .idempotent(read_only || entry.idempotent)
        .open_world(open_world)
}
